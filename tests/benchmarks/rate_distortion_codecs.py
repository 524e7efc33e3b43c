"""The contestants of `bench_rate_distortion`: FFmpeg's encoders, and neural codecs of audiolab.

Bits are real ones. The *payload* is what carries sound: of FFmpeg's files the sizes of all packets,
of ``.ecdc`` files what lies between header and checksum. The *file* is all of it. Both are divided
by the clip's duration.

Each old codec gets what suits it: Opus is told "voip" for speech and "audio" for other sounds (at
6 kbps that is worth 5 dB of SI-SDR on music), and everything is aligned before it is measured.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from rate_distortion_clips import RATE, Clip

from audiolab import io, metrics
from audiolab.codec import EncodecModel, compress, decompress
from audiolab.codec.bitstream import read_header

_MAX_DELAY_S = 0.1
_CHECKSUM_BYTES = 8


@dataclass(frozen=True)
class Coded:
    """What a codec made of a clip: aligned with the reference, and how many bits it took."""

    reference: torch.Tensor
    estimate: torch.Tensor
    payload_kbps: float
    file_kbps: float
    more: dict[str, float]


@dataclass(frozen=True)
class OldCodec:
    """An encoder of FFmpeg."""

    name: str
    options: str
    suffix: str
    nominal_kbps: float
    speech_options: str = ""
    other_options: str = ""
    parametric: bool = False
    panel: str = "full"

    @property
    def key(self) -> str:
        """Return what a stored result depends on."""
        parts = (self.options, self.speech_options, self.other_options, ffmpeg_version())
        return digest("|".join(parts))

    def missing(self) -> str | None:
        encoder = self.options.split("-c:a ")[1].split()[0]
        return None if f" {encoder} " in _encoders() else f"this FFmpeg has no {encoder}"

    def code(self, clip: Clip, sound: torch.Tensor) -> Coded:
        own = self.speech_options if clip.speech else self.other_options
        with tempfile.TemporaryDirectory() as folder:
            source, coded = Path(folder) / "in.wav", Path(folder) / f"coded.{self.suffix}"
            io.save(source, sound[None], RATE, encoding="float32")
            _run("ffmpeg", "-i", source, *self.options.split(), *own.split(), coded)
            raw = _run("ffmpeg", "-i", coded, "-ac", 1, "-ar", RATE, "-f", "f32le", "-")
            payload, size = _payload_bytes(coded), coded.stat().st_size
        decoded = torch.frombuffer(bytearray(raw), dtype=torch.float32)
        reference, estimate = _aligned(sound, decoded, parametric=self.parametric)
        rate = 8e-3 / (len(sound) / RATE)
        return Coded(reference, estimate, payload * rate, size * rate, {})


@dataclass(frozen=True)
class NeuralCodec:
    """A model of audiolab at one bandwidth and effort, with or without its language model."""

    name: str
    model: str
    nominal_kbps: float
    effort: int
    lm: bool = False
    panel: str = "full"

    @property
    def key(self) -> str:
        return digest(f"{self.effort}|{self.lm}|{_weights_digest(self.model, lm=self.lm)}")

    def missing(self) -> str | None:
        try:
            model = _load(self.model)
            if self.lm:
                _load_lm(self.model)
        except (ValueError, OSError):  # the message would name folders of this machine
            return f"no weights{' of the language model' if self.lm else ''} here"
        if self.nominal_kbps not in model.target_bandwidths:
            return f"{self.model} has no {self.nominal_kbps:g} kbps"
        return None

    def code(self, clip: Clip, sound: torch.Tensor) -> Coded:
        model = _load(self.model)
        options = {"model": model, "bandwidth": self.nominal_kbps, "effort": self.effort}
        rate = 8e-3 / (len(sound) / RATE)
        if self.lm:
            data = compress(sound, RATE, **options, lm=_load_lm(self.model))
            codes = model.num_codebooks_for(self.nominal_kbps) * model.config.num_frames(len(sound))
            saves = 1 - 8 * _ecdc_payload(data) / (codes * model.config.bits_per_codebook)
            coded = (_ecdc_payload(data) * rate, len(data) * rate)
            return Coded(sound, sound, *coded, {"lm_saves": saves})  # the sound is not decoded
        data = compress(sound, RATE, **options)
        decoded, _ = decompress(data, model=model)
        # These models keep the time: nothing to align.
        estimate = decoded[0, : len(sound)]
        return Coded(sound, estimate, _ecdc_payload(data) * rate, len(data) * rate, {})


def old_codecs() -> list[OldCodec]:
    """Return FFmpeg's codecs from the lowest rate up, family by family."""
    opus = {"speech_options": "-application voip", "other_options": "-application audio"}
    found = [
        OldCodec(f"Opus {k}", f"-c:a libopus -b:a {k}k", "ogg", k, **opus)
        for k in (6, 8, 12, 16, 24)
    ]
    found.insert(
        1, OldCodec("Opus 6, 60 ms", "-c:a libopus -b:a 6k -frame_duration 60", "ogg", 6, **opus)
    )
    found += [
        OldCodec(f"MP3 {k}", f"-c:a libmp3lame -b:a {k}k -ar {rate}", "mp3", k)
        for k, rate in ((8, 8000), (16, 16_000), (24, 24_000), (32, 24_000))
    ]
    return [
        *found,
        OldCodec("Speex NB 4", "-c:a libspeex -b:a 4k -ar 8000 -compression_level 10", "ogg", 4),
        OldCodec("Speex WB 8", "-c:a libspeex -b:a 8k -ar 16000 -compression_level 10", "ogg", 8),
        *(
            OldCodec(f"Codec2 {mode}", f"-c:a libcodec2 -mode {mode} -ar 8000", "c2", mode / 1000,
                     parametric=True)
            for mode in (1300, 3200)
        ),
    ]  # fmt: skip


def neural_codecs(
    model: str, title: str, efforts: tuple[int, ...], *, lm: bool
) -> list[NeuralCodec]:
    """Return a model's rows: at every effort, and with its language model at the extreme ones."""
    try:
        bandwidths = [each for each in _load(model).target_bandwidths if each <= 12.0]
    except (ValueError, OSError):
        bandwidths = [6.0]  # one row to say what is missing
    rows = [
        NeuralCodec(
            f"{title} {kbps:g}, effort {effort}", model, kbps, effort,
            panel="full" if effort == max(efforts) else "quick",
        )
        for kbps in bandwidths
        for effort in efforts
    ]  # fmt: skip
    if lm:
        rows += [
            NeuralCodec(f"{title} {kbps:g}, effort {e}, LM", model, kbps, e, lm=True, panel="bits")
            for kbps in bandwidths
            for e in (min(efforts), max(efforts))
        ]
    return rows


# ------------------------------------------------------------------------------ models, loaded once
@lru_cache
def _load(model: str) -> EncodecModel:
    return EncodecModel.from_pretrained(model, download=False)


@lru_cache
def _load_lm(model: str) -> Any:
    from audiolab.codec import load_language_model
    from audiolab.codec.exact_lm import ExactLanguageModel

    beside = Path(model) / "language_model.safetensors"
    found = load_language_model(beside if beside.is_file() else model)
    return found if isinstance(found, ExactLanguageModel) else ExactLanguageModel.from_float(found)


@lru_cache
def _weights_digest(model: str, *, lm: bool) -> str:
    hashed = hashlib.sha256()
    for name, value in sorted(_load(model).state_dict().items()):
        hashed.update(name.encode())
        hashed.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    if lm:
        hashed.update(_load_lm(model).digest.encode())
    return hashed.hexdigest()


# --------------------------------------------------------------------------------- bytes and delays
def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _run(tool: str, *arguments: object) -> bytes:
    command = [tool, "-v", "error", *(["-y"] if tool == "ffmpeg" else []), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


@lru_cache
def ffmpeg_version() -> str:
    if shutil.which("ffmpeg") is None:
        raise SystemExit("the baselines need the ffmpeg program")
    return (
        _run("ffmpeg", "-version")
        .decode()
        .split("Copyright")[0]
        .removeprefix("ffmpeg version ")
        .strip()
    )


@lru_cache
def _encoders() -> str:
    return _run("ffmpeg", "-hide_banner", "-encoders").decode()


def _payload_bytes(path: Path) -> int:
    if path.suffix == ".c2":
        return path.stat().st_size - 7  # its header; FFmpeg does not tell packets of raw codec2
    sizes = _run("ffprobe", "-show_entries", "packet=size", "-of", "csv=p=0", path).decode()
    return sum(int(line.strip(",")) for line in sizes.split())


def _ecdc_payload(data: bytes) -> int:
    file = BytesIO(data)
    read_header(file)
    return len(data) - file.tell() - _CHECKSUM_BYTES


def _aligned(
    sound: torch.Tensor, decoded: torch.Tensor, *, parametric: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take the codec's delay off; what is missing at the end is silence."""
    seen = (_envelope(sound), _envelope(decoded)) if parametric else (sound, decoded)
    if not bool(decoded.any()):
        delay = 0
    else:
        limit = int(_MAX_DELAY_S * RATE)
        delay = int(metrics.delay_samples(*seen, max_delay_samples=limit))
    estimate = decoded[max(0, delay) :]
    if delay < 0:
        estimate = torch.nn.functional.pad(estimate, (-delay, 0))
    missing = max(0, len(sound) - len(estimate))
    return sound, torch.nn.functional.pad(estimate, (0, missing))[: len(sound)]


def _envelope(sound: torch.Tensor) -> torch.Tensor:
    """Return the level over 5 ms without its mean: what a vocoder keeps of a waveform."""
    width = RATE // 200
    smooth = torch.nn.functional.avg_pool1d(sound.abs()[None, None], width, 1, width // 2)[0, 0]
    return smooth - smooth.mean()
