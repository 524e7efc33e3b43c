r"""What a stretch of air takes from a sound, after ISO 9613-1.

The attenuation coefficient in dB a metre is

.. math::
    \alpha(f) = 8.686 f^2 \Big[ 1.84 \cdot 10^{-11} \frac{p_r}{p} \sqrt{\frac{T}{T_0}}
    + \Big(\frac{T}{T_0}\Big)^{-5/2} \Big( 0.01275 \frac{e^{-2239.1/T}}{f_O + f^2/f_O}
    + 0.1068 \frac{e^{-3352/T}}{f_N + f^2/f_N} \Big) \Big]

with the relaxation frequencies :math:`f_O, f_N` of oxygen and nitrogen, which depend on humidity.
It is applied to every frequency without a change of phase. Spreading, delay and the ground are left
out: this is what distance does to the colour of a sound.

Reference: ISO 9613-1:1993, "Attenuation of sound during propagation outdoors", part 1, clauses 6.2
and 6.3 and annex B.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from audiolab._air import attenuation_db_per_m, check_conditions
from audiolab._validation import check_positive, check_sample_rate
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment._responses import filtered

__all__ = ["air_absorption", "air_attenuation_db"]

#: Where a coefficient of 1e-3 dB/m and a kilometre make a response that is this short.
_TAIL = 2048


def air_attenuation_db(
    frequency_hz: torch.Tensor,
    *,
    temperature_c: float = 20.0,
    humidity_percent: float = 50.0,
    pressure_kpa: float = 101.325,
) -> torch.Tensor:
    """Compute the attenuation of sound by air, in dB a metre.

    Parameters
    ----------
    frequency_hz : Tensor
        Frequencies in Hz, >= 0.
    temperature_c : float, default: 20.0
        Temperature in degrees Celsius, -40 to 60.
    humidity_percent : float, default: 50.0
        Relative humidity in percent, 0 to 100.
    pressure_kpa : float, default: 101.325
        Pressure in kilopascal, > 0.

    Returns
    -------
    Tensor
        Attenuation in dB a metre, float64, of the shape of `frequency_hz`.

    Raises
    ------
    ValueError
        A condition is out of range.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import air_attenuation_db
    >>> a_kilometre = 1000 * air_attenuation_db(torch.tensor([1000.0, 4000.0]))
    >>> [round(x, 1) for x in a_kilometre.tolist()]
    [4.7, 29.7]
    """
    conditions = check_conditions(temperature_c, humidity_percent, pressure_kpa)
    return torch.as_tensor(
        attenuation_db_per_m(frequency_hz.detach().cpu().double().numpy(), *conditions)
    )


def air_absorption(
    waveform: torch.Tensor,
    sample_rate: int,
    distance_m: PerItem,
    *,
    temperature_c: PerItem = 20.0,
    humidity_percent: PerItem = 50.0,
    pressure_kpa: float = 101.325,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Filter as a stretch of air does: the farther, the duller.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    distance_m : float, Tensor or list of float
        Distance in metres, >= 0, a value an item if it is a tensor.
    temperature_c : float, Tensor or list of float, default: 20.0
        Temperature in degrees Celsius, -40 to 60.
    humidity_percent : float, Tensor or list of float, default: 50.0
        Relative humidity in percent, 0 to 100.
    pressure_kpa : float, default: 101.325
        Pressure in kilopascal.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Gradients reach the samples.

    Raises
    ------
    ValueError
        A parameter is out of range or does not fit the items.

    See Also
    --------
    air_attenuation_db : The attenuation itself.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> from audiolab.augment import air_absorption
    >>> tone = signals.tone(4000.0, 1.0, 16_000)
    >>> far = air_absorption(tone, 16_000, 200.0)
    >>> print(f"{metrics.rms_db(far) - metrics.rms_db(tone):.1f} dB")
    -5.9 dB
    """
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    distances = items.values(distance_m, "distance_m", 0.0, unit="m")
    warmth = items.values(temperature_c, "temperature_c", -40.0, 60.0, unit="°C")
    humidity = items.values(humidity_percent, "humidity_percent", 0.0, 100.0, unit="%")
    pressure = check_positive(pressure_kpa, "pressure_kpa", unit="kPa")

    def absorb(samples: torch.Tensor, i: int) -> torch.Tensor:
        def response(size: int) -> NDArray[np.float64]:
            per_metre = _table(size, rate, warmth[i], humidity[i], pressure)
            factor: NDArray[np.float64] = np.exp(
                per_metre * (-math.log(10.0) / 20.0 * distances[i])
            )
            return factor

        return filtered(samples, response, _TAIL) if distances[i] else samples

    return items.mapped(absorb, items.ends(lengths))


@lru_cache(maxsize=64)
def _table(
    size: int, rate: int, temperature_c: float, humidity: float, pressure: float
) -> NDArray[np.float64]:
    return attenuation_db_per_m(
        scipy.fft.rfftfreq(size, 1.0 / rate), temperature_c, humidity, pressure
    )
