"""Rooms: impulse responses simulated and measured, reverberation, and what acousticians measure."""

from audiolab.room.absorption import absorption_for, predicted_rt60_s
from audiolab.room.reverberation import reverberate
from audiolab.room.shoebox import shoebox_rir

__all__ = ["absorption_for", "predicted_rt60_s", "reverberate", "shoebox_rir"]
