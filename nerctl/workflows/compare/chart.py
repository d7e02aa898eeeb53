"""The comparison as a picture: both loss curves and both step-time curves, as PNG or as a page of its own.

Blue and vermillion of the Okabe-Ito palette, told apart by people who see no red or green, and besides by
line and marker. Times are on a logarithmic scale: warm-up and steady steps differ by orders of magnitude.
"""

from __future__ import annotations

import html
import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerctl.errors import NerctlError
from nerctl.files import write_bytes
from nerctl.workflows.compare import report_text
from nerctl.workflows.compare.comparison import Comparison
from nerctl.workflows.compare.step_log import Run
from nerctl.workflows.compare.timing import Timing
from nerctl.workflows.compare.verdict import verdict_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    {"color": "#D55E00", "linestyle": "--", "marker": "s"},
)
"""Line of A and of B; the colours are those of Okabe and Ito, Color Universal Design (2008)."""

_MARKED = 60
"""Runs of more steps are drawn as lines without a marker at each step."""


def check_plot_name(path: Path) -> None:
    """Raises NerctlError unless a plot can be written under this name, before any work is done."""
    if path.suffix.lower() not in (".png", ".html", ".htm"):
        raise NerctlError(f"--plot {path}: a plot is written as FILE.png or FILE.html.")
    if not path.absolute().parent.is_dir():
        raise NerctlError(f"--plot {path}: there is no folder {path.absolute().parent}; make it first.")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise NerctlError("--plot needs matplotlib: pip install 'nerctl[plot]'.") from error


def write_plot(comparison: Comparison, path: Path) -> None:
    """Writes a PNG picture, or one HTML file that needs nothing else; raises NerctlError or FailedError."""
    check_plot_name(path)
    content = _png(comparison) if path.suffix.lower() == ".png" else _page(comparison).encode("utf-8")
    write_bytes(path, content)


def _figure(comparison: Comparison) -> Figure:
    """Two panels side by side: losses, and seconds a step on a logarithmic scale."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 4.8), dpi=120, layout="constrained")
    losses, times = figure.subplots(1, 2)
    sides = (("A", comparison.a, comparison.timing_a), ("B", comparison.b, comparison.timing_b))
    for (side, run, timing), style in zip(sides, _STYLES):
        _draw_loss(losses, side, run, style)
        _draw_times(times, side, run, timing, style)
    losses.set_title("Loss")
    losses.set_ylabel("loss of the batch")
    times.set_title("Time a step (hollow: warm-up)")
    times.set_ylabel("seconds, log scale")
    _scale_times(times, [step.seconds for run in (comparison.a, comparison.b) for step in run.steps])
    for axes in (losses, times):
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        # Under the panel: inside it, the legend would cover points in one run or another.
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), fontsize=9, frameon=False)
    return figure


def _draw_loss(axes: Axes, side: str, run: Run, style: dict[str, str]) -> None:
    numbers = [step.number for step in run.steps]
    values = [step.loss if math.isfinite(step.loss) else math.nan for step in run.steps]
    marker = style["marker"] if len(numbers) <= _MARKED else None
    width = 1.5 if marker else 0.9
    label = f"{side}: {_name(run)}"
    axes.plot(
        numbers,
        values,
        color=style["color"],
        linestyle=style["linestyle"],
        marker=marker,
        markersize=6,
        linewidth=width,
        label=label,
    )


def _draw_times(axes: Axes, side: str, run: Run, timing: Timing, style: dict[str, str]) -> None:
    numbers = [step.number for step in run.steps]
    values = [step.seconds if step.seconds > 0 else math.nan for step in run.steps]
    median = "" if timing.median is None else f", steady median {timing.median:.3f} s"
    label = f"{side}: {_name(run)}{median}"
    marker = style["marker"] if len(numbers) <= _MARKED else None
    width = 1.5 if marker else 0.9
    line: dict[str, Any] = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": width}
    axes.plot(numbers, values, marker=marker, markersize=6, label=label, **line)
    apart = set(timing.warm_up)
    warm = [(number, value) for number, value in zip(numbers, values) if number in apart]
    if warm:
        axes.plot(
            [number for number, _ in warm],
            [value for _, value in warm],
            linestyle="none",
            marker=style["marker"],
            markersize=8,
            markerfacecolor="white",
            markeredgecolor=style["color"],
            markeredgewidth=1.6,
        )


def _scale_times(axes: Axes, seconds: list[float]) -> None:
    """A logarithmic scale with plain numbers, wide enough to carry at least one of them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axes.set_yscale("log")
    known = [value for value in seconds if value > 0 and math.isfinite(value)]
    if known:
        low, high = min(known), max(known)
        room = max(1.5, math.sqrt(6 / (high / low)) if high / low < 6 else 1.5)
        axes.set_ylim(low / room, high * room)
    steps = (1.0,) if known and max(known) / min(known) > 1e4 else (1.0, 2.0, 5.0)
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=steps))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _name(run: Run) -> str:
    """The run's name for the legend, short, without letters that the picture's font may lack."""
    name = run.path.name or run.path.resolve().name
    if not name.isascii():
        return "(see the report)"
    name = name if len(name) <= 34 else "..." + name[-31:]
    return name.replace("$", r"\$")


def _png(comparison: Comparison) -> bytes:
    buffer = io.BytesIO()
    _figure(comparison).savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _svg(comparison: Comparison) -> str:
    """The figure as an inline SVG element, its text as text."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nerctl"}):
        _figure(comparison).savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg[svg.index("<svg") :]


_STYLE = """\
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 75rem;
       margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
.verdict { font-size: 1.15rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
svg { width: 100%; height: auto; }
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


def _page(comparison: Comparison) -> str:
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
            _svg(comparison),
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
