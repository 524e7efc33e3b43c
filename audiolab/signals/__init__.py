"""Signals to work with: made from a formula, drawn from a generator, or bundled as clips.

Generators are pure functions. Durations are in seconds and come last but one, before the sample
rate; results are ``(time,)``, or ``(2, time)`` where the sound is stereo, and stay within full
scale at their default level.
"""

from audiolab.signals.clips import ClipInfo, clip, clip_path, clips
from audiolab.signals.impulses import chirp, click
from audiolab.signals.music import chord_progression, pluck
from audiolab.signals.noise import brown_noise, pink_noise, white_noise
from audiolab.signals.sweeps import linear_sweep, log_sweep
from audiolab.signals.textures import babble, whistle
from audiolab.signals.tones import harmonic_tone, tone

__all__ = [
    "ClipInfo",
    "babble",
    "brown_noise",
    "chirp",
    "chord_progression",
    "click",
    "clip",
    "clip_path",
    "clips",
    "harmonic_tone",
    "linear_sweep",
    "log_sweep",
    "pink_noise",
    "pluck",
    "tone",
    "whistle",
    "white_noise",
]
