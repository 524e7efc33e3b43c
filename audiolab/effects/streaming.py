"""A chain of effects over a stream of blocks, in constant memory.

Every effect becomes a stage that carries its state from block to block; joined, the blocks that
come out are what the chain makes of the joined input. A stage that needs its last sample first
(``reverse``), or that measures before it acts (``norm``), collects its input. When a stage has all
it needs (``trim 0 3``), the stages before it stop and the input is read no further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import torch

from audiolab._validation import check_positive
from audiolab.effects._bus import to_bus
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Stage, WholeStage, headroom_of

__all__ = ["Pipeline", "silent_form"]

VERY_LONG = 1 << 40


class Pipeline:
    """The stages of a chain, at work on one stream.

    Parameters
    ----------
    effects : sequence of Effect
        The effects in their order.
    form : Form
        Rate, channels and (where known) length of the input.
    context : Context
        State of the run.
    clip : {"none", "sox"}
        Whether SoX's bus lies between the effects.
    """

    def __init__(
        self, effects: Sequence[Effect], form: Form, context: Context, *, clip: str = "none"
    ) -> None:
        self._stages: list[Stage] = []
        self._bus = clip == "sox"
        #: What comes out of every effect.
        self.forms: list[Form] = []
        context.bus = self._bus
        for index, effect in enumerate(effects):
            if effect.makes_headroom:
                context.demand = headroom_of(effects[index + 1 :], form)
            stage = _start(effect, form, context)
            self._stages.append(stage)
            form = stage.form
            self.forms.append(form)
        #: What comes out at the end.
        self.form = form
        self._ended = False

    @property
    def collecting(self) -> list[Effect]:
        """Effects that hold their whole input in memory."""
        return [stage.effect for stage in self._stages if isinstance(stage, WholeStage)]

    @property
    def done(self) -> bool:
        """Whether no further input can change what comes out."""
        return self._ended or any(stage.done for stage in self._stages)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Take the next block ``(batch, channels, time)``; return what is determined by now."""
        return self._through(self._onto_bus(block), 0)

    def finish(self) -> Iterator[torch.Tensor]:
        """Yield what comes after the last block, of one stage after the other."""
        if self._ended:
            return
        self._ended = True
        wanted = [index for index, stage in enumerate(self._stages) if stage.done]
        first = wanted[-1] if wanted else 0
        for index, stage in enumerate(self._stages):
            if index < first:
                # A later stage has all it needs: what this one measured counts, what it still
                # plays is heard by nobody.
                stage.finish()
                continue
            for piece in stage.tail():
                yield self._through(self._onto_bus(piece), index + 1)
                if any(later.done for later in self._stages[index + 1 :]):
                    break

    def run(self, blocks: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield the blocks that a stream becomes; it is read no further than needed."""
        if not self.done:
            for block in blocks:
                yield self.push(block)
                if self.done:
                    break
        yield from self.finish()

    def _through(self, block: torch.Tensor, first: int) -> torch.Tensor:
        for stage in self._stages[first:]:
            if block.shape[-1]:
                block = self._onto_bus(stage.push(block))
            else:
                block = block.new_zeros(block.shape[0], stage.form.num_channels, 0)
        return block

    def _onto_bus(self, block: torch.Tensor) -> torch.Tensor:
        return to_bus(block.double()) if self._bus else block


def silent_form(effects: Sequence[Effect], sample_rate: float, num_channels: int | None) -> Form:
    """Return the form of endless silence: a channel unless the first ``synth`` has more voices."""
    if num_channels is None:
        wishes = (effect.channels_of_silence() for effect in effects)
        num_channels = next((each for each in wishes if each is not None), 1)
    elif isinstance(num_channels, bool) or not isinstance(num_channels, int) or num_channels < 1:
        raise ValueError(f"num_channels must be a whole number from 1 on, got {num_channels!r}")
    return Form(check_positive(sample_rate, "sample_rate", unit="Hz"), num_channels)


def _start(effect: Effect, form: Form, context: Context) -> Stage:
    try:
        return effect.stage(form, context)
    except ValueError:
        if form.num_samples is not None:
            raise
        # A position that counts from the end of a stream of unknown length: wait for the end. What
        # comes out has the form that a very long stream would give.
        known = replace(form, num_samples=VERY_LONG)
        after = replace(effect.stage(known, context.trial()).form, num_samples=None)
        return WholeStage(effect, form, context, after=after)
