"""Flanger and phaser: delay lines of a few milliseconds with feedback, whose delay swings.

Both are linear in the samples, with state in float64. The notches that a short delay cuts into the
spectrum sweep up and down; feedback makes them sharper.

Reference: manual page sox(1), ``flanger`` and ``phaser``, and measurements of the program;
S. Disch and U. Zölzer, "Modulation and delay line based digital audio effects", Proc. DAFx, 1999.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from audiolab._validation import check_choice, check_waveform
from audiolab.effects._recurrences.modulated_delay import TapTable, feed_back_line, read_line
from audiolab.effects.modulation._rates import Rows, plain_number
from audiolab.effects.modulation._waves import (
    SHAPES,
    TABLES,
    Interpolation,
    Shape,
    interpolated,
    sox_table,
    wave,
    whole_delays,
)

__all__ = ["FlangerTable", "flanger", "flanger_with_past", "phaser", "phaser_with_past"]

Table = Literal["smooth", "sox"]
_INTERPOLATIONS = ("linear", "quadratic")


def flanger(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    delay_s: float | torch.Tensor = 0.0,
    depth_s: float | torch.Tensor = 0.002,
    regen: float | torch.Tensor = 0.0,
    width: float | torch.Tensor = 0.71,
    speed_hz: float | torch.Tensor = 0.5,
    shape: Shape = "sine",
    phase: float = 0.25,
    interpolation: Interpolation = "linear",
    table: Table = "smooth",
) -> torch.Tensor:
    r"""Mix in a copy whose short delay sweeps up and down.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    delay_s : float or Tensor, default: 0.0
        Least delay in seconds; SoX takes 0 to 0.03.
    depth_s : float or Tensor, default: 0.002
        How much longer the delay gets, in seconds; SoX takes 0 to 0.01.
    regen : float or Tensor, default: 0.0
        Feedback from the delayed signal into the line, -0.95 to 0.95.
    width : float or Tensor, default: 0.71
        Level of the delayed signal relative to the input, 0 to 1.
    speed_hz : float or Tensor, default: 0.5
        Sweeps a second; SoX takes 0.1 to 10.
    shape : {"sine", "triangle"}
        How the delay sweeps; it starts at its least.
    phase : float, default: 0.25
        By how many periods the sweep of each channel is ahead of the channel before, 0 to 1.
    interpolation : {"linear", "quadratic"}
        Through how many neighbours a fractional delay is read: two or three.
    table : {"smooth", "sox"}
        ``"smooth"`` follows the wave as a function of time. ``"sox"`` is the program: ends of the
        sweep and its period are whole samples, from a table in single precision. Delay, depth and
        speed are numbers then.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A value is out of its range.
    TypeError
        A tensor where ``table="sox"`` needs a number.

    Notes
    -----
    :math:`u_n = x_n + r\,v_{n-1}`, :math:`v_n` = the line :math:`u` at delay :math:`d(n)`, and
    :math:`y = x/(1+w) + v\,(1-|r|)\,w/(1+w)`. Parameters may be tensors with a value an item;
    gradients reach samples, `regen`, `width` and, through the interpolation, `delay_s`, `depth_s`
    and `speed_hz`. The last three see a kink where the delay passes a whole sample.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import flanger
    >>> flanger(torch.randn(2, 16_000), 16_000, regen=0.5, depth_s=0.004).shape
    torch.Size([2, 16000])
    """
    check_waveform(waveform)
    for value, name, choices in (
        (shape, "shape", SHAPES),
        (interpolation, "interpolation", _INTERPOLATIONS),
        (table, "table", TABLES),
    ):
        check_choice(value, name, choices)
    if not 0.0 <= phase <= 1.0:
        raise ValueError(f"phase must be between 0 and 1 periods, got {phase}")
    rows = Rows(waveform)
    feedback = rows.parameter(regen, "regen", -0.95, 0.95)
    mix = rows.parameter(width, "width", 0.0, 1.0)
    delay = rows.parameter(delay_s, "delay_s", 0.0, math.inf, "s")
    depth = rows.parameter(depth_s, "depth_s", 0.0, math.inf, "s")
    speed = rows.parameter(speed_hz, "speed_hz", 0.0, math.inf, "Hz")
    channels = waveform.shape[-2] if waveform.ndim > 1 else 1

    time = waveform.shape[-1]
    if table == "sox":
        swept = FlangerTable.of_sox(
            *(
                plain_number(value, name)
                for value, name in (
                    (delay_s, "delay_s"),
                    (depth_s, "depth_s"),
                    (speed_hz, "speed_hz"),
                )
            ),
            sample_rate=sample_rate,
            shape=shape,
            phase=phase,
            channels=channels,
            interpolation=interpolation,
        )
    else:
        # From one sample before the first: feedback is one sample late.
        clock = torch.arange(-1, time, dtype=torch.float64, device=waveform.device)
        ahead = phase * torch.arange(channels, dtype=torch.float64, device=waveform.device) - 0.25
        count = max(len(each) for each in (delay, depth, speed))
        if count == 1:
            turns = speed[:, None] / sample_rate * clock + ahead[:, None]
        else:
            turns = rows.each(speed)[:, None] / sample_rate * clock
            turns = turns + ahead.repeat(rows.count // channels)[:, None]
            delay, depth = rows.each(delay), rows.each(depth)
        delays = sample_rate * (delay[:, None] + depth[:, None] * wave(turns, shape))
        swept = FlangerTable(delays, interpolation)
    out, _ = flanger_with_past(rows, swept, rows.each(feedback), rows.each(mix), None, 0)
    return rows.restored(out)


@dataclass(frozen=True)
class FlangerTable:
    """Delays in samples of a flanger's rows.

    Parameters
    ----------
    delays : Tensor
        ``(tables, period)`` with one table, one a channel or one a row. Entry 0 belongs to the
        sample before the first.
    interpolation : {"linear", "quadratic"}
        How fractions are read.
    """

    delays: torch.Tensor
    interpolation: Interpolation

    @classmethod
    def of_sox(
        cls,
        delay_s: float,
        depth_s: float,
        speed_hz: float,
        *,
        sample_rate: float,
        shape: Shape,
        phase: float,
        channels: int,
        interpolation: Interpolation,
    ) -> FlangerTable:
        """Return the table of the program: its ends and its period are whole samples."""
        low = math.floor(delay_s * sample_rate + 0.5)
        high = int((delay_s + depth_s) * sample_rate + 0.5)
        period = int(sample_rate / speed_hz)
        table = sox_table(shape, period, low, high, 0.75).float().double()
        starts = [int(channel * period * phase + 0.5) - 1 for channel in range(channels)]
        return cls(torch.stack([table.roll(-start) for start in starts]), interpolation)

    @property
    def reach(self) -> int:
        """How far back the line is read, in samples."""
        longest = int(self.delays.detach().max()) if self.delays.numel() else 0
        return longest + (3 if self.interpolation == "quadratic" else 2)


def flanger_with_past(
    rows: Rows,
    swept: FlangerTable,
    regen: torch.Tensor,
    width: torch.Tensor,
    past: torch.Tensor | None,
    place: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a stretch of a stream: rows and the line's past in; rows and the whole line out."""
    dtype, device = rows.samples.dtype, rows.samples.device
    delays = swept.delays.to(device)
    row_of = rows.table_rows(len(delays))
    period = delays.shape[-1]
    before = interpolated(delays, row_of, swept.interpolation, place % period)
    now = TapTable(before.delays, before.weights, row_of, (place + 1) % period)
    if past is None:
        past = rows.samples.new_zeros(rows.count, 0, dtype=torch.float64)
    if not regen.requires_grad and not bool(regen.any()):
        line = torch.cat([past.to(dtype), rows.samples], dim=-1)
    else:
        late = TapTable(before.delays + 1, before.weights, row_of, before.phase)
        entered, line = feed_back_line(rows.samples, regen, late, past)
        line = line if past.shape[-1] else entered
    dry = 1.0 / (1.0 + width)
    wet = width * dry * (1.0 - regen.abs())
    delayed = read_line(line, wet, now, past.shape[-1])
    return rows.samples * dry[:, None].to(dtype) + delayed.to(dtype), line


def phaser(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    gain_in: float | torch.Tensor = 0.4,
    gain_out: float | torch.Tensor = 0.74,
    delay_s: float | torch.Tensor = 0.003,
    decay: float | torch.Tensor = 0.4,
    speed_hz: float | torch.Tensor = 0.5,
    shape: Shape = "sine",
    table: Table = "smooth",
) -> torch.Tensor:
    r"""Feed the output back through a delay that sweeps between one sample and a few milliseconds.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    gain_in, gain_out : float or Tensor, default: 0.4 and 0.74
        Level of the input into the line, 0 to 1, and of the output.
    delay_s : float or Tensor, default: 0.003
        Longest delay in seconds, at least one sample; SoX takes up to 0.005.
    decay : float or Tensor, default: 0.4
        Feedback, 0 to 0.99; usually 0.1 to 0.5.
    speed_hz : float or Tensor, default: 0.5
        Sweeps a second; SoX takes 0.1 to 2.
    shape : {"sine", "triangle"}
        How the delay sweeps: the sine for many instruments, the triangle for one. It starts at
        one sample.
    table : {"smooth", "sox"}
        ``"smooth"`` interpolates between samples. ``"sox"`` is the program: delays, and the
        period of their table, are whole samples. Delay and speed are numbers then.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A value is out of its range.
    TypeError
        A tensor where ``table="sox"`` needs a number.

    Notes
    -----
    :math:`v_n = g_{in} x_n + r\,v(n - d(n))`, :math:`y = g_{out} v`. Parameters may be tensors
    with a value an item; gradients reach samples, gains, decay and, with ``table="smooth"``,
    `delay_s` and `speed_hz` through the interpolation.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import phaser
    >>> phaser(torch.randn(2, 16_000), 16_000, decay=torch.tensor([0.2, 0.5])).shape
    torch.Size([2, 16000])
    """
    check_waveform(waveform)
    check_choice(shape, "shape", SHAPES)
    check_choice(table, "table", TABLES)
    rows = Rows(waveform)
    enter = rows.parameter(gain_in, "gain_in", 0.0, 1.0)
    leave = rows.parameter(gain_out, "gain_out", 0.0, math.inf)
    feedback = rows.each(rows.parameter(decay, "decay", 0.0, 0.99))
    delay = rows.parameter(delay_s, "delay_s", 0.0, math.inf, "s")
    speed = rows.parameter(speed_hz, "speed_hz", 0.0, math.inf, "Hz")
    if bool((delay.detach() * sample_rate < 0.5).any()):
        raise ValueError(f"delay_s must be at least a sample, 1/{sample_rate:g} s, got {delay_s}")
    if table == "sox":
        longest = int(plain_number(delay_s, "delay_s") * sample_rate + 0.5)
        taps = phaser_table(longest, plain_number(speed_hz, "speed_hz"), sample_rate, shape, rows)
    else:
        clock = torch.arange(waveform.shape[-1], dtype=torch.float64, device=waveform.device)
        # At its crest the wave stands for the shortest delay: it starts there.
        height = 1.0 - wave(speed[:, None] / sample_rate * clock + 0.25, shape)
        span = (delay[:, None] * sample_rate - 1.0).clamp_min(0.0)
        swept = 1.0 + span * height
        taps = interpolated(swept, rows.table_rows(len(swept)))
    factor = rows.each(enter * leave)
    out, _ = phaser_with_past(rows, taps, feedback, factor, None)
    return rows.restored(out)


def phaser_table(
    longest: int, speed_hz: float, sample_rate: float, shape: Shape, rows: Rows, place: int = 0
) -> TapTable:
    """Return the whole delays of the program, from `longest` samples down to 1."""
    period = int(sample_rate / speed_hz + 0.5)
    device = rows.samples.device
    delays = (1 + longest - whole_delays(shape, period, 1, longest, 0.25)).to(device)
    weights = torch.ones(1, 1, 1, dtype=torch.float64, device=device)
    return TapTable(delays[None, :, None], weights, rows.table_rows(1), place % period)


def phaser_with_past(
    rows: Rows,
    taps: TapTable,
    decay: torch.Tensor,
    factor: torch.Tensor,
    past: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a stretch of a stream; the line carries the input itself, the gains come last."""
    fed, line = feed_back_line(rows.samples, decay, taps, past)
    return fed * factor[:, None].to(fed.dtype), line
