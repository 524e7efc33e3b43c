"""Filters: recursions of second order, and impulse responses of every length."""

from audiolab.effects.filters import design
from audiolab.effects.filters.centered import allpass, band, bandpass, bandreject
from audiolab.effects.filters.equal_loudness import firfit, loudness
from audiolab.effects.filters.equalizing import bass, equalizer, treble
from audiolab.effects.filters.finite import earwax, fir, hilbert, sinc
from audiolab.effects.filters.fixed import biquad, deemph, riaa
from audiolab.effects.filters.passing import highpass, lowpass

__all__ = [
    "allpass",
    "band",
    "bandpass",
    "bandreject",
    "bass",
    "biquad",
    "deemph",
    "design",
    "earwax",
    "equalizer",
    "fir",
    "firfit",
    "highpass",
    "hilbert",
    "loudness",
    "lowpass",
    "riaa",
    "sinc",
    "treble",
]
