"""EnCodec: audiolab beside ``encodec`` 0.1.1 and transformers, same weights, same codes, one run.

Run as ``make bench`` or ``python tests/benchmarks/bench_codec.py [--quick]``. The weights are
random (`codec_references` says how they are made to behave), which changes no shape and no
operation. The contestants take turns; what counts is the ratio of the reference's time to ours in
the same turn. The first line gives the speed of a plain matrix product: a machine that others use
shows it there.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from timing import Timing, compare, print_table, write_json

sys.path.insert(0, str(Path(__file__).parents[1] / "codec"))
import codec_references as references

BANDWIDTH = 6.0


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


def faster(rows: list[Timing]) -> str:
    times = {row.name: row for row in rows}
    ours = times["audiolab"]
    return ", ".join(f"{row.ratio / ours.ratio:.2f}x {row.name}" for row in rows if row is not ours)


def offline(preset: str, duration_s: float, threads: int, turns: int) -> dict[str, list[Timing]]:
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
    title = f"{preset}, {duration_s:g} s, {threads} thread(s)"
    rows = {
        f"encode {title}": compare(
            {
                "encodec": no_grad(lambda: original.encode(waveform)),
                "transformers": no_grad(lambda: hugging.encode(waveform, None, BANDWIDTH)),
                "audiolab": lambda: ours.encode(waveform),
            },
            reference="encodec",
            turns=turns,
            threads=threads,
        ),
        f"decode {title}": compare(
            {
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
            reference="encodec",
            turns=turns,
            threads=threads,
        ),
    }
    for name, result in rows.items():
        print_table(name, result)
        print(f"  audiolab is {faster(result)}; frames whose codes differ: {different}")
    return rows


def streaming(frames: int, turns: int) -> dict[str, list[Timing]]:
    """Time a second of stream, chunk by chunk, against real time."""
    preset = "encodec_24khz"
    model = references.model(preset)
    waveform = references.clip(2.0, preset)
    encoder, decoder = model.streaming_encoder(bandwidth=BANDWIDTH), model.streaming_decoder()
    codes = encoder.push(waveform[..., :24_000])
    decoder.push(codes)
    chunks = waveform[..., 24_000:].split(320 * frames, dim=-1)
    pieces = codes.split(frames, dim=-1)
    rows = compare(
        {
            "real time": lambda: time.sleep(1.0),
            "encode": lambda: [encoder.push(chunk) for chunk in chunks],
            "decode": lambda: [decoder.push(piece) for piece in pieces],
        },
        reference="real time",
        turns=turns,
    )
    title = f"stream 24 kHz, {frames} frame(s) a chunk, 1 thread"
    print_table(title, rows)
    for row in rows[1:]:
        print(f"  {row.name}: {1000 / row.median_ms:.1f} times real time")
    return {title: rows}


def memory(minutes: float) -> None:
    """Print by how much encoding and decoding a long file raises the peak of memory."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 s only, fewer turns")
    parser.add_argument("--only", choices=["offline", "streaming", "memory"])
    options = parser.parse_args()
    print(f"matrix product: {matrix_speed():.0f} GFLOP/s, one thread")
    results: dict[str, list[Timing]] = {}
    if options.only in (None, "streaming"):
        for frames in (1, 2, 5, 10):
            results |= streaming(frames, 3 if options.quick else 9)
    if options.only in (None, "offline"):
        for preset in references.PRESETS:
            for threads in (1, 2):
                for duration_s in (10.0,) if options.quick else (10.0, 60.0):
                    turns = 3 if options.quick or duration_s > 10 else 7
                    results |= offline(preset, duration_s, threads, turns)
    if options.only in (None, "memory"):
        memory(2.0 if options.quick else 10.0)
    if results:
        print(write_json("codec", results))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
