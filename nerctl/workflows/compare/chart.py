"""The comparison as a picture: both loss curves and both step-time curves, as PNG or as a page of its own.

Blue and vermillion of the Okabe-Ito palette, told apart by people who see no red or green, and besides by
line and marker. Times are on a logarithmic scale: warm-up and steady steps differ by orders of magnitude.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from nerctl import charts
from nerctl.charts import Line, Panel
from nerctl.errors import NerctlError
from nerctl.files import write_bytes
from nerctl.workflows.compare import report_text
from nerctl.workflows.compare.comparison import Comparison
from nerctl.workflows.compare.step_log import Run
from nerctl.workflows.compare.verdict import verdict_on

_COLORS = ("#0072B2", "#D55E00")
"""Of A and of B, by Okabe and Ito, Color Universal Design (2008)."""

_MARKED = 60
"""Runs of more steps are drawn as lines without a marker at each step."""

_PNG_HEIGHT = 4.8
"""Inches."""


def check_plot_name(path: Path) -> None:
    """Raises NerctlError unless a plot can be written under this name, before any work is done."""
    if path.suffix.lower() not in (".png", ".html", ".htm"):
        raise NerctlError(f"--plot {path}: a plot is written as FILE.png or FILE.html.")
    if not path.absolute().parent.is_dir():
        raise NerctlError(f"--plot {path}: there is no folder {path.absolute().parent}; make it first.")
    try:
        if path.suffix.lower() == ".png":
            import matplotlib  # noqa: F401
    except ImportError as error:
        raise NerctlError(
            f"--plot {path}: a PNG needs matplotlib: pip install 'nerctl[plot]', or write FILE.html, which needs none."
        ) from error


def write_plot(comparison: Comparison, path: Path) -> None:
    """Writes a PNG picture, or one HTML file that needs nothing else; raises NerctlError or FailedError."""
    check_plot_name(path)
    drawn = panels(comparison)
    picture = path.suffix.lower() == ".png"
    content = charts.png(drawn, _PNG_HEIGHT) if picture else _page(comparison, drawn).encode("utf-8")
    write_bytes(path, content)


def panels(comparison: Comparison) -> list[Panel]:
    """Two charts: losses, and seconds a step on a logarithmic scale."""
    losses, times = [], []
    sides = (("A", comparison.a, comparison.timing_a), ("B", comparison.b, comparison.timing_b))
    for (side, run, timing), color, dash, marker in zip(sides, _COLORS, (False, True), "os"):
        label = f"{side}: {_name(run)}"
        median = "" if timing.median is None else f", steady median {timing.median:.3f} s"
        look: dict[str, Any] = {"color": color, "dash": dash, "marker": marker if len(run.steps) <= _MARKED else ""}
        losses.append(Line([(step.number, step.loss) for step in run.steps], label, **look))
        seconds = [(step.number, step.seconds) for step in run.steps]
        times.append(Line(seconds, label + median, hollow=frozenset(timing.warm_up), **look))
    return [
        Panel(("Loss",), losses, up=("loss of the batch",)),
        Panel(("Time a step (hollow: warm-up)",), times, up=("seconds, log scale",), log=True),
    ]


def _name(run: Run) -> str:
    """The run's name for the legend, short, without letters that the picture's font may lack."""
    name = run.path.name or run.path.resolve().name
    if not name.isascii():
        return "(see the report)"
    return name if len(name) <= 34 else "..." + name[-31:]


_STYLE = """\
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 75rem;
       margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
.verdict { font-size: 1.15rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 1rem; }
.chart { margin: 0; } figcaption { text-align: center; font-weight: 600; }
svg { width: 100%; height: auto; }
.chart text { fill: #444; font-size: 12px; } .chart .legend { fill: #1a1a1a; font-size: 11px; }
.end { text-anchor: end; } .mid { text-anchor: middle; }
.grid { stroke: #ddd; } .curve { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
.dot { fill: currentColor; } .dot.hollow { fill: #fff; stroke: currentColor; stroke-width: 1.6; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .15rem .8rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.scroll { overflow-x: auto; }
@media (max-width: 480px) {
  body { margin: 1rem auto; padding: 0 .7rem; }
  ul { padding-left: 1.2rem; }
  table { font-size: .72rem; width: 100%; }
  th, td { padding: .2rem .1rem; }
  th:first-child, td:first-child { white-space: normal; }
}
"""


def _page(comparison: Comparison, drawn: list[Panel]) -> str:
    """One HTML file: what differs, the picture, the summary, every step; nothing is loaded from elsewhere."""
    text = html.escape
    steps = [report_text.step_cells(row, comparison) for row in comparison.rows]
    verdict = verdict_on(comparison)
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Two training runs</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>",
            "<h1>Two training runs</h1>",
            f'<p class="verdict">{text(verdict.speed)} {text(verdict.losses)}</p>',
            f"<p>A: {text(str(comparison.a.path))}<br>B: {text(str(comparison.b.path))}</p>",
            '<div class="charts">', *map(charts.svg, drawn), "</div>",
            "<h2>Summary</h2>",
            _table(report_text.SUMMARY_HEADER, report_text.summary_rows(comparison)),
            "<h2>Steps</h2>\n<p>w: warm-up or compiling, not a steady step</p>",
            _table(report_text.STEP_HEADER, steps),
            "<h2>Remarks</h2>\n<ul>",
            *(f"<li>{text(sentence)}</li>" for sentence in report_text.remarks(comparison)),
            "</ul>",
            "</body>\n</html>\n",
        ]
    )


def _table(header: tuple[str, ...], rows: list[Any]) -> str:
    lines = ["".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)]
    lines += ["".join(f"<td>{html.escape(cell.strip())}</td>" for cell in row) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table>\n{body}\n</table></div>'
