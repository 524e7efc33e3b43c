"""The effects themselves, a file a family: importing this package registers them all."""

from audiolab.effects.sox.effects import (
    companding,
    dithering,
    dynamics,
    editing,
    fading,
    filters,
    mixing,
    modulation,
    silencing,
    synthesis,
)

__all__ = [
    "companding",
    "dithering",
    "dynamics",
    "editing",
    "fading",
    "filters",
    "mixing",
    "modulation",
    "silencing",
    "synthesis",
]
