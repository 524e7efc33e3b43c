"""The effects themselves, a file a family: importing this package registers them all."""

from audiolab.effects.sox.effects import (
    analysis,
    companding,
    dithering,
    dynamics,
    editing,
    fading,
    filters,
    filters_equalizing,
    filters_finite,
    filters_sinc,
    mixing,
    modulation,
    silencing,
    splicing,
    synthesis,
    voice,
)

__all__ = [
    "analysis",
    "companding",
    "dithering",
    "dynamics",
    "editing",
    "fading",
    "filters",
    "filters_equalizing",
    "filters_finite",
    "filters_sinc",
    "mixing",
    "modulation",
    "silencing",
    "splicing",
    "synthesis",
    "voice",
]
