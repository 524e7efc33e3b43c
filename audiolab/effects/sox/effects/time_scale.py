"""SoX's words for tempo and pitch: ``tempo``, ``pitch``, ``stretch`` and ``bend``."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch

from audiolab.effects._signal import Signal
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.grammar import Position, format_number, parse_number, parse_position
from audiolab.effects.sox.registry import register
from audiolab.effects.time_scale._overlap_add import OverlapAdd
from audiolab.effects.time_scale.bending import bend_samples
from audiolab.effects.time_scale.splicing import TempoStream, make_splices, tempo
from audiolab.effects.time_scale.stretching import make_segments

__all__ = ["Bend", "Glide", "Pitch", "Stretch", "Tempo"]

_USES = {"m": "music", "s": "speech", "l": "linear"}
_LETTERS = {name: letter for letter, name in _USES.items()}

_TIMES = (
    Parameter("segment", "length of a segment in ms", "82", "10 to 120"),
    Parameter("search", "range of the search in ms", "segment / 5.587", "0 to 30"),
    Parameter("overlap", "length of a cross-fade in ms", "segment / 6.833", "0 to 30"),
)


class _Wsola(Effect):
    """What ``tempo`` and ``pitch`` share: three times, and how they run."""

    segment_ms: float | None
    search_ms: float | None
    overlap_ms: float | None
    quick: bool

    family: ClassVar[str] = "time"
    ragged: ClassVar[bool] = True

    @property
    @abstractmethod
    def tempo_factor(self) -> float:
        """New tempo over old."""

    @property
    def use(self) -> str:
        """Which defaults the times have."""
        return "general"

    @property
    def speed_factor(self) -> float:
        """What the rate is multiplied by afterwards."""
        return 1.0

    def time_words(self) -> list[str]:
        """Return the times that are given."""
        times = (self.segment_ms, self.search_ms, self.overlap_ms)
        return [format_number(each) for each in times if each is not None]

    def options(self) -> dict[str, Any]:
        """Return the arguments of the function."""

        def seconds(ms: float | None) -> float | None:
            return None if ms is None else ms / 1000

        return {
            "factor": self.tempo_factor,
            "use": self.use,
            "quick": self.quick,
            "segment_s": seconds(self.segment_ms),
            "search_s": seconds(self.search_ms),
            "overlap_s": seconds(self.overlap_ms),
        }

    def output_length(self, num_samples: int, sample_rate: float) -> int:
        """Return the rounded length."""
        if self.tempo_factor == 1:
            return num_samples
        return make_splices(sample_rate, **self.options()).output_length(num_samples)

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Run on whole waveforms."""
        del context
        y = tempo(signal.waveform, signal.sample_rate, **self.options())
        return Signal(y, signal.sample_rate * self.speed_factor, signal.lengths)

    def stage(self, form: Form, context: Context) -> Stage:
        """Run block by block."""
        del context
        length = form.num_samples
        total = None if length is None else self.output_length(length, form.sample_rate)
        after = Form(form.sample_rate * self.speed_factor, form.num_channels, total)
        if self.tempo_factor == 1:
            return _Streamed(None, after)
        return _Streamed(TempoStream(make_splices(form.sample_rate, **self.options())), after)


class _Streamed(Stage):
    """A stream of segments as a stage."""

    def __init__(self, stream: TempoStream | OverlapAdd | None, form: Form) -> None:
        self._stream, self.form = stream, form

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Return the segments that a block completes."""
        return block if self._stream is None else self._stream.push(block)

    def finish(self) -> torch.Tensor | None:
        """Return the rest."""
        return None if self._stream is None else self._stream.finish()


def _times(arguments: Arguments) -> tuple[float | None, float | None, float | None]:
    found: list[float | None] = []
    for name, low, high in (("segment", 10, 120), ("search", 0, 30), ("overlap", 0, 30)):
        found.append(
            None
            if arguments.peek() is None
            else arguments.number(f"{name} in ms", low=low, high=high, convert=parse_number)
        )
    return found[0], found[1], found[2]


@register
@dataclass(frozen=True)
class Tempo(_Wsola):
    """Change the tempo, keep the pitch."""

    factor: float
    kind: str = "general"
    quick: bool = False
    segment_ms: float | None = None
    search_ms: float | None = None
    overlap_ms: float | None = None

    name: ClassVar[str] = "tempo"
    usage: ClassVar[str] = "[-q] [-m|-s|-l] factor [segment [search [overlap]]]"
    summary: ClassVar[str] = "changes the tempo and keeps the pitch"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-q", "search coarsely, then finely"),
        Parameter("-m|-s|-l", "defaults for music, for speech, or linear for factors near 1"),
        Parameter("factor", "new tempo over old", range="0.1 to 100"),
        *_TIMES,
    )
    example: ClassVar[str] = "tempo -s 1.2"

    @property
    def tempo_factor(self) -> float:
        """New tempo over old."""
        return self.factor

    @property
    def use(self) -> str:
        """Which defaults the times have."""
        return self.kind

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options, the factor and times."""
        found = arguments.options("qmsl")
        kind = next((name for letter, name in _USES.items() if letter in found), "general")
        factor = arguments.number("factor", low=0.1, high=100, convert=parse_number)
        return cls(factor, kind, "q" in found, *_times(arguments))

    def words(self) -> list[str]:
        """Return options, the factor and times."""
        words = ["-q"] * self.quick
        if self.kind in _LETTERS:
            words.append("-" + _LETTERS[self.kind])
        return [*words, format_number(self.factor), *self.time_words()]


@register
@dataclass(frozen=True)
class Pitch(_Wsola):
    """Change the pitch, keep the tempo."""

    cents: float
    quick: bool = False
    segment_ms: float | None = None
    search_ms: float | None = None
    overlap_ms: float | None = None

    name: ClassVar[str] = "pitch"
    usage: ClassVar[str] = "[-q] shift [segment [search [overlap]]]"
    summary: ClassVar[str] = "changes the pitch and keeps the tempo, once a rate effect follows"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-q", "search coarsely, then finely"),
        Parameter("shift", "in cents, hundredths of a semitone", range="-3986 to 7972"),
        *_TIMES,
    )
    example: ClassVar[str] = "pitch -300"

    @property
    def tempo_factor(self) -> float:
        """New tempo over old, by way of six digits, as in SoX."""
        return float(f"{2.0 ** (-self.cents / 1200):g}")

    @property
    def speed_factor(self) -> float:
        """What the rate is multiplied by afterwards."""
        return 1 / self.tempo_factor

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the option, the shift and times."""
        found = arguments.options("q")
        cents = arguments.number("shift in cents", low=-3986, high=7972, convert=parse_number)
        return cls(cents, "q" in found, *_times(arguments))

    def words(self) -> list[str]:
        """Return the option, the shift and times."""
        return [*["-q"] * self.quick, format_number(self.cents), *self.time_words()]


@register
@dataclass(frozen=True)
class Stretch(StreamedEffect):
    """Overlap-add at fixed places."""

    factor: float
    window_ms: float = 20.0
    shift: float | None = None
    fading: float | None = None

    name: ClassVar[str] = "stretch"
    usage: ClassVar[str] = "factor [window [fade shift [fading]]]"
    summary: ClassVar[str] = "changes the length by plain overlap-add; tempo sounds better"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("factor", "new length over old", range="above 0"),
        Parameter("window", "length of a segment in ms", "20"),
        Parameter("fade", "shape of the fades: lin is all there is", "lin"),
        Parameter("shift", "step over a segment's length", "1, or 0.8 to lengthen", "above 0 to 1"),
        Parameter("fading", "fade over a segment's length", "what adds up to one", "0 to 0.5"),
    )
    example: ClassVar[str] = "stretch 1.2"
    family: ClassVar[str] = "time"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the factor and what shapes the segments."""
        factor = arguments.number("factor", low=1e-6, convert=parse_number)
        window = arguments.number("window in ms", 20.0, low=1e-6, convert=parse_number)
        shift = fading = None
        if arguments.peek() is not None:
            arguments.read("fade", _linear)
        if arguments.peek() is not None:
            shift = arguments.number("shift", low=1e-9, high=1, convert=parse_number)
        if arguments.peek() is not None:
            fading = arguments.number("fading", low=0, high=0.5, convert=parse_number)
        return cls(factor, window, shift, fading)

    def words(self) -> list[str]:
        """Return what is given."""
        words = [format_number(self.factor), format_number(self.window_ms)]
        given = [each for each in (self.shift, self.fading) if each is not None]
        return words + (["lin", *map(format_number, given)] if given else [])

    def stage(self, form: Form, context: Context) -> Stage:
        """Run block by block."""
        del context
        after = Form(form.sample_rate, form.num_channels)
        if self.factor == 1:
            return _Streamed(None, form)
        segments = make_segments(
            form.sample_rate,
            factor=self.factor,
            window_s=self.window_ms / 1000,
            shift=self.shift,
            fading=self.fading,
        )
        return _Streamed(OverlapAdd(segments), after)


def _linear(word: str) -> str:
    if not word or not "linear".startswith(word):
        raise ValueError(f"the fade {word!r} is not lin")
    return word


@dataclass(frozen=True)
class Glide:
    """One glide of ``bend``: where it starts, how many cents, and where it ends."""

    start: Position
    cents: float
    end: Position

    def __str__(self) -> str:
        return f"{self.start},{format_number(self.cents)},{self.end}"


def _glide(word: str) -> Glide:
    parts = word.split(",")
    if len(parts) != 3:
        raise ValueError(f"{word!r} is not start,cents,end")
    cents = parse_number(parts[1])
    if cents == 0:
        raise ValueError(f"{word!r} bends by nothing")
    return Glide(parse_position(parts[0], "+"), cents, parse_position(parts[2], "+"))


@register
@dataclass(frozen=True)
class Bend(Effect):
    """Glides of pitch."""

    glides: tuple[Glide, ...] = ()
    frame_rate: float = 25.0
    oversampling: int = 16

    name: ClassVar[str] = "bend"
    usage: ClassVar[str] = "[-f frame-rate] [-o over-sample] {start,cents,end}"
    summary: ClassVar[str] = "lets the pitch glide and keeps the tempo"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-f", "frames a second, about", "25", "10 to 80"),
        Parameter("-o", "steps in a frame", "16", "4 to 32"),
        Parameter("start", "counts from the end of the glide before it"),
        Parameter("cents", "how far the pitch goes, hundredths of a semitone"),
        Parameter("end", "counts from the start of the glide"),
    )
    example: ClassVar[str] = "bend 0.1,300,0.2"
    family: ClassVar[str] = "time"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options and glides."""
        start = arguments.position
        found = arguments.options("", "fo")
        values = []
        for letter, default, low, high in (("f", 25.0, 10, 80), ("o", 16.0, 4, 32)):
            try:
                value = parse_number(str(found[letter])) if letter in found else default
            except ValueError as error:
                raise arguments.error(f"bend: -{letter}: {error}", start) from None
            if not low <= value <= high:
                raise arguments.error(f"bend: -{letter} must be {low} to {high}", start)
            values.append(value)
        glides = []
        while arguments:
            glides.append(arguments.read("start,cents,end", _glide))
        return cls(tuple(glides), values[0], int(values[1]))

    def words(self) -> list[str]:
        """Return options and glides."""
        words = [] if self.frame_rate == 25 else ["-f", format_number(self.frame_rate)]
        words += [] if self.oversampling == 16 else ["-o", str(self.oversampling)]
        return words + [str(each) for each in self.glides]

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Run on whole waveforms."""
        del context
        rate, total = signal.sample_rate, signal.num_samples
        edges, last = [], 0
        for each in self.glides:
            start = each.start.resolve(rate, previous=last, total=total)
            last = each.end.resolve(rate, previous=start, total=total)
            if start < total:  # SoX leaves out, with a warning, what comes after the end
                edges.append((start, each.cents, last))
        y = bend_samples(
            signal.waveform,
            rate,
            edges,
            frame_rate=self.frame_rate,
            oversampling=self.oversampling,
        )
        return signal.with_waveform(y)
