"""Chinese encoders that are published on model hubs, by family: what `nerctl fetch-bert --list` shows.

Names as their publishers write them. Layers, width and vocabulary are those of the published config.json; a figure that is
not known here is None. Nothing here connects.
"""

from __future__ import annotations

from typing import NamedTuple, Optional


class Published(NamedTuple):
    """One encoder on a hub."""

    name: str
    """Its repository."""
    family: str
    """A key of `nerctl.model.families.FAMILIES`."""
    layers: Optional[int]
    """Transformer layers."""
    hidden: Optional[int]
    """Their width."""
    vocabulary: Optional[int] = 21128
    """Word pieces; Google's Chinese vocabulary has 21,128."""


PUBLISHED = (
    Published("bert-base-chinese", "bert", 12, 768),
    Published("hfl/chinese-roberta-wwm-ext", "bert", 12, 768),
    Published("hfl/chinese-roberta-wwm-ext-large", "bert", 24, 1024),
    Published("hfl/rbt3", "bert", 3, 768),
    Published("hfl/rbt6", "bert", 6, 768),
    Published("hfl/chinese-macbert-base", "bert", 12, 768),
    Published("hfl/chinese-lert-base", "bert", 12, 768),
    Published("hfl/chinese-pert-base", "bert", 12, 768),
    Published("BAAI/bge-base-zh", "bert", 12, 768),
    Published("BAAI/bge-large-zh", "bert", 24, 1024),
    Published("BAAI/bge-small-zh", "bert", None, None, None),
    Published("shibing624/text2vec-base-chinese", "bert", 12, 768),
    Published("nghuyong/ernie-3.0-base-zh", "ernie", 12, 768, 40000),
    Published("nghuyong/ernie-3.0-nano-zh", "ernie", None, None, 40000),
    Published("hfl/chinese-electra-180g-base-discriminator", "electra", 12, 768),
    Published("voidful/albert_chinese_tiny", "albert", None, None),
    Published("voidful/albert_chinese_base", "albert", None, None),
)
"""In the order of families."""
