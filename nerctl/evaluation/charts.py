"""Charts as inline SVG: no script, no outside resource, colours from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from nerctl.evaluation.calibration import Calibration
from nerctl.evaluation.curves import Curve
from nerctl.evaluation.words import WORDS, both

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 68, 28, 20, 36
"""Size of a chart and of the margins around its plot, in SVG units; the page scales them.

The margins hold the longest labels at the size of a phone: seven characters at the left, half of six at the right, a
line above.
"""

MARKED = 30
"""A curve of at most this many points shows each as a dot with its value."""


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """About `wanted` round numbers that cover low to high, in steps of 1, 2 or 5 times a power of ten."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / max(wanted - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def number(value: float) -> str:
    """A tick's or a value's text: no needless zeros, powers of ten where the zeros would be many."""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e5):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.0f}" if abs(value) >= 1e4 else f"{value:.4g}"  # .4g writes 12000 as 1.2e+04


def line_chart(key: str, curves: Mapping[str, Curve], steps: Sequence[float] = (), values: Sequence[float] = ()) -> str:
    """A chart of named curves over steps, titled with the word `key`; empty text where no curve has a point.

    steps, values: what the axes cover besides the points.
    """
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return ""
    all_steps = [*(step for step, _ in points), *steps]
    all_values = [*(value for _, value in points), *values]
    first, last = min(all_steps), max(all_steps)
    y_ticks = ticks(min(all_values), max(all_values))
    x_ticks = [tick for tick in ticks(first, last) if first <= tick <= last and tick == int(tick)]
    width = (first, last)
    body = [_axes(x_ticks, y_ticks, width)]
    for place, (name, curve) in enumerate(curves.items()):
        spots = [(_across(step, width), _up(value, y_ticks)) for step, value in curve]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        body.append(f'<polyline class="curve c{place % 4}" points="{path}"/>')
        if len(curve) <= MARKED:
            for (x, y), (step, value) in zip(spots, curve):
                title = f"<title>{number(step)}: {number(value)}</title>"
                body.append(f'<circle class="dot c{place % 4}" cx="{x:.1f}" cy="{y:.1f}" r="3">{title}</circle>')
        if name:
            label = f'<text class="legend c{place % 4}" x="{WIDTH - RIGHT - 4}" y="{TOP + 12 + 15 * place}">'
            body.append(f"{label}{escape(name)}</text>")
    body.append(f'<text class="axis" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}">{both("step", svg=True)}</text>')
    return _figure(key, "".join(body))


def reliability_chart(calibration: Calibration) -> str:
    """Share of correct entities by score, a bar a bin, the diagonal for comparison."""
    steps = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    body = [_axes(steps, steps, steps)]
    for low, high, entities, mean_score, accuracy in calibration.bins:
        if entities:
            left, right, top = _across(low, steps), _across(high, steps), _up(accuracy, steps)
            title = f"<title>{low:.1f}-{high:.1f}: {entities}; {mean_score:.3f}; {accuracy:.3f}</title>"
            body.append(
                f'<rect class="bin" x="{left + 1:.1f}" y="{top:.1f}" width="{right - left - 2:.1f}" '
                f'height="{_up(0, steps) - top:.1f}">{title}</rect>'
            )
            body.append(f'<text class="tick mid" x="{(left + right) / 2:.1f}" y="{top - 4:.1f}">{entities}</text>')
    corners = (_across(0, steps), _up(0, steps), _across(1, steps), _up(1, steps))
    body.append('<line class="diagonal" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'.format(*corners))
    body.append(f'<text class="axis" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}">{both("score", svg=True)}</text>')
    body.append(f'<text class="axis left" x="{LEFT + 4}" y="{TOP + 8}">{both("share_right", svg=True)}</text>')
    return _figure("calibration", "".join(body))


def bar(parts: Sequence[tuple[str, float]], title: str) -> str:
    """A horizontal bar of (style class, share of the whole width) parts, beside each other."""
    body, left = [], 0.0
    for style, share in parts:
        width = min(max(share, 0.0), 1.0) * 100
        body.append(f'<rect class="{style}" x="{left:.2f}" y="0" width="{width:.2f}" height="10"/>')
        left += width
    return (
        f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(body)}</svg>'
    )


def _axes(x_ticks: Sequence[float], y_ticks: Sequence[float], width: Sequence[float]) -> str:
    parts = []
    for tick in y_ticks:
        y = _up(tick, y_ticks)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 6}" y="{y + 4:.1f}">{number(tick)}</text>')
    for tick in x_ticks:
        x = _across(tick, width)
        parts.append(f'<text class="tick mid" x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}">{number(tick)}</text>')
    return "".join(parts)


def _across(value: float, axis: Sequence[float]) -> float:
    return LEFT + (value - axis[0]) / ((axis[-1] - axis[0]) or 1) * (WIDTH - LEFT - RIGHT)


def _up(value: float, axis: Sequence[float]) -> float:
    return HEIGHT - BOTTOM - (value - axis[0]) / ((axis[-1] - axis[0]) or 1) * (HEIGHT - TOP - BOTTOM)


def _figure(key: str, body: str) -> str:
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(WORDS[key][0])}">{body}</svg>'
    return f'<figure class="chart"><figcaption>{both(key)}</figcaption>{svg}</figure>'
