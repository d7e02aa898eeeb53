"""Charts, described once: drawn as inline SVG by this file alone, as PNG by matplotlib (extra `plot`).

An SVG has no script and needs nothing from outside. Its colours come from the page's style sheet (classes c0 to c3 of
the lines) unless a line names its own. A text is a tuple: English alone, or English and Chinese, of which the page
shows the one in its language and a PNG both, where a font has Chinese characters.
"""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 68, 28, 20, 36
"""Size of a chart and of the margins around its plot, in SVG units; the page scales them.

The margins hold the longest labels at the size of a phone: seven characters at the left, half of six at the right, a
line above.
"""

LEGEND = 17
"""Height of a line of the legend, which stands under the plot: inside, it would cover points of one run or another."""

CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
    "Droid Sans Fallback",
)
"""Fonts with Chinese characters that systems ship, best first."""

Text = tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A line through (x, y) points; it is broken where y is not finite."""

    points: Sequence[tuple[float, float]]
    label: str = ""
    """Its text in the legend; a line without one is not in the legend."""
    color: str = ""
    dash: bool = False
    marker: str = ""
    """What marks each point: "o" a dot, "s" a square, nothing."""
    hollow: Collection[float] = ()
    """Each x whose point is marked hollow, with a dot where the line has no marker."""


@dataclass(frozen=True)
class Panel:
    """One chart: what its axes say and cover, and what is drawn."""

    title: Text
    lines: Sequence[Line]
    across: Text = ("step",)
    up: Text = ()
    log: bool = False
    """A logarithmic scale upwards; only values above 0 are drawn."""
    steps: Sequence[float] = ()
    values: Sequence[float] = ()
    """What the axes cover besides the points: across, and upwards."""
    ticks: int = 5
    """About how many ticks an axis has, a logarithmic one apart."""
    bars: Sequence[tuple[float, float, float, str, str]] = ()
    """Bars behind the lines, as (left, right, top, text above, text when pointed at); a PNG has none."""

    def known(self, line: Line) -> list[tuple[float, float]]:
        """The points of a line, with NaN for what cannot be drawn."""
        drawn = [math.isfinite(y) and (y > 0 or not self.log) for _, y in line.points]
        return [(x, y if shown else math.nan) for (x, y), shown in zip(line.points, drawn)]

    def axes(self) -> tuple[tuple[float, float], list[float], tuple[float, float], list[float]]:
        """Ends and ticks across, ends and ticks upwards."""
        points = [point for line in self.lines for point in line.points]
        steps = [*(x for x, _ in points), *self.steps] or [0.0, 1.0]
        values = [y for line in self.lines for _, y in self.known(line) if y == y] + [*self.values] or [0.1, 1.0]
        first, last = min(steps), max(steps)
        parts = self.across[0] != "step"  # there is no half step
        wanted = ticks(first, last, self.ticks)
        x_ticks = [tick for tick in wanted if first <= tick <= last and (parts or tick == int(tick))]
        if self.log:
            ends, y_ticks = log_ticks(min(values), max(values))
            return (first, last), x_ticks, ends, y_ticks
        y_ticks = ticks(min(values), max(values), self.ticks)
        return (first, last), x_ticks, (y_ticks[0], y_ticks[-1]), y_ticks


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """About `wanted` round numbers that cover low to high, in steps of 1, 2 or 5 times a power of ten."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / max(wanted - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def log_ticks(low: float, high: float) -> tuple[tuple[float, float], list[float]]:
    """The ends of a logarithmic axis with room for low to high and at least one tick, and its ticks."""
    room = max(1.5, math.sqrt(6 / (high / low)))
    factors = (1,) if high / low > 1e3 else (1, 2, 5)
    powers = range(math.floor(math.log10(low / room)), math.ceil(math.log10(high * room)))
    found = [factor * 10.0**power for power in powers for factor in factors]
    return (low / room, high * room), [tick for tick in found if low / room <= tick <= high * room]


def number(value: float) -> str:
    """A tick's or a value's text: no needless zeros, powers of ten where the zeros would be many."""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e5):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.0f}" if abs(value) >= 1e4 else f"{value:.4g}"  # .4g writes 12000 as 1.2e+04


def svg(panel: Panel) -> str:
    """The panel as an HTML figure with its title and an inline SVG."""
    x_ends, x_ticks, y_ends, y_ticks = panel.axes()

    def across(x: float) -> float:
        return LEFT + (x - x_ends[0]) / ((x_ends[1] - x_ends[0]) or 1) * (WIDTH - LEFT - RIGHT)

    def up(y: float) -> float:
        low, high, y = (math.log(one) if panel.log else one for one in (*y_ends, y))
        return HEIGHT - BOTTOM - (y - low) / ((high - low) or 1) * (HEIGHT - TOP - BOTTOM)

    body = []
    for tick in y_ticks:
        body.append(f'<line class="grid" x1="{LEFT}" y1="{up(tick):.1f}" x2="{WIDTH - RIGHT}" y2="{up(tick):.1f}"/>')
        body.append(f'<text class="tick end" x="{LEFT - 6}" y="{up(tick) + 4:.1f}">{number(tick)}</text>')
    for tick in x_ticks:
        body.append(f'<text class="tick mid" x="{across(tick):.1f}" y="{HEIGHT - BOTTOM + 16}">{number(tick)}</text>')
    for low, high, top, above, title in panel.bars:
        left, right, y = across(low), across(high), up(top)
        size = f'width="{right - left - 2:.1f}" height="{up(0) - y:.1f}"'
        body.append(f'<rect class="bin" x="{left + 1:.1f}" y="{y:.1f}" {size}><title>{escape(title)}</title></rect>')
        body.append(f'<text class="tick mid" x="{(left + right) / 2:.1f}" y="{y - 4:.1f}">{escape(above)}</text>')
    height = HEIGHT
    for place, line in enumerate(panel.lines):
        color = f' color="{line.color}"' if line.color else f' class="c{place % 4}"'
        spots = [(across(x), up(y)) if y == y else None for x, y in panel.known(line)]
        body.append(f"<g{color}>{_line(line, spots)}")
        if line.label:
            sample = f'x1="8" y1="{height + 8}" x2="36" y2="{height + 8}"'
            body.append(f'<line class="curve"{_dash(line)} {sample}/>')
            body.append(_mark(line.marker, 22, height + 8, "", "") if line.marker else "")
            body.append(f'<text class="legend" x="42" y="{height + 12}">{escape(line.label)}</text>')
            height += LEGEND
        body.append("</g>")
    body.append(f'<text class="axis end" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}">{spelled(panel.across, "tspan")}</text>')
    if panel.up:
        body.append(f'<text class="axis" x="{LEFT}" y="{TOP - 4}">{spelled(panel.up, "tspan")}</text>')
    frame = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(panel.title[0])}">{"".join(body)}</svg>'
    return f'<figure class="chart"><figcaption>{spelled(panel.title)}</figcaption>{frame}</figure>'


def _line(line: Line, spots: Sequence[Optional[tuple[float, float]]]) -> str:
    parts, stretch = [], []
    for spot in [*spots, None]:
        if spot:
            stretch.append(spot)
        elif stretch:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)
            parts.append(f'<polyline class="curve"{_dash(line)} points="{points}"/>')
            stretch = []
    for spot, (x, y) in zip(spots, line.points):
        if spot and (line.marker or x in line.hollow):
            style = " hollow" if x in line.hollow else ""
            parts.append(_mark(line.marker, *spot, style, f"{number(x)}: {number(y)}"))
    return "".join(parts)


def _dash(line: Line) -> str:
    return ' stroke-dasharray="6 4"' if line.dash else ""


def _mark(marker: str, x: float, y: float, style: str, title: str) -> str:
    inner = f"<title>{title}</title>" if title else ""
    if marker == "s":
        return f'<rect class="dot{style}" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6">{inner}</rect>'
    return f'<circle class="dot{style}" cx="{x:.1f}" cy="{y:.1f}" r="3">{inner}</circle>'


def spelled(text: Text, tag: str = "span") -> str:
    """A text as HTML (inside an SVG: tag tspan); of two languages the page shows its own."""
    if len(text) == 1:
        return escape(text[0])
    return "".join(f'<{tag} lang="{lang}">{escape(one)}</{tag}>' for lang, one in zip(("en", "zh-CN"), text))


def cjk_font() -> Optional[str]:
    """The first of CJK_FONTS that matplotlib finds on this machine, or None."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in CJK_FONTS if name in installed), None)


def figure(panels: Sequence[Panel], height: float = 3.4) -> Figure:
    """The panels by matplotlib, two beside each other, each `height` inches high; ImportError without it."""
    from matplotlib.figure import Figure

    rows = (len(panels) + 1) // 2
    drawn = Figure(figsize=(10, height * rows), dpi=120, layout="constrained")
    font = cjk_font() if any(len(panel.title) > 1 for panel in panels) else None
    for place, panel in enumerate(panels, start=1):
        axes = drawn.add_subplot(rows, 2, place)
        (first, last), x_ticks, y_ends, y_ticks = panel.axes()
        edge, above = 0.04 * ((last - first) or 1), 0.0 if panel.log else 0.03 * (y_ends[1] - y_ends[0])
        axes.set_yscale("log" if panel.log else "linear")
        axes.minorticks_off()
        axes.set(xlim=(first - edge, last + edge), xticks=x_ticks, xlabel=panel.across[0])
        axes.set(ylim=(y_ends[0] - above, y_ends[1] + above), yticks=y_ticks, ylabel="".join(panel.up[:1]))
        axes.set_yticklabels([number(tick) for tick in y_ticks])
        axes.set_title("  ".join(panel.title) if font else panel.title[0], fontname=font, fontsize=11)
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        for line in panel.lines:
            points = panel.known(line)
            look: dict[str, Any] = {"color": line.color or None, "marker": line.marker or None}
            label = line.label.replace("$", r"\$") or None  # $ begins a formula
            look.update(linestyle="--" if line.dash else "-", linewidth=1.5 if line.marker else 1.0)
            axes.plot(*_columns(points), label=label, markersize=5, **look)
            hollow = [point for point in points if point[0] in line.hollow]
            if hollow:
                look.update(marker=line.marker or "o", markerfacecolor="white", linestyle="none")
                axes.plot(*_columns(hollow), markersize=7, markeredgewidth=1.6, **look)
        if any(line.label for line in panel.lines):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), fontsize=9, frameon=False)
    return drawn


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def png(panels: Sequence[Panel], height: float = 3.4) -> bytes:
    """The panels as one PNG, drawn without a display; ImportError without matplotlib."""
    content = io.BytesIO()
    figure(panels, height).savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
