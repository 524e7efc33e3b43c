"""``torchaudio.sox_effects`` as it was in torchaudio 2.8, without libsox.

Change one import, and code written for it runs:

- ``from torchaudio.sox_effects import apply_effects_tensor`` becomes
  ``from audiolab.effects import apply_effects_tensor``;
- code that says ``torchaudio.sox_effects.apply_effects_tensor`` runs after
  ``import audiolab.effects.compatibility as torchaudio``.

Kept: signatures, shapes, types, the list of names, the errors' types and first words. Different on
purpose: samples beyond [-1, 1] are not clipped between effects unless asked (``clip="sox"``);
float64 tensors, gradients and other devices work; one string is as good as a list of lists; noise
has a seed of its own and no state that lives on between calls.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch

from audiolab import io
from audiolab._sox_names import TORCHAUDIO_NAMES
from audiolab._typing import AudioSource
from audiolab._validation import check_choice
from audiolab.effects._batches import CLIPS, Clip
from audiolab.effects._noise_seeds import ItemSeed
from audiolab.effects.chain import EffectsChain
from audiolab.effects.files import EffectStream
from audiolab.effects.sox.effect import Effect
from audiolab.effects.sox.errors import EffectSyntaxError
from audiolab.effects.sox.parser import EffectsLike, parse_effects
from audiolab.effects.sox.registry import EFFECTS

__all__ = ["apply_effects_file", "apply_effects_tensor", "available_effects", "effect_names"]

#: So that ``import audiolab.effects.compatibility as torchaudio`` finds ``torchaudio.sox_effects``.
sox_effects = sys.modules[__name__]

#: Sample of silence and full scale of each integer type.
_INTEGERS = {
    torch.uint8: (128, 2.0**7),
    torch.int16: (0, 2.0**15),
    torch.int32: (0, 2.0**31),
}


def effect_names() -> list[str]:
    """Return the names of the effects that ``torchaudio.sox_effects`` had.

    Returns
    -------
    list of str
        The 59 names of torchaudio 2.8. ``ladspa`` is among them, and is refused with a sentence
        that says what to use; see `available_effects` for what works.

    Examples
    --------
    >>> from audiolab.effects import effect_names
    >>> len(effect_names())
    59
    """
    return list(TORCHAUDIO_NAMES)


def available_effects() -> list[str]:
    """Return the names of all effects that work, also those that torchaudio did not have.

    Returns
    -------
    list of str
        Names in alphabetical order.

    Examples
    --------
    >>> from audiolab.effects import available_effects, effect_names
    >>> "trim" in available_effects()
    True
    """
    return sorted(EFFECTS)


def apply_effects_tensor(
    tensor: torch.Tensor,
    sample_rate: int,
    effects: EffectsLike,
    channels_first: bool = True,
    *,
    clip: Clip = "none",
    seed: ItemSeed = None,
) -> tuple[torch.Tensor, int]:
    """Apply SoX effects to a tensor, as ``torchaudio.sox_effects.apply_effects_tensor`` did.

    Parameters
    ----------
    tensor : Tensor
        Samples ``(channels, time)``, or ``(time, channels)``: float32, float64, or integers of full
        scale (uint8, int16, int32).
    sample_rate : int
        Rate in Hz.
    effects : list of list of str, or str
        The effects: ``[["lowpass", "-1", "300"], ["reverb", "-w"]]``, or one string as on the SoX
        command line.
    channels_first : bool, default: True
        Whether channels are the first dimension, of the result too.
    clip : {"none", "sox"}
        ``"sox"`` rounds to 32-bit integers and saturates before the first and after every effect,
        which torchaudio did behind the scenes. Integers are saturated in the result either way.
    seed : int, optional
        Seed of the noise in ``synth`` and ``dither``; by default it is new in every call.

    Returns
    -------
    tensor : Tensor
        Samples in the type, order and on the device of the input.
    sample_rate : int
        Rate in Hz. ``speed`` and ``pitch`` change it, and leave the samples to a ``rate`` effect,
        which is not added; a rate that is not whole is cut to an int.

    Raises
    ------
    EffectSyntaxError
        There is no such effect, or it does not take these arguments; a ``RuntimeError`` too.
    ValueError
        The tensor is not two-dimensional; a ``RuntimeError`` too.

    See Also
    --------
    EffectsChain : For batches, and rates that are not cut.

    Notes
    -----
    As in torchaudio, and unlike the program, nothing is added at the end of the chain: mono through
    ``reverb`` has two channels.

    Examples
    --------
    >>> from audiolab import effects, signals
    >>> music, rate = signals.clip("music")
    >>> mono, _ = effects.apply_effects_tensor(music, rate, [["remix", "1,2"], ["trim", "0", "1"]])
    >>> mono.shape
    torch.Size([1, 44100])
    """
    if not isinstance(tensor, torch.Tensor) or tensor.dtype not in {
        torch.float32,
        torch.float64,
        *_INTEGERS,
    }:
        kind = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
        raise TypeError(
            f"tensor must hold float32, float64, int32, int16 or uint8 samples, got {kind}"
        )
    if tensor.ndim != 2:
        raise ShapeError(
            f"Input tensor has to be 2D, (channels, time), got shape {tuple(tensor.shape)}; "
            "EffectsChain takes batches"
        )
    chain = EffectsChain(_parsed(effects), clip=clip, seed=seed)
    waveform = tensor if channels_first else tensor.T
    result, rate = chain(_from_integers(waveform), sample_rate)
    result = _to_integers(result, tensor.dtype)
    return (result if channels_first else result.T.contiguous()), int(rate)


def apply_effects_file(
    path: AudioSource,
    effects: EffectsLike,
    normalize: bool = True,
    channels_first: bool = True,
    format: str | None = None,
    *,
    clip: Clip = "none",
    seed: int | None = None,
) -> tuple[torch.Tensor, int]:
    """Apply SoX effects to an audio file, as ``torchaudio.sox_effects.apply_effects_file`` did.

    The file is read block by block and no further than the effects need: ``trim 0 3`` of a long
    recording costs three seconds.

    Parameters
    ----------
    path : path, bytes, uint8 Tensor or binary file
        The audio file.
    effects : list of list of str, or str
        The effects, as for `apply_effects_tensor`.
    normalize : bool, default: True
        Return float32 with full scale at 1.0. False returns a wav file of integers in its own type
        (uint8, int16, int32); it means nothing for other files.
    channels_first : bool, default: True
        Return ``(channels, time)``, else ``(time, channels)``.
    format : str, optional
        Taken for the sake of old code. A file's content tells its format.
    clip, seed
        As for `apply_effects_tensor`.

    Returns
    -------
    tensor : Tensor
        Samples.
    sample_rate : int
        Rate in Hz.

    Raises
    ------
    EffectSyntaxError
        There is no such effect, or it does not take these arguments; a ``RuntimeError`` too.
    AudioFileError
        The file is not audio.

    See Also
    --------
    process_file : From file to file.

    Examples
    --------
    >>> from audiolab import effects, signals
    >>> speech, rate = effects.apply_effects_file(signals.clip_path("speech"), "trim 0.5 0.25")
    >>> speech.shape, rate
    (torch.Size([1, 6000]), 24000)
    """
    if format is not None and not isinstance(format, str):
        raise TypeError(f"format must be a string or None, got {type(format).__name__}")
    check_choice(clip, "clip", CLIPS)
    stream = EffectStream(path, _parsed(effects), restore=False, clip=clip, seed=seed)
    blocks = [block.to(torch.float32) if normalize else block for block in stream]
    waveform = torch.cat(blocks, dim=-1) if blocks else torch.zeros(stream.num_channels, 0)
    if not normalize:
        waveform = _to_integers(waveform, _file_dtype(path))
    return (waveform if channels_first else waveform.T.contiguous()), int(stream.sample_rate)


class ShapeError(ValueError, RuntimeError):
    """A tensor that is not two-dimensional; torchaudio raised a ``RuntimeError``."""


def _parsed(effects: EffectsLike) -> Sequence[Effect]:
    try:
        return parse_effects(effects)
    except EffectSyntaxError as error:
        if error.position in {None, 0}:
            raise
        raise EffectSyntaxError(
            f"Invalid effect option: {error.reason}", error.words, error.position, error.usage
        ) from None


def _from_integers(samples: torch.Tensor) -> torch.Tensor:
    if samples.dtype not in _INTEGERS:
        return samples
    zero, scale = _INTEGERS[samples.dtype]
    return (samples.double() - zero) / scale


def _to_integers(waveform: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Round halves up, as SoX narrows its samples, and saturate."""
    if dtype not in _INTEGERS:
        return waveform.to(dtype)
    zero, scale = _INTEGERS[dtype]
    scaled = torch.floor(waveform.double() * scale + 0.5).clamp(-scale, scale - 1)
    return (scaled + zero).to(dtype)


def _file_dtype(path: AudioSource) -> torch.dtype:
    about = io.info(path)
    if about.format != "wav" or not about.bit_depth or "float" in str(about.encoding):
        return torch.float32
    return {8: torch.uint8, 16: torch.int16}.get(about.bit_depth, torch.int32)
