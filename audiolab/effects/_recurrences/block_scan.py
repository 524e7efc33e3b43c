"""A second-order recurrence as matrix products, for devices where a loop over samples is slow.

The signal is cut into blocks of `_BLOCK` samples. Inside a block the output is its input times a
triangular Toeplitz matrix of the impulse response of 1/A. Between blocks only two numbers travel,
the last output and its difference; their recurrence ``s[k+1] = D^block s[k] + u[k]`` is solved in
log-depth with the squares of its matrix. Every step is an operation of torch with gradients of any
order. Everything is computed in float64.

Reference: G. E. Blelloch, "Prefix sums and their applications", CMU-CS-90-190, 1990.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad

__all__ = ["scan_second_order"]

_BLOCK = 64


def scan_second_order(
    x: torch.Tensor, coefficients: torch.Tensor, state: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Filter ``(rows, time)`` by ``(rows, 5)``; the operator ``audiolab::second_order``."""
    time = x.shape[-1]
    b = coefficients[:, :3]
    # The numerator, two samples longer than the input: what is left over is the state.
    late = pad(x.double(), (2, 2))
    v = sum(
        (b[:, k : k + 1] * late[:, 2 - k : 2 - k + time + 2] for k in range(3)),
        torch.zeros_like(late[:, 2:]),
    )
    v = v + pad(state, (0, time))
    y = _all_pole(v[:, :time], coefficients[:, 3:])
    last = pad(y, (2, 0))[:, time : time + 2]
    a1, a2 = coefficients[:, 3], coefficients[:, 4]
    final = torch.stack(
        [v[:, time] - a1 * last[:, 1] - a2 * last[:, 0], v[:, time + 1] - a2 * last[:, 1]], dim=-1
    )
    return y.to(x.dtype), final


def _all_pole(v: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    rows, time = v.shape
    if time == 0:
        return v
    blocks = -(-time // _BLOCK)
    v = pad(v, (0, blocks * _BLOCK - time)).reshape(rows, blocks, _BLOCK)
    sign, powers = _step_powers(a)
    # A click adds to the output and to its difference alike.
    impulse = powers[:, :_BLOCK, 0].sum(-1)
    index = torch.arange(_BLOCK, device=v.device)
    lag = index[:, None] - index
    toeplitz = torch.where(lag >= 0, impulse[:, lag.clamp_min(0)], 0.0)
    alone = v @ toeplitz.transpose(1, 2)
    if blocks > 1:
        last = alone[:, :-1, -1]
        difference = last - sign * alone[:, :-1, -2]
        carried = _carry(torch.stack([last, difference], dim=-1), powers[:, _BLOCK])
        before = pad(carried, (0, 0, 1, 0))
        alone = alone + before @ powers[:, 1:, 0].transpose(1, 2)
    return alone.reshape(rows, -1)[:, :time]


def _step_powers(a: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sign of the poles' side, and ``D^0 ... D^block``, ``(rows, block + 1, 2, 2)``.

    D maps the output and its difference to the next ones. With the last two outputs for a state
    instead, low cutoffs would cancel nearly all digits: an output at 1 Hz moves by a ten
    thousandth a sample. Near the Nyquist frequency, the difference is one of alternating signs.
    """
    a1, a2 = a[:, 0], a[:, 1]
    sign = torch.where(a1.detach() > 0, -1.0, 1.0).to(a.dtype)
    # 1 + a1 + a2 without rounding: both brackets are exact where they are small.
    at_dc = (sign * a1 + 2.0) + (a2 - 1.0)
    to_output, to_difference = sign * (1.0 - at_dc), sign * a2
    step = torch.stack([to_output, to_difference, -sign * at_dc, to_difference], dim=-1)
    powers = step.reshape(-1, 1, 2, 2)
    while powers.shape[1] < _BLOCK:
        powers = torch.cat([powers, powers @ powers[:, -1:]], dim=1)
    identity = torch.eye(2, dtype=a.dtype, device=a.device).expand(len(a), 1, 2, 2)
    return sign[:, None], torch.cat([identity, powers], dim=1)


def _carry(u: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Solve ``s[k] = step s[k-1] + u[k]`` for ``u`` of shape ``(rows, blocks, 2)``."""
    distance = 1
    while distance < u.shape[1]:
        moved = u[:, :-distance] @ step.transpose(1, 2)
        u = torch.cat([u[:, :distance], u[:, distance:] + moved], dim=1)
        step = step @ step
        distance *= 2
    return u
