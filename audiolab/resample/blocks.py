"""Overlap-save: overlapping blocks of the input, filtered, their clean middles side by side.

A block's discrete Fourier transform stands for a periodic continuation of the block, so the ends
of a filtered block are wrong over the reach of the kernel and are dropped; what remains is
*linear* convolution with a kernel of finite length, whatever the block size [1]_. Between the
forward and the inverse transform the spectrum is cut or zero-extended from q k to p k points:
that changes the rate by p/q without ever forming the signal at a common multiple of the rates.

Rows are processed in pieces that fit the processor's cache. What was tried, as processor time
of one thread relative to soxr HQ, for 32 rows of 4 s at 48 -> 32 kHz and 44.1 -> 16 kHz (an EPYC
core with MKL; ``tests/benchmarks/bench_resample.py`` measures it anew):

=================================================== ==== ===
blocks in cache-sized pieces, 200 dB (what is here) 0.85 0.9
the same with 140 dB instead of 200                 0.85 1.0
flat to 0.96 instead of 0.9125                      1.3  1.5
flat to 0.99 (the brick wall)                       1.8  2.0
one transform over the whole length                 3.3  4.7
polyphase as a matrix product over windows          1.9  2.8
polyphase in compiled loops (``polyphase.py``)      1.2  1.6
torchaudio's kaiser_best: torch's convolution       6    1.6
=================================================== ==== ===

So depth is free, and only a steep slope costs: 200 dB serve both precisions. The compiled loops win
where there is little to transform.

References
----------
.. [1] T. G. Stockham, "High-speed convolution and correlation", AFIPS Spring Joint Computer
   Conference, 1966. doi:10.1145/1464182.1464209
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import torch

from audiolab.resample import _pool
from audiolab.resample.plan import Plan

__all__ = [
    "Piece",
    "aligned_blocks",
    "filtered",
    "inverse",
    "pieces",
    "run",
    "spectrum_gain",
    "store",
]

#: Samples per piece: 1 MB of float32 on a core, and enough to fill a GPU.
_CPU_SAMPLES = 1 << 18
_GPU_SAMPLES = 1 << 26


@dataclass(frozen=True)
class Piece:
    """Some blocks of some rows.

    Parameters
    ----------
    rows : slice
        Which rows.
    first, last : int
        Which blocks, without the last.
    samples : callable
        Returns their samples, shape ``(rows, blocks, block_in)``.
    """

    rows: slice
    first: int
    last: int
    samples: Callable[[], torch.Tensor]


def aligned_blocks(
    x: torch.Tensor, plan: Plan, *, origin: int, start: int, length: int
) -> torch.Tensor:
    """Compute outputs `start` to `start + length` from rows that begin at index `origin`.

    Inputs outside of `x` count as zero. Shapes ``(rows, time)``.
    """
    p, q = plan.ratio.numerator, plan.ratio.denominator
    skip = start % p  # blocks begin with whole periods
    y = x.new_empty(x.shape[0], skip + length)
    gain = spectrum_gain(plan, x)
    lead_out = plan.lead // q * p

    def compute(piece: Piece) -> torch.Tensor:
        spectrum = filtered(piece.samples(), gain, plan)
        return inverse(spectrum, plan)[..., lead_out : lead_out + plan.hop]

    jobs = pieces(x, plan, origin=origin, start=start - skip, length=skip + length)
    run(compute, jobs, y, plan)
    return y[:, skip:]


def run(
    compute: Callable[[Piece], torch.Tensor], jobs: list[Piece], y: torch.Tensor, plan: Plan
) -> None:
    """Compute and store all pieces, on a CPU with one thread for each instead of all for one."""

    def put(number: int, clean: torch.Tensor) -> None:
        piece = jobs[number]
        store(clean, y[piece.rows], piece, plan)

    if y.device.type == "cpu" and not torch.compiler.is_compiling():
        _pool.run(lambda number: compute(jobs[number]), put, len(jobs), by_torch=True)
    else:
        for number, piece in enumerate(jobs):
            put(number, compute(piece))


def spectrum_gain(plan: Plan, x: torch.Tensor) -> torch.Tensor:
    """Return the factors for a block's bins: the filter's response over the block's size."""
    wide = plan.wide == "forward" and _has_double(x)
    dtype = torch.complex128 if wide else x.dtype.to_complex()
    return _gain(plan, dtype, x.device)


@lru_cache(maxsize=64)
def _gain(plan: Plan, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    gain: torch.Tensor = (
        plan.design.response(plan.duration)[: (plan.block_out + 1) // 2] / plan.block_in
    )
    if plan.reverse:
        gain = gain.conj().resolve_conj()
    return gain.to(dtype=dtype, device=device)


def filtered(samples: torch.Tensor, gain: torch.Tensor, plan: Plan) -> torch.Tensor:
    """Return the blocks' spectra times `gain`, as wide as the inverse transform takes them."""
    wide = _has_double(samples)
    dtype = samples.dtype
    if plan.wide == "forward" and wide:
        samples = samples.double()
    elif plan.wide == "inverse" and wide:
        dtype = torch.float64
    spectrum = torch.fft.rfft(samples)
    num_bins = gain.shape[-1]
    out: torch.Tensor = spectrum.new_zeros(
        *spectrum.shape[:-1], plan.block_out // 2 + 1, dtype=dtype.to_complex()
    )
    torch.mul(spectrum[..., :num_bins], gain, out=out[..., :num_bins])
    return out


def inverse(spectrum: torch.Tensor, plan: Plan) -> torch.Tensor:
    """Return to time; the division by the number of points is in the gain."""
    y: torch.Tensor = torch.fft.irfft(spectrum, n=plan.block_out, norm="forward")
    return y


def store(clean: torch.Tensor, y: torch.Tensor, piece: Piece, plan: Plan) -> None:
    """Write ``(rows, blocks, hop)`` side by side, the last block as far as `y` reaches."""
    begin = piece.first * plan.hop
    count = min(y.shape[-1], piece.last * plan.hop) - begin
    full, rest = divmod(count, plan.hop)
    target = y[:, begin : begin + count]
    target[:, : full * plan.hop].view(len(target), full, plan.hop).copy_(clean[:, :full])
    if rest:
        target[:, full * plan.hop :] = clean[:, full, :rest]


def pieces(x: torch.Tensor, plan: Plan, *, origin: int, start: int, length: int) -> list[Piece]:
    """Cut rows into overlapping blocks, in pieces that fit a cache.

    Block b begins ``plan.lead`` samples before the time of output ``start + b * plan.hop``, rounded
    down to a sample. Samples outside of `x`, which begins at index `origin`, are zero. The pieces
    do not depend on the number of threads, as the order of a transform's sums does on theirs.
    """
    num_blocks = -(-length // plan.hop)
    budget = _CPU_SAMPLES if x.device.type == "cpu" else _GPU_SAMPLES
    if plan.wide and not plan.num_terms:  # half of the data is in double precision
        budget //= 2
    # pieces of equal size, as the cost of a transform's set-up is shared by its blocks
    per_piece = -(-num_blocks // -(-num_blocks * plan.block_in // budget))
    rows_at_once = max(1, budget // (per_piece * plan.block_in))
    parts = []
    for first in range(0, num_blocks, per_piece):
        last = min(first + per_piece, num_blocks)
        starts = _block_starts(plan, origin, start, first, last)
        for row in range(0, x.shape[0], rows_at_once):
            rows = slice(row, min(row + rows_at_once, x.shape[0]))
            samples = partial(_blocks, x, plan, rows, starts)
            parts.append(Piece(rows, first, last, samples))
    return parts


def _block_starts(plan: Plan, origin: int, start: int, first: int, last: int) -> list[int]:
    p, q = plan.ratio.numerator, plan.ratio.denominator
    return [
        (start + block * plan.hop) * q // p - plan.lead - origin for block in range(first, last)
    ]


def _blocks(x: torch.Tensor, plan: Plan, rows: slice, starts: list[int]) -> torch.Tensor:
    """Return blocks that begin at given samples of some rows, ``(rows, blocks, block_in)``."""
    p, q = plan.ratio.numerator, plan.ratio.denominator
    begin, end = starts[0], starts[-1] + plan.block_in
    line = x[rows, max(0, begin) : max(0, min(end, x.shape[1]))]
    before = min(max(0, -begin), end - begin)
    after = end - begin - before - line.shape[-1]
    if before or after:
        line = torch.nn.functional.pad(line, (before, after))
    if plan.hop % p == 0 or len(starts) == 1:
        return line.unfold(-1, plan.block_in, max(1, plan.hop // p * q))
    # blocks one sample farther apart now and then
    offsets = torch.tensor(starts, device=x.device) - begin
    return line.unfold(-1, plan.block_in, 1)[:, offsets]


def _has_double(x: torch.Tensor) -> bool:
    # Apple's GPUs have no double precision: there both transforms stay single.
    return x.device.type != "mps"
