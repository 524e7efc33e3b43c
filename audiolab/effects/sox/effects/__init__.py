"""The effects themselves, a file a family: importing this package registers them all."""

from audiolab.effects.sox.effects import editing, fading, mixing

__all__ = ["editing", "fading", "mixing"]
