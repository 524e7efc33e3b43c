"""Chorus: copies whose delay swings slowly, so that each seems to be another voice.

Feed-forward: ``y[n] = g_out (g_in x[n] + sum_v decay_v x[n - d_v(n)])``. Two ways to make the
delays: ``"smooth"`` interpolates between samples, swings around the delay that was asked for, and
has gradients to all its parameters; ``"sox"`` is the program to the sample, whole delays included.

Reference: manual page sox(1), ``chorus``, and measurements of the program; S. Disch and U. Zölzer,
"Modulation and delay line based digital audio effects", Proc. DAFx, 1999.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch.nn.functional import pad

from audiolab._validation import check_choice, check_waveform
from audiolab.effects._recurrences.modulated_delay import TapTable, read_line
from audiolab.effects.modulation._rates import Rows, plain_number
from audiolab.effects.modulation._waves import (
    SHAPES,
    TABLES,
    Shape,
    interpolated,
    wave,
    whole_delays,
)

__all__ = ["ChorusVoice", "WholeVoice", "chorus", "chorus_with_past", "table_of"]

Table = Literal["smooth", "sox"]


@dataclass(frozen=True)
class ChorusVoice:
    """One voice of a chorus.

    Parameters
    ----------
    delay_s : float or Tensor
        Mean delay in seconds; 0.04 to 0.06 is typical.
    decay : float or Tensor
        Level relative to the input, 0 to 1.
    speed_hz : float or Tensor
        Swings a second; around 0.25 is best.
    depth_s : float or Tensor
        How far the delay swings to either side, in seconds; around 0.002.
    shape : {"sine", "triangle"}
        How it swings.
    """

    delay_s: float | torch.Tensor = 0.05
    decay: float | torch.Tensor = 0.4
    speed_hz: float | torch.Tensor = 0.25
    depth_s: float | torch.Tensor = 0.002
    shape: Shape = "triangle"


@dataclass(frozen=True)
class WholeVoice:
    """One voice in samples, as SoX has it.

    Parameters
    ----------
    reach : int
        Longest delay: delay and depth together.
    depth : int
        Depth of the swing.
    period : int
        Length of the table.
    decay : float or Tensor
        Level, a number or ``(rows,)``.
    shape : {"sine", "triangle"}
        Wave of the table.
    """

    reach: int
    depth: int
    period: int
    decay: float | torch.Tensor
    shape: Shape


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # kept for callers that differentiate
def table_of(reach: int, depth: int, period: int, shape: Shape, longest: int) -> torch.Tensor:
    """Return one period of whole delays ``(period,)``; an entry of 0 reads the oldest sample."""
    if shape == "sine":
        # SoX's table forgets the delay: it swings between 0 and the depth.
        table = whole_delays("sine", period, 0, depth, 0.0)
    else:
        table = whole_delays("triangle", period, reach - 1 - 2 * depth, reach - 1, 0.75)
    return torch.where(table == 0, longest, table).to(torch.int32)


def chorus(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    voices: Sequence[ChorusVoice] = (ChorusVoice(),),
    gain_in: float | torch.Tensor = 0.7,
    gain_out: float | torch.Tensor = 0.9,
    table: Table = "smooth",
) -> torch.Tensor:
    """Add voices whose delays swing.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    voices : sequence of ChorusVoice
        The voices; SoX has up to seven.
    gain_in, gain_out : float or Tensor, default: 0.7 and 0.9
        Level of the input among the voices, and of the sum; a value an item if they are tensors.
    table : {"smooth", "sox"}
        ``"smooth"``: each delay is ``delay + depth w(t)`` with a wave in [-1, 1] that starts at 0
        and rises, read by linear interpolation; all parameters may be tensors, with gradients.
        ``"sox"``: whole samples from a table. Its triangle swings from ``delay - depth`` to just
        below ``delay + depth``; its sine, by a slip of the program, between 0 and the depth, with
        the longest delay in place of 0. Delay, speed and depth are numbers then.

    Returns
    -------
    Tensor
        Longer than the input by the longest delay: ``ceil(rate (delay + depth))`` samples, of all
        voices and items.

    Raises
    ------
    ValueError
        A value is out of its range, or a depth exceeds its delay.
    TypeError
        A tensor where ``table="sox"`` needs a number.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import ChorusVoice, chorus
    >>> voices = [ChorusVoice(0.05, 0.4, 0.25, 0.002), ChorusVoice(0.06, 0.3, 0.4, 0.0023)]
    >>> chorus(torch.randn(2, 16_000), 16_000, voices=voices).shape
    torch.Size([2, 16997])
    """
    check_waveform(waveform)
    check_choice(table, "table", TABLES)
    rows = Rows(waveform)
    enter = rows.parameter(gain_in, "gain_in", -math.inf, math.inf)
    leave = rows.parameter(gain_out, "gain_out", -math.inf, math.inf)
    for voice in voices:
        check_choice(voice.shape, "shape", SHAPES)
    if table == "sox":
        whole = [_whole(voice, rows, sample_rate) for voice in voices]
        longest = max((voice.reach for voice in whole), default=0)
        line = pad(rows.samples, (longest, longest))
        out = chorus_with_past(line, longest, whole, rows.each(enter), rows.each(leave), 0)
        return rows.restored(out)

    swings = [_swing(voice, rows, sample_rate) for voice in voices]
    longest = max((math.ceil(reach) for _, _, reach in swings), default=0)
    line = pad(rows.samples, (0, longest))
    total = rows.each(enter)[:, None].to(line.dtype) * line
    time = torch.arange(line.shape[-1], dtype=torch.float64, device=line.device)
    for voice, (decay, parameters, _) in zip(voices, swings, strict=True):
        delay, depth, speed = (each[:, None] for each in parameters)
        moved = (delay + depth * (2.0 * wave(speed / sample_rate * time, voice.shape) - 1.0)) * (
            sample_rate
        )
        taps = interpolated(moved.clamp_min(0.0), rows.table_rows(len(moved)))
        total = total + read_line(line, decay, taps)
    return rows.restored(total * rows.each(leave)[:, None].to(line.dtype))


def _swing(
    voice: ChorusVoice, rows: Rows, sample_rate: float
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor], float]:
    delay = rows.parameter(voice.delay_s, "delay_s", 0.0, math.inf, "s")
    depth = rows.parameter(voice.depth_s, "depth_s", 0.0, math.inf, "s")
    speed = rows.parameter(voice.speed_hz, "speed_hz", 0.0, math.inf, "Hz")
    decay = rows.parameter(voice.decay, "decay", -1.0, 1.0)
    if bool((depth.detach() > delay.detach()).any()):
        raise ValueError("depth_s must not exceed delay_s: a voice cannot come before its input")
    # Decimals of seconds are not exact in binary; a whole number of samples should stay one.
    reach = float((delay + depth).detach().max()) * sample_rate - 1e-6
    return rows.each(decay), (delay, depth, speed), reach


def _whole(voice: ChorusVoice, rows: Rows, sample_rate: float) -> WholeVoice:
    delay = plain_number(voice.delay_s, "delay_s")
    depth = plain_number(voice.depth_s, "depth_s")
    speed = plain_number(voice.speed_hz, "speed_hz")
    if not (0.0 <= depth <= delay and 0.0 < speed <= sample_rate):
        raise ValueError(
            f"a voice needs 0 <= depth_s <= delay_s and 0 < speed_hz, got {delay}, {depth}, {speed}"
        )
    decay = rows.each(rows.parameter(voice.decay, "decay", -1.0, 1.0))
    reach, swing = (int(each * sample_rate + 1e-6) for each in (delay + depth, depth))
    return WholeVoice(max(reach, 1), swing, int(sample_rate / speed), decay, voice.shape)


def chorus_with_past(
    line: torch.Tensor,
    past: int,
    voices: Sequence[WholeVoice],
    gain_in: torch.Tensor,
    gain_out: torch.Tensor,
    place: int,
    *,
    exact: bool = False,
) -> torch.Tensor:
    """Run voices of whole samples over a stretch of a stream.

    Parameters
    ----------
    line : Tensor
        Samples ``(rows, past + time)``.
    past : int
        How many of them come before the stretch: the longest delay.
    voices : sequence of WholeVoice
        The voices.
    gain_in, gain_out : Tensor
        Levels, ``(rows,)``.
    place : int
        Sample of the whole stream at which the stretch begins.
    exact : bool, default: False
        Multiply by `gain_out` last, as the program does.

    Returns
    -------
    Tensor
        ``(rows, time)``.
    """
    dtype, device = line.dtype, line.device
    row_of = torch.zeros(len(line), dtype=torch.int32, device=device)
    steady = torch.ones(1, 1, 1, dtype=torch.float64, device=device)
    # The output's level goes into all others, unless the order of roundings matters.
    before, after = (1.0, gain_out) if exact else (gain_out, None)
    total = line[:, past:] * (gain_in * before)[:, None].to(dtype)
    for voice in voices:
        table = table_of(voice.reach, voice.depth, voice.period, voice.shape, past)
        taps = TapTable(table.to(device)[None, :, None], steady, row_of, place % voice.period)
        decay = torch.as_tensor(voice.decay, dtype=torch.float64, device=device) * before
        total = total.add_(read_line(line, decay.expand(len(line)), taps, past))
    return total if after is None else total * after[:, None].to(dtype)
