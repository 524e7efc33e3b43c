"""Change the sample rate with SoX's filters, and change speed.

For a resampler that is not bound to SoX's choices, see :func:`audiolab.resample.resample`: its
filters are 200 dB deep, and its length rule is another.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch

from audiolab._validation import check_choice, check_positive, check_range, check_waveform
from audiolab.effects.rates._cascade import Quality
from audiolab.effects.rates._converter import convert
from audiolab.resample.rates import rate_ratio

__all__ = ["QUALITIES", "make_quality", "rate", "speed"]

#: Qualities from coarse to fine, and the bits of resolution that each serves.
QUALITIES = {"quick": 0, "low": 16, "medium": 16, "high": 20, "very_high": 28}

_PHASES = {"minimum": 0.0, "intermediate": 25.0, "linear": 50.0, "maximum": 100.0}


def rate(
    waveform: torch.Tensor,
    sample_rate: float | Fraction,
    *,
    new_rate: float | Fraction,
    quality: str = "high",
    bandwidth: float = 0.95,
    aliasing: bool = False,
    phase: float | str = "linear",
) -> torch.Tensor:
    r"""Change the sample rate, with the filters of SoX's ``rate``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float or Fraction
        Rate of `waveform` in Hz.
    new_rate : float or Fraction
        Rate of the result in Hz.
    quality : {"quick", "low", "medium", "high", "very_high"}, default: "high"
        Cubic interpolation without any filter; or a stop band at -102, -102, -126 or -175 dB.
    bandwidth : float, default: 0.95
        Where the response has fallen by 3 dB, as a fraction of the lower Nyquist frequency, 0.74
        to 0.997. Not for the qualities "quick" and "low", which have their own.
    aliasing : bool, default: False
        Let the stop band begin ``1 - bandwidth`` above the Nyquist frequency, for half the
        ringing; `bandwidth` is then 0.85 and more.
    phase : float or str, default: "linear"
        0 ("minimum") to 100 ("maximum"); 25 is "intermediate", 50 "linear".

    Returns
    -------
    Tensor
        Shape ``(..., floor(time * new_rate / sample_rate + 1/2))``.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor, or a rate is not a number.
    ValueError
        A parameter is out of its range.

    See Also
    --------
    audiolab.resample.resample : Deeper filters, not bound to SoX.

    Notes
    -----
    SoX's stages of filters are run as one convolution, in the frequency domain. What lies below
    the stop band's level is left out; everything else agrees with the program to about -130 dB for
    "high". Gradients reach the waveform; rates and filters have none.

    Examples
    --------
    >>> rate(torch.randn(2, 44_100), 44_100, new_rate=16_000).shape
    torch.Size([2, 16000])
    """
    check_waveform(waveform)
    made = make_quality(quality, bandwidth=bandwidth, aliasing=aliasing, phase=phase)
    return convert(waveform, rate_ratio(sample_rate, new_rate), made)


def speed(waveform: torch.Tensor, *, factor: float, quality: str = "high") -> torch.Tensor:
    """Change the speed, tempo and pitch together, as a tape does; the sample rate is kept.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    factor : float
        New speed over old: 2 is twice as fast and an octave up. ``2 ** (cents / 1200)`` for cents.
    quality : {"quick", "low", "medium", "high", "very_high"}, default: "high"
        As for `rate`.

    Returns
    -------
    Tensor
        Shape ``(..., floor(time / factor + 1/2))``.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        `factor` is not above 0, or the quality is unknown.

    Notes
    -----
    SoX's ``speed`` relabels the rate and leaves the work to a ``rate`` behind it; in a chain it
    does the same here. Gradients reach the waveform.

    Examples
    --------
    >>> speed(torch.randn(2, 16_000), factor=0.8).shape
    torch.Size([2, 20000])
    """
    check_waveform(waveform)
    check_positive(factor, "factor")
    return convert(waveform, rate_ratio(factor, 1), make_quality(quality))


def make_quality(
    quality: str = "high",
    *,
    bandwidth: float = 0.95,
    aliasing: bool = False,
    phase: float | str = "linear",
) -> Quality | None:
    """Return what the filters are asked for; None for cubic interpolation.

    Raises
    ------
    ValueError
        A value is out of its range or does not go with the quality.
    """
    check_choice(quality, "quality", tuple(QUALITIES))
    if isinstance(phase, str):
        phase = _PHASES[check_choice(phase, "phase", tuple(_PHASES))]
    check_range(phase, "phase", 0, 100)
    check_range(bandwidth, "bandwidth", 0.85 if aliasing else 0.74, 0.997)
    bits = QUALITIES[quality]
    if quality in ("quick", "low"):
        if bandwidth != 0.95 or aliasing or phase != 50:
            raise ValueError(f"quality={quality!r} has no other bandwidth, aliasing or phase")
        return None if quality == "quick" else Quality(bits, 0.67625, 1.0, low=True)
    resolution = 20 * math.log10(2) * bits
    # the width from full to 3 dB down, over that to the stop band
    steepness = (1.6e-6 * resolution - 7.5e-4) * resolution + 0.646
    return Quality(
        bits,
        1 - (1 - bandwidth) / steepness,
        2 - bandwidth if aliasing else 1.0,
        float(phase),
    )
