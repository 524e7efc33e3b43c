"""Codes as tokens: in ``.safetensors``, or in ``.npy`` with a JSON file beside it.

Tokens are an int16 array ``(codebook, frame)``, the frames of all segments one after the other, and
what it takes to make sound of them: the model's name, the number of samples, and each segment's
frames and scale where the model has segments.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from audiolab._files import atomic_path, check_writable
from audiolab._typing import FilePath
from audiolab.codec.model import EncodedSegment

__all__ = ["TokenInfo", "load_tokens", "save_tokens"]

_METADATA = "audiolab.tokens"


@dataclass(frozen=True)
class TokenInfo:
    """What tokens belong to.

    Parameters
    ----------
    model : str
        Name of the model.
    num_samples : int
        Samples per channel of the sound.
    sample_rate : int
        The model's rate in Hz.
    frame_rate : int
        Frames a second.
    codebook_size : int
        Entries of a codebook.
    """

    model: str
    num_samples: int
    sample_rate: int
    frame_rate: int
    codebook_size: int


def save_tokens(
    path: FilePath,
    segments: Sequence[tuple[torch.Tensor, torch.Tensor | None]],
    info: TokenInfo,
    *,
    overwrite: bool = False,
) -> None:
    """Write the codes of one waveform.

    Parameters
    ----------
    path : path-like
        A ``.safetensors`` file, or a ``.npy`` file, whose metadata goes into ``.npy.json`` beside.
    segments : sequence of EncodedSegment
        What `EncodecModel.encode` returned for one waveform.
    info : TokenInfo
        What they belong to.
    overwrite : bool, default: False
        Whether files that are there may be replaced.

    Raises
    ------
    ValueError
        The extension is another, or there are no segments.
    """
    target = Path(path)
    if target.suffix not in (".npy", ".safetensors"):
        raise ValueError(f"{target}: tokens are written as .safetensors or .npy")
    if not segments:
        raise ValueError("segments must hold at least one segment of codes")
    if any(codes.shape[0] != 1 for codes, _ in segments):
        raise ValueError("segments must be those of one waveform, got a batch")
    codes = torch.cat([codes[0] for codes, _ in segments], dim=-1).to(torch.int16).cpu()
    frames = [codes.shape[-1] for codes, _ in segments]
    scales = [None if scale is None else float(scale) for _, scale in segments]
    metadata = {**asdict(info), "segment_frames": frames, "segment_scales": scales}
    if target.suffix == ".safetensors":
        with atomic_path(target, overwrite=overwrite) as temporary:
            save_file({"codes": codes}, temporary, {_METADATA: json.dumps(metadata)})
        return
    beside = target.with_name(f"{target.name}.json")
    check_writable(beside, overwrite=overwrite)
    with atomic_path(target, overwrite=overwrite) as temporary:
        np.save(temporary, codes.numpy())
    with atomic_path(beside, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(metadata, indent=1) + "\n")


def load_tokens(path: FilePath) -> tuple[list[EncodedSegment], TokenInfo]:
    """Read what `save_tokens` wrote.

    Parameters
    ----------
    path : path-like
        A ``.safetensors`` or ``.npy`` file.

    Returns
    -------
    segments : list of EncodedSegment
        What `EncodecModel.decode` takes.
    info : TokenInfo
        What they belong to.

    Raises
    ------
    ValueError
        The file is damaged or holds something else.
    """
    source = Path(path)
    try:
        if source.suffix == ".npy":
            codes = torch.from_numpy(np.load(source, allow_pickle=False).astype(np.int64))
            metadata = json.loads(source.with_name(f"{source.name}.json").read_text())
        else:
            with safe_open(os.fspath(source), framework="pt") as file:
                metadata = json.loads((file.metadata() or {})[_METADATA])
                codes = file.get_tensor("codes").long()
        return _segments(codes, metadata)
    except FileNotFoundError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{source} does not hold tokens ({error})") from None


def _segments(
    codes: torch.Tensor, metadata: dict[str, Any]
) -> tuple[list[EncodedSegment], TokenInfo]:
    frames, scales = metadata.pop("segment_frames"), metadata.pop("segment_scales")
    info = TokenInfo(**metadata)
    numbers = (info.num_samples, info.sample_rate, info.frame_rate, info.codebook_size, *frames)
    if any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError("a count is not a whole number")
    if type(info.model) is not str or len(frames) != len(scales):
        raise ValueError("the metadata is incomplete")
    if codes.dim() != 2 or sum(frames) != codes.shape[1]:
        raise ValueError(f"{sum(frames)} frames are claimed, codes have the shape {codes.shape}")
    if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < info.codebook_size:
        raise ValueError(f"codes must lie in 0..{info.codebook_size - 1}")
    ends = list(itertools.accumulate(frames))
    return [
        EncodedSegment(
            codes[None, :, end - count : end],
            None if scale is None else torch.tensor([[float(scale)]]),
        )
        for end, count, scale in zip(ends, frames, scales, strict=True)
    ], info
