"""Waveforms to ``.ecdc`` files, of any length in constant memory; `decompression` is the way back.

Without a language model, files are byte for byte those of ``encodec`` 0.1.1. A language model makes
them smaller: by default the exact one (`audiolab.codec.exact_lm`), in files of version 1 that
decode on every machine and that old readers refuse. ``lm_version=0`` writes the reference's own
kind instead (`audiolab.codec.legacy_lm`), whose limits are the reference's.

Every file written here ends with a checksum, which old readers leave unread, unless
``checksum=False`` asks for the reference's bytes and no more.
"""

from __future__ import annotations

import io as _io
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import torch

from audiolab import io
from audiolab._files import atomic_path
from audiolab._typing import AudioSource, FilePath
from audiolab._validation import check_sample_rate, check_waveform
from audiolab.codec._beam_search import check_effort
from audiolab.codec._models import (
    LanguageModelLike,
    ModelLike,
    check_fit,
    device_of,
    exact_twin,
    find_language_model,
    find_model,
)
from audiolab.codec._payload import AnyLanguageModel, segment_frames, writer
from audiolab.codec.bitstream import ChecksumWriter, Header
from audiolab.codec.config import DEFAULT_MODEL
from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.model import EncodecModel, EncodedSegment

__all__ = ["compress", "compress_file", "write_codes"]

_DEFAULT_BANDWIDTH = 6.0
_BLOCK_S = 5.0
_COPY_BYTES = 1 << 20


@dataclass
class _Settings:
    """What a file is written with, checked before any work is done."""

    model: EncodecModel
    num_codebooks: int
    bandwidth: float
    lm: AnyLanguageModel | None
    checksum: bool
    effort: int = 1

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
    effort: int = 1,
) -> _Settings:
    if lm_version not in (0, 1):
        raise ValueError(f"lm_version must be 0 (the reference's) or 1 (exact), got {lm_version!r}")
    loaded = find_model(model)
    if bandwidth is None:
        bandwidth = loaded.bandwidth
    if bandwidth is None:
        offered = loaded.target_bandwidths
        bandwidth = _DEFAULT_BANDWIDTH if _DEFAULT_BANDWIDTH in offered else offered[-1]
    loaded.check_bandwidth(bandwidth)
    count = loaded.num_codebooks_for(bandwidth)
    chosen = None if lm is False else find_language_model(lm, loaded.name)
    if chosen is not None:
        if lm_version == 1:
            chosen = exact_twin(chosen)
            if not checksum:
                raise ValueError("checksum=False: files of version 1 always have a checksum")
        elif isinstance(chosen, ExactLanguageModel):
            raise ValueError("lm_version=0 needs a float LanguageModel, got an exact one")
        check_fit(chosen, loaded.config, count)
    return _Settings(loaded, count, bandwidth, chosen, checksum, check_effort(effort))


def compress(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    model: ModelLike = DEFAULT_MODEL,
    bandwidth: float | None = None,
    lm: LanguageModelLike = False,
    lm_version: int = 1,
    checksum: bool = True,
    effort: int = 1,
) -> bytes:
    """Compress a waveform into the bytes of an ``.ecdc`` file.

    Parameters
    ----------
    waveform : torch.Tensor
        ``(channels, time)`` or ``(time,)``, one or two channels at any rate; they are mixed and
        resampled to what the model takes.
    sample_rate : int
        Rate in Hz.
    model : EncodecModel, str or path, default: "audiolab_24khz"
        The codec, or what `EncodecModel.from_pretrained` takes; a name is loaded once.
    bandwidth : float, optional
        In kbps, one of the model's `target_bandwidths`; by default that of the model, else 6.
    lm : bool, LanguageModel, ExactLanguageModel or path, default: False
        Language model that saves a quarter of the bits or more; True for the model's own.
    lm_version : {1, 0}, default: 1
        1 decodes anywhere; 0 is read by ``encodec`` too, on the machine that wrote it.
    checksum : bool, default: True
        Whether a checksum of 8 bytes follows, which other readers leave unread.
    effort : int, default: 1
        Beams that the search for codes keeps, as in `EncodecModel.encode`: more sound better in as
        many bits.

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
    >>> from audiolab.codec import EncodecModel, decompress
    >>> model = EncodecModel.from_preset("encodec_24khz", generator=0)
    >>> data = compress(signals.tone(440, 0.5, 16_000), 16_000, model=model, bandwidth=3.0)
    >>> waveform, rate = decompress(data, model=model)
    >>> len(data), tuple(waveform.shape), rate
    (264, (1, 12000), 24000)
    """
    settings = _settings(model, bandwidth, lm, lm_version, checksum, effort)
    ready = _prepared(waveform, sample_rate, settings.model)
    out = _io.BytesIO()
    with torch.inference_mode():
        segments = settings.model.encode_blocks(
            [ready], bandwidth=settings.bandwidth, effort=settings.effort
        )
        _write(out, settings, segments, lambda: ready.shape[-1])
    return out.getvalue()


def compress_file(
    source: AudioSource,
    path: FilePath,
    *,
    model: ModelLike = DEFAULT_MODEL,
    bandwidth: float | None = None,
    lm: LanguageModelLike = False,
    lm_version: int = 1,
    checksum: bool = True,
    effort: int = 1,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> None:
    """Compress an audio file of any length, in constant memory.

    Parameters
    ----------
    source : path, bytes, uint8 Tensor or binary file
        What `audiolab.io.load` reads.
    path : path-like
        The ``.ecdc`` file to write, whole or not at all.
    model, bandwidth, lm, lm_version, checksum, effort
        As in `compress`.
    overwrite : bool, default: False
        Whether a file that is there may be replaced.
    progress : callable, optional
        Called now and then with the samples done and those in all, at the model's rate; None where
        the file does not tell.
    """
    settings = _settings(model, bandwidth, lm, lm_version, checksum, effort)
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
                yield block.to(device_of(codec))
            done += block.shape[-1]
            if progress is not None:
                progress(done, blocks.num_samples)

    with (
        atomic_path(path, overwrite=overwrite) as temporary,
        temporary.open("wb") as file,
        torch.inference_mode(),
    ):
        segments = codec.encode_blocks(
            watched(), bandwidth=settings.bandwidth, effort=settings.effort
        )
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
    expected = [frames for _, frames in segment_frames(config, num_samples)]
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
    return sound.contiguous().to(device_of(model))


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
