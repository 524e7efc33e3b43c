"""Reading and writing files: audiolab beside torchcodec, torchaudio, soundfile and librosa.

Run as ``make bench`` or ``python tests/benchmarks/bench_io.py``. The ratio is to the first row.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import librosa
import soundfile
import torch
import torchaudio
from timing import compare, print_table, write_json
from torchcodec.decoders import AudioDecoder
from torchcodec.encoders import AudioEncoder

from audiolab import io, signals

DURATION_S = 60.0
RATE = 44_100


def main() -> None:
    tone = signals.harmonic_tone(220.0, DURATION_S, RATE, amplitude=0.3)
    noise = signals.pink_noise(DURATION_S, RATE, rms_db=-26.0, generator=0)
    waveform = torch.stack([tone + noise, tone - noise])
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("wav", "flac", "mp3", "ogg", "opus", "m4a"):
            path = Path(folder) / f"file.{name}"
            rate = 48_000 if name == "opus" else RATE
            io.save(path, waveform, rate)
            contestants = {
                "audiolab.io.load": lambda path=path: io.load(path),
                "torchcodec AudioDecoder": lambda path=path: AudioDecoder(path).get_all_samples(),
                "torchaudio.load": lambda path=path: torchaudio.load(path),
            }
            if name != "m4a":
                contestants["soundfile.read"] = lambda path=path: soundfile.read(
                    path, dtype="float32", always_2d=True
                )
            results[f"load {name}, 60 s stereo"] = compare(
                contestants, reference="audiolab.io.load", turns=5
            )
            out = Path(folder) / f"out.{name}"
            results[f"save {name}, 60 s stereo"] = compare(
                {
                    "audiolab.io.save": lambda out=out, rate=rate: io.save(
                        out, waveform, rate, overwrite=True
                    ),
                    "torchcodec AudioEncoder": lambda out=out, rate=rate: AudioEncoder(
                        waveform, sample_rate=rate
                    ).to_file(out),
                },
                reference="audiolab.io.save",
                turns=3,
            )
        path = Path(folder) / "file.flac"
        results["load flac at 16 kHz, 60 s stereo"] = compare(
            {
                "audiolab.io.load": lambda: io.load(path, sample_rate=16_000),
                "torchcodec (aliases)": lambda: AudioDecoder(
                    path, sample_rate=16_000
                ).get_all_samples(),
                "librosa.load": lambda: librosa.load(path, sr=16_000, mono=False),
            },
            reference="audiolab.io.load",
            turns=5,
        )
        results["one second from the middle of 60 s, flac"] = compare(
            {
                "audiolab.io.load": lambda: io.load(path, start_s=30.0, stop_s=31.0),
                "torchcodec AudioDecoder": lambda: AudioDecoder(path).get_samples_played_in_range(
                    30.0, 31.0
                ),
            },
            reference="audiolab.io.load",
        )
    for title, rows in results.items():
        print_table(title, rows)
    print(f"\nwritten to {write_json('io', results)}")


if __name__ == "__main__":
    main()
