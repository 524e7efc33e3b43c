"""Editing: cut, pad, repeat, reverse, fade."""

from audiolab.effects.editing.fades import fade
from audiolab.effects.editing.segments import pad, repeat, reverse, trim

__all__ = ["fade", "pad", "repeat", "reverse", "trim"]
