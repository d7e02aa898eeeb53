"""Chinese named-entity recognition from a raw corpus to a scored, exported, served and archived model."""

__version__ = "0.1.0"
