"""stat and stats beside the program's own text, line by line."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import torch

from audiolab.effects import EffectsChain
from audiolab.effects.analysis import stat, stats
from audiolab.effects.sox import EffectSyntaxError


def on_bus(waveform: torch.Tensor) -> np.ndarray:
    words = torch.floor(waveform.double() * 2**31 + 0.5).clamp(-(2**31), 2**31 - 1)
    return words.numpy().T.astype("<i4")


def sox_text(program, waveform: torch.Tensor, sample_rate: int, words: str) -> str:
    """Return what the program prints, without what it adds about file types."""
    form = ["-t", "s32", "-r", str(sample_rate), "-c", str(len(waveform)), "-"]
    done = subprocess.run(
        [program("sox"), "-D", *form, "-n", *words.split()],
        input=on_bus(waveform).tobytes(),
        capture_output=True,
        check=True,
    )
    lines = done.stderr.decode().rstrip().splitlines()
    ends = ("Try:", "Can't guess", "Probably text")
    return "\n".join(line for line in lines if not line.startswith(ends)).rstrip()


def waves(name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    noise = torch.rand(4, 9000, generator=generator, dtype=torch.float64) * 0.6 - 0.3
    square = torch.sign(torch.sin(torch.arange(8000, dtype=torch.float64) * 0.05))[None] * 0.25
    coarse = (noise[:3] * 128).round() / 128
    made = {
        "mono": noise[:1],
        "stereo": noise[:2] * torch.tensor([[1.0], [1e-3]], dtype=torch.float64),
        "four": noise,
        "short": noise[:1, :37],
        "one": noise[:1, :1],
        "square": square,
        "coarse": coarse / torch.tensor([[1.0], [4.0], [256.0]], dtype=torch.float64),
        "positive": noise[:1].abs(),
        "fade": noise[:1] * torch.linspace(1, 0, 9000, dtype=torch.float64),
        "clipped": (noise[:2] * 9).clamp(-1, 1),
        "zeros": torch.zeros(1, 100, dtype=torch.float64),
        "drop": torch.tensor([[0.5, 0.5, -0.5, 0.5, 0.0, 0.5, 0.5, 0.5]], dtype=torch.float64),
    }[name]
    return torch.from_numpy(on_bus(made).T.astype(np.float64)) / 2**31


NAMES = (
    *("mono", "stereo", "four", "short", "one", "square", "coarse", "positive", "fade"),
    *("clipped", "drop"),
)


@pytest.mark.parametrize(
    "words", ["", "-b 16", "-b 24", "-x 16", "-s 10", "-w 0.1 -s 3", "-w 0.01"]
)
@pytest.mark.parametrize("name", [*NAMES, "zeros"])
def test_stats_prints_what_sox_prints(program, name, words):
    waveform = waves(name)
    chain = EffectsChain(f"stats {words}")
    chain(waveform, 8000)
    assert str(chain.reports[0]).rstrip() == sox_text(program, waveform, 8000, f"stats {words}")


@pytest.mark.parametrize("words", ["", "-s 1000", "-rms", "-v"])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "one"])
def test_stat_prints_what_sox_prints(program, name, words):
    waveform = waves(name)
    chain = EffectsChain(f"stat {words}")
    chain(waveform, 8000)
    ours = str(chain.reports[0]).splitlines()
    theirs = sox_text(program, waveform, 8000, f"stat {words}").splitlines()
    assert [len(line) for line in ours] == [len(line) for line in theirs]
    for line, expected in zip(ours, theirs, strict=True):
        assert line[:18] == expected[:18]
        # Sums of many squares: their last digit depends on the order.
        assert float(line.split()[-1]) == pytest.approx(float(expected.split()[-1]), rel=1e-9)


def test_functions_return_data():
    figures = stats(torch.tensor([[0.5, -0.5], [0.25, 0.25]]), 8000)
    assert figures.overall.peak_db == pytest.approx(-6.0206, abs=1e-4)
    assert [each.dc_offset for each in figures.channels] == [0.0, 0.25]
    assert stat(torch.tensor([0.5, -0.5]), 8000).maximum_delta == 1.0


def test_a_sine_has_its_frequency_crest_and_level():
    time = torch.arange(48_000, dtype=torch.float64) / 48_000
    sine = 0.5 * torch.sin(2 * torch.pi * 440 * time)
    assert stat(sine, 48_000).rough_frequency_hz == pytest.approx(440, rel=1e-3)
    levels = stats(sine, 48_000).overall
    assert levels.crest_factor == pytest.approx(2**0.5, rel=1e-4)
    assert levels.rms_db == pytest.approx(-9.0309, abs=1e-3)


@pytest.mark.parametrize("words", ["stat", "stats"])
def test_blocks_count_as_the_whole(words):
    waveform = waves("clipped")
    chain = EffectsChain(words)
    chain(waveform, 8000)
    effect = chain.effects[0]
    from audiolab.effects.sox import Context, Form

    context = Context(torch.zeros(1, dtype=torch.int64))
    stage = effect.stage(Form(8000, 2), context)
    for block in waveform[None].split(701, dim=-1):
        assert stage.push(block) is block
    assert stage.finish() is None
    assert str(context.reports[0]) == str(chain.reports[0])


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("stats -b 40", "outside 2 to 32"),
        ("stats -w 11", "outside 0.01 to 10"),
        ("stats -q", "no further argument"),
        ("stats 3", "no further argument"),
        ("stat -s 0", "no scale"),
        ("stat -d", "plot_spectrogram"),
        ("stat x", "no option x"),
    ],
)
def test_errors_point(words, part):
    with pytest.raises(EffectSyntaxError, match=part):
        EffectsChain(words)


def test_nothing_to_measure():
    with pytest.raises(ValueError, match="no samples"):
        stats(torch.zeros(2, 0), 8000)
    with pytest.raises(ValueError, match="channels, time"):
        stat(torch.zeros(2, 2, 5), 8000)
