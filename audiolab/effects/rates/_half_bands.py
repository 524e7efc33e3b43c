"""The half-band filters that halve the rate at the start of SoX's cascade.

Every second tap is zero but for the middle one, 1/2. SoX does not print these filters; they were
measured: clicks at the first samples come out cut, each by another tap, and a least-squares fit to
a dozen of them leaves 4e-10. They are flat to a quarter of the rate and 136, 150, 174 and 150 dB
deep from three quarters of their Nyquist frequency on.
"""

from __future__ import annotations

from functools import lru_cache

import torch

__all__ = ["half_band"]

#: Attenuation up to which a filter serves, in dB, and its taps 1, 3, 5 ... from the middle.
_FILTERS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (
        137.0,
        (
            0.3115465455,
            -0.0873449729,
            0.0368145232,
            -0.0151892577,
            0.0054541181,
            -0.0015644011,
            0.0003181705,
            -0.0000348003,
        ),
    ),
    (
        165.0,
        (
            0.3122703806,
            -0.0892215821,
            0.0391397548,
            -0.0172505915,
            0.0068589718,
            -0.0023045217,
            0.0006096394,
            -0.0001132356,
            0.0000111974,
        ),
    ),
    (
        182.0,
        (
            0.3133358838,
            -0.0920358867,
            0.0427651543,
            -0.0206735658,
            0.0094225309,
            -0.0038563305,
            0.0013634704,
            -0.0003987398,
            0.0000905855,
            -0.0000142850,
            0.0000011830,
        ),
    ),
    (
        999.0,
        (
            0.3137392791,
            -0.0931181891,
            0.0442050516,
            -0.0221039182,
            0.0105747279,
            -0.0046276664,
            0.0017936330,
            -0.0005961824,
            0.0001631441,
            -0.0000345558,
            0.0000050656,
            -0.0000003897,
        ),
    ),
)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept for callers that differentiate
def half_band(attenuation_db: float) -> torch.Tensor:
    """Return the taps of the filter that serves an attenuation, its middle in the middle."""
    side = next(taps for limit, taps in _FILTERS if attenuation_db <= limit)
    taps = torch.zeros(4 * len(side) - 1, dtype=torch.float64, device="cpu")
    middle = 2 * len(side) - 1
    taps[middle] = 0.5
    for place, value in enumerate(side):
        taps[middle + 2 * place + 1] = taps[middle - 2 * place - 1] = value
    return taps
