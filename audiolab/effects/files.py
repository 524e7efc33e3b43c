"""Effects from file to file, in constant memory: the ``sox IN OUT EFFECT ...`` of this package.

Convention: like the program, and unlike a chain on tensors, a run over files ends in the form of
its input. Where the effects leave another rate or number of channels, ``rate`` and ``channels`` are
added at the end, unless the effects chose them themselves with ``rate``, ``channels`` or ``remix``.

Left out: SoX's automatic dither; write ``dither`` where it is wanted.

Reference: sox(1), "rate", "channels"; the order of the two was observed with ``sox -V4``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from audiolab import io
from audiolab._typing import AudioSource, FilePath
from audiolab._validation import check_choice
from audiolab.effects._batches import CLIPS, Clip
from audiolab.effects._noise_seeds import noise_states
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form
from audiolab.effects.sox.grammar import format_number
from audiolab.effects.sox.parser import EffectsLike, parse_effects
from audiolab.effects.sox.registry import parse_effect
from audiolab.effects.streaming import Pipeline, silent_form

__all__ = ["EffectStream", "process_file"]

#: Long enough that the work a block costs on top of its samples does not show.
BLOCK_S = 5.0

#: ``synth`` without a length never ends; a disk does.
LONGEST_NULL_S = 24 * 3600.0

#: Called with the input's blocks; yields them, and may show how far they are.
Watch = Callable[[io.Blocks], Iterable[torch.Tensor]]


class EffectStream:
    """The blocks that effects make of a file, to be iterated over.

    Iterating again reads the file again.

    Parameters
    ----------
    source : path, bytes, uint8 Tensor, binary file or None
        The audio file. None is endless silence, the program's ``-n``, for ``synth``.
    effects : str or sequence
        Effects in any of the ways that `EffectsChain` takes.
    restore : bool, default: True
        End in the input's rate and channels, unless the effects chose others.
    clip : {"none", "sox"}
        What lies between the effects, as for `EffectsChain`.
    seed : int, optional
        Seed of the noise in ``synth`` and ``dither``; by default it is new each time.
    sample_rate : float, default: 48000
        Rate in Hz of the silence.
    num_channels : int, optional
        Channels of the silence: by default as many as the first ``synth`` has voices.
    report : callable, optional
        Takes what ``stat`` and ``stats`` measured, when it is measured.

    Attributes
    ----------
    sample_rate : int or float
        Rate in Hz of the blocks; whole with `restore`.
    num_channels : int
        Channels of the blocks.
    effects : tuple of Effect
        All effects, with those that were added at the end.
    collecting : tuple of Effect
        Those that hold all of the sound before them in memory. Where there are none, memory is
        constant.
    """

    def __init__(
        self,
        source: AudioSource | None,
        effects: EffectsLike,
        *,
        restore: bool = True,
        clip: Clip = "none",
        seed: int | None = None,
        sample_rate: float = 48_000,
        num_channels: int | None = None,
        report: Callable[[object], None] | None = None,
    ) -> None:
        check_choice(clip, "clip", CLIPS)
        noise_states(seed, torch.Size())
        self._clip, self._seed, self._report = clip, seed, report
        chosen = parse_effects(effects)
        self._blocks = None if source is None else io.blocks(source, BLOCK_S)
        if self._blocks is None:
            self._form = silent_form(chosen, sample_rate, num_channels)
        else:
            self._form = Form(
                float(self._blocks.sample_rate), self._blocks.num_channels, self._blocks.num_samples
            )
        trial = Pipeline(chosen, self._form, self._trial(), clip=clip)
        if restore:
            chosen += _restoring(chosen, [self._form, *trial.forms])
            trial = Pipeline(chosen, self._form, self._trial(), clip=clip)
        self.effects: tuple[Effect, ...] = tuple(chosen)
        self.collecting: tuple[Effect, ...] = tuple(trial.collecting)
        rate = trial.form.sample_rate
        self.sample_rate: int | float = int(rate) if rate == int(rate) else rate
        self.num_channels = trial.form.num_channels

    def _trial(self) -> Context:
        return Context(torch.zeros(1, dtype=torch.int64))

    def __iter__(self) -> Iterator[torch.Tensor]:
        return self.through(iter)

    def through(self, watch: Watch) -> Iterator[torch.Tensor]:
        """Iterate, with the blocks that are read passed through a function.

        Parameters
        ----------
        watch : callable
            Takes the blocks of the input, which know their `num_samples`, and yields them again;
            it may count them on the way.

        Returns
        -------
        iterator of Tensor
            Blocks ``(channels, time)`` of the result, of any length.
        """
        context = Context(noise_states(self._seed, torch.Size()), report=self._report)
        pipeline = Pipeline(self.effects, self._form, context, clip=self._clip)
        read = self._silence() if self._blocks is None else watch(self._blocks)
        for block in pipeline.run(each[None] for each in read):
            if block.shape[-1]:
                yield block[0]

    def write(
        self,
        target: FilePath,
        *,
        format: str | None = None,
        bit_rate: int | None = None,
        encoding: str | None = None,
        on_clip: str = "warn",
        overwrite: bool = False,
        watch: Watch = iter,
        divisor: float = 1.0,
    ) -> None:
        """Write the result to a file, whole or not at all.

        Parameters
        ----------
        target : path
            File to write; its extension chooses the format.
        format, bit_rate, encoding, on_clip, overwrite
            As for `audiolab.io.BlockWriter`.
        watch : callable
            As for `through`.
        divisor : float, default: 1.0
            What to divide all samples by: the peak of a first pass, where it is above 1.

        Raises
        ------
        FileExistsError
            The target exists and `overwrite` is false.
        ValueError
            The rate of the result is not whole; the format cannot hold it.
        """
        rate = int(self.sample_rate)
        if rate != self.sample_rate:
            raise ValueError(
                f"the effects end at {self.sample_rate!r} Hz, and a file's rate is a whole number: "
                "add the effect `rate N`"
            )
        with io.BlockWriter(
            target,
            rate,
            self.num_channels,
            format=format,
            bit_rate=bit_rate,
            encoding=encoding,
            on_clip=on_clip,
            overwrite=overwrite,
        ) as writer:
            for block in self.through(watch):
                writer.write(block / divisor if divisor != 1.0 else block)

    def _silence(self) -> Iterator[torch.Tensor]:
        size = max(int(BLOCK_S * self._form.sample_rate), 1)
        for _ in range(int(LONGEST_NULL_S / BLOCK_S)):
            yield torch.zeros(self._form.num_channels, size)
        raise ValueError(
            f"the effects make more than {LONGEST_NULL_S / 3600:g} hours of sound out of nothing: "
            "give synth a length, or add `trim 0 SECONDS`"
        )


def _restoring(effects: Sequence[Effect], forms: Sequence[Form]) -> list[Effect]:
    """Return what leads back to the form of the input, or to the one that was chosen."""
    rate, channels = forms[0].sample_rate, forms[0].num_channels
    for effect, after in zip(effects, forms[1:], strict=True):
        if effect.name == "rate":
            rate = after.sample_rate
        elif effect.name in {"channels", "remix"}:
            channels = after.num_channels
    last = forms[-1]
    added = []
    if last.sample_rate != rate:
        added.append(parse_effect(["rate", format_number(rate)]))
    if last.num_channels != channels:
        # Fewer channels are cheaper to resample.
        place = 0 if last.num_channels > channels else len(added)
        added.insert(place, parse_effect(["channels", str(channels)]))
    return added


def process_file(
    source: AudioSource | None,
    target: FilePath,
    effects: EffectsLike,
    *,
    restore: bool = True,
    clip: Clip = "none",
    seed: int | None = None,
    sample_rate: float = 48_000,
    num_channels: int | None = None,
    report: Callable[[object], None] | None = None,
    format: str | None = None,
    bit_rate: int | None = None,
    encoding: str | None = None,
    on_clip: str = "warn",
    overwrite: bool = False,
) -> None:
    """Run effects from file to file, like ``sox IN OUT EFFECT ...``, in constant memory.

    The result appears whole at the end, or not at all. Effects that need their last sample first
    (``reverse``) or that measure before they act (``norm``, ``gain -n``) set the sound aside in a
    temporary file. The few that hold it in memory are named by `EffectStream.collecting`.

    Parameters
    ----------
    source : path, bytes, uint8 Tensor, binary file or None
        The audio file. None is endless silence, the program's ``-n``, for ``synth``.
    target : path
        File to write; its extension chooses the format.
    effects : str or sequence
        Effects in any of the ways that `EffectsChain` takes.
    restore : bool, default: True
        End in the input's rate and channels, unless the effects chose others with ``rate``,
        ``channels`` or ``remix``: what the program does.
    clip : {"none", "sox"}
        What lies between the effects, as for `EffectsChain`.
    seed : int, optional
        Seed of the noise in ``synth`` and ``dither``; by default it is new each time.
    sample_rate : float, default: 48000
        Rate in Hz of the silence.
    num_channels : int, optional
        Channels of the silence: by default as many as the first ``synth`` has voices.
    report : callable, optional
        Takes what ``stat`` and ``stats`` measured; ``print`` shows it as the program does.
    format, bit_rate, encoding, on_clip, overwrite
        As for `audiolab.io.BlockWriter`.

    Raises
    ------
    EffectSyntaxError
        There is no such effect, or it does not take these arguments.
    FileExistsError
        The target exists and `overwrite` is false.
    ValueError
        An effect cannot run on this input; the rate of the result is not whole.

    See Also
    --------
    EffectStream : The blocks, to write or to use otherwise.
    audiolab.io.BlockWriter : What writes them.

    Examples
    --------
    >>> import tempfile
    >>> from audiolab import effects, io, signals
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     speech = signals.clip_path("speech")
    ...     effects.process_file(speech, f"{folder}/start.wav", "trim 0 1.5")
    ...     io.info(f"{folder}/start.wav").duration_s
    1.5
    """
    stream = EffectStream(
        source,
        effects,
        restore=restore,
        clip=clip,
        seed=seed,
        sample_rate=sample_rate,
        num_channels=num_channels,
        report=report,
    )
    stream.write(
        target,
        format=format,
        bit_rate=bit_rate,
        encoding=encoding,
        on_clip=on_clip,
        overwrite=overwrite,
    )
