"""Coding codes by a language model: audiolab's integers beside ``encodec`` 0.1.1's floats.

Run as ``make bench`` or ``python tests/benchmarks/bench_codec_lm.py [--seconds 10]``. Same weights
(random, heads made six times larger so that they have an opinion), same codes, one run, one thread
and two. Times are of the language model and the coder alone; the codes are there before. The ratio
in bytes is printed too: speed for fewer bits would be no speed.
"""

from __future__ import annotations

import argparse
import importlib
import io
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from timing import compare, print_table, write_json

from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.language_model import LANGUAGE_MODELS, LanguageModel
from audiolab.codec.legacy_lm import LegacyEncoder

FRAME_RATE = 75


def models() -> tuple[Any, LanguageModel, ExactLanguageModel]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs_class = importlib.import_module("encodec.model").LMModel
    torch.manual_seed(0)
    config = LANGUAGE_MODELS["encodec_24khz"]
    ours = LanguageModel(config).eval()
    with torch.no_grad():
        for head in ours.linears:
            head.weight.mul_(6)
    theirs = theirs_class(config.num_codebooks, 1024, past_context=config.past_context).eval()
    theirs.load_state_dict(ours.state_dict())
    return theirs, ours, ExactLanguageModel.from_float(ours)


@torch.no_grad()
def encode_like_encodec(model: Any, codes: torch.Tensor) -> bytes:
    """What ``encodec.compress`` does between its encoder and its file."""
    ac = importlib.import_module("encodec.quantization.ac")
    file = io.BytesIO()
    coder = ac.ArithmeticCoder(file)
    states, offset = None, 0
    known = torch.zeros(1, len(codes), 1, dtype=torch.long)
    for t in range(codes.shape[1]):
        probabilities, states, offset = model(known, states, offset)
        known = 1 + codes[None, :, t : t + 1]
        for k, value in enumerate(codes[:, t].tolist()):
            cdf = ac.build_stable_quantized_cdf(probabilities[0, :, k, 0], 24, check=False)
            coder.push(value, cdf)
    coder.flush()
    return file.getvalue()


@torch.no_grad()
def decode_like_encodec(model: Any, data: bytes, num_codebooks: int, frames: int) -> torch.Tensor:
    """What ``encodec.decompress`` does between its file and its decoder."""
    ac = importlib.import_module("encodec.quantization.ac")
    coder = ac.ArithmeticDecoder(io.BytesIO(data))
    states, offset = None, 0
    known = torch.zeros(1, num_codebooks, 1, dtype=torch.long)
    codes = torch.zeros(num_codebooks, frames, dtype=torch.long)
    for t in range(frames):
        probabilities, states, offset = model(known, states, offset)
        for k in range(num_codebooks):
            cdf = ac.build_stable_quantized_cdf(probabilities[0, :, k, 0], 24, check=False)
            codes[k, t] = coder.pull(cdf)
        known = 1 + codes[None, :, t : t + 1]
    return codes


def processor_seconds(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of audio at 75 frames a second"
    )
    parser.add_argument("--codebooks", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    theirs, ours, exact = models()
    frames, count = round(options.seconds * FRAME_RATE), options.codebooks
    generator = torch.Generator().manual_seed(1)
    codes = torch.randint(0, 1024, (count, frames), generator=generator)
    reference = encode_like_encodec(theirs, codes)
    stream = exact.encode(codes, num_threads=1)
    print(f"{len(stream)} bytes, {len(reference)} of encodec: {len(stream) / len(reference):.4f}")
    decoded = exact.decode(stream, num_codebooks=count, num_frames=frames)
    if not torch.equal(decoded, codes):
        raise RuntimeError("the stream did not decode to what was coded")
    legacy = LegacyEncoder(ours, count)
    same = legacy.push(codes) + legacy.finish() == reference
    print(f"version 0 equals encodec's bytes: {same}")

    encoding = {
        "encodec 0.1.1": lambda: encode_like_encodec(theirs, codes),
        "audiolab": lambda: exact.encode(codes),
    }
    decoding = {
        "encodec 0.1.1": lambda: decode_like_encodec(theirs, reference, count, frames),
        "audiolab": lambda: exact.decode(stream, num_codebooks=count, num_frames=frames),
    }
    results = {}
    for threads in (1, 2):
        for what, calls in (("encode", encoding), ("decode", decoding)):
            title = f"{what} {options.seconds:g} s, {count} codebooks, {threads} thread(s)"
            results[title] = compare(
                calls, reference="audiolab", turns=options.turns, threads=threads
            )
            print_table(title, results[title])
    torch.set_num_threads(1)
    for what, calls in (("encode", encoding), ("decode", decoding)):
        # On a machine that others use, processor time is the fairer measure.
        spent = {name: processor_seconds(call) for name, call in calls.items()}
        ratio = spent["encodec 0.1.1"] / spent["audiolab"]
        print(f"\n{what}: processor time, encodec over audiolab: {ratio:.1f}")
    print(f"\nwritten to {write_json('codec_lm', results)}")


if __name__ == "__main__":
    main()
