"""A child process that loads mutated files: its crash, hang or hunger is what the test looks at.

``python fuzzing.py NAME COUNT SEED`` prints one line of JSON: how often each outcome came, the
slowest file in seconds, and how much memory was taken beyond that of the idle process.
"""

import json
import random
import resource
import sys
import time

import torch

from audiolab import io

HEADER_BYTES = 200
INTERESTING = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\x80")


def base(name: str) -> bytes:
    generator = torch.Generator().manual_seed(0)
    time_s = torch.arange(24_000) / 48_000
    tone = 0.4 * torch.sin(2 * torch.pi * 440 * time_s)
    noise = torch.rand(24_000, generator=generator) - 0.5
    return io.encode(torch.stack([tone, noise]), 48_000, format=name)


def mutated(data: bytes, seed: int) -> bytes:
    """Change, insert, delete and cut bytes, most of them where the headers are."""
    rng = random.Random(seed)
    mutant = bytearray(data)
    for _ in range(rng.choice((1, 2, 5, 20, 100))):
        span = min(len(mutant), HEADER_BYTES) if rng.random() < 0.6 else len(mutant)
        if not span:
            break
        at = rng.randrange(span)
        kind = rng.randrange(6)
        if kind == 0:
            mutant[at] = rng.randrange(256)
        elif kind == 1:
            mutant[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            value = rng.choice(INTERESTING)
            mutant[at : at + len(value)] = value
        elif kind == 3:
            del mutant[at : at + rng.randrange(1, 64)]
        elif kind == 4:
            mutant[at:at] = rng.randbytes(rng.randrange(1, 64))
        elif rng.random() < 0.2:
            del mutant[at:]
    if data.startswith(b"OggS") and seed % 2:
        mutant = with_checksums(mutant)
    return bytes(mutant)


def with_checksums(data: bytearray) -> bytearray:
    """Make the pages' checksums right again, or no mutation gets past them to the decoder."""
    offset = 0
    while data[offset : offset + 4] == b"OggS" and len(data) >= offset + 27:
        lacing = data[offset + 27 : offset + 27 + data[offset + 26]]
        end = offset + 27 + len(lacing) + sum(lacing)
        data[offset + 22 : offset + 26] = bytes(4)
        data[offset + 22 : offset + 26] = checksum(data[offset:end]).to_bytes(4, "little")
        offset = end
    return data


def checksum(page: bytearray) -> int:
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ TABLE[value >> 24 ^ byte]
    return value


def _entry(index: int) -> int:
    value = index << 24
    for _ in range(8):
        value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


TABLE = [_entry(index) for index in range(256)]


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main(name: str, count: int, seed: int) -> None:
    data = base(name)
    for warm in (data, base("mp3")):  # all engines are loaded: this is the idle process
        io.load(warm)
        io.info(warm)
    idle = peak_bytes()
    outcomes: dict[str, int] = {}
    slowest = 0.0
    for number in range(count):
        mutant = mutated(data, seed + number)
        started = time.perf_counter()
        for read in (io.load, io.info):
            try:
                read(mutant)
                outcome = "read"
            except io.AudioFileError:
                outcome = "refused"
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        slowest = max(slowest, time.perf_counter() - started)
    taken = (peak_bytes() - idle) / 2**20
    json.dump({"outcomes": outcomes, "slowest_s": slowest, "taken_mib": taken}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
