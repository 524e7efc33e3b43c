r"""How SoX's ``rate`` splits a change of rate into stages, and the filters of the stages.

For a large factor, halvings come first (short half-band filters) or a multiplication by a power of
two last. In between, one filter shapes the band edge. Where its rates don't fit the ratio, a
polyphase filter of 9 to 42 taps joins them: behind it, or before it where the rate falls by 1.5
to 2. All of it as ``sox -V6`` prints it; in fractions of Nyquist frequencies,

- attenuation: ``20 log10(2) (bits + 1) + 20 log10(s)``, where s is the number of stages other than
  the polyphase one, doubled if there is one;
- the polyphase filter's stop band begins where what lies beyond folds into the signal's band; its
  pass band gives way a little to keep it short, which costs up to 0.05 dB at the band's edge with
  16 bits, and is why the cascade's response has to be the product of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import torch

from audiolab.effects.rates._half_bands import half_band
from audiolab.effects.rates._phase import with_phase
from audiolab.effects.rates._windowed_sinc import Sinc, kaiser_beta, taps_times_width

__all__ = ["Quality", "Stage", "make_cascade"]

_BIT_DB = 20 * math.log10(2)

#: Ratios (output over input rate) that SoX filters in one step.
_DIRECT = frozenset(
    Fraction(*pair)
    for pair in ((1, 2), (1, 3), (2, 3), (3, 4), (4, 3), (3, 2), (2, 1), (3, 1), (4, 1), (5, 1))
)
#: Largest numerator of a ratio with a tap table of its own, and the largest table in bytes.
_MOST_PHASES = 2048
_LARGEST_TABLE = 400_000


@dataclass(frozen=True)
class Quality:
    """What the filters are asked for.

    Parameters
    ----------
    bits : int
        Resolution that the stop band serves: 16, 20 or 28.
    pass_edge : float
        End of the pass band as a fraction of the lower Nyquist frequency.
    stop_edge : float
        Start of the stop band; above 1 something aliases.
    phase : float
        0 minimum, 50 linear, 100 maximum.
    low : bool
        The low quality, which raises the rate by one long polyphase filter.
    """

    bits: int
    pass_edge: float
    stop_edge: float
    phase: float = 50.0
    low: bool = False


@dataclass(frozen=True, eq=False)
class Stage:
    """One filter that multiplies the rate by `up` / `down`.

    Parameters
    ----------
    up, down : int
        Factors of the rate.
    taps : Tensor or None
        Kernel at `up` times the input rate; None for a polyphase filter.
    origin : int
        Which tap is time zero.
    kernel : Sinc or None
        The polyphase filter, in input samples.
    """

    up: int
    down: int
    taps: torch.Tensor | None = None
    origin: int = 0
    kernel: Sinc | None = None

    @property
    def ratio(self) -> Fraction:
        """Output over input rate."""
        return Fraction(self.up, self.down)

    @property
    def support(self) -> tuple[float, float]:
        """Inputs before and after the time of an output that take part in it."""
        if self.kernel is not None:
            return self.kernel.reach, self.kernel.reach
        assert self.taps is not None
        return (len(self.taps) - 1 - self.origin) / self.up, self.origin / self.up

    def matrix(self, outputs: range, inputs: range) -> torch.Tensor:
        """Return the factors ``(outputs, inputs)`` of some samples."""
        rows = torch.arange(outputs.start, outputs.stop, device="cpu")[:, None]
        columns = torch.arange(inputs.start, inputs.stop, device="cpu")
        place = rows * self.down - columns * self.up
        if self.kernel is not None:
            return self.kernel.at(place.double() / self.up)
        assert self.taps is not None
        index = place + self.origin
        inside = (index >= 0) & (index < len(self.taps))
        return self.taps[index.clamp(0, len(self.taps) - 1)] * (inside * self.up)


@lru_cache(maxsize=256)
@torch.inference_mode(False)  # kept for callers that differentiate
def make_cascade(ratio: Fraction, quality: Quality) -> tuple[Stage, ...]:
    """Return SoX's stages, first to last, for an output over an input rate."""
    halvings, multiplier, rest = _outer_stages(ratio)
    count = 1 + halvings + (multiplier > 1)
    attenuation = _attenuation(quality, count if rest in _DIRECT else 2 * count)
    if rest in _DIRECT:
        main = _shaping(quality, attenuation, rest.numerator, rest.denominator)
        inner = [main]
    elif quality.low and rest > 1 and multiplier == 1 and _low_table(rest):
        main = Stage(rest.numerator, rest.denominator, kernel=_low_kernel(quality, rest))
        inner = [main]
    else:
        factor = float(1 / rest)
        if 1.5 < factor < 2:
            main = _shaping(quality, attenuation, 1, 2)
            up, down = (2 * rest).numerator, (2 * rest).denominator
            inner = [Stage(up, down, kernel=_poly_before(quality, factor, up)), main]
        else:
            main_up = 1 if factor >= 2 else 2
            per_low = max(main_up * factor, 2.0)
            main = _shaping(quality, attenuation, main_up, 1, per_low)
            left = rest / main_up
            poly = _poly_after(quality, per_low, left.numerator, rising=rest > 1)
            inner = [main, Stage(left.numerator, left.denominator, kernel=poly)]
    stages = inner
    if halvings:
        taps = half_band(attenuation)
        stages = [Stage(1, 2, taps, (len(taps) - 1) // 2)] * halvings + inner
    if multiplier > 1:
        narrowed = quality.pass_edge * multiplier / float(ratio)
        last = replace(quality, pass_edge=narrowed)
        stages = [*inner, _shaping(last, attenuation, multiplier, 1)]
    return tuple(stages)


def _outer_stages(ratio: Fraction) -> tuple[int, int, Fraction]:
    """Return the number of halvings, the last multiplication, and the ratio between them."""
    if ratio <= Fraction(1, 4):
        halvings = math.floor(1 / ratio).bit_length() - 2
        return halvings, 1, ratio * 2**halvings
    if ratio > 4 and ratio not in _DIRECT:
        multiplier = max(4, 1 << (math.floor(ratio).bit_length() - 3))
        return 0, multiplier, ratio / multiplier
    return 0, 1, ratio


def _attenuation(quality: Quality, stages: int) -> float:
    return _BIT_DB * (quality.bits + 1) + 20 * math.log10(stages)


def _shaping(
    quality: Quality, attenuation: float, up: int, down: int, per_low: float | None = None
) -> Stage:
    """Design the filter at the band's edge, or the last one's, which has the same rule."""
    per_low = float(max(up, down)) if per_low is None else per_low
    width = quality.stop_edge - quality.pass_edge
    middle = (quality.stop_edge + quality.pass_edge) / 2
    beta = kaiser_beta(attenuation, width / middle)
    # an even filter for each phase of the output where the group delay has to come out whole
    whole = quality.phase == 50 and up > 1 and up & (up - 1) == 0
    step = 2 * up if whole else 4
    half = step * math.ceil(taps_times_width(beta) * per_low / width / step) // 2
    taps = Sinc(middle / per_low, beta, half + 0.5, half).taps()
    if quality.phase == 50:
        return Stage(up, down, taps, half)
    kept, origin = with_phase(taps, quality.phase)
    if up & (up - 1) == 0:  # what follows time zero is rounded down to whole inputs
        origin += (len(kept) - 1 - origin) % up
    return Stage(up, down, kept, origin)


def _poly_after(quality: Quality, per_low: float, phases: int, *, rising: bool) -> Sinc:
    """Design the polyphase filter that follows the shaping one."""
    edge = 1 / per_low
    if quality.bits == 16:
        if rising:
            return _sinc(0.825, 11.28, 11, phases, quality)
        stop, middle = 2 - edge, 0.9375 - 0.25 * edge
        return _sized(quality, stop, middle, phases, even=True)
    stop = 2 - edge
    start = 0.884735 * quality.pass_edge * edge + 0.0384216 * edge
    return _sized(quality, stop, _middle(quality, stop, start), phases, even=not rising)


def _poly_before(quality: Quality, factor: float, phases: int) -> Sinc:
    """Design the polyphase filter that comes before the shaping one."""
    edge = 1 / factor
    if quality.bits == 16:
        taps = 9 if edge > 0.6 else 10 if edge > 0.535 else 11
        return _sinc(1.6 * edge + 0.1 * edge**2, 11.2846, taps, phases, quality)
    stop = 3 * edge
    start = 0.884735 * quality.pass_edge * edge + 0.0384216 * (4 - stop)
    return _sized(quality, stop, _middle(quality, stop, start), phases, even=False)


def _middle(quality: Quality, stop: float, start: float) -> float:
    slack = {20: 1.093583, 28: 1.156216}[quality.bits]
    return max(stop - (stop - start) / 2 * slack, stop / 2)


def _sized(quality: Quality, stop: float, middle: float, phases: int, *, even: bool) -> Sinc:
    """Choose the number of taps for a transition from ``2 middle - stop`` to `stop`."""
    half_width = stop - middle
    beta = kaiser_beta(_attenuation(quality, 2), 2 * half_width / middle)
    grid = phases if phases <= _MOST_PHASES else {16: 128, 20: 128, 28: 256}[quality.bits]
    needed = 0.9995 * taps_times_width(beta) / 2 / half_width * grid
    taps = (math.ceil(needed) + 1 if grid >= 8 else math.floor(needed + 0.5)) // grid + 1
    return _sinc(middle, beta, taps + (even and taps % 2), phases, quality)


def _sinc(middle: float, beta: float, taps: int, phases: int, quality: Quality) -> Sinc:
    """Return a kernel of `taps` taps with as many phases as SoX would take."""
    grid = phases * (1 + taps % 2 * phases % 2)
    if phases > _MOST_PHASES or grid * taps * 8 > _LARGEST_TABLE:
        grid = {16: 128, 20: 128, 28: 256}[quality.bits]
    rho = 0.63 if quality.bits == 16 else 0.75
    reach = (taps * grid - 2) / 2 / grid
    return Sinc(middle, beta, reach + rho / grid, reach)


def _low_table(ratio: Fraction) -> bool:
    return 42 * 8 * ratio.numerator <= _LARGEST_TABLE


def _low_kernel(quality: Quality, ratio: Fraction) -> Sinc:
    return _sinc((1 + quality.pass_edge) / 2, 10.62, 42, ratio.numerator, quality)
