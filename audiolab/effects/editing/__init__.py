"""Editing: cut, pad, repeat, reverse, fade."""

from audiolab.effects.editing.fades import fade
from audiolab.effects.editing.segments import pad, repeat, reverse, trim
from audiolab.effects.editing.silences import remove_silence
from audiolab.effects.editing.splicing import splice

__all__ = ["fade", "pad", "remove_silence", "repeat", "reverse", "splice", "trim"]
