"""Rooms: impulse responses simulated and measured, reverberation, and what acousticians measure.

Responses are ``(..., time)``, sample zero the moment when the source sounds; positions are metres
from a corner of the room.
"""

from audiolab.room.absorption import absorption_for, predicted_rt60_s
from audiolab.room.editing import align_rir, normalize_rir, trim_rir
from audiolab.room.image_sources import image_sources
from audiolab.room.measurement import harmonic_rirs, measure_rir
from audiolab.room.measures import (
    clarity_db,
    definition,
    direct_sample,
    direct_to_reverberant_db,
    early_decay_time_s,
    energy_decay_db,
    reverberation_time_s,
)
from audiolab.room.moving import reverberate_moving
from audiolab.room.reverberation import reverberate
from audiolab.room.shoebox import shoebox_rir

__all__ = [
    "absorption_for",
    "align_rir",
    "clarity_db",
    "definition",
    "direct_sample",
    "direct_to_reverberant_db",
    "early_decay_time_s",
    "energy_decay_db",
    "harmonic_rirs",
    "image_sources",
    "measure_rir",
    "normalize_rir",
    "predicted_rt60_s",
    "reverberate",
    "reverberate_moving",
    "reverberation_time_s",
    "shoebox_rir",
    "trim_rir",
]
