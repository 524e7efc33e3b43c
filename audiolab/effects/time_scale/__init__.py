"""Tempo, pitch and length: SoX's ``tempo``, ``pitch``, ``stretch`` and ``bend``."""

from audiolab.effects.time_scale.bending import bend
from audiolab.effects.time_scale.splicing import pitch, tempo
from audiolab.effects.time_scale.stretching import stretch

__all__ = ["bend", "pitch", "stretch", "tempo"]
