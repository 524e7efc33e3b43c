"""Features and Griffin-Lim: audiolab beside torchaudio and librosa, on one thread.

Run as ``make bench`` or ``python tests/benchmarks/bench_features.py``. Contestants take turns; the
ratio is to audiolab in the same turn. Griffin-Lim is timed to a quality: audiolab runs as many
iterations as it takes to reach the spectral convergence that torchaudio has after 32.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from pathlib import Path

import librosa
import soxr
import torch
import torchaudio.compliance.kaldi
from timing import Timing, compare, print_table, write_json
from torchaudio import functional, transforms

from audiolab import features, signals

RATE = 16_000


def batch(num_items: int, duration_s: float) -> torch.Tensor:
    """Return clips of speech, each started elsewhere."""
    waveform, rate = signals.clip("speech")
    speech = torch.from_numpy(soxr.resample(waveform[0].numpy(), rate, RATE))
    size = int(duration_s * RATE)
    long = speech.repeat(2 + size // len(speech))
    return torch.stack([long[997 * i % len(speech) :][:size] for i in range(num_items)])


def plain_features() -> dict[str, list[Timing]]:
    waveform = batch(32, 4.0)
    array = waveform.numpy()
    options = {"n_fft": 1024, "hop_length": 256, "pad_mode": "reflect"}
    spectrogram = transforms.Spectrogram(1024, hop_length=256)
    mel_scale = {"n_mels": 80, "norm": "slaney", "mel_scale": "slaney"}
    mel = transforms.MelSpectrogram(RATE, n_fft=1024, hop_length=256, **mel_scale)
    cepstrum = transforms.MFCC(RATE, 20, melkwargs={"n_fft": 1024, "hop_length": 256, **mel_scale})
    whisper = features.LogMelSpectrogram(RATE, convention="whisper")
    jobs = {
        "power spectrogram": {
            "audiolab": lambda: features.spectrogram(waveform, **options),
            "torchaudio": lambda: spectrogram(waveform),
            "librosa": lambda: abs(librosa.stft(array, **options)) ** 2,
        },
        "complex spectrogram": {
            "audiolab": lambda: features.spectrogram(waveform, power=None, **options),
            "torch.stft": lambda: torch.stft(
                waveform, 1024, 256, window=spectrogram.window, return_complex=True
            ),
            "librosa": lambda: librosa.stft(array, **options),
        },
        "mel spectrogram, 80 bands": {
            "audiolab": lambda: features.mel_spectrogram(waveform, RATE, n_mels=80, **options),
            "torchaudio": lambda: mel(waveform),
            "librosa": lambda: librosa.feature.melspectrogram(
                y=array, sr=RATE, n_mels=80, **options
            ),
        },
        "MFCC, 20 of 80 bands": {
            "audiolab": lambda: features.mfcc(waveform, RATE, n_mels=80, **options),
            "torchaudio": lambda: cepstrum(waveform),
            "librosa": lambda: librosa.feature.mfcc(y=array, sr=RATE, n_mels=80, **options),
        },
        "Kaldi filter bank, 80 bands": {
            "audiolab": lambda: features.log_mel_spectrogram(
                waveform, RATE, convention="kaldi", n_mels=80
            ),
            "torchaudio, item by item": lambda: [
                torchaudio.compliance.kaldi.fbank(item[None], num_mel_bins=80) for item in waveform
            ],
        },
        "Whisper's log-mel": {
            "audiolab": lambda: whisper(waveform),
            "as its authors wrote it": lambda: whisper_in_torch(waveform),
        },
        "four spectral descriptors": {
            "audiolab": lambda: features.spectral_descriptors(waveform, RATE, **options),
            "librosa": lambda: [
                f(y=array, **options)
                for f in (
                    librosa.feature.spectral_centroid,
                    librosa.feature.spectral_bandwidth,
                    librosa.feature.spectral_rolloff,
                    librosa.feature.spectral_flatness,
                )
            ],
        },
    }
    return {
        f"{job}, 32 x 4 s": compare(contestants, reference="audiolab")
        for job, contestants in jobs.items()
    }


def whisper_in_torch(waveform: torch.Tensor) -> torch.Tensor:
    """Compute Whisper's input with stft, a dense bank and whole tensors."""
    window = torch.hann_window(400)
    spectrum = torch.stft(waveform, 400, 160, window=window, return_complex=True)
    bank = features.mel_filterbank(RATE, convention="whisper")
    level = torch.clamp(bank @ spectrum[..., :-1].abs() ** 2, min=1e-10).log10()
    return (torch.maximum(level, level.max() - 8.0) + 4.0) / 4.0


def inverse_mel() -> dict[str, list[Timing]]:
    mel_options = {"n_fft": 1024, "hop_length": 256, "n_mels": 80}
    mel = features.mel_spectrogram(batch(1, 3.0), RATE, **mel_options)
    bank = features.mel_filterbank(RATE, n_fft=1024, n_mels=80)
    transform = transforms.InverseMelScale(513, 80, RATE, norm="slaney", mel_scale="slaney")
    rows = compare(
        {
            "audiolab": lambda: features.inverse_mel(mel, RATE, **mel_options),
            "torchaudio": lambda: transform(mel),
            "librosa": lambda: librosa.util.nnls(bank.numpy(), mel[0].numpy()),
        },
        reference="audiolab",
        turns=3,
    )
    return {"inverse mel, 3 s": rows}


def griffin_lim(duration_s: float, hop: int) -> tuple[list[Timing], dict[str, object]]:
    """Time audiolab to torchaudio's quality after 32 iterations."""
    signal = batch(1, duration_s)[0]
    options = {"n_fft": 1024, "hop_length": hop, "pad_mode": "reflect", "power": 1.0}
    magnitude = features.spectrogram(signal, **options)
    window = torch.hann_window(1024)

    def torchaudios() -> torch.Tensor:
        return functional.griffinlim(
            magnitude, window, 1024, hop, 1024, 1.0, 32, 0.99, len(signal), rand_init=True
        )

    def convergence_db(waveform: torch.Tensor) -> float:
        again = features.spectrogram(waveform, **options)
        return 20 * math.log10(float((again - magnitude).norm() / magnitude.norm()))

    # Random phases are luck of a decibel or two: the best of five is the mark to reach.
    torch.manual_seed(0)
    marks = [convergence_db(torchaudios()) for _ in range(5)]
    traces = {
        (method, start): features.griffin_lim(
            magnitude,
            n_iter=64,
            method=method,
            initial_phase=start,
            generator=0,
            return_convergence=True,
            length=len(signal),
            **options,
        )[1]
        for method in ("classic", "fast", "accelerated")
        for start in ("random", "zero", "peaks")
    }
    needed = int((traces["accelerated", "peaks"] <= min(marks)).nonzero()[0])
    as_many = {"method": "fast", "initial_phase": "random"}
    rows = compare(
        {
            f"audiolab, {needed} iterations": lambda: features.griffin_lim(
                magnitude, n_iter=needed, length=len(signal), **options
            ),
            "audiolab, 32 fast from random": lambda: features.griffin_lim(
                magnitude, n_iter=32, length=len(signal), **as_many, **options
            ),
            "torchaudio, 32": torchaudios,
            "librosa, 32": lambda: librosa.griffinlim(
                magnitude.numpy(),
                n_iter=32,
                hop_length=hop,
                pad_mode="reflect",
                length=len(signal),
            ),
        },
        reference=f"audiolab, {needed} iterations",
    )
    record = {
        "torchaudio_32_db": marks,
        "iterations_needed": needed,
        "convergence_db": {
            f"{method}, {start}": [round(float(trace[n]), 2) for n in (0, 1, 4, 8, 16, 32, 64)]
            for (method, start), trace in traces.items()
        },
    }
    return rows, record


def main() -> None:
    warnings.simplefilter("ignore")
    begin = time.perf_counter()
    results = plain_features() | inverse_mel()
    records = {}
    for duration_s, hop in ((3.0, 256), (3.0, 512), (10.0, 256)):
        title = f"Griffin-Lim to torchaudio's quality, {duration_s:g} s, hop {hop}"
        results[title], records[title] = griffin_lim(duration_s, hop)
    for title, rows in results.items():
        print_table(title, rows)
        if title in records:
            print(
                f"  torchaudio after 32: {min(records[title]['torchaudio_32_db']):.1f} dB at best"
            )
            print("  convergence in dB after  0, 1, 4, 8, 16, 32, 64 iterations")
            for name, levels in records[title]["convergence_db"].items():
                print(f"    {name:20} {levels}")
    path = write_json("features", results)
    path.with_name("griffin_lim.json").write_text(json.dumps(records, indent=1) + "\n")
    print(f"\n{time.perf_counter() - begin:.0f} s; written to {Path(path).parent}")


if __name__ == "__main__":
    main()
