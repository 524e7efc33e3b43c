"""The effects themselves, a file a family: importing this package registers them all."""

from audiolab.effects.sox.effects import editing, fading, filters, mixing, synthesis

__all__ = ["editing", "fading", "filters", "mixing", "synthesis"]
