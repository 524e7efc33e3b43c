"""Augmentation: noise, rooms, channels, stretch and pitch, at random and reproducibly."""

from audiolab.augment.pitch_shift import pitch_shift
from audiolab.augment.time_stretch import stretched_length, stretched_time_s, time_stretch

__all__ = [
    "pitch_shift",
    "stretched_length",
    "stretched_time_s",
    "time_stretch",
]
