"""Sample rates as exact ratios, and the length rule that every method follows.

Rates may be whole, decimal (8000.5 Hz, 44.1e3 Hz) or a Fraction. A float stands for the decimal
that Python prints for it, so that 44100.1 means 441001/10 and not the binary neighbour of it.

``num_out = ceil(num_in * new_rate / orig_rate)``: the outputs at times ``m / new_rate`` that lie
before the end of the input, ``num_in / orig_rate``. torchaudio, librosa and scipy's polyphase count
the same way; soxr and SoX round, julius truncates.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from numbers import Rational

from audiolab._validation import check_positive

__all__ = ["exact_rate", "output_length", "rate_ratio", "scaled_length"]

#: Outputs are located with 64-bit integers: (sample index) * (term of the ratio) has to fit.
_MAX_TERM = 2**31 - 1


def rate_ratio(orig_rate: float | Fraction, new_rate: float | Fraction) -> Fraction:
    """Return ``new_rate / orig_rate`` as a reduced fraction.

    Parameters
    ----------
    orig_rate : float or Fraction
        Rate of the input in Hz, > 0.
    new_rate : float or Fraction
        Rate of the output in Hz, > 0.

    Returns
    -------
    Fraction
        Outputs per input. Terms beyond 31 bits (rates with many decimals) are replaced by the
        nearest fraction that has them, which is closer than a float could be.

    Raises
    ------
    TypeError
        A rate is not a real number.
    ValueError
        A rate is zero, negative, infinite or NaN.

    Examples
    --------
    >>> rate_ratio(44_100, 16_000)
    Fraction(160, 441)
    >>> rate_ratio(16_000, 8000.5)
    Fraction(16001, 32000)
    """
    if type(orig_rate) is int and type(new_rate) is int and orig_rate > 0 and new_rate > 0:
        return _whole(orig_rate, new_rate)  # nearly all calls, and a tenth of a short clip's time
    return _ratio(exact_rate(orig_rate, "orig_rate"), exact_rate(new_rate, "new_rate"))


@lru_cache(maxsize=256)
def _whole(orig_rate: int, new_rate: int) -> Fraction:
    return _ratio(Fraction(orig_rate), Fraction(new_rate))


@lru_cache(maxsize=256)
def _ratio(orig_rate: Fraction, new_rate: Fraction) -> Fraction:
    ratio = new_rate / orig_rate
    if max(ratio.numerator, ratio.denominator) > _MAX_TERM:
        limit = int(_MAX_TERM / max(Fraction(1), ratio))
        if limit < 1 or ratio * _MAX_TERM < 1:
            raise ValueError(
                f"new_rate / orig_rate must lie between 1/{_MAX_TERM} and {_MAX_TERM}, "
                f"got {float(ratio):g} from {float(new_rate):g} and {float(orig_rate):g} Hz"
            )
        ratio = ratio.limit_denominator(limit)
    return ratio


def exact_rate(rate: float | Fraction, name: str) -> Fraction:
    """Return a rate in Hz as the fraction that its decimal spelling means."""
    value = check_positive(float(rate) if isinstance(rate, Fraction) else rate, name, unit="Hz")
    return Fraction(rate) if isinstance(rate, Rational) else Fraction(str(value))


def output_length(num_samples: int, orig_rate: float | Fraction, new_rate: float | Fraction) -> int:
    """Return the number of samples after resampling, ``ceil(n * new_rate / orig_rate)``.

    Parameters
    ----------
    num_samples : int
        Samples before resampling.
    orig_rate : float or Fraction
        Rate of the input in Hz, > 0.
    new_rate : float or Fraction
        Rate of the output in Hz, > 0.

    Returns
    -------
    int
        Samples after resampling, computed without rounding errors.

    Examples
    --------
    >>> output_length(44_101, 44_100, 16_000)
    16001
    """
    ratio = rate_ratio(orig_rate, new_rate)
    return scaled_length(num_samples, ratio)


def scaled_length(num_samples: int, ratio: Fraction) -> int:
    """Return ``ceil(num_samples * ratio)`` in integers."""
    return -(-num_samples * ratio.numerator // ratio.denominator)
