"""``.ecdc`` files to waveforms, of any length in constant memory; `compression` writes them.

Files of ``encodec`` 0.1.1 are read too. Codes of a language model are exact in version 1; in the
reference's version 0 they can be read where they were written only, and nothing in them tells.

Memory is bounded by what a file holds, whatever its header claims.
"""

from __future__ import annotations

import io as _io
import math
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from audiolab import io
from audiolab._typing import FilePath
from audiolab.codec._bytes import Readable, read_exactly
from audiolab.codec._models import (
    LanguageModelLike,
    ModelLike,
    check_fit,
    device_of,
    exact_twin,
    find_language_model,
    find_model,
)
from audiolab.codec._payload import AnyLanguageModel, reader, segment_frames
from audiolab.codec.bitstream import BitstreamError, ChecksumReader, Header, read_header
from audiolab.codec.entropy import CorruptStreamError
from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.model import EncodecModel, EncodedSegment

__all__ = [
    "LegacyStreamWarning",
    "decompress",
    "decompress_blocks",
    "decompress_file",
    "read_codes",
]

# Frames of one segment that are handed on together: 10 s at 75 Hz.
_FRAMES_AT_ONCE = 750
#: Where `rescale` puts the peak, as the reference's command line does.
PEAK = 0.99


class LegacyStreamWarning(UserWarning):
    """A stream can only be read where it was written, and nothing in it tells."""


def _opened(
    file: ChecksumReader, model: ModelLike | None, lm: LanguageModelLike | None
) -> tuple[Header, EncodecModel, AnyLanguageModel | None]:
    """Read the header and find what it asks for."""
    header = read_header(file)
    codec = find_model(header.model if model is None else model)
    if codec.name != header.model:
        raise BitstreamError(
            f"the file was written with the model {header.model!r}, not with {codec.name!r}"
        )
    most = codec.config.num_codebooks
    if header.num_codebooks > most:
        raise BitstreamError(
            f"damaged header: {header.num_codebooks} codebooks, {codec.name} has {most}"
        )
    if not header.use_lm:
        return header, codec, None
    if lm is False:
        raise ValueError("the file is coded by a language model, and lm=False leaves it out")
    chosen = find_language_model(True if lm is None else lm, header.model)
    check_fit(chosen, codec.config, header.num_codebooks)
    if header.version == 0:
        if isinstance(chosen, ExactLanguageModel):
            raise ValueError(
                "the file is of version 0: it takes the float LanguageModel that wrote it"
            )
        warnings.warn(
            "this file's language model was evaluated in floating point: it decodes only with the "
            "torch, the processor and the number of threads that wrote it, and can't tell",
            LegacyStreamWarning,
            stacklevel=3,
        )
        return header, codec, chosen
    exact = exact_twin(chosen)
    if header.lm_digest != exact.digest:
        raise BitstreamError(
            f"the file was coded by the language model {header.lm_digest}, not by {exact.digest}"
        )
    return header, codec, exact


def _pieces(
    file: ChecksumReader, header: Header, codec: EncodecModel, lm: AnyLanguageModel | None
) -> Iterator[EncodedSegment]:
    """Yield codes as `EncodecModel.decode_blocks` takes them, and check the end of the file."""
    config = codec.config
    for _, frames in segment_frames(config, header.num_samples):
        scale = None
        if config.normalize:
            (value,) = struct.unpack(">f", read_exactly(file, 4, "a segment's scale"))
            if not (math.isfinite(value) and value >= 0):
                raise BitstreamError(f"damaged segment: its scale is {value}")
            scale = torch.full((1, 1), value, device=device_of(codec))
        source = reader(file, header.num_codebooks, config.bits_per_codebook, lm)
        at_once = _FRAMES_AT_ONCE if config.segment_length is None else frames
        for start in range(0, frames, at_once):
            try:
                codes = source.pull(min(at_once, frames - start))
            except CorruptStreamError as error:
                raise BitstreamError(_damaged(header, str(error))) from None
            yield EncodedSegment(codes[None].to(device_of(codec)), scale)
    # Looked at before the check, which reads on to the end.
    left_over = bool(file.peek(1))
    try:
        found = file.check_trailer(required=header.version > 0)
    except BitstreamError as error:
        raise BitstreamError(_damaged(header, str(error))) from None
    if header.use_lm and not found and left_over:
        raise BitstreamError(_damaged(header, "bytes are left over"))


def _damaged(header: Header, what: str) -> str:
    if header.use_lm and header.version == 0:
        return (
            f"the codes could not be read ({what}): the file is damaged, or was written with other "
            "threads, another processor or another torch (torch.set_num_threads may help)"
        )
    return what


def read_codes(
    file: Readable, *, model: ModelLike | None = None, lm: LanguageModelLike | None = None
) -> tuple[Header, list[EncodedSegment]]:
    """Read a file's codes, and leave them codes.

    Parameters
    ----------
    file : binary file
        Open at the first byte.
    model : EncodecModel, str or path, optional
        The model; by default the one that the file names.
    lm : LanguageModel, ExactLanguageModel or path, optional
        The language model of a file that has one; by default the named model's.

    Returns
    -------
    header : Header
        What the file says about itself.
    segments : list of EncodedSegment
        What `EncodecModel.decode` takes.

    Raises
    ------
    BitstreamError
        The file is damaged, or another model's.
    """
    checked = ChecksumReader(file)
    header, codec, chosen = _opened(checked, model, lm)
    pieces = list(_pieces(checked, header, codec, chosen))
    if codec.segment_length is None and len(pieces) > 1:
        pieces = [EncodedSegment(torch.cat([each.codes for each in pieces], dim=-1), None)]
    return header, pieces


def decompress_blocks(
    file: Readable, *, model: ModelLike | None = None, lm: LanguageModelLike | None = None
) -> tuple[Header, EncodecModel, Iterator[torch.Tensor]]:
    """Decompress piece by piece.

    Parameters
    ----------
    file : binary file
        Open at the first byte; a pipe will do.
    model : EncodecModel, str or path, optional
        The model; by default the one that the file names.
    lm : LanguageModel, ExactLanguageModel or path, optional
        The language model of a file that has one; by default the named model's.

    Returns
    -------
    header : Header
        What the file says about itself.
    model : EncodecModel
        The model, for rate and channels.
    blocks : iterator of torch.Tensor
        The sound ``(channels, time)`` in pieces. The last step checks the end of the file.

    Raises
    ------
    BitstreamError
        The file is damaged, or another model's; also while iterating.
    """
    checked = ChecksumReader(file)
    header, codec, chosen = _opened(checked, model, lm)
    return header, codec, _blocks(checked, header, codec, chosen)


def _blocks(
    file: ChecksumReader, header: Header, codec: EncodecModel, lm: AnyLanguageModel | None
) -> Iterator[torch.Tensor]:
    left = header.num_samples
    pieces = _pieces(file, header, codec, lm)
    parts = codec.decode_blocks(pieces)
    while True:
        with torch.inference_mode():
            part = next(parts, None)
        if part is None:
            break
        # The last frame is whole; the sound may end within it.
        cut = part[0, :, :left].clone()
        left -= cut.shape[-1]
        if cut.shape[-1]:
            yield cut


def decompress(
    data: bytes, *, model: ModelLike | None = None, lm: LanguageModelLike | None = None
) -> tuple[torch.Tensor, int]:
    """Decompress the bytes of an ``.ecdc`` file.

    Parameters
    ----------
    data : bytes
        The file, of this package or of ``encodec``.
    model : EncodecModel, str or path, optional
        The model; by default the one that the file names.
    lm : LanguageModel, ExactLanguageModel or path, optional
        The language model of a file that has one; by default the named model's.

    Returns
    -------
    waveform : torch.Tensor
        ``(channels, time)``, as many samples as were compressed (at the model's rate).
    sample_rate : int
        The model's rate.

    Raises
    ------
    BitstreamError
        The bytes are damaged, or another model's.

    Warns
    -----
    LegacyStreamWarning
        The stream can be read on the machine that wrote it only.
    """
    _, codec, blocks = decompress_blocks(_io.BytesIO(data), model=model, lm=lm)
    parts = list(blocks)
    if not parts:
        return torch.zeros(codec.channels, 0), codec.sample_rate
    return torch.cat(parts, dim=-1), codec.sample_rate


def decompress_file(
    source: FilePath,
    path: FilePath,
    *,
    model: ModelLike | None = None,
    lm: LanguageModelLike | None = None,
    rescale: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Decompress a file of any length into an audio file, in constant memory.

    Parameters
    ----------
    source : path-like
        The ``.ecdc`` file.
    path : path-like
        The audio file to write, whole or not at all; its extension chooses the format.
    model : EncodecModel, str or path, optional
        The model; by default the one that the file names.
    lm : LanguageModel, ExactLanguageModel or path, optional
        The language model of a file that has one; by default the named model's.
    rescale : bool, default: False
        Whether to scale a sound that goes beyond 0.99 down to it; decodes twice. Otherwise what
        goes beyond full scale is clipped, with a warning.
    overwrite : bool, default: False
        Whether a file that is there may be replaced.
    progress : callable, optional
        Called now and then with the samples done and those in all.
    """
    gain = 1.0
    if rescale:
        peak = 0.0
        for block in _from_file(source, model, lm):
            peak = max(peak, float(block.abs().max()))
        gain = min(1.0, PEAK / peak) if peak > 0 else 1.0
    with Path(source).open("rb") as file:
        header, codec, blocks = decompress_blocks(file, model=model, lm=lm)
        done, clipped, loudest = 0, 0, 0.0
        with io.BlockWriter(path, codec.sample_rate, codec.channels, overwrite=overwrite) as target:
            for block in blocks:
                sound = block.cpu() * gain
                clipped += int((sound.abs() > 1.0).sum())
                loudest = max(loudest, float(sound.abs().max()))
                target.write(sound.clamp(-1.0, 1.0))
                done += block.shape[-1]
                if progress is not None:
                    progress(done, header.num_samples)
    if clipped:
        warnings.warn(
            f"{path}: {clipped} sample(s) beyond full scale were clipped, the peak was "
            f"{loudest:.3f}; rescale=True (-r) scales the sound instead",
            io.ClippingWarning,
            stacklevel=2,
        )


def _from_file(
    source: FilePath, model: ModelLike | None, lm: LanguageModelLike | None
) -> Iterator[torch.Tensor]:
    with Path(source).open("rb") as file:
        yield from decompress_blocks(file, model=model, lm=lm)[2]
