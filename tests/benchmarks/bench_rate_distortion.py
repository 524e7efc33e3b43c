"""How good at how many bits: our codec beside Opus, MP3, Speex, Codec2 and EnCodec.

Run as ``make bench-codec CLIPS=DIR`` or ``python tests/benchmarks/bench_rate_distortion.py
[--clips DIR] [--jobs 2] [--commit]``; it takes some fifteen minutes on one core from nothing, and
a few for a new model, since what was measured before is kept by what it depends on: the codec's
settings or weights, the clip's samples and what the metrics read. ``--commit`` also writes
``tests/benchmarks/results/rate_distortion.json``, which the gallery shows.

``--clips`` names a folder with the recordings listed in `rate_distortion_clips`; without it there
are our own clips only. Own and real clips are never averaged together. The published 24 kHz
EnCodec takes part where its checkpoint is in the cache, the bundled model where its weights are;
``--model`` adds a checkpoint of your own. ViSQOL is the slowest metric: of models, it is taken on
real clips at the highest effort alone, unless ``--full`` asks for it everywhere. Rows with a
language model count bits and nothing else.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os

# Before numba is imported: ViSQOL's loops would fight over the cores with the other processes.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import rate_distortion_codecs as codecs
import torch
from rate_distortion_clips import OWN_CLIPS, RATE, Clip, available
from rate_distortion_report import print_report

from audiolab import metrics, signals

HERE = Path(__file__).parent
RESULT = HERE / "results" / "rate_distortion.json"
KEPT = HERE.parents[1] / ".build" / "bench" / "rate_distortion.json"
BUNDLED, PUBLISHED = "audiolab_24khz", "encodec_24khz"
EFFORTS = (1, 8, 32)
SLOW = ("visqol_audio", "visqol_speech")
PACKAGES = ("torch", "pesq", "pystoi", "visqol-python")
METHOD = (
    "Clips are mono at 24 kHz. payload_kbps counts packets without their container, file_kbps all "
    "bytes of the file. Estimates are aligned, then compared at 24 kHz by audiolab.metrics.PANEL; "
    "speech metrics on speech only. Averages are of clips of one kind, real and own ones apart."
)

Row = dict[str, Any]
Contestant = codecs.OldCodec | codecs.NeuralCodec


def measure(codec: Contestant, clip: Clip, folder: Path | None, names: list[str]) -> Row:
    """Code one clip and measure what comes out."""
    torch.set_num_threads(1)
    coded = codec.code(clip, clip.load(folder))
    found: dict[str, float]
    if not names:
        found = {}
    elif bool(coded.estimate.any()):
        found = metrics.quality_panel(
            coded.reference, coded.estimate, RATE, speech=clip.speech, names=names
        )
    else:
        found = dict.fromkeys(names, float("nan"))
    bits = {"payload_kbps": coded.payload_kbps, "file_kbps": coded.file_kbps, **coded.more}
    # JSON has no NaN: what could not be judged is null.
    return {k: None if v != v else round(v, 5) for k, v in {**bits, **found}.items()}


def names_for(codec: Contestant, clip: Clip, *, full: bool) -> list[str]:
    """Return the metrics that a row has."""
    every = [each.name for each in metrics.PANEL]
    if full:
        return every if codec.panel != "bits" else []
    if codec.panel == "bits":
        return []
    old = isinstance(codec, codecs.OldCodec)
    slow = codec.panel == "full" and (old or clip.real)
    return every if slow else [each for each in every if each not in SLOW]


def metrics_digest() -> str:
    """Return what changes when the metrics read differently: found by trying them."""
    clip = OWN_CLIPS[0].load(None)[: 2 * RATE]
    worse = clip + signals.white_noise(2.0, RATE, rms_db=-40.0, generator=0)
    names = [each.name for each in metrics.PANEL if each.name not in SLOW]
    found = metrics.quality_panel(clip, worse, RATE, speech=True, names=names)
    values = [f"{name}={value:.4g}" for name, value in found.items()]
    return codecs.digest("|".join([*values, importlib.metadata.version("visqol-python")]))


def sound_digest(sound: torch.Tensor) -> str:
    """Return what changes with a clip, but not with its last bits."""
    return codecs.digest((sound * 2**12).round().to(torch.int16).numpy().tobytes().hex())


def contestants(arguments: argparse.Namespace) -> list[Contestant]:
    rows: list[Contestant] = [*codecs.old_codecs()]
    rows += codecs.neural_codecs(BUNDLED, "audiolab", EFFORTS, lm=True)
    rows += codecs.neural_codecs(PUBLISHED, "EnCodec", (1, 8), lm=False)
    for path in arguments.model:
        lm = (Path(path) / "language_model.safetensors").is_file()
        rows += codecs.neural_codecs(path, Path(path).stem, EFFORTS, lm=lm)
    return rows


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    clips, said = available(arguments.clips)
    kept = json.loads(KEPT.read_text())["rows"] if KEPT.is_file() and not arguments.fresh else []
    if RESULT.is_file() and not arguments.fresh:
        kept += json.loads(RESULT.read_text())["rows"]
    code = metrics_digest()
    known = {row["key"]: row for row in kept}
    there, missing = [], {}
    for codec in contestants(arguments):
        reason = codec.missing()
        if reason is None:
            there.append(codec)
        else:
            missing[codec.name] = reason
    for text in (*said, *(f"{name} is left out: {reason}" for name, reason in missing.items())):
        print(f"- {text}", flush=True)
    rows: dict[str, Row] = {}
    todo = []
    sounds = {clip.name: sound_digest(clip.load(arguments.clips)) for clip in clips}
    for codec in there:
        for clip in clips:
            names = names_for(codec, clip, full=arguments.full)
            parts = (codec.name, codec.key, clip.name, sounds[clip.name], code, *names)
            key = codecs.digest("|".join(parts))
            head = {"key": key, "codec": codec.name, "clip": clip.name, "kind": clip.kind,
                    "real": clip.real}  # fmt: skip
            rows[key] = known.get(key, head)
            if key not in known:
                todo.append((key, codec, clip, names))
    print(f"{len(rows) - len(todo)} of {len(rows)} rows are there already", flush=True)
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": platform.machine(),
        "ffmpeg": codecs.ffmpeg_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "metrics_digest": code,
        "method": METHOD,
        "left_out": missing,
        "clips": [
            {"name": each.name, "kind": each.kind, "real": each.real, "needs": each.needs()}
            for each in clips
        ],
        "codecs": [{"name": each.name, "nominal_kbps": each.nominal_kbps} for each in there],
        "rows": list(rows.values()),
    }
    # What this run doesn't ask for stays known: other clips, other models.
    work_through(todo, rows, {**known, **rows}, arguments)
    return record


def work_through(
    todo: list[tuple[str, Contestant, Clip, list[str]]],
    rows: dict[str, Row],
    everything: dict[str, Row],
    arguments: argparse.Namespace,
) -> None:
    """Measure what is missing, and keep what is done now and then."""
    begin = last = time.monotonic()

    def done(number: int, key: str, found: Row) -> None:
        nonlocal last
        rows[key].update(found)
        if time.monotonic() - last > 20 or number == len(todo):
            last = time.monotonic()
            keep({"rows": list(everything.values())}, KEPT)
            print(f"{number} of {len(todo)} after {last - begin:.0f} s", flush=True)

    if arguments.jobs == 1:
        for number, (key, codec, clip, names) in enumerate(todo, 1):
            done(number, key, measure(codec, clip, arguments.clips, names))
        return
    # Fresh processes: a forked one would inherit locks of numba and OpenMP.
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        futures = {
            pool.submit(measure, codec, clip, arguments.clips, names): key
            for key, codec, clip, names in todo
        }
        for number, future in enumerate(as_completed(futures), 1):
            done(number, futures[future], future.result())


def keep(record: dict[str, Any], path: Path) -> None:
    """Write the rows that are complete, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    complete = [row for row in record["rows"] if "payload_kbps" in row]
    text = json.dumps({**record, "rows": []}, indent=1)
    lines = ",\n".join(f"  {json.dumps(row)}" for row in complete)
    beside = path.with_suffix(".tmp")
    beside.write_text(text.removesuffix('"rows": []\n}') + f'"rows": [\n{lines}\n ]\n}}\n')
    beside.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, metavar="DIR", help="folder with real recordings")
    parser.add_argument("--model", action="append", default=[], metavar="PATH",
                        help="one more model: a folder or a checkpoint")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--full", action="store_true", help="ViSQOL at every effort")
    parser.add_argument("--fresh", action="store_true", help="measure everything anew")
    parser.add_argument("--commit", action="store_true", help=f"write {RESULT.name} in results/")
    arguments = parser.parse_args()
    record = run(arguments)
    print_report(record)
    if arguments.commit:
        keep(record, RESULT)


if __name__ == "__main__":
    main()
