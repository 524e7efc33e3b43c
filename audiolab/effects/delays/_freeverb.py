r"""Freeverb's network: eight combs with a low-pass in the loop, added up, then four all-passes.

Each comb is :math:`C(z) = z^{-D} / (1 - g L(z) z^{-D})` with the loop's low-pass
:math:`L(z) = (1 - d) / (1 - d z^{-1})`, feedback g and damping d; each all-pass is
:math:`(\tfrac32 z^{-D} - 1) / (1 - \tfrac12 z^{-D})`, which is nearly one.

Two ways to run it, equal up to rounding:

- the recurrence, compiled, for CPUs. A delay of D samples means that D outputs don't depend on
  each other but through the one-pole low-pass, so all loops run in blocks, eight at a time.
- a convolution with the impulse response, for other devices and for the gradient to g and d. The
  response is sampled from the formulas above on a circle of radius :math:`\rho > 1`, which fades
  the part that does not fit into the transform by :math:`\rho^{-N}` = -160 dB.

The network is linear, so its adjoint is itself, run backwards in time.

Reference: "Jezar at Dreampoint", Freeverb, public domain, 2000; J. O. Smith, "Physical Audio
Signal Processing", online book, chapter "Freeverb".
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import torch
from torch.autograd.function import once_differentiable

from audiolab.effects._convolution import fast_length
from audiolab.effects._recurrences.rows import run_rows

__all__ = ["FreeverbState", "delay_lengths", "impulse_response", "run"]

#: Delays in samples at 44.1 kHz.
_COMBS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
_ALLPASSES = (225, 341, 441, 556)
#: How much longer the second instance's delays are, with alternating sign.
_SPREAD = 12

#: What of the response is folded back into the transform, relative to its size.
_FOLD = 1e-8


def delay_lengths(sample_rate: float, room_scale: float, spread: float) -> tuple[int, ...]:
    """Return the delays of the combs and all-passes in samples.

    Parameters
    ----------
    sample_rate : float
        Rate in Hz.
    room_scale : float
        Size of the room, 0 to 100 percent: from a tenth to all of the combs' tuning.
    spread : float
        Share of the second instance's detuning, 0 for the first instance.
    """
    scale = room_scale / 100 * 0.9 + 0.1
    rate = sample_rate / 44_100
    lengths, sign = [], 1.0
    for length in _COMBS:
        lengths.append(max(1, int(scale * rate * (length + sign * _SPREAD * spread) + 0.5)))
        sign = -sign
    for length in _ALLPASSES:
        lengths.append(max(1, int(rate * (length + sign * _SPREAD * spread) + 0.5)))
        sign = -sign
    return tuple(lengths)


class FreeverbState:
    """Delay lines of some networks, to run them block by block.

    Parameters
    ----------
    lengths : ndarray
        Delays of each network, ``(rows, 12)``.
    """

    def __init__(self, lengths: np.ndarray[Any, Any]) -> None:
        rows = lengths.shape[0]
        self.lengths = np.ascontiguousarray(lengths, dtype=np.int64)
        self.positions = np.zeros_like(self.lengths)
        self.lines = np.zeros((rows, int(self.lengths.sum(axis=1).max(initial=0))))
        self.stores = np.zeros((rows, len(_COMBS)))


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _network(
    x: Any,
    y: Any,
    source: Any,
    feedback: Any,
    damping: Any,
    lengths: Any,
    positions: Any,
    lines: Any,
    stores: Any,
) -> None:
    """Run network r on row ``source[r]`` of x into row r of y."""
    num_samples = x.shape[1]
    starts = np.empty(12, np.int64)
    at = np.empty(12, np.int64)
    total = np.empty(lengths.max() if lengths.size else 1, np.float64)
    for r in range(y.shape[0]):
        row = x[source[r]]
        line = lines[r]
        g, d = feedback[r], damping[r]
        e = 1.0 - d
        start = 0
        for i in range(12):
            starts[i] = start
            start += lengths[r, i]
        s0, s1, s2, s3 = stores[r, 0], stores[r, 1], stores[r, 2], stores[r, 3]
        s4, s5, s6, s7 = stores[r, 4], stores[r, 5], stores[r, 6], stores[r, 7]
        done = 0
        while done < num_samples:
            size = num_samples - done
            for i in range(12):  # as far as no line wraps
                size = min(size, lengths[r, i] - positions[r, i])
                at[i] = starts[i] + positions[r, i]
            l0, l1 = line[at[0] : at[0] + size], line[at[1] : at[1] + size]
            l2, l3 = line[at[2] : at[2] + size], line[at[3] : at[3] + size]
            l4, l5 = line[at[4] : at[4] + size], line[at[5] : at[5] + size]
            l6, l7 = line[at[6] : at[6] + size], line[at[7] : at[7] + size]
            now = row[done : done + size]
            for t in range(size):
                v = np.float64(now[t])
                o0, o1, o2, o3 = l0[t], l1[t], l2[t], l3[t]
                o4, o5, o6, o7 = l4[t], l5[t], l6[t], l7[t]
                s0 = e * o0 + d * s0
                s1 = e * o1 + d * s1
                s2 = e * o2 + d * s2
                s3 = e * o3 + d * s3
                s4 = e * o4 + d * s4
                s5 = e * o5 + d * s5
                s6 = e * o6 + d * s6
                s7 = e * o7 + d * s7
                l0[t] = v + g * s0
                l1[t] = v + g * s1
                l2[t] = v + g * s2
                l3[t] = v + g * s3
                l4[t] = v + g * s4
                l5[t] = v + g * s5
                l6[t] = v + g * s6
                l7[t] = v + g * s7
                total[t] = ((o0 + o1) + (o2 + o3)) + ((o4 + o5) + (o6 + o7))
            for i in range(8, 12):
                held_line = line[at[i] : at[i] + size]
                for t in range(size):
                    held = held_line[t]
                    into = total[t]
                    held_line[t] = into + 0.5 * held
                    total[t] = held - into
            for t in range(size):
                y[r, done + t] = total[t]
            for i in range(12):
                positions[r, i] += size
                if positions[r, i] == lengths[r, i]:
                    positions[r, i] = 0
            done += size
        stores[r, 0], stores[r, 1], stores[r, 2], stores[r, 3] = s0, s1, s2, s3
        stores[r, 4], stores[r, 5], stores[r, 6], stores[r, 7] = s4, s5, s6, s7


def run(
    x: torch.Tensor,
    source: list[int],
    lengths: np.ndarray[Any, Any],
    feedback: torch.Tensor,
    damping: torch.Tensor,
    *,
    convolve: bool = False,
) -> torch.Tensor:
    """Run networks on rows, differentiably.

    Parameters
    ----------
    x : Tensor
        Inputs, ``(rows, time)``.
    source : list of int
        The row of `x` that each network hears.
    lengths : ndarray
        Delays, ``(networks, 12)``.
    feedback, damping : Tensor
        Of each network, ``(networks,)`` float64.
    convolve : bool, default: False
        Take the impulse response on a CPU too.

    Returns
    -------
    Tensor
        Outputs, ``(networks, time)``.
    """
    y: torch.Tensor = _Network.apply(x, feedback, damping, source, lengths, convolve)
    return y


def advance(
    x: torch.Tensor,
    source: list[int],
    state: FreeverbState,
    feedback: torch.Tensor,
    damping: torch.Tensor,
) -> torch.Tensor:
    """Run networks on the next block of their rows; on the CPU, without gradient."""
    y = torch.empty(len(source), x.shape[-1], dtype=x.dtype)
    rows = x.detach().cpu().contiguous().numpy()

    def network(*arrays: Any) -> None:
        _network(rows, *arrays)

    run_rows(
        network,
        4 * y.numel(),
        y.numpy(),
        np.asarray(source, dtype=np.int64),
        feedback.detach().cpu().contiguous().numpy(),
        damping.detach().cpu().contiguous().numpy(),
        state.lengths,
        state.positions,
        state.lines,
        state.stores,
    )
    return y.to(x.device)


def impulse_response(
    num_samples: int,
    lengths: np.ndarray[Any, Any],
    feedback: torch.Tensor,
    damping: torch.Tensor,
) -> torch.Tensor:
    """Sample the network's formula: ``(networks, num_samples)``, float64, differentiable."""
    size = fast_length(2 * num_samples)
    device = feedback.device
    log_radius = -math.log(_FOLD) / size
    bins = torch.arange(size // 2 + 1, device=device)
    delays = torch.as_tensor(lengths, device=device)

    def delayed(length: torch.Tensor) -> torch.Tensor:  # z^-length, the angle without rounding
        angle = (-2 * math.pi / size) * ((bins * length[:, None]) % size).double()
        return torch.polar(torch.exp(-log_radius * length.double())[:, None], angle)

    g, d = feedback[:, None], damping[:, None]
    lowpass = (1 - d) / (1 - d * delayed(torch.ones_like(delays[:, 0])))
    total = torch.zeros_like(lowpass)
    for i in range(len(_COMBS)):
        line = delayed(delays[:, i])
        total = total + line / (1 - g * lowpass * line)
    for i in range(len(_COMBS), 12):
        line = delayed(delays[:, i])
        total = total * (1.5 * line - 1) / (1 - 0.5 * line)
    faded: torch.Tensor = torch.fft.irfft(total, n=size)[:, :num_samples]
    return faded * torch.exp(log_radius * torch.arange(num_samples, device=device).double())


def _convolved(x: torch.Tensor, h: torch.Tensor, source: list[int]) -> torch.Tensor:
    """Convolve row ``source[r]`` of x with row r of h, as long as x."""
    num_samples = x.shape[-1]
    size = fast_length(2 * num_samples)
    spectrum = torch.fft.rfft(x, n=size)[source] * torch.fft.rfft(h.to(x.dtype), n=size)
    y: torch.Tensor = torch.fft.irfft(spectrum, n=size)[:, :num_samples]
    return y


class _Network(torch.autograd.Function):
    """The networks, their adjoint, and the gradient to feedback and damping."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        feedback: torch.Tensor,
        damping: torch.Tensor,
        source: list[int],
        lengths: np.ndarray[Any, Any],
        convolve: bool,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, feedback, damping)
        ctx.options = source, lengths, convolve
        return _run(x, source, lengths, feedback, damping, convolve=convolve)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        x, feedback, damping = ctx.saved_tensors
        source, lengths, convolve = ctx.options
        grad_x = grad_feedback = grad_damping = None
        if ctx.needs_input_grad[0]:
            each = _run(
                grads[0].flip(-1),
                list(range(len(source))),
                lengths,
                feedback,
                damping,
                convolve=convolve,
            )
            index = torch.as_tensor(source, device=x.device)
            grad_x = torch.zeros_like(x).index_add_(0, index, each.flip(-1))
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            # d loss / d h[k] = sum_t grad[t] x[t - k], then through the formula of h
            num_samples = x.shape[-1]
            size = fast_length(2 * num_samples)
            there = torch.fft.rfft(grads[0].double(), n=size)
            here = torch.fft.rfft(x.double(), n=size)[source]
            grad_h = torch.fft.irfft(there * here.conj(), n=size)[:, :num_samples]
            with torch.enable_grad():
                g, d = feedback.detach().requires_grad_(), damping.detach().requires_grad_()
                h = impulse_response(num_samples, lengths, g, d)
                grad_feedback, grad_damping = torch.autograd.grad(h, (g, d), grad_h)
        return grad_x, grad_feedback, grad_damping, None, None, None


def _run(
    x: torch.Tensor,
    source: list[int],
    lengths: np.ndarray[Any, Any],
    feedback: torch.Tensor,
    damping: torch.Tensor,
    *,
    convolve: bool,
) -> torch.Tensor:
    if x.shape[-1] == 0 or not source:
        return x.new_zeros(len(source), x.shape[-1])
    if x.device.type == "cpu" and not convolve:
        if x.dtype not in (torch.float32, torch.float64):
            return advance(x.float(), source, FreeverbState(lengths), feedback, damping).to(x.dtype)
        return advance(x, source, FreeverbState(lengths), feedback, damping)
    return _convolved(x, impulse_response(x.shape[-1], lengths, feedback, damping), source)
