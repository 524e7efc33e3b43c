"""Render hours of training audio into a folder: ``python -m audiolab.codec.training.data``.

A folder holds *shards* of one minute, each a ``.npy`` file of 16-bit samples, mono, that training
maps into memory, and a ``.json`` file beside it that says what the minute is made of. A shard is a
pure function of (seed, kind, number): processes need not talk to each other, a run that was
stopped goes on where it was, and a folder grows when more minutes are asked for. The JSON file is
written last, so a shard without one is made again.

`LICENCES` says under which terms the sources stand. Nothing is recorded: each sample is computed.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import signal

from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab._validation import check_positive, check_sample_rate
from audiolab.codec.training.data import music, textures, voices

__all__ = ["KINDS", "LICENCES", "Piece", "render", "render_shard"]

Samples = npt.NDArray[np.float64]

#: Kinds of sound and their shares of the minutes.
KINDS = {"speech": 0.6, "music": 0.3, "texture": 0.1}
#: Counts up when the same seed no longer gives the same audio.
VERSION = 2
SHARD_S = 60.0
#: RMS of each piece's louder half; training draws its own levels.
_LEVEL = 0.08

LICENCES = {
    "flite": (
        "Spoken by Flite (Carnegie Mellon University, BSD-like licence: free to use and pass on "
        "with attribution). Voices slt, awb and rms come from the CMU ARCTIC databases, free for "
        "any use; kal and kal16 from the same university's diphone database."
    ),
    "espeak-ng": (
        "Spoken by eSpeak NG. The program is under the GPL, version 3 or later, which covers the "
        "program and its data, not what it speaks."
    ),
    "audiolab": "Computed by audiolab; MIT, as the package.",
}


@dataclass(frozen=True)
class Piece:
    """One utterance, piece of music or texture within a shard.

    Parameters
    ----------
    source : str
        Who made it: ``flite:``, ``espeak-ng:`` or ``audiolab:`` and details.
    start : int
        First sample in the shard.
    stop : int
        Sample after the last.
    """

    source: str
    start: int
    stop: int


def render(
    folder: FilePath,
    minutes: float,
    *,
    seed: int = 0,
    sample_rate: int = 24_000,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Render minutes of audio into a folder, skipping what is there already.

    Parameters
    ----------
    folder : path-like
        Where to write; made if it is missing.
    minutes : float
        How much in all, shared among `KINDS` in whole shards.
    seed : int, default: 0
        Another seed gives another set; a held-out set is one.
    sample_rate : int, default: 24000
        Sample rate in Hz.
    jobs : int, default: 1
        Processes.
    progress : callable, optional
        Called with the number of shards that are done and that of all.

    Returns
    -------
    dict
        The manifest that lies in ``manifest.json``.

    Raises
    ------
    FileNotFoundError
        If no speech synthesiser is installed.
    ValueError
        If the folder holds another seed's or version's shards.
    """
    check_positive(minutes, "minutes")
    rate, root = check_sample_rate(sample_rate), Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    _check_same(root, seed, rate)
    wanted = [
        (kind, number)
        for kind, share in KINDS.items()
        for number in range(max(1, round(60.0 * minutes * share / SHARD_S)))
    ]
    missing = [shard for shard in wanted if not _is_done(root, *shard)]
    done = len(wanted) - len(missing)
    if progress:
        progress(done, len(wanted))
    if jobs == 1:
        for kind, number in missing:
            render_shard(root, kind, number, seed=seed, sample_rate=rate)
            done += 1
            if progress:
                progress(done, len(wanted))
    elif missing:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context) as pool:
            futures = [
                pool.submit(render_shard, root, kind, number, seed=seed, sample_rate=rate)
                for kind, number in missing
            ]
            for future in concurrent.futures.as_completed(futures):
                future.result()
                done += 1
                if progress:
                    progress(done, len(wanted))
    manifest = _manifest(root, seed, rate)
    _write_json(root / "manifest.json", manifest)
    return manifest


def render_shard(folder: FilePath, kind: str, number: int, *, seed: int, sample_rate: int) -> Path:
    """Render one shard and return the path of its samples.

    Parameters
    ----------
    folder : path-like
        Where to write.
    kind : str
        One of `KINDS`.
    number : int
        Which shard of that kind.
    seed : int
        Seed of the set.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    Path
        The ``.npy`` file of int16 samples, shape ``(time,)``.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    total = round(SHARD_S * sample_rate)
    samples, pieces, position = np.zeros(total, np.int16), [], 0
    while position < total:
        rng = np.random.default_rng([seed, list(KINDS).index(kind), number, len(pieces)])
        made, source = _piece(kind, rng, sample_rate)
        made = _finish(made, rng, sample_rate)
        if kind == "speech":  # people stop between sentences, and don't speak equally loud
            made *= 10.0 ** (rng.uniform(-9.0, 0.0) / 20.0)
            pause = int(min(rng.exponential(0.35), 1.5) * sample_rate)
            made = np.concatenate([made, np.zeros(pause)])
        made = made[: total - position]
        tail = min(made.size, sample_rate // 100)
        made[made.size - tail :] *= np.linspace(1.0, 0.0, tail)  # the shard's end may cut it
        samples[position : position + made.size] = np.round(32767.0 * made)
        pieces.append(Piece(source, position, position + made.size))
        position += made.size
    path = _shard_path(Path(folder), kind, number)
    with atomic_path(path, overwrite=True) as temporary, temporary.open("wb") as file:
        np.save(file, samples)
    record = {
        "kind": kind,
        "version": VERSION,
        "seed": seed,
        "sample_rate": sample_rate,
        "num_samples": total,
        "pieces": [asdict(piece) for piece in pieces],
    }
    _write_json(path.with_suffix(".json"), record)
    return path


def _piece(kind: str, rng: np.random.Generator, rate: int) -> tuple[Samples, str]:
    if kind == "speech":
        spoken, voice = voices.speak(rng, rate)
        return _emphasise(spoken, rng, rate), voice
    duration_s = rng.uniform(4.0, 10.0)
    if kind == "music":
        return _colour(music.compose(rng, duration_s, rate), rng, rate), "audiolab:music"
    made, name = textures.texture(rng, duration_s, rate)
    return made, f"audiolab:{name}"


def _emphasise(spoken: Samples, rng: np.random.Generator, rate: int) -> Samples:
    """Let the voice rise and fall by some decibels from word to word and towards the end.

    Synthesisers speak at one level: their envelopes have a tenth of the power at 0.5 to 2 Hz that
    recorded speech has.
    """
    duration_s = spoken.size / rate
    knots = rng.normal(0.0, 4.0, max(3, int(3.0 * duration_s)))
    knots -= np.linspace(0.0, rng.uniform(0.0, 8.0), knots.size)
    place = np.linspace(0.0, knots.size - 1.0, spoken.size)
    # Cosine between knots: no corner for the ear or the codec.
    left = np.minimum(place.astype(int), knots.size - 2)
    blend = 0.5 - 0.5 * np.cos(np.pi * (place - left))
    gain_db = (1.0 - blend) * knots[left] + blend * knots[left + 1]
    return spoken * 10.0 ** (gain_db / 20.0)


def _colour(made: Samples, rng: np.random.Generator, rate: int) -> Samples:
    """Put music into a hall, tilt it, drive it: each sometimes."""
    if rng.random() < 0.55:
        length = int(rng.uniform(0.15, 1.5) * rate)
        hall = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        hall *= rng.uniform(0.02, 0.12)
        hall[0] = 1.0
        made = signal.fftconvolve(made, hall)[: made.size]
    if rng.random() < 0.5:
        low, high = rng.uniform(80, 1000), rng.uniform(1500, 8000)
        band = signal.butter(1, [low, high], "bandpass", fs=rate, output="sos")
        made = made + rng.uniform(-0.3, 0.9) * signal.sosfilt(band, made)
    # Mixes of recorded music fall by 4 to 6 dB an octave above some hundred hertz.
    if rng.random() < 0.85:
        corner = 10.0 ** rng.uniform(2.5, 3.5)
        shelf = signal.butter(1, corner, fs=rate, output="sos")
        made = signal.sosfilt(shelf, made) + rng.uniform(0.0, 0.3) * made
    if rng.random() < 0.15:
        made = np.tanh(rng.uniform(1.5, 4.0) * made / (np.abs(made).max() + 1e-9))
    return made


def _finish(made: Samples, rng: np.random.Generator, rate: int) -> Samples:
    """Trim silent ends, take away rumble, bring to one level, and fade in and out."""
    made = signal.sosfilt(signal.butter(2, 20.0, "highpass", fs=rate, output="sos"), made)
    loud = np.flatnonzero(np.abs(made) > 0.01 * np.abs(made).max())
    start = max(int(loud[0]) - int(rng.uniform(0.02, 0.1) * rate), 0)
    made = made[start : int(loud[-1]) + int(rng.uniform(0.05, 0.3) * rate)]
    power = np.square(made)
    louder = power[power >= np.median(power)].mean() / 2.0
    made = made * (_LEVEL / np.sqrt(louder + 1e-12))
    made = made * min(1.0, 0.95 / np.abs(made).max())
    edge = min(made.size // 4, int(0.008 * rate))
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    made[:edge] *= ramp
    made[made.size - edge :] *= ramp[::-1]
    finished: Samples = made
    return finished


def _shard_path(root: Path, kind: str, number: int) -> Path:
    return root / f"{kind}-{number:04d}.npy"


def _is_done(root: Path, kind: str, number: int) -> bool:
    path = _shard_path(root, kind, number)
    return path.is_file() and path.with_suffix(".json").is_file()


def _check_same(root: Path, seed: int, rate: int) -> None:
    for path in sorted(root.glob("*-[0-9]*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        for name, value in (("seed", seed), ("version", VERSION), ("sample_rate", rate)):
            if record[name] != value:
                raise ValueError(
                    f"{root} holds shards of {name} {record[name]}, not {value}: choose another "
                    "folder, or remove them"
                )


def _manifest(root: Path, seed: int, rate: int) -> dict[str, Any]:
    minutes: dict[str, float] = dict.fromkeys(KINDS, 0.0)
    sources: dict[str, float] = {}
    for path in sorted(root.glob("*-[0-9]*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        minutes[record["kind"]] += record["num_samples"] / rate / 60.0
        for piece in record["pieces"]:
            source = piece["source"].split(":")[0]
            length = (piece["stop"] - piece["start"]) / rate / 60.0
            sources[source] = sources.get(source, 0.0) + length
    return {
        "seed": seed,
        "version": VERSION,
        "sample_rate": rate,
        "minutes": {kind: round(value, 2) for kind, value in minutes.items()},
        "minutes_by_source": {name: round(value, 2) for name, value in sorted(sources.items())},
        "licences": {name: LICENCES[name] for name in sorted(sources)},
        "made_with": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
    }


def _write_json(path: Path, content: Any) -> None:
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
