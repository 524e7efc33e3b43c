"""Effects of level: gain and curves, companding, and the modern compressor, limiter and gate."""

from audiolab.effects.dynamics.companding import CompandBand, compand, mcompand
from audiolab.effects.dynamics.levels import dcshift, gain, norm, vol
from audiolab.effects.dynamics.shaping import contrast, overdrive

__all__ = [
    "CompandBand",
    "compand",
    "contrast",
    "dcshift",
    "gain",
    "mcompand",
    "norm",
    "overdrive",
    "vol",
]
