"""Peak memory of compressing a file and decompressing it again, above that of the loaded model.

Any length can be asked for. The published architectures run at about ten times real time on one
thread, so their growth is measured over minutes; ``--model tiny`` has the same rate, strides and
path through the code with few channels, and does ten hours in minutes::

    python tests/benchmarks/bench_codec_memory.py --model encodec_24khz --minutes 1 10
    python tests/benchmarks/bench_codec_memory.py --model tiny --minutes 1 30 600
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch

from audiolab import io
from audiolab.codec import EncodecConfig, EncodecModel, compress_file, decompress_file
from audiolab.codec.config import PRESETS

TINY = EncodecConfig(
    name="tiny", target_bandwidths=(1.5, 3.0), num_filters=2, dimension=4, num_lstm_layers=1,
)  # fmt: skip
BLOCK_S = 10


def build(name: str) -> EncodecModel:
    model = EncodecModel.from_config(TINY if name == "tiny" else PRESETS[name], generator=0)
    generator = torch.Generator().manual_seed(1)
    for book in model.quantizer.codebooks:
        book.embed.normal_(generator=generator)
    return model


def write_noise(path: Path, model: EncodecModel, minutes: float) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (model.channels, BLOCK_S * model.sample_rate)
    with io.BlockWriter(path, model.sample_rate, model.channels, overwrite=True) as writer:
        for _ in range(round(minutes * 60 / BLOCK_S)):
            writer.write(torch.rand(shape, generator=generator) - 0.5)


def peak_mb() -> float:
    """Return the most memory the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="tiny", choices=("tiny", *PRESETS))
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 30])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = build(options.model)
    loaded = resident_mb()
    print(f"{options.model}: {loaded:.0f} MB with the model loaded")
    with tempfile.TemporaryDirectory() as folder:
        sound, coded, back = (Path(folder) / name for name in ("in.wav", "a.ecdc", "out.wav"))
        for minutes in sorted(options.minutes):
            write_noise(sound, model, minutes)
            begin = time.perf_counter()
            compress_file(sound, coded, model=model, overwrite=True)
            middle = time.perf_counter()
            compressed = peak_mb()
            decompress_file(coded, back, model=model, overwrite=True)
            end = time.perf_counter()
            if io.info(back).num_samples != io.info(sound).num_samples:
                raise RuntimeError("what came back has another length")
            print(
                f"{minutes:6g} min: peak {compressed - loaded:.1f} MB above the model after "
                f"compressing, {peak_mb() - loaded:.1f} MB after decompressing "
                f"({middle - begin:.0f} s and {end - middle:.0f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
