"""What SoX's words for filters share: units of width, one biquad, one impulse response."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch

from audiolab._convolution import StreamedConvolution, convolve
from audiolab.effects._recurrences import iir
from audiolab.effects._signal import Signal
from audiolab.effects.filters import design
from audiolab.effects.filters._run import run_biquad
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage
from audiolab.effects.sox.grammar import Width, parse_frequency, parse_width

__all__ = [
    "FREQUENCY",
    "GAIN",
    "WIDTH",
    "BiquadStage",
    "FiniteFilter",
    "SecondOrder",
    "read_frequency",
    "read_poles",
    "read_width",
    "width_keyword",
]

_KEYWORDS = {"h": "bandwidth_hz", "o": "bandwidth_octaves", "q": "q", "s": "slope"}
FREQUENCY = Parameter("frequency", "centre or cutoff, in Hz or kHz", range="above 0, to rate/2")
WIDTH = Parameter("width", "h Hz, k kHz, o octaves, q Q factor", range="above 0")
GAIN = Parameter("gain", "in dB; -20 to 20 is useful")


def width_keyword(width: Width | None) -> dict[str, float]:
    """Return a width as the keyword argument of a design; nothing for None."""
    return {} if width is None else {_KEYWORDS[width.unit]: width.value}


def read_frequency(arguments: Arguments, name: str = "frequency") -> float:
    """Read a frequency above zero."""

    def positive(word: str) -> float:
        value = parse_frequency(word)
        if value <= 0:
            raise ValueError(f"{word} is not above 0")
        return value

    return arguments.read(name, positive)


def read_poles(arguments: Arguments) -> int | None:
    """Read ``-1`` or ``-2``; None where neither stands."""
    orders = list(arguments.options("12"))
    if len(orders) > 1:
        raise arguments.error(f"{arguments.words[0]} takes -1 or -2, not both", 1)
    return int(orders[0]) if orders else None


def read_width(arguments: Arguments, units: str) -> Width:
    """Read a width, the first unit being meant where no letter is given."""
    return arguments.read("width", lambda word: parse_width(word, units))


class BiquadStage(Stage):
    """A filter of second order on a stream: two numbers a channel pass from block to block."""

    def __init__(self, form: Form, biquad: design.Biquad) -> None:
        self.form, self._biquad = form, biquad
        self._state: torch.Tensor | None = None

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Filter a block."""
        y, self._state = iir(block, self._biquad.b, self._biquad.a[..., 1:], self._state)
        return y


@dataclass(frozen=True)
class SecondOrder(Effect):
    """An effect that is one biquad."""

    family: ClassVar[str] = "filters"
    ragged: ClassVar[bool] = True

    @abstractmethod
    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter at a rate."""

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Filter."""
        del context
        biquad = self.design(signal.sample_rate)
        return signal.with_waveform(run_biquad(signal.waveform, biquad))

    def stage(self, form: Form, context: Context) -> Stage:
        """Filter block by block."""
        del context
        return BiquadStage(form, self.design(form.sample_rate))


class _ConvolutionStage(Stage):
    """A convolution on a stream, its delay taken away."""

    def __init__(self, form: Form, taps: torch.Tensor, start: int) -> None:
        self.form, self._convolution = form, StreamedConvolution(taps, start)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Convolve a block."""
        return self._convolution.push(block)

    def finish(self) -> torch.Tensor | None:
        """Return what the delay held back."""
        return self._convolution.finish()


@dataclass(frozen=True)
class FiniteFilter(Effect):
    """An effect that is one impulse response."""

    family: ClassVar[str] = "filters"
    ragged: ClassVar[bool] = True

    @abstractmethod
    def response(self, sample_rate: float) -> tuple[torch.Tensor, int]:
        """Return the taps at a rate, and which of them is time zero."""

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Convolve."""
        del context
        taps, start = self.response(signal.sample_rate)
        return signal.with_waveform(convolve(signal.waveform, taps, start=start))

    def stage(self, form: Form, context: Context) -> Stage:
        """Convolve block by block."""
        del context
        return _ConvolutionStage(form, *self.response(form.sample_rate))
