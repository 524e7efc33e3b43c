"""The executable handbook of audio in PyTorch.

Importing the package costs nothing: the subpackages below are loaded when they are first used, so
that ``import audiolab`` and ``audiolab --help`` start without torch.

========== =====================================================================================
io         load, save, encode, decode, inspect and stream audio files
signals    tones, sweeps, noises, music and the bundled clips
effects    every SoX effect: batched, differentiable, in SoX's words or in physical units
room       simulated and measured rooms: impulse responses, reverberation, acoustic measures
augment    noise, rooms, channels, stretch and pitch; random recipes that can be replayed
resample   any rate to any rate: our resampler, everybody else's, and what they do to tones
features   spectrograms, mel, cepstra, chroma and the way back, as each library counts them
metrics    alignment, signal-to-noise ratio, spectral distance, loudness
display    plots and the listening player
codec      the EnCodec neural codec: model, tokens, streams, .ecdc files
units      decibels, hertz, seconds and samples
========== =====================================================================================
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audiolab import (
        augment,
        codec,
        display,
        effects,
        features,
        io,
        metrics,
        resample,
        room,
        signals,
        units,
    )

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "augment",
    "codec",
    "display",
    "effects",
    "features",
    "io",
    "metrics",
    "resample",
    "room",
    "signals",
    "units",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _import_module(f"audiolab.{name}")
    raise AttributeError(f"module 'audiolab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
