"""Sample rate and speed: SoX's ``rate``, ``speed``, ``upsample`` and ``downsample``."""

from audiolab.effects.rates.conversion import rate, speed
from audiolab.effects.rates.stuffing import downsample, upsample

__all__ = ["downsample", "rate", "speed", "upsample"]
