"""Waveforms to ``.ecdc`` files and back, of any length in constant memory.

Without a language model, files are byte for byte those of ``encodec`` 0.1.1, in both directions. A
language model makes them smaller: by default the exact one (`audiolab.codec.exact_lm`), in files of
version 1 that decode on every machine and that old readers refuse. ``lm_version=0`` writes the
reference's own kind instead (`audiolab.codec.legacy_lm`), whose limits are the reference's.

Every file written here ends with a checksum, which old readers leave unread, unless
``checksum=False`` asks for the reference's bytes and no more. Memory is bounded by what a file
holds, whatever its header claims.
"""

from __future__ import annotations

import io as _io
import math
import struct
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeAlias

import torch

from audiolab import io
from audiolab._files import atomic_path
from audiolab._typing import AudioSource, FilePath
from audiolab._validation import check_sample_rate, check_waveform
from audiolab.codec._download import CheckpointError
from audiolab.codec._payload import AnyLanguageModel, reader, writer
from audiolab.codec.bitstream import (
    BitstreamError,
    ChecksumReader,
    ChecksumWriter,
    Header,
    Readable,
    read_exactly,
    read_header,
)
from audiolab.codec.config import PRESETS, EncodecConfig
from audiolab.codec.entropy import CorruptStreamError
from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.language_model import LanguageModel
from audiolab.codec.model import EncodecModel, EncodedSegment

__all__ = [
    "LegacyStreamWarning",
    "compress",
    "compress_file",
    "decompress",
    "decompress_blocks",
    "decompress_file",
    "load_language_model",
    "read_codes",
    "write_codes",
]

#: A model, or what `EncodecModel.from_pretrained` takes.
ModelLike: TypeAlias = EncodecModel | FilePath
#: A language model, a path to one, True for that of the model, or False.
LanguageModelLike: TypeAlias = bool | AnyLanguageModel | FilePath
#: Called with the samples done, and those in all if that is known.
Progress: TypeAlias = Callable[[int, int | None], None]

_DEFAULT_BANDWIDTH = 6.0
_BLOCK_S = 5.0
# Frames of one segment that are handed on together: 10 s at 75 Hz.
_FRAMES_AT_ONCE = 750
_COPY_BYTES = 1 << 20


class LegacyStreamWarning(UserWarning):
    """A stream can only be read where it was written, and nothing in it tells."""


# ------------------------------------------------------------------------------ models by name
@lru_cache(maxsize=2)
def _published(name: str) -> EncodecModel:
    return EncodecModel.from_pretrained(name)


@lru_cache(maxsize=2)
def _published_lm(name: str) -> LanguageModel:
    return LanguageModel.from_pretrained(name)


# Float models, the state they were in, and their exact twins.
_twins: dict[int, tuple[LanguageModel, list[int], ExactLanguageModel]] = {}


def _exact(model: AnyLanguageModel) -> ExactLanguageModel:
    """Return the exact twin of a float model, made once and again when the model was trained."""
    if isinstance(model, ExactLanguageModel):
        return model
    versions = [0 if each.is_inference() else each._version for each in model.parameters()]
    found = _twins.get(id(model))
    if found is None or found[0] is not model or found[1] != versions:
        if len(_twins) >= 2:
            _twins.clear()
        found = _twins[id(model)] = (model, versions, ExactLanguageModel.from_float(model))
    return found[2]


def load_language_model(source: FilePath) -> AnyLanguageModel:
    """Load a language model, float or exact, whichever the file holds.

    Parameters
    ----------
    source : str or path
        A file that `LanguageModel.save` or `ExactLanguageModel.save` wrote, a published checkpoint,
        or a codec's name.

    Returns
    -------
    LanguageModel or ExactLanguageModel
        A published one is kept in memory for the next call.

    Raises
    ------
    CheckpointError
        Nothing is found, or what is found is not a language model.
    """
    path = Path(source)
    if not path.is_file():
        return _published_lm(str(source))
    try:
        return ExactLanguageModel.load(path)
    except ValueError:
        return LanguageModel.from_pretrained(path)


def _model(model: ModelLike) -> EncodecModel:
    if isinstance(model, EncodecModel):
        return model
    # A file or folder may change; a published checkpoint does not.
    return _published(str(model)) if model in PRESETS else EncodecModel.from_pretrained(model)


def _chosen(lm: LanguageModelLike, name: str) -> AnyLanguageModel:
    """Return the language model that is meant."""
    if isinstance(lm, bool):
        try:
            return load_language_model(name)
        except CheckpointError as error:
            raise CheckpointError(f"the language model of {name}: {error}") from None
    return lm if isinstance(lm, LanguageModel | ExactLanguageModel) else load_language_model(lm)


# ---------------------------------------------------------------------------------------- writing
@dataclass
class _Settings:
    """What a file is written with, checked before any work is done."""

    model: EncodecModel
    num_codebooks: int
    bandwidth: float
    lm: AnyLanguageModel | None
    checksum: bool

    def header(self, num_samples: int) -> Header:
        exact = isinstance(self.lm, ExactLanguageModel)
        return Header(
            self.model.name,
            num_samples,
            self.num_codebooks,
            use_lm=self.lm is not None,
            version=int(exact),
            lm_digest=self.lm.digest if isinstance(self.lm, ExactLanguageModel) else None,
        )


def _settings(
    model: ModelLike,
    bandwidth: float | None,
    lm: LanguageModelLike,
    lm_version: int,
    checksum: bool,
) -> _Settings:
    if lm_version not in (0, 1):
        raise ValueError(f"lm_version must be 0 (the reference's) or 1 (exact), got {lm_version!r}")
    loaded = _model(model)
    if bandwidth is None:
        bandwidth = loaded.bandwidth
    if bandwidth is None:
        offered = loaded.target_bandwidths
        bandwidth = _DEFAULT_BANDWIDTH if _DEFAULT_BANDWIDTH in offered else offered[-1]
    loaded.check_bandwidth(bandwidth)
    count = loaded.num_codebooks_for(bandwidth)
    chosen = None if lm is False else _chosen(lm, loaded.name)
    if chosen is not None:
        if lm_version == 1:
            chosen = _exact(chosen)
            if not checksum:
                raise ValueError("checksum=False: files of version 1 always have a checksum")
        elif isinstance(chosen, ExactLanguageModel):
            raise ValueError("lm_version=0 needs a float LanguageModel, got an exact one")
        _check_fit(chosen, loaded.config, count)
    return _Settings(loaded, count, bandwidth, chosen, checksum)


def _check_fit(lm: AnyLanguageModel, config: EncodecConfig, num_codebooks: int) -> None:
    if lm.config.codebook_size != config.codebook_size or lm.config.num_codebooks < num_codebooks:
        raise ValueError(
            f"the language model is for {lm.config.num_codebooks} codebooks of "
            f"{lm.config.codebook_size} entries, {config.name} uses {num_codebooks} of "
            f"{config.codebook_size}"
        )


def compress(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    model: ModelLike = "encodec_24khz",
    bandwidth: float | None = None,
    lm: LanguageModelLike = False,
    lm_version: int = 1,
    checksum: bool = True,
) -> bytes:
    """Compress a waveform into the bytes of an ``.ecdc`` file.

    Parameters
    ----------
    waveform : torch.Tensor
        ``(channels, time)`` or ``(time,)``, one or two channels at any rate; they are mixed and
        resampled to what the model takes.
    sample_rate : int
        Rate in Hz.
    model : EncodecModel, str or path, default: "encodec_24khz"
        The codec, or what `EncodecModel.from_pretrained` takes; a name is loaded once.
    bandwidth : float, optional
        In kbps, one of the model's `target_bandwidths`; by default that of the model, else 6.
    lm : bool, LanguageModel, ExactLanguageModel or path, default: False
        Language model that saves a quarter of the bits or more; True for the model's own.
    lm_version : {1, 0}, default: 1
        1 decodes anywhere; 0 is read by ``encodec`` too, on the machine that wrote it.
    checksum : bool, default: True
        Whether a checksum of 8 bytes follows, which other readers leave unread.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    ValueError
        The waveform, the bandwidth or the language model does not suit the model.

    Examples
    --------
    >>> from audiolab import signals
    >>> from audiolab.codec import EncodecModel
    >>> model = EncodecModel.from_preset("encodec_24khz", generator=0)
    >>> data = compress(signals.tone(440, 0.5, 16_000), 16_000, model=model, bandwidth=3.0)
    >>> waveform, rate = decompress(data, model=model)
    >>> len(data), tuple(waveform.shape), rate
    (264, (1, 12000), 24000)
    """
    settings = _settings(model, bandwidth, lm, lm_version, checksum)
    ready = _prepared(waveform, sample_rate, settings.model)
    out = _io.BytesIO()
    with torch.inference_mode():
        segments = settings.model.encode_blocks([ready], bandwidth=settings.bandwidth)
        _write(out, settings, segments, lambda: ready.shape[-1])
    return out.getvalue()


def compress_file(
    source: AudioSource,
    path: FilePath,
    *,
    model: ModelLike = "encodec_24khz",
    bandwidth: float | None = None,
    lm: LanguageModelLike = False,
    lm_version: int = 1,
    checksum: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Compress an audio file of any length, in constant memory.

    Parameters
    ----------
    source : path, bytes, uint8 Tensor or binary file
        What `audiolab.io.load` reads.
    path : path-like
        The ``.ecdc`` file to write, whole or not at all.
    model, bandwidth, lm, lm_version, checksum
        As in `compress`.
    overwrite : bool, default: False
        Whether a file that is there may be replaced.
    progress : callable, optional
        Called now and then with the samples done and those in all, at the model's rate; None where
        the file does not tell.
    """
    settings = _settings(model, bandwidth, lm, lm_version, checksum)
    codec = settings.model
    channels = io.info(source).num_channels
    if channels > 2 and codec.channels == 2:
        raise ValueError(f"the model takes 1 or 2 channels, the file has {channels}: mix it first")
    blocks = io.blocks(source, _BLOCK_S, sample_rate=codec.sample_rate, num_channels=codec.channels)
    done = 0

    def watched() -> Iterator[torch.Tensor]:
        nonlocal done
        for block in blocks:
            if block.shape[-1]:
                yield block.to(codec_device(codec))
            done += block.shape[-1]
            if progress is not None:
                progress(done, blocks.num_samples)

    with (
        atomic_path(path, overwrite=overwrite) as temporary,
        temporary.open("wb") as file,
        torch.inference_mode(),
    ):
        segments = codec.encode_blocks(watched(), bandwidth=settings.bandwidth)
        _write(file, settings, segments, lambda: done)


def write_codes(
    segments: Iterable[EncodedSegment | tuple[torch.Tensor, torch.Tensor | None]],
    num_samples: int,
    file: BinaryIO,
    *,
    model: EncodecModel,
    lm: LanguageModelLike = False,
    lm_version: int = 1,
    checksum: bool = True,
) -> None:
    """Write codes that are there already.

    Parameters
    ----------
    segments : iterable of EncodedSegment
        What `EncodecModel.encode` returned for one waveform.
    num_samples : int
        Samples per channel of that waveform.
    file : binary file
        Open for writing.
    model : EncodecModel
        The model that they belong to.
    lm, lm_version, checksum
        As in `compress`.

    Raises
    ------
    ValueError
        The segments are not those of `num_samples`, or are not the model's.
    """
    listed = [EncodedSegment(codes, scale) for codes, scale in segments]
    config = model.config
    expected = [frames for _, frames in _segment_frames(config, num_samples)]
    found = [segment.codes.shape[-1] for segment in listed]
    if found != expected:
        raise ValueError(
            f"{num_samples} samples make segments of {expected[:4]} frames ({len(expected)} of "
            f"them), got {found[:4]} ({len(found)} of them)"
        )
    counts = {segment.codes.shape[1] for segment in listed} or {1}
    if len(counts) > 1:
        raise ValueError(f"all segments must have as many codebooks, got {sorted(counts)}")
    settings = _settings(model, model.target_bandwidths[-1], lm, lm_version, checksum)
    settings.num_codebooks = counts.pop()
    for segment in listed:
        model.check_segment(segment.codes, segment.scale)
    _write(file, settings, iter(listed), lambda: num_samples)


def _prepared(waveform: torch.Tensor, sample_rate: int, model: EncodecModel) -> torch.Tensor:
    """Mix and resample as files are: the mean of channels, copies of one, soxr."""
    rate = check_sample_rate(sample_rate)
    check_waveform(waveform, finite=True)
    if waveform.dim() > 2:
        raise ValueError(
            f"waveform must be (channels, time) or (time,), got shape {tuple(waveform.shape)}"
        )
    sound = (waveform[None] if waveform.dim() == 1 else waveform).detach().cpu().float()
    if sound.shape[0] not in (1, 2):
        raise ValueError(f"waveform must have 1 or 2 channels, got {sound.shape[0]}")
    if sound.shape[0] != model.channels:
        mono = sound.mean(dim=0, keepdim=True)
        sound = mono.expand(model.channels, -1)
    if rate != model.sample_rate and sound.shape[-1]:
        import soxr

        found = soxr.resample(sound.T.contiguous().numpy(), rate, model.sample_rate, "VHQ")
        sound = torch.from_numpy(found).T
    return sound.contiguous().to(codec_device(model))


def codec_device(model: EncodecModel) -> torch.device:
    """Return where a model's weights are.

    Parameters
    ----------
    model : EncodecModel
        Any.

    Returns
    -------
    torch.device
        The device.
    """
    return next(model.parameters()).device


def _write(
    file: BinaryIO,
    settings: _Settings,
    segments: Iterator[EncodedSegment],
    num_samples: Callable[[], int],
) -> None:
    """Write body first, since the header tells how long the sound was."""
    with tempfile.SpooledTemporaryFile(max_size=_COPY_BYTES) as body:
        bits, count = settings.model.config.bits_per_codebook, settings.num_codebooks
        segmented = settings.model.segment_length is not None
        target = None
        for codes, scale in segments:
            if scale is not None:
                body.write(struct.pack(">f", float(scale)))
            if target is None or segmented:
                target = writer(count, bits, settings.lm)
            body.write(target.push(codes[0].cpu()))
            if segmented:
                body.write(target.finish())
        if target is not None and not segmented:
            body.write(target.finish())
        body.seek(0)
        out = ChecksumWriter(file)
        out.write(settings.header(num_samples()).to_bytes())
        while part := body.read(_COPY_BYTES):
            out.write(part)
        if settings.checksum:
            out.write_trailer()


# ---------------------------------------------------------------------------------------- reading
def _segment_frames(config: EncodecConfig, num_samples: int) -> Iterator[tuple[int, int]]:
    """Yield samples and frames of every segment; nothing is listed, so any claim may be made."""
    length, stride = config.segment_length, config.segment_stride
    if length is None or stride is None:
        if num_samples:
            yield num_samples, config.num_frames(num_samples)
        return
    for start in range(0, num_samples, stride):
        size = min(length, num_samples - start)
        yield size, config.num_frames(size)


def _opened(
    file: ChecksumReader, model: ModelLike | None, lm: LanguageModelLike | None
) -> tuple[Header, EncodecModel, AnyLanguageModel | None]:
    """Read the header and find what it asks for."""
    header = read_header(file)
    codec = _model(header.model if model is None else model)
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
    chosen = _chosen(True if lm is None else lm, header.model)
    _check_fit(chosen, codec.config, header.num_codebooks)
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
    exact = _exact(chosen)
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
    for _, frames in _segment_frames(config, header.num_samples):
        scale = None
        if config.normalize:
            (value,) = struct.unpack(">f", read_exactly(file, 4, "a segment's scale"))
            if not (math.isfinite(value) and value >= 0):
                raise BitstreamError(f"damaged segment: its scale is {value}")
            scale = torch.full((1, 1), value, device=codec_device(codec))
        source = reader(file, header.num_codebooks, config.bits_per_codebook, lm)
        at_once = _FRAMES_AT_ONCE if config.segment_length is None else frames
        for start in range(0, frames, at_once):
            try:
                codes = source.pull(min(at_once, frames - start))
            except CorruptStreamError as error:
                raise BitstreamError(_damaged(header, str(error))) from None
            yield EncodedSegment(codes[None].to(codec_device(codec)), scale)
    try:
        found = file.check_trailer(required=header.version > 0)
    except BitstreamError as error:
        raise BitstreamError(_damaged(header, str(error))) from None
    if header.use_lm and not found and file.peek(1):
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
    progress: Progress | None = None,
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


#: Where `rescale` puts the peak, as the reference's command line does.
PEAK = 0.99


def _from_file(
    source: FilePath, model: ModelLike | None, lm: LanguageModelLike | None
) -> Iterator[torch.Tensor]:
    with Path(source).open("rb") as file:
        yield from decompress_blocks(file, model=model, lm=lm)[2]
