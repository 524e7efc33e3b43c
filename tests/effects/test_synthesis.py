"""Waves and noises: closed forms, statistics, seeds, dither."""

from __future__ import annotations

import math

import pytest
import torch

from audiolab.effects import EffectsChain, dither, synth
from audiolab.effects.sox import EffectSyntaxError, parse_effect
from audiolab.effects.synthesis.generator import NoiseMemory, draw_noise


def generate(line: str, sample_rate: int = 8000, **options: object) -> torch.Tensor:
    return EffectsChain(line, clip="sox").generate(sample_rate, **options)[0]


def test_waves_have_their_shapes():
    eight = {kind: synth(kind, 1, 8, frequency_hz=1.0) for kind in ("square", "sawtooth")}
    assert eight["square"].tolist() == [1, 1, 1, 1, -1, -1, -1, -1]
    assert eight["sawtooth"].tolist() == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75]
    assert synth("triangle", 1, 4, frequency_hz=1.0).tolist() == [-1, 0, 1, 0]
    sine = synth("sine", 1, 8000, frequency_hz=440.0)
    time = torch.arange(8000, dtype=torch.float64) / 8000
    assert torch.allclose(sine, torch.sin(2 * math.pi * 440 * time).float(), atol=1e-6)


def test_a_tensor_of_frequencies_makes_a_batch():
    chord = synth("sine", 0.1, 8000, frequency_hz=torch.tensor([220.0, 440.0]))
    assert chord.shape == (2, 800)
    assert torch.equal(chord[1], synth("sine", 0.1, 8000, frequency_hz=440.0))


@pytest.mark.parametrize("sweep", ["linear", "square", "exponential", "stepped"])
def test_sweeps_arrive(sweep):
    wave = synth("sine", 1.0, 48_000, frequency_hz=100.0, end_hz=1000.0, sweep=sweep)
    last = torch.fft.rfft(wave[-4800:] * torch.hann_window(4800)).abs()
    assert 850 < 10 * int(last.argmax()) <= 1000
    assert wave[0] == 0


def test_noises_have_their_spectra():
    slopes = {}
    for kind in ("white", "pink", "brown"):
        noise = synth(kind, 16, 16_000, generator=0).double()
        power = (
            torch.fft.rfft(noise[: 62 * 4096].reshape(-1, 4096) * torch.hann_window(4096))
            .abs()
            .square()
        )
        power = power.mean(dim=0)
        low, high = power[20:30].mean().log2(), power[640:960].mean().log2()
        slopes[kind] = float((high - low) / 5 * 3.0103)
    assert slopes["white"] == pytest.approx(0, abs=0.6)
    assert slopes["pink"] == pytest.approx(-3, abs=0.6)
    assert slopes["brown"] == pytest.approx(-6, abs=0.8)


def test_triangular_noise_has_half_the_power():
    white, tpdf = (synth(kind, 10, 16_000, generator=3) for kind in ("white", "tpdf"))
    assert white.square().mean() == pytest.approx(1 / 3, rel=0.02)
    assert tpdf.square().mean() == pytest.approx(1 / 6, rel=0.02)


def test_noise_depends_on_the_seed_alone():
    chain = EffectsChain("synth whitenoise dither -p 8", sample_rate=8000)
    seeds = torch.tensor([5, 6, 7])
    batch = chain(torch.zeros(3, 1, 300), seed=seeds)
    alone = chain(torch.zeros(1, 1, 300), seed=seeds[1:2])
    assert torch.equal(batch[1], alone[0])
    assert not torch.equal(batch[0], batch[1])


def test_two_noises_of_a_chain_differ():
    first = generate("synth 0.1 whitenoise", seed=4)
    both = generate("synth 0.1 whitenoise synth 0.1 whitenoise mix", seed=4)
    other = 2 * both - first
    correlation = (first * other).mean() / first.square().mean()
    assert abs(float(correlation)) < 0.15


def test_a_stream_of_noise_is_the_whole():
    states = torch.tensor([0, 9])
    whole = draw_noise(states.clone(), NoiseMemory(["pink", "brown"], 2), 1000)
    memory, running = NoiseMemory(["pink", "brown"], 2), states.clone()
    parts = [draw_noise(running, memory, size) for size in (1, 99, 400, 500)]
    assert torch.equal(torch.cat(parts, dim=-1), whole)


@pytest.mark.parametrize("frequency", [82.4, 220.0, 987.77])
def test_a_plucked_string_is_in_tune_and_dies_away(frequency):
    sound = generate(f"synth 2 pluck {frequency}", 44_100, seed=1)[0]
    spectrum = torch.fft.rfft(sound[:65_536] * torch.hann_window(65_536), n=1 << 19).abs()
    resolution = 44_100 / (1 << 19)
    near = slice(int(0.9 * frequency / resolution), int(1.1 * frequency / resolution))
    found = (near.start + int(spectrum[near].argmax())) * resolution
    assert abs(1200 * math.log2(found / frequency)) < 3
    assert sound[-4410:].square().mean() < 0.05 * sound[:4410].square().mean()


def test_a_plucked_string_sustains_as_the_programs(program):
    import sox_binary

    program("sox")
    for sustain in (0, 20, 40, 100):
        words = ["synth", "3", "pluck", "220", "0", "0", str(sustain)]
        theirs = sox_binary.run(None, 44_100, words).waveform[0]
        ours = generate(" ".join(words), 44_100, seed=1)[0]

        def decay(sound: torch.Tensor) -> float:
            level = [
                10 * math.log10(float(sound[k : k + 4410].square().mean()) + 1e-12)
                for k in (22_050, 66_150)
            ]
            return level[0] - level[1]

        assert decay(ours) == pytest.approx(decay(theirs), rel=0.25, abs=1.5)


def test_dither_makes_the_mean_error_vanish():
    level = torch.full((200_000,), 0.3 / 128)
    coarse = dither(level, precision=8, generator=0)
    assert coarse.mean() == pytest.approx(0.3 / 128, abs=2e-5)
    assert set((coarse * 128).unique().tolist()) <= {-1.0, 0.0, 1.0, 2.0}


def test_shaped_dither_leaves_less_noise_where_the_ear_is():
    silence = torch.zeros(1, 1 << 17)
    spectra = []
    for shaping in (None, "improved-e-weighted"):
        noise = dither(silence, precision=16, shaping=shaping, generator=0)
        frames = noise.reshape(-1, 2048) * torch.hann_window(2048)
        spectra.append(torch.fft.rfft(frames).abs().square().mean(dim=0))
    band = slice(int(2000 / 44_100 * 2048), int(4500 / 44_100 * 2048))
    gain_db = 10 * torch.log10(spectra[1][band].mean() / spectra[0][band].mean())
    assert gain_db < -12
    assert spectra[1].sum() > spectra[0].sum()


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("synth 1 hum", "not one of"),
        ("synth sine 300-400", "needs the length"),
        ("synth 1 sine 0/300", "cannot touch 0 Hz"),
        ("synth 1 sine 3x", "not a frequency"),
        ("synth 1 120 sine", "outside -100 to 100"),
        ("synth -j X 1 sine", "KEY"),
        ("dither -a", "not available"),
        ("dither -f bogus", "no filter"),
        ("dither -p 30", "outside 1 to 24"),
    ],
)
def test_mistakes_point(line, part):
    with pytest.raises(EffectSyntaxError, match=part):
        EffectsChain(line)


def test_endless_sound_is_refused():
    with pytest.raises(ValueError, match="without end"):
        EffectsChain("synth sine 300").generate(8000, max_duration_s=1)


def test_abbreviations_and_defaults():
    assert parse_effect(["synth", "1", "tri"]).voices[0].kind == "triangle"
    assert parse_effect(["synth", "1", "noise"]) == parse_effect(["synth", "1", "whitenoise"])
    with pytest.raises(EffectSyntaxError):
        parse_effect(["synth", "1", "s"])


def test_parameters_are_named():
    with pytest.raises(ValueError, match="kind"):
        synth("hum", 1, 8000)
    with pytest.raises(ValueError, match="rise"):
        synth("square", 1, 8000, rise=2.0)
    with pytest.raises(ValueError, match="cannot touch 0 Hz"):
        synth("sine", 1, 8000, frequency_hz=0.0, end_hz=10.0)
    with pytest.raises(ValueError, match="precision"):
        dither(torch.zeros(3), precision=1)
    with pytest.raises(ValueError, match="no filter for 8000 Hz"):
        dither(torch.zeros(1, 100), shaping="lipshitz", sample_rate=8000)
