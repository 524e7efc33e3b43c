"""2,400 damaged files: each is read or refused, quickly and in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from audiolab import io

FILES = 400
SEED = 20_000


def test_mutated_files(name):
    # A process of its own: an engine's crash would otherwise end the tests, and memory is its own.
    child = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("fuzzing.py")), name, str(FILES), str(SEED)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2_000:]  # another exception, or a signal
    result = json.loads(child.stdout.splitlines()[-1])
    outcomes = result["outcomes"]
    assert sum(outcomes.values()) == 2 * FILES
    # Both happen: the mutations are neither all harmless nor all fatal.
    assert outcomes["refused"] > 0
    assert outcomes["read"] > 0
    assert result["slowest_s"] < 20  # a busy machine takes 0.1 s
    assert result["taken_mib"] < 200


def test_a_mutation_is_reproducible():
    fuzzing = {}
    exec(Path(__file__).with_name("fuzzing.py").read_text(), fuzzing)
    data = bytes(range(256)) * 4
    assert fuzzing["mutated"](data, 3) == fuzzing["mutated"](data, 3)
    assert fuzzing["mutated"](data, 3) != fuzzing["mutated"](data, 4)
    ogg = io.encode(torch.zeros(1, 9_600), 48_000, format="ogg")
    assert fuzzing["with_checksums"](bytearray(ogg)) == ogg


@pytest.mark.parametrize("size", [1, 4, 11, 12, 43, 44, 100])
def test_every_beginning_of_a_file_is_refused(name, encoded, size):
    with pytest.raises(io.AudioFileError):
        io.decode(encoded(name)[:size])
