"""Designs after a standard: the compact disc's de-emphasis and the record's equalisation.

References: IEC 60908 and IEC 60098. The zeros and poles of `riaa` are those of SoX, read off what
``sox --plot octave`` prints.
"""

from __future__ import annotations

import math

import torch

from audiolab.effects.filters.design._biquad import Biquad
from audiolab.effects.filters.design.shelves import treble

__all__ = ["deemph", "riaa"]


#: Rate: centre in Hz, slope and gain in dB of the shelf that is nearest to IEC 60908's curve.
_DEEMPHASIS = {44_100: (5283.0, 0.4845, -9.477), 48_000: (5356.0, 0.479, -9.62)}


#: Rate: two zeros and two poles, that approximate the time constants 3180, 318 and 75 us.
_RIAA = {
    44_100: ((-0.2014898, 0.9233820), (0.7083149, 0.9924091)),
    48_000: ((-0.1766069, 0.9321590), (0.7396325, 0.9931330)),
    88_200: ((-0.1168735, 0.9648312), (0.8590646, 0.9964002)),
    96_000: ((-0.1141486, 0.9676817), (0.8699137, 0.9966946)),
}


def deemph(sample_rate: float) -> Biquad:
    """Design the filter of `audiolab.effects.deemph`.

    Parameters
    ----------
    sample_rate : float
        44100 or 48000 Hz.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> round(abs(complex(deemph(44_100).frequency_response(0.0, 44_100))), 9)
    1.0
    """
    if sample_rate not in _DEEMPHASIS:
        raise ValueError(
            f"sample_rate must be 44100 (audio CD) or 48000 (DAT) for deemph, got {sample_rate:g}"
        )
    center_hz, slope, gain_db = _DEEMPHASIS[int(sample_rate)]
    return treble(sample_rate, gain_db=gain_db, center_hz=center_hz, slope=slope)


def riaa(sample_rate: float) -> Biquad:
    """Design the filter of `audiolab.effects.riaa`.

    Parameters
    ----------
    sample_rate : float
        44100, 48000, 88200 or 96000 Hz.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> round(abs(complex(riaa(48_000).frequency_response(1000.0, 48_000))), 9)
    1.0
    """
    if sample_rate not in _RIAA:
        raise ValueError(
            f"sample_rate must be one of {', '.join(map(str, _RIAA))} Hz for riaa, "
            f"got {sample_rate:g}"
        )
    zeros, poles = _RIAA[int(sample_rate)]
    b = torch.tensor([1.0, -sum(zeros), math.prod(zeros)], dtype=torch.float64)
    a = torch.tensor([1.0, -sum(poles), math.prod(poles)], dtype=torch.float64)
    at_1_khz = Biquad(b, a).frequency_response(1000.0, sample_rate).abs()
    return Biquad(b / at_1_khz, a)
