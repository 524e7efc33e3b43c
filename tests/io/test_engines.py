"""Which engine is used for what, and what sox makes of the files."""

import subprocess
import sys

import numpy as np
import pytest

from audiolab import io

LOSSLESS = """
import sys, torch
from audiolab import io
for name in ("wav", "flac"):
    io.decode(io.encode(torch.zeros(1, 800), 8_000, format=name), sample_rate=16_000)
assert "torchcodec" not in sys.modules, "torchcodec was imported"
io.decode(io.encode(torch.zeros(1, 800), 8_000, format="mp3"))
assert "torchcodec" in sys.modules
assert "torchaudio" not in sys.modules
"""


def test_wav_and_flac_work_without_torchcodec():
    subprocess.run([sys.executable, "-c", LOSSLESS], check=True, timeout=120)


def test_a_broken_torchcodec_is_explained(encoded, monkeypatch):
    from audiolab._environment import BrokenEnvironmentError

    data = encoded("mp3")
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)  # importing it fails
    assert io.decode(encoded("flac"))[0].shape == (2, 20_001)
    with pytest.raises(BrokenEnvironmentError, match=r"torchcodec\.decoders cannot be used here"):
        io.decode(data)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("wav", "pcm_s16"),
        ("wav", "pcm_s24"),
        ("wav", "pcm_s32"),
        ("wav", "float32"),
        ("flac", "pcm_s16"),
        ("flac", "pcm_s24"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_sox_reads_the_same_samples(program, name, encoding, channels, sound, tmp_path):
    path = tmp_path / f"sound.{name}"
    io.save(path, sound(channels), 48_000, encoding=encoding)
    # -D: sox would dither on the way out.
    command = [program("sox"), "-D", str(path), "-t", "raw", "-e", "signed", "-b", "32", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    theirs = np.frombuffer(raw, "<i4").reshape(-1, channels).T / 2.0**31
    ours, _ = io.load(path)
    # sox holds 32-bit integers inside: float samples are rounded to half of such a step.
    tolerance = 2.0**-31 if encoding == "float32" else 0
    assert np.abs(theirs - ours.numpy().astype(float)).max() <= tolerance


def test_a_file_that_sox_pipes_out_is_whole(program, encoded, tmp_path):
    path = tmp_path / "sound.wav"
    path.write_bytes(encoded("wav"))
    command = [program("sox"), "-D", "--ignore-length", str(path), "-t", "wav", "-"]
    piped = subprocess.run(command, capture_output=True, check=True).stdout
    waveform, rate = io.decode(piped)
    assert rate == 48_000
    assert np.array_equal(waveform.numpy(), io.decode(encoded("wav"))[0].numpy())
