"""EnCodec: audiolab beside ``encodec`` 0.1.1 and transformers, same weights, same codes, one run.

Run as ``make bench`` or ``python tests/benchmarks/bench_codec.py [--quick]``; ``--commit`` also
writes ``tests/benchmarks/results/codec.json``, which the gallery shows. The weights are random
(`codec_references` says how they are made to behave), which changes no shape and no operation.

The contestants take turns, and of each the quickest turn counts: on a machine that others use, what
a turn takes beyond that is theirs. With one thread the processor's time is given as well, which
others disturb less. The first line gives the speed of a plain matrix product.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "codec"))
import codec_references as references

BANDWIDTH = 6.0
CPUINFO = Path("/proc/cpuinfo")
RESULT = Path(__file__).parent / "results" / "codec.json"
BUILT = Path(__file__).parents[2] / ".build" / "bench" / "codec.json"
CHUNKS = (1, 2, 5, 10)
METHOD = (
    "Contestants take turns in one process; seconds are those of the quickest turn, cpu_seconds "
    "the processor's time of the turn that took least of it. ratio_to_encodec says how many times "
    "faster than encodec: by cpu_seconds with one thread, by seconds with several. Streams: "
    "seconds of sound per second of one thread's processor time."
)


def no_grad(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with torch.no_grad():
            return call()

    return run


def matrix_speed() -> float:
    """Return the best GFLOP/s of twenty products of 512 x 512 matrices."""
    a = torch.randn(512, 512)
    best = 1e9
    for _ in range(20):
        begin = time.perf_counter()
        torch.nn.functional.linear(a, a)
        best = min(best, time.perf_counter() - begin)
    return 2 * 512**3 / best / 1e9


def take_turns(
    contestants: dict[str, Callable[[], object]], turns: int, threads: int
) -> dict[str, tuple[float, float]]:
    """Return for each the least wall time and the least processor time of its turns."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for call in contestants.values():
            call()
        best = dict.fromkeys(contestants, (1e9, 1e9))
        for _ in range(turns):
            for name, call in contestants.items():
                gc.collect()
                wall, cpu = time.perf_counter(), time.process_time()
                call()
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                best[name] = min(best[name][0], wall), min(best[name][1], cpu)
    finally:
        torch.set_num_threads(before)
    return best


def offline(preset: str, duration_s: float, threads: int, turns: int) -> list[dict[str, Any]]:
    waveform = references.clip(duration_s, preset)
    ours = references.model(preset)
    original: Any = references.encodec_model(preset)
    hugging: Any = references.transformers_model(preset)
    ours.bandwidth = original.bandwidth = BANDWIDTH
    segments = ours.encode(waveform)
    with torch.no_grad():
        expected = original.encode(waveform)
        theirs = hugging.encode(waveform, None, BANDWIDTH)
    pairs = zip(segments, expected, strict=True)
    different = sum(int((a != b).any(1).sum()) for (a, _), (b, _) in pairs)
    calls: dict[str, dict[str, Callable[[], object]]] = {
        "encode": {
            "encodec": no_grad(lambda: original.encode(waveform)),
            "transformers": no_grad(lambda: hugging.encode(waveform, None, BANDWIDTH)),
            "audiolab": lambda: ours.encode(waveform),
        },
        "decode": {
            "encodec": no_grad(lambda: original.decode(expected)),
            "transformers": no_grad(
                lambda: hugging.decode(
                    theirs.audio_codes,
                    theirs.audio_scales,
                    last_frame_pad_length=theirs.last_frame_pad_length,
                )
            ),
            "audiolab": lambda: ours.decode(segments),
        },
    }
    rows = []
    for what, contestants in calls.items():
        print(f"\n{what} {preset}, {duration_s:g} s, {threads} thread(s)")
        best = take_turns(contestants, turns, threads)
        clock = 1 if threads == 1 else 0
        for name, times in best.items():
            ratio = best["encodec"][clock] / times[clock]
            print(f"  {name:12}  {times[0]:8.3f} s  cpu {times[1]:8.3f} s  {ratio:5.2f}x")
            rows.append(
                {
                    "what": what,
                    "preset": preset.removeprefix("encodec_"),
                    "duration_s": duration_s,
                    "threads": threads,
                    "implementation": name,
                    "seconds": round(times[0], 4),
                    "cpu_seconds": round(times[1], 4),
                    "ratio_to_encodec": round(ratio, 3),
                    "frames_differing": different if name == "audiolab" else None,
                }
            )
    print(f"  frames whose codes differ: {different}")
    return rows


def streaming(frames: int, turns: int) -> dict[str, Any]:
    """Time a second of stream, chunk by chunk."""
    preset = "encodec_24khz"
    model = references.model(preset)
    waveform = references.clip(2.0, preset)
    encoder, decoder = model.streaming_encoder(bandwidth=BANDWIDTH), model.streaming_decoder()
    codes = encoder.push(waveform[..., :24_000])
    decoder.push(codes)
    size = 75 // frames * frames
    chunks = waveform[..., 24_000 : 24_000 + 320 * size].split(320 * frames, dim=-1)
    pieces = codes[..., :size].split(frames, dim=-1)
    best = take_turns(
        {
            "encode": lambda: [encoder.push(chunk) for chunk in chunks],
            "decode": lambda: [decoder.push(piece) for piece in pieces],
        },
        turns,
        1,
    )
    encode, decode = (size / 75 / best[name][1] for name in ("encode", "decode"))
    print(f"stream of {frames:2} frame(s) a chunk: encode {encode:.1f}x, decode {decode:.1f}x real")
    return {
        "frames": frames,
        "real_time_factor": round(encode, 2),
        "decode_real_time_factor": round(decode, 2),
    }


def memory(minutes: float) -> dict[str, float]:
    """Return by how many MB encoding and decoding a long file raises the peak of memory."""
    result = {}
    for preset in references.PRESETS:
        model = references.model(preset)
        second = references.clip(1.0, preset)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        blocks = (second for _ in range(int(60 * minutes)))
        samples = sum(
            part.shape[-1]
            for part in model.decode_blocks(model.encode_blocks(blocks, bandwidth=BANDWIDTH))
        )
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"{preset}: {samples / model.sample_rate / 60:.1f} min, peak memory +{grown:.0f} MB")
        result[preset.removeprefix("encodec_")] = round(grown, 1)
    return result


def machine() -> str:
    """Return the kind of processor, without names of hosts."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    widths = [name for name in ("avx512f", "avx2") if any(name in line for line in lines)]
    kind = names[0] if names else platform.machine()
    return f"{kind}, {platform.machine()}, {os.cpu_count()} cores, {' '.join(widths[:1])}".rstrip(
        ", "
    )


def versions() -> dict[str, str]:
    packages = ("torch", "numpy", "numba", "encodec", "transformers")
    return {"python": platform.python_version()} | {
        p: importlib.metadata.version(p) for p in packages
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--durations", type=float, nargs="+", help="seconds of sound")
    parser.add_argument("--turns", type=int, help="after one to warm up")
    parser.add_argument("--quick", action="store_true", help="10 s only, fewer turns")
    parser.add_argument("--only", choices=["offline", "streaming", "memory"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--commit", action="store_true", help=f"write {RESULT.name} to be committed"
    )
    options = parser.parse_args()
    record: dict[str, Any] = {
        "command": " ".join(["python", "tests/benchmarks/bench_codec.py", *sys.argv[1:]]),
        "method": METHOD,
        "machine": machine(),
        "matrix_gflops": round(matrix_speed(), 1),
        "versions": versions(),
        "date": date.today().isoformat(),
        "load_average": [round(os.getloadavg()[0], 2)],
        "bandwidth_kbps": BANDWIDTH,
        "rows": [],
        "streaming": [],
    }
    print(f"matrix product: {record['matrix_gflops']:.0f} GFLOP/s, one thread")
    durations = options.durations or ([10.0] if options.quick else [10.0, 60.0])

    def write() -> None:
        # After each part, so that a long run that is ended leaves what it has measured.
        record["load_average"] = [record["load_average"][0], round(os.getloadavg()[0], 2)]
        for path in (BUILT, RESULT) if options.commit else (BUILT,):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record, indent=1) + "\n")

    if options.only in (None, "streaming"):
        record["streaming"] = [streaming(n, 3 if options.quick else 9) for n in CHUNKS]
        write()
    if options.only in (None, "offline"):
        for threads in options.threads:
            for duration_s in durations:
                for preset in references.PRESETS:
                    turns = options.turns or (3 if options.quick or duration_s > 10 else 7)
                    record["rows"] += offline(preset, duration_s, threads, turns)
                    write()
    if options.only in (None, "memory"):
        record["memory_mb"] = memory(2.0 if options.quick else 10.0)
        write()
    print(RESULT if options.commit else BUILT)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
