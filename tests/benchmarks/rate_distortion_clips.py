"""What `bench_rate_distortion` codes: listed before any result was known, and not to be tuned to.

*Own* clips are there on every machine: the package's three and five more made of formulas. The
speech among them is synthetic, as the bundled model's training data is, though other sentences.
*Real* clips are recordings that the user has: a folder is named on the command line, files are
found in it by name and checked by SHA-256. Goals are judged on real clips alone.

All are mono at 24 kHz, at most 8 s, and lowered to a peak of 0.95 where they would exceed it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torchaudio

from audiolab import io, signals
from audiolab.resample import resample

RATE = 24_000
SPEECH, NOISY, MUSIC, ENVIRONMENT = "clean speech", "noisy speech", "music", "environment"
KINDS = (SPEECH, NOISY, MUSIC, ENVIRONMENT)

#: Where the recordings come from, with the licence of that place: read, never redistributed here.
RECORDINGS = {
    "speech_lyra1_48k.wav": (  # google/lyra, Apache-2.0
        "36082f99def471d2c72ae9460a823dc8ed7d2667069ede7afa8dc6da988e2b54"
    ),
    "speech_lyra2_48k.wav": (  # google/lyra, Apache-2.0
        "b9d100ef97cb55825b077363e34be70131580d48f3e35ba4b45597fa1bb69da8"
    ),
    "speech_jfk_44k1_stereo.flac": (  # openai/whisper, public-domain speech of 1961, 3.4 kHz wide
        "63a4b1e4c1dc655ac70961ffbf518acd249df237e5a0152faae9a4a836949715"
    ),
    "speech_nasa_8k_stereo.mp3": (  # meta-pytorch/torchcodec, BSD-3, below 4 kHz
        "1b8bee7a5fa9fb24d6a2b8593910352799974fa1b861af6cc17534489bbe2c8b"
    ),
    "speech_pesq_16k.wav": (  # ludlows/PESQ, MIT
        "4d418a0d667e4caa40a2004e92811e2554ec24090a15db01b97dc0c0abc3dc34"
    ),
    "speech_pesq_babble0dB_16k.wav": (  # ludlows/PESQ, MIT
        "2bc358fd294b7929e8aa5dd2cd0f8a86455298eafd71512b62372ec0f037b99c"
    ),
    "music_pop_48k_stereo.wav": (  # facebookresearch/encodec, MIT
        "7a282005c6fcd967d18a877f76ae5c9b26fe53d8b107c1f0345a72a04a98963c"
    ),
    "music_guitar_44k1.wav": (  # LCAV/pyroomacoustics, MIT style
        "0b4404be57d339e5bac2c82104525db05562b3e2abdf6c66de3d8475b23d7087"
    ),
    "noise_hens.ogg": (  # iver56/audiomentations, MIT
        "7e560308cee821417e945c1bead2fe7799588ab46157de65dafa0287c2b8547d"
    ),
    "room_ir_48k.wav": (  # bmcfee/muda, ISC
        "b2ec72da84af666799f8da635f41d99d38e6dc3b60bacbf8f3e82de111d2b37d"
    ),
}


@dataclass(frozen=True)
class Clip:
    """A stretch of a recording, maybe with another one's noise or room, or a sound of our own."""

    name: str
    kind: str
    recording: str | None = None
    start_s: float = 0.0
    stop_s: float = 8.0
    noise: str | None = None
    snr_db: float = 0.0
    room: str | None = None
    make: Callable[[], torch.Tensor] | None = None

    @property
    def real(self) -> bool:
        return self.recording is not None

    @property
    def speech(self) -> bool:
        return self.kind in (SPEECH, NOISY)

    def needs(self) -> list[str]:
        """Return the recordings that it takes."""
        return [each for each in (self.recording, self.noise, self.room) if each is not None]

    def load(self, folder: Path | None) -> torch.Tensor:
        """Return the samples ``(time,)``."""
        if self.recording is None:
            assert self.make is not None
            sound = self.make()
        else:
            assert folder is not None
            sound = _read(folder / self.recording, self.start_s, self.stop_s)
            if self.noise is not None:
                sound = _mixed(sound, _read(folder / self.noise, 0.0, 8.0), self.snr_db)
            if self.room is not None:
                sound = _in_room(sound, _read(folder / self.room, 0.0, 2.0))
        peak = float(sound.abs().max())
        return sound * (0.95 / peak) if peak > 0.95 else sound


def _read(path: Path, start_s: float, stop_s: float) -> torch.Tensor:
    stop_s = min(stop_s, io.info(path).duration_s or stop_s)
    waveform, _ = io.load(path, sample_rate=RATE, num_channels=1, start_s=start_s, stop_s=stop_s)
    return waveform[0]


def _mixed(sound: torch.Tensor, noise: torch.Tensor, snr_db: float) -> torch.Tensor:
    repeated = noise.repeat(-(-len(sound) // len(noise)))[: len(sound)]
    gain = sound.square().mean().sqrt() / repeated.square().mean().sqrt()
    return sound + 10 ** (-snr_db / 20) * gain * repeated


def _in_room(sound: torch.Tensor, response: torch.Tensor) -> torch.Tensor:
    heard = torchaudio.functional.fftconvolve(sound, response)
    heard = heard[int(response.abs().argmax()) :][: len(sound)]
    return heard * (sound.square().mean().sqrt() / heard.square().mean().sqrt())


def _bundled(name: str, duration_s: float) -> torch.Tensor:
    waveform, rate = signals.clip(name)
    return resample(waveform.mean(0)[: int(duration_s * rate)], rate, RATE)


def _speech_in_babble() -> torch.Tensor:
    return _mixed(_bundled("speech_male", 5.0), signals.babble(5.0, RATE, generator=11), 5.0)


def _speech_in_pink_noise() -> torch.Tensor:
    return _mixed(_bundled("speech_female", 5.0), signals.pink_noise(5.0, RATE, generator=12), 10.0)


def _melody() -> torch.Tensor:
    notes = (392.0, 440.0, 493.88, 587.33, 523.25, 659.26, 783.99, 587.33)
    melody = torch.zeros(4 * RATE)
    for index, frequency in enumerate(notes):
        begin = index * RATE // 2
        note = signals.pluck(frequency, 4.0 - 0.5 * index, RATE, generator=index)
        melody[begin:] += 0.4 * note[: len(melody) - begin]
    return melody


def _chords() -> torch.Tensor:
    return signals.chord_progression(4.0, RATE, generator=13).reshape(-1, 4 * RATE).mean(0)


def _birds_in_wind() -> torch.Tensor:
    whistled = torch.cat([signals.whistle(2.0, RATE, generator=seed) for seed in (15, 16)])
    wind = signals.brown_noise(4.0, RATE, generator=14)
    return _mixed(whistled, wind, 3.0)


OWN_CLIPS = (
    Clip("own speech, female", SPEECH, make=partial(_bundled, "speech_female", 5.0)),
    Clip("own speech, male", SPEECH, make=partial(_bundled, "speech_male", 5.0)),
    Clip("own speech in babble, 5 dB", NOISY, make=_speech_in_babble),
    Clip("own speech in pink noise, 10 dB", NOISY, make=_speech_in_pink_noise),
    Clip("own music", MUSIC, make=partial(_bundled, "music", 5.0)),
    Clip("own plucked melody", MUSIC, make=_melody),
    Clip("own chords", MUSIC, make=_chords),
    Clip("own whistles in wind", ENVIRONMENT, make=_birds_in_wind),
)

REAL_CLIPS = (
    Clip("lyra 1", SPEECH, "speech_lyra1_48k.wav"),
    Clip("lyra 2", SPEECH, "speech_lyra2_48k.wav"),
    Clip("jfk", SPEECH, "speech_jfk_44k1_stereo.flac", 0.0, 6.0),
    Clip("nasa", SPEECH, "speech_nasa_8k_stereo.mp3", 1.0, 7.0),
    Clip("pesq sentence", SPEECH, "speech_pesq_16k.wav"),
    Clip("pesq sentence in babble, 0 dB", NOISY, "speech_pesq_babble0dB_16k.wav"),
    Clip("lyra 1 among hens, 10 dB", NOISY, "speech_lyra1_48k.wav", noise="noise_hens.ogg",
         snr_db=10.0),
    Clip("lyra 2 in a room", NOISY, "speech_lyra2_48k.wav", room="room_ir_48k.wav"),
    Clip("pop, 0 s", MUSIC, "music_pop_48k_stereo.wav", 0.0, 4.0),
    Clip("pop, 8 s", MUSIC, "music_pop_48k_stereo.wav", 8.0, 12.0),
    Clip("guitar, 0 s", MUSIC, "music_guitar_44k1.wav", 0.0, 4.0),
    Clip("guitar, 5 s", MUSIC, "music_guitar_44k1.wav", 5.0, 9.0),
    Clip("hens, 0 s", ENVIRONMENT, "noise_hens.ogg", 0.0, 4.0),
    Clip("hens, 5 s", ENVIRONMENT, "noise_hens.ogg", 5.0, 9.0),
)  # fmt: skip


def available(folder: Path | None) -> tuple[list[Clip], list[str]]:
    """Return the clips that can be made, and what is said about the others."""
    if folder is None:
        return list(OWN_CLIPS), ["no --clips: own clips only, and no goal is judged"]
    good, said = set(), []
    for name, digest in RECORDINGS.items():
        path = folder / name
        if not path.is_file():
            said.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            said.append(f"{name} is another file: its SHA-256 differs")
        else:
            good.add(name)
    real = [clip for clip in REAL_CLIPS if set(clip.needs()) <= good]
    return [*real, *OWN_CLIPS], said
