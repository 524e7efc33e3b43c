"""How much memory effects take over a long file: ten hours from file to file.

    python tests/benchmarks/bench_effects_memory.py [--hours 10] [--json FILE] [CHAIN ...]

Each chain runs in a process of its own over the same file (16 kHz, mono, 1.2 GB for ten hours, in
the folder for temporary files). Printed are the resident memory at its peak, what of it came on top
of the imports, and the speed on the processor's clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from audiolab import io

RATE = 16_000
CHAINS = (
    "gain -3",
    "highpass 100 equalizer 1k 1q 6 compand 0.3,0.8 6:-70,-60,-20 -5",
    "lowpass -1 300 speed 0.8 rate 16000 reverb -w",
    "tempo 1.1 pitch 100 rate 8000",
    "echo 0.8 0.9 500 0.3 chorus 0.7 0.9 55 0.4 0.25 2 -t flanger phaser",
    "silence 1 0.1 1% -1 0.5 1% norm -3",
    "stats",
)
CHILD = """
import json, resource, sys, time
from audiolab import effects
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
source, target, line = sys.argv[1:]
# A short run first: compiled kernels and tables are not what grows.
effects.process_file(source, target, "trim 0 20 " + line, overwrite=True)
before, begin = peak(), time.process_time()
effects.process_file(source, target, line, overwrite=True, report=lambda measured: None)
print(json.dumps([before, peak(), time.process_time() - begin]))
"""


def write_long(path: Path, hours: float) -> None:
    """Write bursts of noise, a different minute after the other."""
    generator = torch.Generator().manual_seed(0)
    with io.BlockWriter(path, RATE, 1) as writer:
        for _ in range(round(60 * hours)):
            block = 0.1 * torch.randn(1, 60 * RATE, generator=generator)
            block[:, 20 * RATE : 25 * RATE] *= 1e-3
            writer.write(block)


def main() -> None:
    """Run every chain and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chains", nargs="*", default=CHAINS, metavar="CHAIN")
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "long.wav", Path(folder) / "out.wav"
        write_long(source, arguments.hours)
        for line in arguments.chains:
            command = [sys.executable, "-c", CHILD, str(source), str(target), line]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            before, peak, seconds = json.loads(done.stdout.splitlines()[-1])
            speed = 3600 * arguments.hours / seconds
            rows.append({"effects": line, "before_mib": before, "peak_mib": peak, "speed": speed})
            print(
                f"peak {peak:6.0f} MiB, {peak - before:+6.0f} by the length, "
                f"{speed:6.0f}x real time   {line}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
