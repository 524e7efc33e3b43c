"""Effects of level: gain and curves, companding, and the modern compressor, limiter and gate."""

from audiolab.effects.dynamics.companding import CompandBand, compand, mcompand
from audiolab.effects.dynamics.compression import compressor, expander, noise_gate
from audiolab.effects.dynamics.levels import dcshift, gain, norm, vol
from audiolab.effects.dynamics.limiting import limiter
from audiolab.effects.dynamics.shaping import contrast, overdrive

__all__ = [
    "CompandBand",
    "compand",
    "compressor",
    "contrast",
    "dcshift",
    "expander",
    "gain",
    "limiter",
    "mcompand",
    "noise_gate",
    "norm",
    "overdrive",
    "vol",
]
