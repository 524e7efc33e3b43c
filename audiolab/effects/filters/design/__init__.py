"""Coefficients of the second-order filters, to look at, to combine, or to run.

Each function returns a `Biquad`, a pair ``(b, a)`` in float64 with ``a[0] = 1``. Parameters may be
tensors: the coefficients then have their shape, and gradients to them.
"""

from audiolab.effects.filters.design._biquad import Biquad
from audiolab.effects.filters.design.passes import (
    allpass,
    band,
    bandpass,
    bandreject,
    highpass,
    lowpass,
)
from audiolab.effects.filters.design.shelves import bass, equalizer, treble
from audiolab.effects.filters.design.standards import deemph, riaa

__all__ = [
    "Biquad",
    "allpass",
    "band",
    "bandpass",
    "bandreject",
    "bass",
    "deemph",
    "equalizer",
    "highpass",
    "lowpass",
    "riaa",
    "treble",
]
