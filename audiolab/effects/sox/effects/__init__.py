"""The effects themselves, a file a family: importing this package registers them all."""

from audiolab.effects.sox.effects import dithering, editing, fading, filters, mixing, synthesis

__all__ = ["dithering", "editing", "fading", "filters", "mixing", "synthesis"]
