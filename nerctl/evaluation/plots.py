"""The curves of a run as one PNG, drawn by matplotlib (extra `plot`) without a display."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Optional

from nerctl.evaluation.words import WORDS

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


def cjk_font() -> Optional[str]:
    """The first of CJK_FONTS that matplotlib finds on this machine, or None."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in CJK_FONTS if name in installed), None)


def curves_png(report: Mapping[str, Any]) -> Optional[bytes]:
    """A PNG of loss, dev F1, learning rate and step time; None without matplotlib or without a curve.

    Titles are in both languages where a font has Chinese characters, else in English.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    drawn = report["curves"]
    panels = [
        ("loss", {"": drawn["loss"]}),
        ("dev_f1", {"": drawn["dev_f1"]}),
        ("learning_rate", drawn["learning_rate"]),
        ("step_time", {"": drawn["seconds"]}),
    ]
    panels = [(key, curves) for key, curves in panels if any(curves.values())]
    if not panels:
        return None
    font = cjk_font()
    figure = Figure(figsize=(10, 3.4 * ((len(panels) + 1) // 2)), dpi=120)
    FigureCanvasAgg(figure)
    for place, (key, curves) in enumerate(panels, start=1):
        axes = figure.add_subplot((len(panels) + 1) // 2, 2, place)
        for name, curve in curves.items():
            marker = "." if len(curve) <= 30 else ""
            axes.plot([step for step, _ in curve], [value for _, value in curve], marker=marker, label=name or None)
        if any(curves):
            axes.legend(frameon=False)
        english, chinese = WORDS[key]
        axes.set_title(f"{english}  {chinese}" if font else english, fontname=font, fontsize=11)
        axes.set_xlabel(WORDS["step"][0])
        axes.grid(alpha=0.3)
    figure.tight_layout()
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
