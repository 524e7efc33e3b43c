"""A long file is read and written in constant memory, measured in a process of its own."""

import subprocess
import sys

import pytest
import torch

from audiolab import io

RATE = 8_000
LIMIT_MIB = 100

READ = """
import resource, sys
import torch
from audiolab import io

def peak_mib():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10

path, options = sys.argv[1], eval(sys.argv[2])
io.decode(io.encode(torch.zeros(1, 8_000), 8_000, format="mp3"), sample_rate=16_000)
idle = peak_mib()
stream = io.blocks(path, 10.0, **options)
count = sum(block.shape[1] for block in stream)
print(count, peak_mib() - idle)
"""


def long_wav(path, hours):
    """Write silence of any length, which takes no room on most disks; return its length."""
    size = hours * 3_600 * RATE * 2
    head = io.encode(torch.zeros(1, 0), RATE, format="wav")
    with path.open("wb") as file:
        file.write(head[:4] + (36 + size).to_bytes(4, "little") + head[8:40])
        file.write(size.to_bytes(4, "little"))
        file.truncate(44 + size)
    return hours * 3_600 * RATE


def minute():
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(1, 60 * RATE, generator=generator)


def long_flac(path, hours):
    block = minute()
    with io.BlockWriter(path, RATE, 1) as writer:
        for _ in range(60 * hours):
            writer.write(block)
    return hours * 3_600 * RATE


def long_mp3(path, hours):
    """Repeat a minute of frames, which is an mp3 file as well; its header tells no length."""
    data = io.encode(minute(), RATE, format="mp3")
    first = data.find(b"\xff\xe3")
    frames = data[data.find(b"\xff\xe3", first + 4) :]  # without the frame that notes the length
    path.write_bytes(60 * hours * frames)
    return 60 * hours * io.decode(frames)[0].shape[1]


@pytest.mark.parametrize(
    ("make", "hours", "options"),
    [
        (long_wav, 10, {}),
        (long_wav, 2, {"sample_rate": 4_000}),
        # Two hours take 220 MiB as a tensor, more than is allowed.
        (long_flac, 2, {}),
        (long_mp3, 2, {}),
    ],
)
def test_reading_a_long_file_takes_constant_memory(make, hours, options, tmp_path):
    path = tmp_path / "long"
    path = path.with_suffix("." + make.__name__.removeprefix("long_"))
    length = make(path, hours)
    child = subprocess.run(
        [sys.executable, "-c", READ, str(path), repr(options)],
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    count, taken_mib = child.stdout.split()
    assert int(count) == length * options.get("sample_rate", RATE) // RATE
    assert float(taken_mib) < LIMIT_MIB
