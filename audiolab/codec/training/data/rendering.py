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
import functools
import importlib.metadata
import json
import multiprocessing
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab._validation import check_choice, check_positive, check_sample_rate
from audiolab.codec.training.data.pieces import KINDS, make_piece
from audiolab.codec.training.data.voices import program_versions

__all__ = ["LICENCES", "Piece", "render", "render_shard"]


#: Counts up when the same seed no longer gives the same audio.
VERSION = 2
SHARD_S = 60.0

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
    shares: Mapping[str, float] | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Render minutes of audio into a folder, skipping what is there already.

    Parameters
    ----------
    folder : path-like
        Where to write; made if it is missing.
    minutes : float
        How much in all, in whole shards, at least one of each kind.
    seed : int, default: 0
        Another seed gives another set; a held-out set is one.
    sample_rate : int, default: 24000
        Sample rate in Hz.
    shares : mapping of str to float, optional
        How the minutes are shared among kinds; by default as `pieces.KINDS` says. A shard's content
        does not depend on it.
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
    ValueError
        If there is no such kind, or the folder holds another seed's or version's shards.
    """
    check_positive(minutes, "minutes")
    chosen = KINDS if shares is None else shares
    for kind, share in chosen.items():
        check_choice(kind, "kind", tuple(KINDS))
        check_positive(share, f"the share of {kind}")
    rate, root = check_sample_rate(sample_rate), Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    _check_same(root, seed, rate)
    total = sum(chosen.values())
    wanted = [
        (kind, number)
        for kind, share in chosen.items()
        for number in range(max(1, round(60.0 * minutes * share / total / SHARD_S)))
    ]
    missing = [shard for shard in wanted if not _is_done(root, *shard)]
    report = progress or (lambda done, count: None)
    report(len(wanted) - len(missing), len(wanted))
    make = functools.partial(_render_shard, root, seed, rate)
    with _workers(jobs if missing else 1) as each:
        for count, _ in enumerate(each(make, missing), len(wanted) - len(missing) + 1):
            report(count, len(wanted))
    manifest = _manifest(root, seed, rate)
    _write_json(root / "manifest.json", manifest)
    return manifest


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[..., Iterable[Path]]]:
    """Yield a `map` that works in so many processes; results come in order."""
    if jobs == 1:
        yield map
        return
    # Not forked: a process with threads, as torch's, must not be.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        jobs, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        yield pool.map


def _render_shard(root: Path, seed: int, rate: int, shard: tuple[str, int]) -> Path:
    return render_shard(root, *shard, seed=seed, sample_rate=rate)


def render_shard(folder: FilePath, kind: str, number: int, *, seed: int, sample_rate: int) -> Path:
    """Render one shard and return the path of its samples.

    Parameters
    ----------
    folder : path-like
        Where to write.
    kind : str
        One of `pieces.KINDS`.
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
    check_choice(kind, "kind", tuple(KINDS))
    total = round(SHARD_S * sample_rate)
    samples, position = np.zeros(total, np.int16), 0
    pieces: list[Piece] = []
    while position < total:
        rng = np.random.default_rng([seed, list(KINDS).index(kind), number, len(pieces)])
        made, source = make_piece(kind, rng, sample_rate)
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
        "minutes": {kind: round(value, 2) for kind, value in minutes.items() if value},
        "minutes_by_source": {name: round(value, 2) for name, value in sorted(sources.items())},
        "licences": {name: LICENCES[name] for name in sorted(sources)},
        "made_with": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": importlib.metadata.version("scipy"),
            "soxr": importlib.metadata.version("soxr"),
            **program_versions(),
        },
    }


def _write_json(path: Path, content: Any) -> None:
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
