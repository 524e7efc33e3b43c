"""SoX's words for gains and curves of level: ``gain``, ``vol``, ``contrast`` and so on.

``compand`` and ``mcompand`` stand in a file of their own.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import torch

from audiolab.effects._signal import Signal
from audiolab.effects._spool import Spool
from audiolab.effects.dynamics.levels import (
    Balance,
    Levels,
    VolumeKind,
    dcshift,
    level_factor,
    limit_gain,
    vol,
)
from audiolab.effects.dynamics.shaping import contrast, overdrive_with_state
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import (
    Effect,
    Form,
    Parameter,
    Stage,
    StreamedEffect,
)
from audiolab.effects.sox.effects._spooled import SpooledStage
from audiolab.effects.sox.effects._stages import MemorylessStage
from audiolab.effects.sox.effects._words import abbreviated, number_if_there
from audiolab.effects.sox.grammar import format_number, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Contrast", "DcShift", "Gain", "Norm", "Overdrive", "Vol"]

_BALANCES: dict[str, Balance] = {
    "e": "peak",
    "B": "rms",
    "b": "rms_protected",
}


@register
@dataclass(frozen=True)
class Gain(Effect):
    """Amplify, after normalising, balancing or reclaiming head-room."""

    gain_db: float = 0.0
    options: frozenset[str] = frozenset()

    name: ClassVar[str] = "gain"
    usage: ClassVar[str] = "[-e|-B|-b|-r] [-n] [-l|-h] [gain-dB]"
    summary: ClassVar[str] = "amplifies by decibels, normalises, balances channels, makes head-room"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gain-dB", "gain in dB, after what the options do", "0"),
        Parameter("-e", "equalise: bring all channels to the highest peak"),
        Parameter("-B", "balance: bring all channels to the highest RMS"),
        Parameter("-b", "the same, then attenuate all of them if one exceeds full scale"),
        Parameter("-r", "reclaim head-room that gain -h made, as much as does not clip"),
        Parameter("-n", "normalise: bring the highest peak to full scale"),
        Parameter("-l", "limit: amplify on a curve that leads full scale to full scale"),
        Parameter("-h", "make head-room for the effects that follow"),
    )
    example: ClassVar[str] = "gain -n -3"
    family: ClassVar[str] = "dynamics"
    ragged: ClassVar[bool] = True
    ends_headroom: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the options and the decibels."""
        found = arguments.options("eBbrnlh")
        for exclusive in ("eBbr", "nr", "lh"):
            given = [f"-{each}" for each in exclusive if each in found]
            if len(given) > 1:
                raise arguments.error(
                    f"gain takes only one of {', '.join(given)}", arguments.position - 1
                )
        decibels = arguments.number("gain-dB", 0.0, convert=parse_number)
        return cls(decibels, frozenset(found))

    def words(self) -> list[str]:
        """Return the options and the decibels."""
        options = [f"-{each}" for each in "eBbrnlh" if each in self.options]
        return [*options, format_number(self.gain_db)]

    @property
    def makes_headroom(self) -> bool:
        """Whether ``-h`` is there."""
        return "h" in self.options

    @property
    def measures(self) -> bool:
        """Whether the whole signal is looked at before the first sample leaves."""
        return bool(self.options & set("eBbrn"))

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Measure where asked, then amplify."""
        at_most, demand = self._reclaim(context), self._make(context)
        factor = None
        if self.measures and signal.num_samples:
            factor = level_factor(
                signal.waveform,
                normalize="n" in self.options,
                balance=self._balance,
                at_most=at_most,
            )
        return signal.with_waveform(self._amplified(signal.waveform, factor, demand))

    @property
    def _balance(self) -> Balance | None:
        return next((_BALANCES[each] for each in "eBb" if each in self.options), None)

    def _amplified(
        self, waveform: torch.Tensor, factor: torch.Tensor | None, demand: float
    ) -> torch.Tensor:
        amplitude: float = 10.0 ** (self.gain_db / 20.0)
        if "l" in self.options:
            if factor is not None:
                waveform = waveform * factor.to(waveform.dtype)
            bent = torch.full((1,), amplitude, dtype=waveform.dtype, device=waveform.device)
            return limit_gain(waveform, bent)
        if factor is None:
            return waveform * (amplitude * demand)
        return waveform * (factor * (amplitude * demand)).to(waveform.dtype)

    def _reclaim(self, context: Context) -> float | None:
        """Return what may be given back at most, and note that it was."""
        if "r" not in self.options:
            return None
        if context.headroom >= 1.0:
            raise ValueError("gain -r: there is no head-room to reclaim; gain -h makes it, before")
        at_most = 1.0 / context.headroom
        context.headroom = 1.0
        return at_most

    def _make(self, context: Context) -> float:
        """Return what is taken away for the effects that follow, and note it."""
        if "h" not in self.options:
            return 1.0
        return context.make_headroom(math.pow(10.0, self.gain_db / 20.0))

    def stage(self, form: Form, context: Context) -> Stage:
        """Measure to the end of the stream and play it again, or multiply block by block."""
        if not self.measures:
            return self._plain(form, self._make(context))
        at_most, demand = self._reclaim(context), self._make(context)
        levels = Levels()

        def play(spool: Spool) -> Iterator[torch.Tensor]:
            factor = levels.factor(
                normalize="n" in self.options, balance=self._balance, at_most=at_most
            )
            for block in spool.blocks():
                yield self._amplified(block, factor, demand)

        return SpooledStage(form, play, levels.add)

    def _plain(self, form: Form, demand: float) -> Stage:
        quiet = Context(torch.zeros(1, dtype=torch.int64), demand=demand)

        def run(block: torch.Tensor) -> torch.Tensor:
            return self.apply(Signal(block, form.sample_rate), quiet).waveform

        return MemorylessStage(form, run)


@register
@dataclass(frozen=True)
class Norm(Effect):
    """Bring the highest peak to a level."""

    level_db: float = 0.0

    name: ClassVar[str] = "norm"
    usage: ClassVar[str] = "[level-dB]"
    summary: ClassVar[str] = "brings the highest peak to a level"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("level-dB", "level of the peak in dB relative to full scale", "0"),
    )
    example: ClassVar[str] = "norm -3"
    family: ClassVar[str] = "dynamics"
    ragged: ClassVar[bool] = True
    ends_headroom: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the level."""
        return cls(arguments.number("level-dB", 0.0, convert=parse_number))

    def words(self) -> list[str]:
        """Return the level."""
        return [format_number(self.level_db)]

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Run ``gain -n``."""
        return Gain(self.level_db, frozenset("n")).apply(signal, context)

    def stage(self, form: Form, context: Context) -> Stage:
        """Run ``gain -n``."""
        return Gain(self.level_db, frozenset("n")).stage(form, context)


@register
@dataclass(frozen=True)
class Vol(StreamedEffect):
    """Change the volume."""

    gain: float
    kind: VolumeKind = "amplitude"
    limiter_gain: float | None = None

    name: ClassVar[str] = "vol"
    usage: ClassVar[str] = "gain [amplitude|power|dB [limitergain]]"
    summary: ClassVar[str] = "changes the volume by a factor, a ratio of powers or decibels"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gain", "how much; a negative amplitude or power inverts"),
        Parameter("type", "what gain is; it may follow without a space: 6dB", "amplitude"),
        Parameter("limitergain", "slope above the limiter's threshold", "no limiter", "0 to 1"),
    )
    example: ClassVar[str] = "vol 3 dB 0.05"
    family: ClassVar[str] = "dynamics"
    ragged: ClassVar[bool] = True
    ends_headroom: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the gain, its type and the limiter."""
        gain, joined = arguments.read("gain", _gain)
        kind = joined if joined is not None else arguments.read_or("type", _kind, _KINDS[0])
        limiter = arguments.read_or("limitergain", _limiter, None)
        effect = cls(gain, kind, limiter)
        if limiter is not None and not effect.amplifies:
            raise arguments.error("vol: a limiter needs an amplification", 1)
        return effect

    @property
    def amplifies(self) -> bool:
        """Whether the gain is at least 1."""
        return self.gain >= 0.0 if self.kind == "dB" else abs(self.gain) >= 1.0

    def words(self) -> list[str]:
        """Return the gain, its type and the limiter."""
        limiter = [] if self.limiter_gain is None else [format_number(self.limiter_gain)]
        return [format_number(self.gain), self.kind, *limiter]

    def stage(self, form: Form, context: Context) -> Stage:
        """Multiply block by block."""
        del context
        return MemorylessStage(
            form,
            lambda block: vol(block, self.gain, kind=self.kind, limiter_gain=self.limiter_gain),
        )


_KINDS: tuple[VolumeKind, ...] = ("amplitude", "power", "dB")


def _kind(word: str) -> VolumeKind:
    return abbreviated(word, _KINDS)


def _gain(word: str) -> tuple[float, VolumeKind | None]:
    digits = word.rstrip(string.ascii_letters)
    letters = word[len(digits) :]
    return parse_number(digits), _kind(letters) if letters else None


def _limiter(word: str) -> float:
    value = parse_number(word)
    if not 0.0 < value < 1.0:
        raise ValueError(f"{word} is not between 0 and 1")
    return value


@register
@dataclass(frozen=True)
class DcShift(StreamedEffect):
    """Add an offset."""

    shift: float
    limiter_gain: float | None = None

    name: ClassVar[str] = "dcshift"
    usage: ClassVar[str] = "shift [limitergain]"
    summary: ClassVar[str] = "adds an offset"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("shift", "what is added", range="-2 to 2 is useful"),
        Parameter("limitergain", "head-room of a limiter, much less than 1", "no limiter"),
    )
    example: ClassVar[str] = "dcshift 0.25 0.05"
    family: ClassVar[str] = "dynamics"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the shift and the limiter."""
        shift = arguments.number("shift", convert=parse_number)
        return cls(shift, arguments.read_or("limitergain", parse_number, None))

    def words(self) -> list[str]:
        """Return the shift and the limiter."""
        limiter = [] if self.limiter_gain is None else [format_number(self.limiter_gain)]
        return [format_number(self.shift), *limiter]

    def stage(self, form: Form, context: Context) -> Stage:
        """Add block by block."""
        del context
        return MemorylessStage(
            form, lambda block: dcshift(block, self.shift, limiter_gain=self.limiter_gain)
        )


@register
@dataclass(frozen=True)
class Contrast(StreamedEffect):
    """Make sound louder by a curve."""

    amount: float = 75.0

    name: ClassVar[str] = "contrast"
    usage: ClassVar[str] = "[enhancement-amount]"
    summary: ClassVar[str] = "makes sound louder by a curve that is steep around zero"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("enhancement-amount", "strength; 0 still enhances", "75", "0 to 100"),
    )
    example: ClassVar[str] = "contrast 50"
    family: ClassVar[str] = "dynamics"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the amount."""
        return cls(number_if_there(arguments, "enhancement-amount", 75.0, 0.0, 100.0))

    def words(self) -> list[str]:
        """Return the amount."""
        return [format_number(self.amount)]

    def stage(self, form: Form, context: Context) -> Stage:
        """Bend block by block."""
        del context
        return MemorylessStage(form, lambda block: contrast(block, self.amount))


@register
@dataclass(frozen=True)
class Overdrive(StreamedEffect):
    """Distort like an amplifier that is driven too hard."""

    gain_db: float = 20.0
    colour: float = 20.0

    name: ClassVar[str] = "overdrive"
    usage: ClassVar[str] = "[gain [colour]]"
    summary: ClassVar[str] = "distorts like an amplifier that is driven too hard"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gain", "gain into the distortion in dB", "20", "0 to 100"),
        Parameter("colour", "amount of even harmonics", "20", "0 to 100"),
    )
    example: ClassVar[str] = "overdrive 15 40"
    family: ClassVar[str] = "dynamics"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the gain and the colour."""
        gain = number_if_there(arguments, "gain", 20.0, 0.0, 100.0)
        return cls(gain, number_if_there(arguments, "colour", 20.0, 0.0, 100.0))

    def words(self) -> list[str]:
        """Return the gain and the colour."""
        return [format_number(self.gain_db), format_number(self.colour)]

    def stage(self, form: Form, context: Context) -> Stage:
        """Distort block by block; like SoX, leave the sound as it is where the gain is 0."""
        del context
        if self.gain_db == 0.0:
            return MemorylessStage(form, lambda block: block)
        return _OverdriveStage(self, form)


class _OverdriveStage(Stage):
    """``overdrive`` on a stream: the high-pass carries its state."""

    def __init__(self, effect: Overdrive, form: Form) -> None:
        self.form, self._effect = form, effect
        self._state: torch.Tensor | None = None

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Distort a block."""
        out, self._state = overdrive_with_state(
            block, self._effect.gain_db, self._effect.colour, self._state
        )
        return out
