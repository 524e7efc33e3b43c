"""Pitch and stretch of every library at hand: turns to be timed, and what they do to known sounds.

What is known has a closed form: a tone, two tones and a glide at the new pitch, clicks at the new
times. `quality_rows` states how far each library is from it.
"""

from __future__ import annotations

import importlib
import math
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from effects_rivals import LegacySox, Turn, measured, sox_program_turns
from numpy.typing import NDArray

from audiolab import augment, signals
from audiolab.resample import resample

__all__ = ["quality_rows", "stretching_turns"]

SEMITONES, STRETCH = 2.0, 0.8
Samples = NDArray[np.float32]

#: From a clip ``(time,)`` and an amount to a clip.
Change = Callable[[Samples, float], Samples]

ENGINES = {
    "audiolab wsola": {"engine": "wsola"},
    "audiolab phase vocoder": {"engine": "phase_vocoder"},
}


def _pitches(rate: int) -> dict[str, Change]:
    """Return every library's function from a clip and semitones to a clip."""
    found: dict[str, Change] = {}
    for name, options in ENGINES.items():
        found[name] = lambda x, amount, given=options: augment.pitch_shift(
            torch.from_numpy(x), rate, amount, **given
        ).numpy()
    found["sox"] = lambda x, amount: _sox(x, rate, "pitch", f"{100 * amount:g}", "rate", str(rate))
    if (stretch := _module("python_stretch")) is not None:

        def signalsmith(x: Samples, amount: float) -> Samples:
            engine = stretch.Signalsmith.Stretch()
            engine.preset(1, rate)
            engine.setTransposeSemitones(amount)
            return np.asarray(engine.process(x[None])[0])

        found["Signalsmith"] = signalsmith
    if (pedalboard := _module("pedalboard")) is not None:
        found["Rubber Band"] = lambda x, amount: pedalboard.time_stretch(
            x[None], rate, 1.0, amount
        )[0]
    if (librosa := _module("librosa")) is not None:
        found["librosa"] = lambda x, amount: librosa.effects.pitch_shift(x, sr=rate, n_steps=amount)
    return found


def _stretches(rate: int) -> dict[str, Change]:
    """Return every library's function from a clip and a tempo to a clip."""
    found: dict[str, Change] = {}
    for name, options in ENGINES.items():
        found[name] = lambda x, amount, given=options: augment.time_stretch(
            torch.from_numpy(x), rate, amount, **given
        ).numpy()
    found["sox"] = lambda x, amount: _sox(x, rate, "tempo", f"{amount:g}")
    if (stretch := _module("python_stretch")) is not None:

        def signalsmith(x: Samples, amount: float) -> Samples:
            engine = stretch.Signalsmith.Stretch()
            engine.preset(1, rate)
            engine.timeFactor = amount
            return np.asarray(engine.process(x[None])[0])

        found["Signalsmith"] = signalsmith
    if (pedalboard := _module("pedalboard")) is not None:
        found["Rubber Band"] = lambda x, amount: pedalboard.time_stretch(x[None], rate, amount)[0]
    if (librosa := _module("librosa")) is not None:
        found["librosa"] = lambda x, amount: librosa.effects.time_stretch(x, rate=amount)
    found["torchaudio"] = lambda x, amount: _by_torchaudio(torch.from_numpy(x)[None], amount)[0]
    return found


def _by_torchaudio(x: torch.Tensor, amount: float) -> NDArray[Any]:
    from torchaudio.transforms import TimeStretch

    window = torch.hann_window(1024)
    spectra = torch.stft(x, 1024, 256, window=window, return_complex=True)
    slower = TimeStretch(256, 513, fixed_rate=amount)(spectra)
    return np.asarray(torch.istft(slower, 1024, 256, window=window))


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"missing: {name}")
        return None


def _sox(x: Samples, rate: int, *words: str) -> Samples:
    command = ["sox", "-D", "-V1", "-t", "f32", "-r", str(rate), "-c", "1", "-", "-t", "f32", "-"]
    done = subprocess.run([*command, *words], input=x.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32)


def stretching_turns(
    batch: torch.Tensor, rate: int, folder: Path, legacy: str | None
) -> Iterator[tuple[str, dict[str, Turn], Callable[[], None]]]:
    """Yield pitch and stretch: everyone's turn on a batch ``(items, 1, time)``."""
    clips = [clip[0].numpy() for clip in batch]
    own = torch.linspace(-4.0, 4.0, len(batch) + 2)[1:-1] if len(batch) > 1 else torch.tensor([2.0])
    path = folder / f"stretching-{len(clips)}.npy"
    np.save(path, batch.numpy())
    jobs: list[tuple[str, dict[str, Change], list[float], list[list[str]]]] = [
        ("pitch +2", _pitches(rate), [SEMITONES] * len(clips), _words(rate, pitch=SEMITONES)),
        ("tempo 0.8", _stretches(rate), [STRETCH] * len(clips), _words(rate, tempo=STRETCH)),
    ]
    if len(clips) > 1:
        jobs.append(("pitch of each item's own", _pitches(rate), own.tolist(), []))
    for name, changes, amounts, words in jobs:
        function = augment.time_stretch if name.startswith("tempo") else augment.pitch_shift
        given = torch.tensor(amounts)
        turns: dict[str, Turn] = {
            each: measured(lambda f=function, o=options, a=given: f(batch, rate, a, **o))
            for each, options in ENGINES.items()
        }
        for each, change in changes.items():
            if each not in ENGINES and each != "sox":
                turns[each] = measured(
                    lambda c=change, a=amounts: [c(x, v) for x, v in zip(clips, a, strict=True)]
                )
        server = None
        if words and legacy:
            server = LegacySox(legacy, folder)
            turns["libsox in process"] = server.turn(path, rate, words)
        elif words and shutil.which("sox"):
            program = sox_program_turns(batch.numpy(), rate, words)
            if program is not None:
                turns["sox program, less pipes"] = _difference(*program)
        yield name, turns, server.close if server is not None else lambda: None


def _words(rate: int, *, pitch: float | None = None, tempo: float | None = None) -> list[list[str]]:
    if pitch is not None:
        return [["pitch", f"{100 * pitch:g}"], ["rate", str(rate)]]
    return [["tempo", f"{tempo:g}"]]


def _difference(program: Turn, pipes: Turn) -> Turn:
    def turn() -> tuple[float, float]:
        (wall, cpu), (less_wall, less_cpu) = program(), pipes()
        return max(wall - less_wall, 1e-4), max(cpu - less_cpu, 1e-4)

    return turn


def quality_rows(rate: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of every library: pitch up and down, slower and faster."""
    result = {}
    for semitones in (2.0, -3.5):
        result[f"pitch {semitones:+g}"] = {
            name: _figures(change, rate, semitones, 2 ** (semitones / 12), 1.0)
            for name, change in _pitches(rate).items()
            if name != "sox" or shutil.which("sox")
        }
    voice = _bundled("speech", rate), _bundled("music", rate)
    there_and_back = result["tempo 0.8 and back"] = {}
    for name, change in _stretches(rate).items():
        if name == "sox" and not shutil.which("sox"):
            continue
        there_and_back[name] = {
            f"{clip}_lsd_db": round(_distance_db(change(change(x, 0.8), 1.25), x, 60.0), 2)
            for clip, x in zip(("speech", "music"), voice, strict=True)
        }
    for tempo in (0.8, 1.3):
        result[f"tempo {tempo:g}"] = {
            name: _figures(change, rate, tempo, 1.0, tempo)
            for name, change in _stretches(rate).items()
            if name != "sox" or shutil.which("sox")
        }
    return result


def _figures(
    change: Change, rate: int, amount: float, ratio: float, tempo: float
) -> dict[str, float]:
    tone = 0.5 * np.asarray(signals.tone(440.0, 3.0, rate))
    two = (tone + 0.5 * np.asarray(signals.tone(2000.0, 3.0, rate))) / 2
    one, both = change(tone, amount), change(two.astype(np.float32), amount)
    clicks = np.zeros(3 * rate, np.float32)
    places = np.arange(rate // 2, 3 * rate, rate // 2)
    clicks[places] = 0.9
    energy = np.square(change(clicks, amount).astype(np.float64))
    near = sum(
        energy[max(0, p - rate // 500) : p + rate // 500].sum()
        for p in (places / tempo).astype(int)
    )
    glide = [
        signals.log_sweep(200.0 * f, 1600.0 * f, 3.0 * t, rate)
        for f, t in ((1, 1), (ratio, 1 / tempo))
    ]
    moved = change(np.asarray(glide[0]), amount)
    return {
        "off_cents": round(1200 * math.log2(_frequency(one, rate) / (440 * ratio)), 3),
        "am_db": round(_modulation_db(one, rate, 440 * ratio), 2),
        "tone_snr_db": round(_fit_snr_db(one, rate, 440 * ratio), 1),
        "two_tones_snr_db": round(_fit_snr_db(both, rate, 440 * ratio, 2000 * ratio), 1),
        "click_within_2_ms": round(float(near / energy.sum()), 3),
        "glide_lsd_db": round(_distance_db(moved, np.asarray(glide[1])), 2),
    }


def _bundled(name: str, rate: int) -> Samples:
    """Return 4 s of a bundled clip."""
    x, own = signals.clip(name)
    return np.asarray(resample(x.mean(dim=0)[: 4 * own], own, rate))


def _inner(y: NDArray[Any], rate: int) -> NDArray[np.float64]:
    return y[rate // 4 : -rate // 4].astype(np.float64)


def _frequency(y: NDArray[Any], rate: int) -> float:
    """Return a tone's frequency: a parabola through the peak of a long, zero-padded spectrum."""
    y = _inner(y, rate)
    size = 1 << 20
    levels = np.log(np.abs(np.fft.rfft(y * np.hanning(len(y)), size)) + 1e-30)
    k = int(levels.argmax())
    a, b, c = levels[k - 1 : k + 2]
    return float((k + 0.5 * (a - c) / (a - 2 * b + c)) * rate / size)


def _modulation_db(y: NDArray[Any], rate: int, hz: float) -> float:
    """Return the span of a tone's amplitude, taken over 20 ms."""
    y = _inner(y, rate)
    beat = y * np.exp(-2j * np.pi * hz * np.arange(len(y)) / rate)
    window = np.hanning(rate // 50)
    level = np.abs(np.convolve(beat, window / window.sum(), "valid"))
    return float(20 * np.log10(level.max() / level.min()))


def _fit_snr_db(y: NDArray[Any], rate: int, *frequencies: float) -> float:
    """Return the energy of fitted sinusoids over what is left."""
    y = _inner(y, rate)
    turns = 2 * np.pi * np.arange(len(y)) / rate
    basis = np.stack([f(turns * hz) for hz in frequencies for f in (np.sin, np.cos)], axis=1)
    left = y - basis @ np.linalg.lstsq(basis, y, rcond=None)[0]
    return float(20 * np.log10(y.std() / left.std()))


def _distance_db(y: NDArray[Any], wanted: NDArray[Any], range_db: float = 30.0) -> float:
    """Return the rms difference of level spectra, down to a range below the wanted one's top."""
    count = min(len(y), len(wanted))
    window = torch.hann_window(1024, dtype=torch.float64)
    levels = []
    for each in (y, wanted):
        frames = torch.from_numpy(each[:count].astype(np.float64)).unfold(0, 1024, 256) * window
        levels.append(20 * torch.log10(torch.fft.rfft(frames).abs().clamp_min(1e-3))[16:-16])
    heard = levels[1] > levels[1].max() - range_db
    return float((levels[0] - levels[1])[heard].square().mean().sqrt())
