"""How to cut a resampling job into blocks: sizes, overlaps and the cheaper of two engines.

Both engines filter blocks of the input by FFT and keep the middle of each block, where the kernel
does not reach beyond it (overlap-save). They differ in how they leave the frequency domain:

aligned
    The block holds whole periods of the ratio p/q: q k inputs and p k outputs. The inverse
    transform with p k points *is* the resampled block.
fractional
    For ratios whose period is too long or has large prime factors (44100 -> 16001 Hz). The inverse
    transform's grid is nearly, not exactly, that of the outputs; what is missing is a small shift
    that drifts over the block, which ``fractional.py`` supplies by a few more inverse transforms.

A single-precision transform leaves rounding noise at about -137 dB, and two of them exceed the -135
dB that this resampler promises. So the smaller of the two works in double precision; only when the
rate falls to 3/4 or less, which drops a share of the first transform's noise, and blocks are short,
both may be single.

Sizes have no prime factor above 7. The choice between candidates is a cost model in nanoseconds,
fitted to MKL's transforms on one core; only ratios of its numbers matter, and they matter little.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache

from audiolab.resample.design import Kernel

__all__ = ["Plan", "make_plan", "reach", "smooth_size"]

#: The first term left out of the fractional engine's series, relative to the signal: -140 dB and
#: -260 dB, below the rounding of the data type that it serves.
_SERIES_ERROR = {32: 1e-7, 64: 1e-13}

#: A grid may be this much coarser than the lower rate; coarser ones cut into the filter's slope.
_FINEST = 0.9998

#: Kernels up to this many samples of the lower rate have blocks that are short in this sense.
_SHORT = 512

#: Shifts beyond this many grid points would take more terms than shorter blocks take blocks.
_FARTHEST = 1.0

#: Blocks longer than this are tried only where no shorter one exists, and refused beyond the next.
_LONGEST = 1 << 24
_MAX_BLOCK = 1 << 27


@dataclass(frozen=True, eq=False)
class Plan:
    """Sizes of one job; times are in input samples unless the name says otherwise.

    Plans are compared by identity: `make_plan` returns the same one for the same job, and what is
    derived from a plan is cached under it.

    Parameters
    ----------
    ratio : Fraction
        Outputs per input, p/q.
    design : Kernel
        The filter.
    reverse : bool
        Whether the kernel runs backwards in time, as the gradient's does.
    num_terms : int
        Terms of the fractional engine's series; 0 for the aligned engine.
    wide : {"", "forward", "inverse"}
        Which transform works in double precision for single-precision signals.
    block_in : int
        Inputs per block.
    block_out : int
        Points of the inverse transform.
    lead : int
        Inputs of a block before the time of its first output.
    hop : int
        Outputs kept of each block.
    cost_ns : float
        Estimated time for one row on one thread.
    """

    ratio: Fraction
    design: Kernel
    reverse: bool
    num_terms: int
    wide: str
    block_in: int
    block_out: int
    lead: int
    hop: int
    cost_ns: float

    @property
    def drift(self) -> float:
        """How much farther apart the outputs are than the points of the inverse transform."""
        return float(Fraction(self.block_out, self.block_in) / self.ratio - 1)

    @property
    def duration(self) -> Fraction:
        """Length of a block in samples of the lower rate."""
        return self.block_in * min(Fraction(1), self.ratio)


def reach(ratio: Fraction, design: Kernel, *, reverse: bool) -> tuple[int, int]:
    """Return how many inputs before and after an output's time take part in it."""
    future, past = design.support
    if reverse:
        future, past = past, future
    per_low = max(Fraction(1), 1 / ratio)  # inputs per sample of the lower rate
    return math.ceil(past * per_low), math.ceil(future * per_low)


def make_plan(ratio: Fraction, design: Kernel, *, reverse: bool, length: int, bits: int) -> Plan:
    """Choose the cheapest plan for `length` outputs in floats of `bits` bits."""
    # Rounding the length up to a power of two keeps the number of distinct plans small.
    rounded = 1 << min(max(length - 1, 0).bit_length(), 40)
    return _make_plan(ratio, design, reverse, rounded, 64 if bits == 64 else 32)


@lru_cache(maxsize=256)
def _make_plan(ratio: Fraction, design: Kernel, reverse: bool, length: int, bits: int) -> Plan:
    before, after = reach(ratio, design, reverse=reverse)
    if bits == 64 or (ratio <= Fraction(3, 4) and design.num_samples <= _SHORT):
        wide = ""
    else:
        wide = "forward" if ratio > 1 else "inverse"
    base = Plan(ratio, design, reverse, 0, wide, 0, 0, 0, 0, 0.0)
    plan = _aligned(base, before, after, length)
    # The other engine's blocks begin on any sample; near these lengths it has nothing to offer.
    if before + after < _MAX_BLOCK // 64:
        other = _fractional(base, before, after, length, _SERIES_ERROR[bits])
        plan = min(plan, other, key=lambda plan: plan.cost_ns)
    if max(plan.block_in, plan.block_out) > _MAX_BLOCK:
        factor = float(max(ratio, 1 / ratio))
        raise ValueError(
            f"new_rate and orig_rate differ by a factor of {factor:g}, too much for one filter: "
            "resample in steps, through a rate between them"
        )
    return plan


def _aligned(base: Plan, before: int, after: int, length: int) -> Plan:
    p, q = base.ratio.numerator, base.ratio.denominator
    lead, tail = -(-before // q), -(-after // q)
    overlap = lead + tail
    periods = -(-length // p)

    def cost(factor: int) -> float:
        size_in, size_out = factor * q, factor * p
        num_blocks = -(-periods // (factor - overlap))
        block_ns = (
            _transform_ns(size_in) * (1 + (base.wide == "forward"))
            + _transform_ns(size_out) * (1 + (base.wide == "inverse"))
            + size_in
            + 0.5 * size_out
        )
        return num_blocks * block_ns + 3.5 * (size_in + size_out)

    # at least the smallest block, however long that is
    factors = _sizes_beyond(overlap, periods)
    limit = max(factors[0], _LONGEST // max(p, q))
    best = min((factor for factor in factors if factor <= limit), key=cost)
    return replace(
        base,
        block_in=best * q,
        block_out=best * p,
        lead=lead * q,
        hop=(best - overlap) * p,
        cost_ns=cost(best),
    )


def _fractional(base: Plan, before: int, after: int, length: int, error: float) -> Plan:
    ratio, lower = float(base.ratio), min(1.0, float(base.ratio))
    lead, tail = before + 1, after + 2
    sizes = _smooth_sizes()
    best = replace(base, cost_ns=math.inf)
    # some choice of sizes also for a short signal, as most of them give poor grids
    for size_in in _sizes_beyond(lead + tail, lead + tail + math.ceil(length / base.ratio)):
        if size_in % 8:
            continue
        room = math.floor((size_in - lead - tail) * base.ratio) + 1
        # the grids whose spacing comes next to that of the outputs, from both sides
        above = bisect.bisect_left(sizes, size_in * ratio / 4)
        for size_grid in (4 * sizes[max(0, above - 1)], 4 * sizes[above]):
            if size_grid < _FINEST * size_in * lower:
                continue
            drift = abs(size_grid / (size_in * ratio) - 1)
            hop = min(room, length, 1 + int(2 * _FARTHEST / max(drift, 1e-9)))
            shift = drift * (hop - 1) / 2
            num_terms = _terms_needed(shift, error)
            block_ns = (
                2 * _transform_ns(size_in)
                + 4.0 * size_in
                + num_terms * (_transform_ns(size_grid) + 1.0 * size_grid)
            )
            cost = -(-length // hop) * block_ns + 3.5 * (size_in + num_terms * size_grid)
            if cost < best.cost_ns:
                best = replace(
                    base,
                    num_terms=num_terms,
                    wide="forward",  # one, against several inverse ones
                    block_in=size_in,
                    block_out=size_grid,
                    lead=lead,
                    hop=hop,
                    cost_ns=cost,
                )
    return best


def _terms_needed(shift: float, error: float) -> int:
    """Return how many terms of the series bring it within `error` for shifts up to `shift`."""
    term, count = 1.0, 0
    while 2 * term > error:  # 2 J_d(pi shift) < 2 (pi shift / 2)^d / d!
        count += 1
        term *= math.pi * shift / 2 / count
    return count


def _sizes_beyond(overlap: int, wanted: int) -> tuple[int, ...]:
    """Sizes worth trying: from just one more than `overlap` to all of the job in one block."""
    sizes = _smooth_sizes()
    low = bisect.bisect_right(sizes, overlap)
    high = bisect.bisect_left(sizes, min(overlap + wanted, 32 * overlap + 16384)) + 1
    return sizes[low:high]


@cache
def _smooth_sizes() -> tuple[int, ...]:
    """All numbers below 2^41 without a prime factor above 7."""
    sizes = [1]
    for prime in (2, 3, 5, 7):
        powers = [prime**k for k in range(41) if prime**k < 1 << 41]
        sizes = [size * power for size in sizes for power in powers if size * power < 1 << 41]
    return tuple(sorted(sizes))


def smooth_size(at_least: int) -> int:
    """Return the next even size that a transform takes well."""
    sizes = _smooth_sizes()
    return 2 * sizes[bisect.bisect_left(sizes, -(-at_least // 2))]


@lru_cache(maxsize=4096)
def _transform_ns(size: int) -> float:
    """Estimate the time of one real transform among many."""
    twos = (size & -size).bit_length() - 1
    rest = size
    for prime in (2, 3, 5, 7):
        while rest % prime == 0:
            rest //= prime
    penalty = {0: 2.6, 1: 1.4, 2: 1.2}.get(twos, 1.0)
    if rest > 1:
        penalty *= 10.0  # a convolution of twice the size and more stands in for it
    caches = (1 << 12, 1 << 15, 1 << 17, 1 << 19)
    penalty *= (1.0, 1.15, 1.8, 5.0, 10.0)[bisect.bisect_left(caches, size)]
    return 0.11 * size * math.log2(size + 1) * penalty
