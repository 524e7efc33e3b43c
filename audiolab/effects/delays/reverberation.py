r"""Reverberation by Freeverb, with SoX's rules for channels.

The dry signal plus :math:`0.015 \cdot 10^{w/20}` times the network of ``_freeverb.py``, where w is
the wet gain. Reverberance r (percent) sets the combs' feedback, damping h the loop's low-pass:

.. math::

    g = 1 - e^{(r - b) / (a b)}, \quad a = -1 / \ln 0.7, \quad b = 100 / (1 + a \ln 0.02),
    \qquad d = 0.2 + 0.3\,h / 100

so that g runs from 0.3 to 0.98. Reference: the manual page sox(1); Freeverb, 2000.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from audiolab._validation import check_positive, check_range, check_waveform
from audiolab.effects._parameters import per_item
from audiolab.effects.delays._freeverb import FreeverbState, Mix, advance, delay_lengths, run

__all__ = ["ReverbStream", "reverb", "reverb_impulse_response"]

_A = -1 / math.log(1 - 0.3)
_B = 100 / (math.log(1 - 0.98) * _A + 1)
_WET = 0.015


def reverb(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    reverberance: float | torch.Tensor = 50.0,
    hf_damping: float | torch.Tensor = 50.0,
    room_scale: float | torch.Tensor = 100.0,
    stereo_depth: float = 100.0,
    pre_delay_s: float = 0.0,
    wet_gain_db: float | torch.Tensor = 0.0,
    wet_only: bool = False,
) -> torch.Tensor:
    """Add reverberation: Freeverb, as SoX's ``reverb``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``. The length is kept: pad the end first to hear the
        decay.
    sample_rate : float
        Rate in Hz.
    reverberance : float or Tensor, default: 50.0
        How long it rings, 0 to 100 percent. At 16 kHz the decay to -60 dB takes 0.24, 0.5, 1.6
        and 4.7 s for 0, 20, 50 and 80.
    hf_damping : float or Tensor, default: 50.0
        How much sooner high frequencies die, 0 to 100 percent.
    room_scale : float or Tensor, default: 100.0
        Size of the room, 0 to 100 percent. It sets whole-sample delays, so no gradient reaches it.
    stereo_depth : float, default: 100.0
        How much the two sides differ, 0 to 100 percent. No gradient.
    pre_delay_s : float, default: 0.0
        Delay of the reverberation in seconds, 0 to 0.5, rounded to a sample. No gradient.
    wet_gain_db : float or Tensor, default: 0.0
        Level of the reverberation in dB, -10 to 10.
    wet_only : bool, default: False
        Leave the dry signal out.

    Returns
    -------
    Tensor
        Shape ``(..., channels, time)``. One channel becomes two unless `stereo_depth` is 0. Of two
        channels, each side hears half of the reverberation of both. More channels are treated
        one by one, without depth.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        `waveform` has no channel dimension, or a parameter is out of its range.

    See Also
    --------
    reverb_impulse_response : What a click becomes.

    Notes
    -----
    Tensors hold a value an item (``(batch,)``) or a value an item and channel. Gradients reach the
    waveform, `reverberance`, `hf_damping` and `wet_gain_db`.

    The delay lines hold double precision. On a CPU they run as loops, elsewhere as a convolution.

    Examples
    --------
    >>> waveform = torch.randn(4, 1, 16_000)
    >>> reverb(waveform, 16_000, reverberance=torch.tensor([20.0, 40.0, 60.0, 80.0])).shape
    torch.Size([4, 2, 16000])
    """
    check_waveform(waveform, min_dim=2)
    check_positive(sample_rate, "sample_rate", unit="Hz")
    check_range(stereo_depth, "stereo_depth", 0, 100, unit="%")
    check_range(pre_delay_s, "pre_delay_s", 0, 0.5, unit="s")
    plan = _Plan(waveform, sample_rate, reverberance, hf_damping, room_scale, stereo_depth)
    gain = _decibels(wet_gain_db, waveform)
    skip = min(int(pre_delay_s * sample_rate + 0.5), waveform.shape[-1])
    rows = waveform.reshape(math.prod(waveform.shape[:-1]), waveform.shape[-1])
    mix = plan.mix(gain, dry=not (wet_only or skip))
    y = run(rows, plan.source, plan.lengths, plan.feedback, plan.damping, mix=mix)
    y = plan.shaped(y)
    if skip:
        y = torch.nn.functional.pad(y[..., : y.shape[-1] - skip], (skip, 0))
        return y if wet_only else waveform + y
    return y


def reverb_impulse_response(
    duration_s: float,
    sample_rate: float,
    *,
    reverberance: float = 50.0,
    hf_damping: float = 50.0,
    room_scale: float = 100.0,
    stereo_depth: float = 100.0,
    wet_gain_db: float = 0.0,
) -> torch.Tensor:
    """Return what `reverb` makes of a click: the wet part only.

    Convolving one channel with it is `reverb` with ``wet_only=True``.

    Parameters
    ----------
    duration_s : float
        How much of the decay, in seconds.
    sample_rate : float
        Rate in Hz.
    reverberance, hf_damping, room_scale, stereo_depth, wet_gain_db : float
        As for `reverb`.

    Returns
    -------
    Tensor
        Shape ``(2, time)``, or ``(1, time)`` where `stereo_depth` is 0; float64.

    Raises
    ------
    ValueError
        A parameter is out of its range.

    Examples
    --------
    >>> response = reverb_impulse_response(1.0, 16_000)
    >>> response.shape, int(response[0].abs().gt(0).nonzero()[0]) / 16_000
    (torch.Size([2, 16000]), 0.0253125)
    """
    check_positive(duration_s, "duration_s", unit="s")
    check_positive(sample_rate, "sample_rate", unit="Hz")
    click = torch.zeros(1, max(1, round(duration_s * sample_rate)), dtype=torch.float64)
    click[0, 0] = 1.0
    return reverb(
        click,
        sample_rate,
        reverberance=reverberance,
        hf_damping=hf_damping,
        room_scale=room_scale,
        stereo_depth=stereo_depth,
        wet_gain_db=wet_gain_db,
        wet_only=True,
    )


class ReverbStream:
    """The same, block by block, on a CPU and without gradient.

    Parameters
    ----------
    like : Tensor
        A block ``(..., channels, time)``: its channels and leading dimensions are the stream's.
    sample_rate : float
        Rate in Hz.
    reverberance, hf_damping, room_scale, stereo_depth, pre_delay_s, wet_gain_db, wet_only : float
        As for `reverb`.
    """

    def __init__(
        self,
        like: torch.Tensor,
        sample_rate: float,
        *,
        reverberance: float = 50.0,
        hf_damping: float = 50.0,
        room_scale: float = 100.0,
        stereo_depth: float = 100.0,
        pre_delay_s: float = 0.0,
        wet_gain_db: float = 0.0,
        wet_only: bool = False,
    ) -> None:
        self._plan = _Plan(like, sample_rate, reverberance, hf_damping, room_scale, stereo_depth)
        self._state = FreeverbState(self._plan.lengths)
        skip = int(pre_delay_s * sample_rate + 0.5)
        gain = _decibels(wet_gain_db, like)
        self._mix = self._plan.mix(gain, dry=not (wet_only or skip))
        channels = like.shape[-2] * (self._plan.sides if like.shape[-2] == 1 else 1)
        self._held = like.new_zeros(*like.shape[:-2], channels, skip)
        self._wet_only = wet_only

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Return as many samples as `block` has."""
        plan = self._plan
        rows = block.reshape(math.prod(block.shape[:-1]), block.shape[-1])
        y = advance(rows, plan.source, self._state, plan.feedback, plan.damping, self._mix)
        y = plan.shaped(y)
        if self._held.shape[-1]:
            line = torch.cat([self._held, y], dim=-1)
            y, self._held = line[..., : y.shape[-1]], line[..., y.shape[-1] :].clone()
            return y if self._wet_only else block + y
        return y


class _Plan:
    """Which networks run on which rows, and where their outputs go."""

    def __init__(
        self,
        waveform: torch.Tensor,
        sample_rate: float,
        reverberance: float | torch.Tensor,
        hf_damping: float | torch.Tensor,
        room_scale: float | torch.Tensor,
        stereo_depth: float,
    ) -> None:
        self.leading = waveform.shape[:-2]
        self.channels = waveform.shape[-2]
        depth = stereo_depth / 100 if self.channels in (1, 2) else 0.0
        self.sides = 2 if depth > 0 else 1
        num_rows = math.prod(waveform.shape[:-1])
        self.source = [row for row in range(num_rows) for _ in range(self.sides)]

        def per_network(value: float | torch.Tensor, name: str) -> torch.Tensor:
            tensor = _percent(value, waveform, name).expand(waveform.shape[:-1]).reshape(-1)
            return tensor.repeat_interleave(self.sides)

        self.feedback = 1 - torch.exp((per_network(reverberance, "reverberance") - _B) / (_A * _B))
        self.damping = 0.2 + 0.3 * per_network(hf_damping, "hf_damping") / 100
        rooms = per_network(room_scale, "room_scale").detach().tolist()
        self.lengths = np.array(
            [
                delay_lengths(sample_rate, room, depth * (network % self.sides))
                for network, room in enumerate(rooms)
            ],
            dtype=np.int64,
        ).reshape(-1, 12)

    def mix(self, gain: torch.Tensor, *, dry: bool) -> Mix:
        """Say how the networks' outputs become channels, with the dry signal or without."""
        inputs = self.channels if self.sides == 2 else 1
        gain = (_WET / inputs * gain).expand(*self.leading, self.channels).reshape(-1)
        direct = torch.zeros(inputs, self.sides, dtype=gain.dtype, device=gain.device)
        if dry and inputs == 2:
            direct.fill_diagonal_(1.0)
        elif dry:
            direct.fill_(1.0)
        items = len(self.source) // direct.numel()
        return Mix(
            gain.repeat_interleave(self.sides),
            direct.reshape(-1).repeat(items),
            direct.numel(),
            self.sides,
        )

    def shaped(self, rows: torch.Tensor) -> torch.Tensor:
        """Give the channels ``(..., channels, time)`` their leading dimensions back."""
        channels = self.sides if self.channels == 1 else self.channels
        return rows.reshape(*self.leading, channels, rows.shape[-1])


def _percent(value: float | torch.Tensor, waveform: torch.Tensor, name: str) -> torch.Tensor:
    return _within(per_item(value, waveform, name), name, 0.0, 100.0, "%")


def _decibels(value: float | torch.Tensor, waveform: torch.Tensor) -> torch.Tensor:
    decibels = _within(per_item(value, waveform, "wet_gain_db"), "wet_gain_db", -10.0, 10.0, "dB")
    return torch.pow(10.0, decibels / 20)


def _within(tensor: torch.Tensor, name: str, low: float, high: float, unit: str) -> torch.Tensor:
    values = tensor.detach()
    if values.numel() and not bool(((values >= low) & (values <= high)).all()):
        worst = values[~((values >= low) & (values <= high))].flatten()[0]
        raise ValueError(f"{name} must be between {low:g} and {high:g} {unit}, got {worst:g}")
    return tensor
