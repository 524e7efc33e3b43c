"""Render the bundled clips: ``python -m audiolab.signals.render``.

The only file that needs a speech synthesiser (Flite, by Carnegie Mellon University), and only the
project's authors run it. Rendering is reproducible: seeds are fixed, gains are constants rather
than measurements, and the FLAC files hold 16-bit samples with triangular dither.

Speech is made by Flite's statistical voices *slt* and *rms* at 16 kHz and brought to 24 kHz. They
end below 8 kHz; above, noise takes over that follows the envelope of the 5 to 7.2 kHz band, for
real speech is nearly only frication there. The music is `audiolab.signals._piece`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import soxr
import torch

from audiolab import io
from audiolab.signals._piece import make_piece
from audiolab.signals._shaping import band_limit, fade_edges
from audiolab.signals.clips import DATA, ClipInfo
from audiolab.units import db_to_amplitude

__all__ = ["main", "render_music", "render_speech"]

SPEECH_RATE = 24_000
MUSIC_RATE = 44_100
_VOICE_LICENSE = (
    "MIT, as the package. The voice is part of Flite, copyright Carnegie Mellon University, free "
    "to use and pass on with attribution; it was trained on the CMU ARCTIC databases."
)


@dataclass(frozen=True)
class _Sentence:
    name: str
    title: str
    voice: str
    stretch: float
    gain_db: float
    seed: int
    text: str


_SENTENCES = (
    _Sentence(
        name="speech_female",
        title="A woman's voice, one sentence",
        voice="slt",
        stretch=1.0,
        gain_db=-5.8,
        seed=11,
        text=(
            "Nine jazzy foxes vexed the shy baker, while a quick breeze whistled softly "
            "through the ash trees."
        ),
    ),
    _Sentence(
        name="speech_male",
        title="A man's voice, one sentence",
        voice="rms",
        stretch=0.92,
        gain_db=-1.3,
        seed=12,
        text=(
            "The old ferry left the harbour at dawn, and every child on the dock waved "
            "a bright yellow scarf."
        ),
    ),
)
#: What the gains below lead to; the tests measure it.
_LOUDNESS_LUFS = -23.0
_MUSIC_GAIN_DB = -8.2
_MUSIC_SEED = 13


def render_speech(name: str) -> torch.Tensor:
    """Return a speech clip as integers from -32768 to 32767, float64, shape (1, time)."""
    sentence = next(item for item in _SENTENCES if item.name == name)
    flite = shutil.which("flite")
    if flite is None:
        raise FileNotFoundError("flite is not installed: apt install flite")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        stretch = f"duration_stretch={sentence.stretch}"
        subprocess.run(
            [flite, "-voice", sentence.voice, "--setf", stretch, "-t", sentence.text, "-o", path],
            check=True,
        )
        waveform, rate = io.load(path)
    speech = torch.from_numpy(soxr.resample(waveform[0].double().numpy(), rate, SPEECH_RATE, "VHQ"))
    speech = _trim(speech - speech.mean(), SPEECH_RATE)
    speech = _extend_band(speech, SPEECH_RATE, sentence.seed)
    return _to_16_bit(speech[None], SPEECH_RATE, sentence.gain_db, sentence.seed)


def render_music() -> torch.Tensor:
    """Return the music clip as integers from -32768 to 32767, float64, shape (2, time)."""
    return _to_16_bit(make_piece(MUSIC_RATE), MUSIC_RATE, _MUSIC_GAIN_DB, _MUSIC_SEED)


def _trim(speech: torch.Tensor, rate: int) -> torch.Tensor:
    """Keep 0.12 s before the first and 0.2 s after the last sample above -40 dB of the peak."""
    loud = (speech.abs() > 0.01 * speech.abs().max()).nonzero()[:, 0]
    start = max(int(loud[0]) - round(0.12 * rate), 0)
    return speech[start : int(loud[-1]) + round(0.2 * rate)]


def _extend_band(speech: torch.Tensor, rate: int, seed: int) -> torch.Tensor:
    """Fill the half octave above 7.4 kHz with noise that follows the band below it."""
    band = band_limit(speech, rate, 5000.0, 7200.0, edge_octaves=0.2)
    window = torch.hann_window(round(0.008 * rate) | 1, periodic=False, dtype=torch.float64)
    power = torch.nn.functional.conv1d(
        band.square()[None, None], (window / window.sum())[None, None], padding="same"
    )[0, 0]
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(speech.numel(), dtype=torch.float64, generator=generator)
    noise = band_limit(noise * power.sqrt(), rate, 7500.0, 10_500.0, edge_octaves=0.3)
    # Same width on both sides; real frication has lost some 4 dB by there.
    return speech + 0.63 * noise


def _to_16_bit(samples: torch.Tensor, rate: int, gain_db: float, seed: int) -> torch.Tensor:
    faded = fade_edges(samples, round(0.01 * rate), round(0.01 * rate))
    generator = torch.Generator().manual_seed(seed)
    dither = torch.rand(2, *faded.shape, dtype=torch.float64, generator=generator)
    scaled = 32768.0 * db_to_amplitude(gain_db) * faded
    quantized = torch.floor(scaled + dither[0] - dither[1] + 0.5)
    if float(quantized.abs().max()) > 32767:
        raise ValueError("a clip exceeds full scale: lower its gain_db")
    return quantized


def _write(folder: Path, name: str, samples: torch.Tensor, rate: int) -> str:
    path = folder / f"{name}.flac"
    # Whole steps of 16 bits already: saving rounds nothing.
    io.save(path, samples / 32768.0, rate, encoding="pcm_s16", overwrite=True)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _speech_clip(folder: Path, sentence: _Sentence) -> ClipInfo:
    samples = render_speech(sentence.name)
    return ClipInfo(
        name=sentence.name,
        title=sentence.title,
        sample_rate=SPEECH_RATE,
        num_channels=1,
        duration_s=samples.shape[-1] / SPEECH_RATE,
        loudness_lufs=_LOUDNESS_LUFS,
        transcript=sentence.text,
        source=(
            f"Flite 2.2, voice {sentence.voice}, 16 kHz, resampled to 24 kHz; above 7.5 kHz it is "
            "noise that follows the band below"
        ),
        license=_VOICE_LICENSE,
        sha256=_write(folder, sentence.name, samples, SPEECH_RATE),
    )


def _music_clip(folder: Path) -> ClipInfo:
    samples = render_music()
    return ClipInfo(
        name="music",
        title="Strummed and picked strings, bass and hand percussion",
        sample_rate=MUSIC_RATE,
        num_channels=2,
        duration_s=samples.shape[-1] / MUSIC_RATE,
        loudness_lufs=_LOUDNESS_LUFS,
        transcript="",
        source="Synthesised by audiolab.signals; composed for the project",
        license="MIT, as the package.",
        sha256=_write(folder, "music", samples, MUSIC_RATE),
    )


def main(argv: list[str] | None = None) -> int:
    """Render every clip and write what there is to know about it."""
    parser = argparse.ArgumentParser(description="Render the bundled clips.")
    parser.add_argument("--folder", type=Path, default=DATA)
    folder: Path = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    entries = [_speech_clip(folder, sentence) for sentence in _SENTENCES]
    entries.append(_music_clip(folder))
    text = json.dumps([asdict(entry) for entry in entries], indent=2, ensure_ascii=False)
    (folder / "clips.json").write_text(text + "\n", encoding="utf-8")
    for entry in entries:
        size = (folder / f"{entry.name}.flac").stat().st_size
        print(f"{entry.name:15} {entry.duration_s:6.3f} s {size:8,d} bytes  {entry.sha256[:16]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
