"""What air takes from sound: the attenuation of ISO 9613-1, which rooms and distances share.

The formula is written out in `audiolab.augment.air_attenuation_db`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiolab._validation import check_positive, check_range

__all__ = ["attenuation_db_per_m", "check_conditions"]

_ZERO_CELSIUS_K = 273.15
_REFERENCE_K = 293.15
_TRIPLE_POINT_K = 273.16
_REFERENCE_KPA = 101.325


def check_conditions(
    temperature_c: float, humidity: float, pressure: float
) -> tuple[float, float, float]:
    """Return the three of them if the standard covers them, else raise."""
    return (
        check_range(temperature_c, "temperature_c", -40.0, 60.0, unit="°C"),
        check_range(humidity, "humidity_percent", 0.0, 100.0, unit="%"),
        check_positive(pressure, "pressure_kpa", unit="kPa"),
    )


def attenuation_db_per_m(
    frequency: NDArray[Any], temperature_c: float, humidity: float, pressure: float
) -> NDArray[np.float64]:
    """Return the attenuation at frequencies in Hz, in percent of humidity and kilopascal."""
    kelvin = temperature_c + _ZERO_CELSIUS_K
    warmth = kelvin / _REFERENCE_K
    ratio = pressure / _REFERENCE_KPA
    saturation = 10.0 ** (-6.8346 * (_TRIPLE_POINT_K / kelvin) ** 1.261 + 4.6151)
    moles = humidity * saturation / ratio  # percent of water vapour
    oxygen = ratio * (24.0 + 4.04e4 * moles * (0.02 + moles) / (0.391 + moles))
    nitrogen = (
        ratio
        * warmth**-0.5
        * (9.0 + 280.0 * moles * np.exp(-4.170 * (warmth ** (-1.0 / 3.0) - 1.0)))
    )
    square = np.square(frequency)
    classical = 1.84e-11 / ratio * warmth**0.5
    relaxing = warmth**-2.5 * (
        0.01275 * np.exp(-2239.1 / kelvin) / (oxygen + square / oxygen)
        + 0.1068 * np.exp(-3352.0 / kelvin) / (nitrogen + square / nitrogen)
    )
    attenuation: NDArray[np.float64] = 8.686 * square * (classical + relaxing)
    return attenuation
