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
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import torch
from torch.autograd.function import once_differentiable

from audiolab._convolution import fast_length
from audiolab._rows import run_rows

__all__ = ["FreeverbState", "Mix", "advance", "delay_lengths", "impulse_response", "run"]

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
def _networks(
    x: Any,
    y: Any,
    source: Any,
    feedback: Any,
    damping: Any,
    gain: Any,
    dry: Any,
    lengths: Any,
    positions: Any,
    lines: Any,
    stores: Any,
) -> None:
    """Run network n of group q on row ``source[q, n]`` of x into ``y[q, n % y.shape[1]]``.

    The combs' lines hold samples times 1 - d: that saves a product a comb and sample.
    """
    num_samples = x.shape[1]
    starts = np.empty(12, np.int64)
    at = np.empty(12, np.int64)
    total = np.empty(lengths.max() if lengths.size else 1, np.float64)
    for q, n in np.ndindex(source.shape):
        row = x[source[q, n]]
        out = y[q, n % y.shape[1]]
        adds = n >= y.shape[1]
        line = lines[q, n]
        length, position, store = lengths[q, n], positions[q, n], stores[q, n]
        d = damping[q, n]
        e = 1.0 - d
        g = e * feedback[q, n]
        wet, direct = gain[q, n], dry[q, n]
        start = 0
        for i in range(12):
            starts[i] = start
            start += length[i]
        s0, s1, s2, s3 = store[0], store[1], store[2], store[3]
        s4, s5, s6, s7 = store[4], store[5], store[6], store[7]
        done = 0
        while done < num_samples:
            size = num_samples - done
            for i in range(12):  # as far as no line wraps
                size = min(size, length[i] - position[i])
                at[i] = starts[i] + position[i]
            l0, l1 = line[at[0] : at[0] + size], line[at[1] : at[1] + size]
            l2, l3 = line[at[2] : at[2] + size], line[at[3] : at[3] + size]
            l4, l5 = line[at[4] : at[4] + size], line[at[5] : at[5] + size]
            l6, l7 = line[at[6] : at[6] + size], line[at[7] : at[7] + size]
            now = row[done : done + size]
            for t in range(size):
                v = e * np.float64(now[t])
                o0, o1, o2, o3 = l0[t], l1[t], l2[t], l3[t]
                o4, o5, o6, o7 = l4[t], l5[t], l6[t], l7[t]
                s0 = o0 + d * s0
                s1 = o1 + d * s1
                s2 = o2 + d * s2
                s3 = o3 + d * s3
                s4 = o4 + d * s4
                s5 = o5 + d * s5
                s6 = o6 + d * s6
                s7 = o7 + d * s7
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
            into_mix = out[done : done + size]
            level = wet / e
            if adds:
                for t in range(size):
                    into_mix[t] += level * total[t] + direct * now[t]
            else:
                for t in range(size):
                    into_mix[t] = level * total[t] + direct * now[t]
            for i in range(12):
                position[i] += size
                if position[i] == length[i]:
                    position[i] = 0
            done += size
        store[0], store[1], store[2], store[3] = s0, s1, s2, s3
        store[4], store[5], store[6], store[7] = s4, s5, s6, s7


@dataclass(frozen=True)
class Mix:
    """How the outputs of networks become channels.

    Parameters
    ----------
    gain : Tensor
        Of each network, ``(networks,)`` float64.
    dry : Tensor
        How much of its input is added to each network's output, ``(networks,)`` float64.
    group : int
        How many networks one item has, in the order (inputs, channels).
    channels : int
        How many channels they are added up to.
    """

    gain: torch.Tensor
    dry: torch.Tensor
    group: int
    channels: int


def run(
    x: torch.Tensor,
    source: list[int],
    lengths: np.ndarray[Any, Any],
    feedback: torch.Tensor,
    damping: torch.Tensor,
    *,
    mix: Mix | None = None,
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
    mix : Mix or None, default: None
        What becomes of the outputs. None leaves them as they are.
    convolve : bool, default: False
        Take the impulse response on a CPU too.

    Returns
    -------
    Tensor
        Outputs, ``(networks, time)``, or with `mix` ``(networks / group * channels, time)``.
    """
    mix = mix or _unmixed(feedback)
    y: torch.Tensor = _Network.apply(x, feedback, damping, mix.gain, mix, source, lengths, convolve)
    return y


def advance(
    x: torch.Tensor,
    source: list[int],
    state: FreeverbState,
    feedback: torch.Tensor,
    damping: torch.Tensor,
    mix: Mix,
) -> torch.Tensor:
    """Run networks on the next block of their rows; on the CPU, without gradient."""
    groups = len(source) // mix.group
    y = torch.empty(groups, mix.channels, x.shape[-1], dtype=x.dtype)
    rows = x.detach().cpu().contiguous().numpy()

    def networks(*arrays: Any) -> None:
        _networks(rows, *arrays)

    def grouped(values: Any) -> np.ndarray[Any, Any]:
        if isinstance(values, torch.Tensor):
            values = values.detach().cpu().contiguous().numpy()
        array = np.asarray(values)
        return array.reshape(groups, mix.group, *array.shape[1:])

    run_rows(
        networks,
        4 * len(source) * x.shape[-1],
        y.numpy(),
        grouped(np.asarray(source, dtype=np.int64)),
        *map(grouped, (feedback, damping, mix.gain, mix.dry)),
        *map(grouped, (state.lengths, state.positions, state.lines, state.stores)),
    )
    return y.flatten(0, 1).to(x.device)


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
    """The networks, their adjoint, and the gradient to feedback, damping and gain."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        feedback: torch.Tensor,
        damping: torch.Tensor,
        gain: torch.Tensor,
        mix: Mix,
        source: list[int],
        lengths: np.ndarray[Any, Any],
        convolve: bool,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, feedback, damping, gain)
        ctx.options = mix, source, lengths, convolve
        return _run(x, source, lengths, feedback, damping, mix, convolve=convolve)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        x, feedback, damping, gain = ctx.saved_tensors
        mix, source, lengths, convolve = ctx.options
        plain = _unmixed(feedback)

        def wet(rows: torch.Tensor, heard: list[int]) -> torch.Tensor:
            return _run(rows, heard, lengths, feedback, damping, plain, convolve=convolve)

        # What each network's output is worth: the gradient of the channel it is added to.
        groups, turns = len(source) // mix.group, mix.group // mix.channels
        by_channel = grads[0].reshape(groups, 1, mix.channels, x.shape[-1])
        each = by_channel.expand(-1, turns, -1, -1).reshape(len(source), x.shape[-1])
        scaled = each * gain[:, None].to(each.dtype)
        grad_x = grad_feedback = grad_damping = grad_gain = None
        if ctx.needs_input_grad[0]:
            through = wet(scaled.flip(-1), list(range(len(source)))).flip(-1)
            through = through + each * mix.dry[:, None].to(each.dtype)
            index = torch.tensor(source, dtype=torch.int64, device=x.device)
            grad_x = torch.zeros_like(x).index_add_(0, index, through)
        if ctx.needs_input_grad[3]:
            grad_gain = (each * wet(x, source)).sum(dim=-1, dtype=gain.dtype)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            # d loss / d h[k] = sum_t grad[t] x[t - k], then through the formula of h
            num_samples = x.shape[-1]
            size = fast_length(2 * num_samples)
            there = torch.fft.rfft(scaled.double(), n=size)
            here = torch.fft.rfft(x.double(), n=size)[source]
            grad_h = torch.fft.irfft(there * here.conj(), n=size)[:, :num_samples]
            with torch.enable_grad():
                g, d = feedback.detach().requires_grad_(), damping.detach().requires_grad_()
                h = impulse_response(num_samples, lengths, g, d)
                grad_feedback, grad_damping = torch.autograd.grad(h, (g, d), grad_h)
        return grad_x, grad_feedback, grad_damping, grad_gain, None, None, None, None


def _run(
    x: torch.Tensor,
    source: list[int],
    lengths: np.ndarray[Any, Any],
    feedback: torch.Tensor,
    damping: torch.Tensor,
    mix: Mix,
    *,
    convolve: bool,
) -> torch.Tensor:
    if x.shape[-1] == 0 or not source:
        return x.new_zeros(len(source) // mix.group * mix.channels, x.shape[-1])
    if x.device.type == "cpu" and not convolve:
        wide = x if x.dtype in (torch.float32, torch.float64) else x.float()
        return advance(wide, source, FreeverbState(lengths), feedback, damping, mix).to(x.dtype)
    y = _convolved(x, impulse_response(x.shape[-1], lengths, feedback, damping), source)
    y = y * mix.gain[:, None].to(y.dtype) + x[source] * mix.dry[:, None].to(y.dtype)
    shape = -1, mix.group // mix.channels, mix.channels, x.shape[-1]
    return y.reshape(shape).sum(dim=1).flatten(0, 1)


def _unmixed(feedback: torch.Tensor) -> Mix:
    """Leave each network's output as it is."""
    one = torch.ones_like(feedback, requires_grad=False)
    return Mix(one, torch.zeros_like(one), 1, 1)
