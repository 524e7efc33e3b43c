"""Editing: cut, pad, repeat, reverse, fade."""

from audiolab.effects.editing.fades import fade
from audiolab.effects.editing.segments import pad, repeat, reverse, trim
from audiolab.effects.editing.silences import remove_silence
from audiolab.effects.editing.splicing import splice
from audiolab.effects.editing.voice import VoiceRule, trim_to_voice

__all__ = [
    "VoiceRule",
    "fade",
    "pad",
    "remove_silence",
    "repeat",
    "reverse",
    "splice",
    "trim",
    "trim_to_voice",
]
