"""SoX's ``noiseprof`` and ``noisered``: learn a noise, then take it away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import torch

from audiolab._files import atomic_path
from audiolab.effects.analysis.noise_profile import (
    NoiseProfile,
    NoiseProfiler,
    NoiseReducer,
    check_channels,
    merged,
)
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.grammar import format_number, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Noiseprof", "Noisered"]


@register
@dataclass(frozen=True)
class Noiseprof(StreamedEffect):
    """Learn the noise, and let the audio pass."""

    path: str | None = None

    name: ClassVar[str] = "noiseprof"
    usage: ClassVar[str] = "[profile-file]"
    summary: ClassVar[str] = "learns the spectrum of a noise, for noisered"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("profile-file", "file to write; without it, the profile is only reported"),
    )
    example: ClassVar[str] = "noiseprof noise.txt"
    family: ClassVar[str] = "analysis"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the file's name."""
        word = arguments.take() if arguments else "-"
        return cls(None if word == "-" else word)

    def words(self) -> list[str]:
        """Return the file's name."""
        return [] if self.path is None else [self.path]

    def stage(self, form: Form, context: Context) -> Stage:
        """Learn block by block; write the file at the end."""
        return _ProfileStage(form, self.path, context)


class _ProfileStage(Stage):
    """``noiseprof`` at work."""

    def __init__(self, form: Form, path: str | None, context: Context) -> None:
        self.form = form
        self._path, self._context = path, context
        self._profilers: list[NoiseProfiler] = []

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Learn the block."""
        if not self._profilers:
            self._profilers = [NoiseProfiler(block.shape[1]) for _ in block]
        for profiler, item in zip(self._profilers, block, strict=True):
            profiler.add(item)
        return block

    def finish(self) -> torch.Tensor | None:
        """Report the profiles, and write the only one to its file."""
        profiles = [each.result() for each in self._profilers]
        for profile in profiles:
            self._context.tell(profile)
        if self._path is not None and profiles:
            text = merged(profiles).to_text()
            if Path(self._path).exists() and not Path(self._path).is_file():
                Path(self._path).write_text(text, encoding="ascii")  # a device or a pipe
                return None
            with atomic_path(Path(self._path), overwrite=True) as temporary:
                temporary.write_text(text, encoding="ascii")
        return None


@register
@dataclass(frozen=True)
class Noisered(StreamedEffect):
    """Reduce a noise that was learned."""

    path: str
    amount: float = 0.5

    name: ClassVar[str] = "noisered"
    usage: ClassVar[str] = "profile-file [amount]"
    summary: ClassVar[str] = "keeps what rises above a noise that noiseprof learned"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("profile-file", "what noiseprof wrote"),
        Parameter("amount", "how far sounds must rise above the noise", "0.5", "0 to 1"),
    )
    example: ClassVar[str] = "noisered noise.txt 0.3"
    family: ClassVar[str] = "analysis"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the file's name and the amount."""
        path = arguments.read("profile-file", str)
        return cls(path, arguments.number("amount", 0.5, low=0, high=1, convert=parse_number))

    def words(self) -> list[str]:
        """Return the file's name and the amount."""
        return [self.path, format_number(self.amount)]

    def stage(self, form: Form, context: Context) -> Stage:
        """Reduce block by block; the result is 1024 samples shorter, as SoX's is."""
        del context
        return _ReducerStage(form, self.profile(form.num_channels), self.amount)

    def profile(self, num_channels: int) -> NoiseProfile:
        """Return the profile in the file.

        Raises
        ------
        ValueError
            If it cannot be read, is none, or has another number of channels.
        """
        try:
            # 1025 numbers of twenty characters for each channel are plenty.
            with Path(self.path).open(encoding="ascii") as file:
                text = file.read(num_channels * 30_000 + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"noisered: cannot read {self.path}: {error}") from None
        profile = NoiseProfile.from_text(text, self.path)
        check_channels(profile, num_channels)
        return profile


class _ReducerStage(Stage):
    """``noisered`` at work."""

    def __init__(self, form: Form, profile: NoiseProfile, amount: float) -> None:
        length = None if form.num_samples is None else max(form.num_samples - 1024, 0)
        self.form = Form(form.sample_rate, form.num_channels, length)
        self._profile, self._amount = profile, amount
        self._reducer: NoiseReducer | None = None

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Reduce the block."""
        if self._reducer is None:
            self._reducer = NoiseReducer(self._profile, self._amount, block)
        return self._reducer.push(block)

    def finish(self) -> torch.Tensor | None:
        """Reduce what is left."""
        return None if self._reducer is None else self._reducer.finish()
