"""A chain of effects as a module: batches in, batches out.

Conventions: waveforms are ``(..., channels, time)``, or ``(time,)`` for one channel; dtype, device
and gradients follow the input. Effects see ``(batch, channels, time)``; this file makes that shape,
keeps batches of unequal lengths apart, and puts SoX's 32-bit bus between effects where asked.

Left out: SoX's automatic ``rate``, ``channels`` and ``dither`` at the end of a command line. They
belong to writing files; see `process_file`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self, cast

import torch
from torch import nn

from audiolab._validation import check_choice, check_positive, check_waveform
from audiolab.effects._batches import CLIPS, Clip, check_lengths, run_effects
from audiolab.effects._noise_seeds import ItemSeed, noise_states
from audiolab.effects._signal import Signal
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, sox_line
from audiolab.effects.sox.parser import EffectsLike, parse_command, parse_effects
from audiolab.effects.streaming import Pipeline, silent_form

__all__ = ["EffectsChain"]


class EffectsChain(nn.Module):
    """Effects one after another, in SoX's words.

    Parameters
    ----------
    effects : str or sequence
        One string as on the SoX command line, ``"lowpass -1 300 speed 0.8 rate 16000 reverb -w"``;
        a list of lists, ``[["lowpass", "-1", "300"], ["reverb", "-w"]]``; or a flat list of words.
    sample_rate : float, optional
        Rate in Hz of every input. A chain that knows it maps a tensor to a tensor, so that it fits
        into ``nn.Sequential`` and other compositions of transforms.
    clip : {"none", "sox"}
        What lies between the effects. ``"none"``: the samples as they are, in their own precision,
        beyond [-1, 1] too. ``"sox"``: as in the program, rounded to 32-bit integers and saturated
        to [-1, 1 - 2**-31]; computed in float64, returned in the input's dtype.
    seed : int or Tensor, optional
        Seed of the noise in ``synth`` and ``dither``: one for all items, or one an item. An item's
        result depends on its own seed alone, never on the batch around it. 0 is what ``sox -R``
        draws. By default the noise is new in every call.

    Raises
    ------
    EffectSyntaxError
        There is no such effect, or it does not take these arguments.

    See Also
    --------
    apply_effects_tensor : The same as torchaudio had it, for one ``(channels, time)`` tensor.
    process_file : From file to file in constant memory.

    Notes
    -----
    A chain holds no weights: its ``state_dict`` is empty, it can be pickled and copied, and it runs
    on the device of its input. It is differentiable as far as its effects are.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import EffectsChain
    >>> chain = EffectsChain("remix 1 1 gain -3")
    >>> chain
    remix 1 1 gain -3
    >>> waveform, sample_rate = chain(torch.randn(8, 1, 16_000), 16_000)
    >>> waveform.shape, sample_rate
    (torch.Size([8, 2, 16000]), 16000)
    """

    def __init__(
        self,
        effects: EffectsLike,
        *,
        sample_rate: float | None = None,
        clip: Clip = "none",
        seed: ItemSeed = None,
    ) -> None:
        super().__init__()
        self.effects: tuple[Effect, ...] = tuple(parse_effects(effects))
        self.sample_rate = None if sample_rate is None else _check_rate(sample_rate)
        self.clip = cast("Clip", check_choice(clip, "clip", CLIPS))
        noise_states(seed, torch.Size() if not isinstance(seed, torch.Tensor) else seed.shape)
        self.seed = seed
        self.reports: list[object] = []

    def forward(
        self,
        waveform: torch.Tensor,
        sample_rate: float | None = None,
        lengths: torch.Tensor | None = None,
        *,
        seed: ItemSeed = None,
    ) -> torch.Tensor | tuple[Any, ...]:
        """Run the effects.

        Parameters
        ----------
        waveform : Tensor
            Samples ``(..., channels, time)``, or ``(time,)`` for one channel.
        sample_rate : float, optional
            Rate in Hz of the waveform, unless the chain knows it.
        lengths : Tensor, optional
            Valid samples of each item, with the waveform's dimensions before ``(channels, time)``.
            What lies behind them is not heard, and is zero in the result.
        seed : int or Tensor, optional
            Seed of the noise for this call, in place of the chain's.

        Returns
        -------
        waveform : Tensor
            Samples ``(..., channels, time)``; ``(time,)`` where that came in and one channel goes
            out.
        sample_rate : int or float
            Rate in Hz of the result; a float only where it is not whole, as ``speed`` and ``pitch``
            leave it. Not returned by a chain that was made with a `sample_rate`.
        lengths : Tensor
            Valid samples of each item, where `lengths` was given.

        Raises
        ------
        ValueError
            The rate is missing, or is not the chain's; shapes do not match; items that came with
            equal lengths end with different ones and no `lengths` were given to say so.
        """
        rate = self._input_rate(sample_rate)
        check_waveform(waveform)
        batch = waveform.reshape(1, 1, -1) if waveform.ndim == 1 else waveform
        leading = torch.Size() if waveform.ndim == 1 else waveform.shape[:-2]
        batch = batch.reshape(leading.numel(), *batch.shape[-2:])
        valid = None if lengths is None else check_lengths(lengths, leading, waveform.shape[-1])

        noise = noise_states(self.seed if seed is None else seed, leading)
        context = Context(noise.to(waveform.device))
        self.reports = context.reports
        signal = run_effects(self.effects, Signal(batch, rate, valid), context, clip=self.clip)

        result = signal.waveform.to(waveform.dtype).reshape(leading + signal.waveform.shape[1:])
        if waveform.ndim == 1 and signal.num_channels == 1:
            result = result[0]
        answer: list[Any] = [result]
        if self.sample_rate is None:
            answer.append(_whole(signal.sample_rate))
        if lengths is not None:
            assert signal.lengths is not None
            answer.append(signal.lengths.reshape(leading).to(lengths))
        return tuple(answer) if len(answer) > 1 else result

    def _input_rate(self, sample_rate: float | None) -> float:
        if sample_rate is None:
            if self.sample_rate is None:
                raise ValueError(
                    "sample_rate is missing: pass it with the waveform, or to EffectsChain"
                )
            return self.sample_rate
        rate = _check_rate(sample_rate)
        if self.sample_rate is not None and rate != self.sample_rate:
            raise ValueError(
                f"sample_rate is {rate:g} Hz, but the chain was made for {self.sample_rate:g} Hz"
            )
        return rate

    def generate(
        self,
        sample_rate: float | None = None,
        *,
        num_channels: int | None = None,
        max_duration_s: float = 3600.0,
        seed: ItemSeed = None,
    ) -> tuple[torch.Tensor, int | float]:
        """Run the effects on endless silence, as ``sox -n``: for ``synth 3 sine 300-3300``.

        Parameters
        ----------
        sample_rate : float, optional
            Rate in Hz of the silence, unless the chain knows it.
        num_channels : int, optional
            Channels of the silence: by default as many as the first ``synth`` has voices.
        max_duration_s : float, default: 3600.0
            Longest result in seconds.
        seed : int or Tensor, optional
            Seed of the noise for this call, in place of the chain's.

        Returns
        -------
        waveform : Tensor
            Samples ``(channels, time)``, float32, or float64 with ``clip="sox"``.
        sample_rate : int or float
            Rate in Hz of the result.

        Raises
        ------
        ValueError
            Nothing in the chain ends the silence within `max_duration_s`.
        """
        rate = self._input_rate(sample_rate)
        noise = noise_states(self.seed if seed is None else seed, torch.Size())
        context = Context(noise)
        self.reports = context.reports
        form = silent_form(self.effects, rate, num_channels)
        pipeline = Pipeline(self.effects, form, context, clip=self.clip)
        dtype = torch.float64 if self.clip == "sox" else torch.float32
        silence = _silence(form, max_duration_s, dtype, self.to_sox())
        waveform = torch.cat([part[0] for part in pipeline.run(silence)], dim=-1)
        return waveform, _whole(pipeline.form.sample_rate)

    def to_sox(self) -> str:
        """Return the effects as words of the SoX command line, ``sox in.wav out.wav ...``.

        Returns
        -------
        str
            One line, quoted for a POSIX shell; `from_sox` makes an equal chain of it.
        """
        return sox_line(self.effects)

    @classmethod
    def from_sox(
        cls,
        line: str,
        *,
        sample_rate: float | None = None,
        clip: Clip = "none",
        seed: ItemSeed = None,
    ) -> Self:
        """Make a chain of the effects in a SoX command line.

        Parameters
        ----------
        line : str
            Effects and their arguments, or the whole command: ``sox in.wav out.wav reverb -w``,
            whose files are passed over.
        sample_rate, clip, seed
            As for `EffectsChain`.

        Returns
        -------
        EffectsChain
            The chain.

        Raises
        ------
        EffectSyntaxError
            The line is no SoX command, has options of the program, or its effects are wrong.
        """
        return cls(parse_command(line), sample_rate=sample_rate, clip=clip, seed=seed)

    def __len__(self) -> int:
        return len(self.effects)

    def __iter__(self) -> Iterator[Effect]:
        return iter(self.effects)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return self.to_sox()


def _silence(
    form: Form, max_duration_s: float, dtype: torch.dtype, line: str
) -> Iterator[torch.Tensor]:
    size = 1 << 15
    for _ in range(int(max_duration_s * form.sample_rate) // size + 1):
        yield torch.zeros(1, form.num_channels, size, dtype=dtype)
    raise ValueError(
        f"{line!r} makes sound without end (more than {max_duration_s:g} s): give synth a length, "
        "or add `trim 0 SECONDS`"
    )


def _check_rate(sample_rate: float, name: str = "sample_rate") -> float:
    """Return a rate in Hz as a float if it is a finite number above zero, else raise."""
    return check_positive(sample_rate, name, unit="Hz")


def _whole(sample_rate: float) -> int | float:
    return int(sample_rate) if sample_rate == int(sample_rate) else sample_rate
