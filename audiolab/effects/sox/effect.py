"""What every effect of the SoX language is: words, parameters, and a way to run on a batch.

An effect is a frozen dataclass of its parameters. It is made by ``parse``, turned back into words
by ``words``, and runs in one of two ways:

- ``apply``: the whole signal at once. What is differentiable and batched lives here.
- ``stage``: block by block, with its state carried over, for files that don't fit in memory.

A subclass of `Effect` writes ``apply`` and is streamed by collecting the whole input, unless it
writes ``stage`` as well. A subclass of `StreamedEffect` writes ``stage`` only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import torch

from audiolab.effects._signal import Signal
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context

__all__ = [
    "Effect",
    "Form",
    "Parameter",
    "Stage",
    "StreamedEffect",
    "WholeStage",
    "headroom_of",
]


@dataclass(frozen=True)
class Parameter:
    """One line of an effect's help: its name, what it means, its default and its range."""

    name: str
    meaning: str
    default: str = ""
    range: str = ""


@dataclass(frozen=True)
class Form:
    """What a stream of blocks is: its rate, its channels, and its length where that is known."""

    sample_rate: float
    num_channels: int
    num_samples: int | None = None


class Stage(ABC):
    """An effect at work on a stream of blocks.

    ``form`` describes the stage's *output*. ``done`` turns true when no further input can change
    the output, so that a chain like ``trim 0 3`` stops reading.
    """

    form: Form
    done: bool = False

    @abstractmethod
    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Take the next block ``(batch, channels, time)``; return what is determined by now."""

    def finish(self) -> torch.Tensor | None:
        """Return what comes after the last block: tails and look-ahead. None means nothing."""
        return None

    def tail(self) -> Iterator[torch.Tensor]:
        """Yield what comes after the last block, in pieces where it is long; called once."""
        last = self.finish()
        if last is not None:
            yield last


class Effect(ABC):
    """One effect with its parameters, as the SoX command line spells it."""

    name: ClassVar[str]
    #: The arguments, in SoX's notation: ``[-1|-2] frequency[k] [width[q|o|h|k]]``.
    usage: ClassVar[str] = ""
    #: What it does to the sound: a phrase in lower case, without a full stop.
    summary: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    #: A complete example, the name included: ``lowpass -1 300``.
    example: ClassVar[str]
    #: Group in listings: filters, dynamics, modulation, delay, time, channels, editing, synthesis,
    #: analysis.
    family: ClassVar[str]
    #: Items of different lengths can share one call: zeros after an item's end change nothing
    #: before its new end, ``output_length`` of the old. Where false, the chain runs item by item.
    ragged: ClassVar[bool] = False
    #: Gradients reach the input.
    differentiable: ClassVar[bool] = True
    #: What ``gain -h`` prepares for ends with this effect.
    ends_headroom: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the words after the effect's name."""

    @abstractmethod
    def words(self) -> list[str]:
        """Return the arguments as words, such that ``parse`` gives an equal effect."""

    @abstractmethod
    def apply(self, signal: Signal, context: Context) -> Signal:
        """Run on whole waveforms ``(batch, channels, time)``."""

    def output_length(self, num_samples: int, sample_rate: float) -> int:
        """Return the length that `num_samples` become, for effects that are `ragged`."""
        del sample_rate
        return num_samples

    @property
    def makes_headroom(self) -> bool:
        """Whether it attenuates, as ``gain -h`` does, by what the effects after it need."""
        return False

    def headroom(self, form: Form) -> float:
        """Return the factor by which ``gain -h`` has to attenuate before this effect, at most 1."""
        del form
        return 1.0

    def channels_of_silence(self) -> int | None:
        """Return how many channels the null input gets for this effect, where nothing says."""
        return None

    def stage(self, form: Form, context: Context) -> Stage:
        """Start a stream; by default one that waits for the end."""
        return WholeStage(self, form, context)


class StreamedEffect(Effect):
    """An effect that is written as a stream; the whole signal is then one block."""

    @abstractmethod
    def stage(self, form: Form, context: Context) -> Stage:
        """Start a stream."""

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Run the stream over one block."""
        form = Form(signal.sample_rate, signal.num_channels, signal.num_samples)
        stage = self.stage(form, context)
        parts = [stage.push(signal.waveform)]
        parts += [part for part in stage.tail() if part.shape[-1]]
        waveform = torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]
        return Signal(waveform, stage.form.sample_rate, signal.lengths)


class WholeStage(Stage):
    """Collect the stream, run the effect on all of it at the end.

    For the effects that need their last sample first (``reverse``) or measure before they act
    (``norm``). The memory that it takes grows with the stream. The output's form is asked from the
    effect itself, on a signal without samples, unless it is given.
    """

    def __init__(
        self, effect: Effect, form: Form, context: Context, *, after: Form | None = None
    ) -> None:
        self.effect, self._rate, self._context = effect, form.sample_rate, context
        self._blocks: list[torch.Tensor] = []
        self.form = effect_form(effect, form, context) if after is None else after

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Keep the block."""
        self._blocks.append(block)
        return block.new_zeros(block.shape[0], self.form.num_channels, 0)

    def finish(self) -> torch.Tensor | None:
        """Run the effect."""
        if not self._blocks:
            return None
        signal = Signal(torch.cat(self._blocks, dim=-1), self._rate)
        self._blocks.clear()
        return self.effect.apply(signal, self._context).waveform


def effect_form(effect: Effect, form: Form, context: Context) -> Form:
    """Return what an effect makes of a stream's rate and channels, tried on an empty signal."""
    empty = torch.zeros(1, form.num_channels, 0, dtype=torch.float64)
    after = effect.apply(Signal(empty, form.sample_rate), context.trial())
    return Form(after.sample_rate, after.num_channels)


def headroom_of(effects: Sequence[Effect], form: Form) -> float:
    """Return the factor that effects ask of a ``gain -h`` before them, up to the next gain."""
    factor = 1.0
    for effect in effects:
        factor *= effect.headroom(form)
        if effect.ends_headroom:
            break
    return factor


def sox_line(effects: Sequence[Effect]) -> str:
    """Return effects as one line of the SoX command line, quoted where needed."""
    import shlex

    return " ".join(shlex.join([each.name, *each.words()]) for each in effects)
