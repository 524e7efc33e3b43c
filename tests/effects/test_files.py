"""From file to file: constant memory, the input's form restored, whole files or none."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from audiolab import effects, io, signals
from audiolab.effects import EffectsChain, EffectStream, EffectSyntaxError, process_file
from audiolab.effects._spool import Spool

RATE = 16_000
MUSIC = signals.clip_path("music")


def test_a_file_becomes_what_a_chain_makes_of_it(tmp_path):
    target = tmp_path / "a.wav"
    process_file(MUSIC, target, "trim 0.5 2 fade t 0.1 0 0.3 reverse", encoding="float32")
    waveform, rate = io.load(MUSIC)
    expected, _ = EffectsChain("trim 0.5 2 fade t 0.1 0 0.3 reverse")(waveform, rate)
    found, found_rate = io.load(target)
    assert found_rate == rate
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) < 1e-6


def test_channels_are_restored_unless_chosen():
    assert EffectStream(MUSIC, "oops").num_channels == 2
    mono = EffectStream(MUSIC, "remix 1,2")
    assert mono.num_channels == 1
    assert [each.name for each in mono.effects] == ["remix"]
    four = EffectStream(MUSIC, "channels 4 remix 1 2 3")
    assert four.num_channels == 3


def test_rate_and_channels_are_restored():
    speech = signals.clip_path("speech")
    stream = EffectStream(speech, "speed 1.5 reverb")
    assert [each.name for each in stream.effects] == ["speed", "reverb", "channels", "rate"]
    assert (stream.sample_rate, stream.num_channels) == (24_000, 1)
    bare = EffectStream(speech, "speed 1.3 reverb", restore=False)
    assert (bare.sample_rate, bare.num_channels) == (31_200, 2)
    chosen = EffectStream(speech, "rate 8000 speed 1.5")
    assert (chosen.effects[-1].name, chosen.sample_rate) == ("rate", 8000)


def test_a_rate_that_no_file_can_have(tmp_path):
    with pytest.raises(ValueError, match=r"end at 21381\.\d+ Hz, and a file's rate is a whole"):
        process_file(signals.clip_path("speech"), tmp_path / "a.wav", "pitch -200", restore=False)
    assert list(tmp_path.iterdir()) == []


def test_no_more_is_read_than_needed():
    pieces = []

    def counted(blocks: io.Blocks):
        for block in blocks:
            pieces.append(block.shape[-1])
            yield block

    stream = EffectStream(MUSIC, "trim 0 0.5")
    stream._blocks = io.blocks(MUSIC, 0.1)
    result = torch.cat(list(stream.through(counted)), dim=-1)
    assert result.shape == (2, 22_050)
    assert len(pieces) == 5


def test_iterating_again_reads_again():
    stream = EffectStream(MUSIC, "trim 0 1 reverse")
    first, second = (torch.cat(list(stream), dim=-1) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (2, 44_100)


def test_what_needs_its_end_first_sets_it_aside(tmp_path):
    stream = EffectStream(MUSIC, "trim 0 1 reverse norm -3 gain -B 1 repeat 2 trim 0 2")
    assert stream.collecting == ()
    waveform, rate = io.load(MUSIC)
    expected, _ = EffectsChain("trim 0 1 reverse norm -3 gain -B 1 repeat 2 trim 0 2")(
        waveform, rate
    )
    found = torch.cat(list(stream), dim=-1)
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) < 1e-6


@pytest.mark.parametrize("limit", [0, 1 << 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_set_aside_comes_back(limit: int, dtype: torch.dtype, monkeypatch):
    monkeypatch.setattr("audiolab.effects._spool.IN_MEMORY_BYTES", limit)
    blocks = [torch.randn(2, 3, size, dtype=dtype) for size in (5, 1, 0, 700)]
    spool = Spool()
    for block in blocks:
        spool.append(block)
    whole = torch.cat(blocks, dim=-1)
    assert spool.num_samples == 706
    assert torch.equal(torch.cat(list(spool.blocks(100)), dim=-1), whole)
    assert torch.equal(torch.cat(list(spool.reversed_blocks(64)), dim=-1), whole.flip(-1))
    assert torch.equal(spool.read(3, 10), whole[..., 3:10])
    spool.append(blocks[0])
    assert torch.equal(spool.read(706, 711), blocks[0])


def test_positions_from_an_end_that_only_decoding_finds(tmp_path):
    """An mp3 file without a Xing header does not tell its length: the effect waits for it."""
    path = tmp_path / "a.mp3"
    io.save(path, signals.clip("music")[0], 44_100)
    header = path.read_bytes()
    start = header.find(b"Xing") if b"Xing" in header else header.find(b"Info")
    path.write_bytes(header[:start] + b"\0\0\0\0" + header[start + 4 :])
    if io.blocks(path, 1.0).num_samples is not None:
        pytest.fail("the file still tells its length")
    whole, rate = io.load(path)
    stream = EffectStream(path, "trim 1 -1")
    assert [each.name for each in stream.collecting] == ["trim"]
    result = torch.cat(list(stream), dim=-1)
    assert torch.equal(result, whole[:, rate:-rate])


def test_silence_as_input(tmp_path):
    target = tmp_path / "a.wav"
    process_file(None, target, "trim 0 0.5 pad 0.25", sample_rate=8000, num_channels=2)
    about = io.info(target)
    assert (about.num_samples, about.sample_rate, about.num_channels) == (6000, 8000, 2)


def test_nothing_is_left_behind_when_it_fails(tmp_path):
    target = tmp_path / "a.wav"
    with pytest.raises(EffectSyntaxError):
        process_file(MUSIC, target, "trim x")
    damaged = tmp_path / "damaged.flac"
    damaged.write_bytes(MUSIC.read_bytes()[:20_000] if MUSIC.suffix == ".flac" else b"x")
    with pytest.raises(io.AudioFileError):
        process_file(damaged, target, "pad 1")
    assert [each.name for each in tmp_path.iterdir()] == ["damaged.flac"]


def test_files_are_replaced_only_when_asked(tmp_path):
    target = tmp_path / "a.wav"
    process_file(MUSIC, target, "trim 0 0.1")
    with pytest.raises(FileExistsError):
        process_file(MUSIC, target, "trim 0 0.2")
    process_file(MUSIC, target, "trim 0 0.2", overwrite=True)
    assert io.info(target).duration_s == 0.2


def test_reports_are_handed_over():
    told: list[object] = []
    list(EffectStream(MUSIC, "trim 0 1 stat", report=told.append))
    assert len(told) == 1
    assert "Samples read:" in str(told[0])


MEMORY = """
import resource, sys, torch
from audiolab import effects, io
path, target, line = sys.argv[1:]
effects.process_file(path, target, "trim 0 30 " + line, overwrite=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
effects.process_file(path, target, line, overwrite=True)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize("line", ["highpass 100 tempo 1.1 reverb gain -3 rate 8000"])
def test_memory_does_not_grow_with_the_file(tmp_path, line: str):
    """A quarter of an hour takes 55 MB as float32; the stages hold seconds."""
    path = tmp_path / "long.wav"
    block = 0.1 * torch.randn(1, 60 * RATE, generator=torch.Generator().manual_seed(0))
    with io.BlockWriter(path, RATE, 1) as writer:
        for _ in range(15):
            writer.write(block)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), str(tmp_path / "out.wav"), line],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 20
    assert abs(io.info(tmp_path / "out.wav").duration_s - 900 / 1.1) < 0.01


def test_names_are_public():
    assert {"EffectStream", "process_file"} <= set(effects.__all__)
