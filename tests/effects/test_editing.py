"""Cutting and fading: closed forms, batches, errors."""

from __future__ import annotations

import pytest
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from audiolab import effects, signals
from audiolab.effects import (
    EffectsChain,
    fade,
    pad,
    remove_silence,
    repeat,
    reverse,
    splice,
    trim,
)
from audiolab.effects.sox import EffectSyntaxError

RAMP = torch.arange(16.0, dtype=torch.float64)


def test_trim_pad_repeat_reverse_move_samples():
    assert torch.equal(trim(RAMP, 8, start_s=0.5, stop_s=1.0), RAMP[4:8])
    assert torch.equal(trim(RAMP, 8, start_s=-0.5), RAMP[12:])
    assert torch.equal(
        trim(pad(RAMP, 8, before_s=0.25, after_s=1), 8, start_s=0.25, stop_s=-1), RAMP
    )
    assert torch.equal(repeat(RAMP, 2), torch.cat([RAMP] * 3))
    assert torch.equal(reverse(reverse(RAMP)), RAMP)


def test_trim_copies():
    part = trim(RAMP, 8, stop_s=0.5)
    part += 1
    assert RAMP[0] == 0


@pytest.mark.parametrize(
    "curve", ["quarter_sine", "half_sine", "linear", "logarithmic", "parabola"]
)
def test_fades_rise_from_silence_to_full(curve):
    faded = fade(torch.ones(100, dtype=torch.float64), 100, in_s=0.4, out_s=0.4, curve=curve)
    assert faded[0] < 1.1e-5
    assert torch.equal(faded[40:60], torch.ones(20, dtype=torch.float64))
    assert (faded[:40].diff() > 0).all()
    # A fade-out is a fade-in played backwards, one sample later.
    assert torch.allclose(
        faded[60:], fade(torch.ones(100).double(), 100, in_s=0.4, curve=curve)[1:41].flip(0)
    )


@pytest.mark.parametrize(("curve", "power"), [("quarter_sine", 2), ("half_sine", 1), ("linear", 1)])
def test_cross_fades_add_up(curve, power):
    ones = torch.ones(50, dtype=torch.float64)
    up = fade(ones, 50, in_s=1, curve=curve)
    down = fade(ones, 50, out_s=1, curve=curve)
    assert torch.allclose(up**power + down**power, ones)


def test_words_of_fade_stop_and_fall():
    ones = torch.ones(1, 16, dtype=torch.float64)
    faded, _ = EffectsChain("fade t 0.5 1.5 0.25")(ones, 8)
    expected = torch.tensor([0, 0.25, 0.5, 0.75, *([1.0] * 7), 0.5], dtype=torch.float64)
    assert torch.allclose(faded[0], expected)


def test_splice_finds_the_wave_again():
    tone = torch.sin(torch.arange(4000, dtype=torch.float64) * 0.05)
    cut = torch.cat([tone[:2000], tone[2031:]])
    joined = splice(cut, 8000, position_s=0.25, excess_s=0.01, leeway_s=0.01)
    assert joined.diff().abs().max() < 0.06
    assert cut.diff().abs().max() > 0.5


def test_splice_of_constant_power_on_noise():
    noise = torch.randn(200, 2000, generator=torch.Generator().manual_seed(1))
    joined = torch.cat(
        [
            splice(each, 8000, position_s=0.125, leeway_s=0, curve="quarter_sine")[None]
            for each in noise
        ]
    )
    power = joined[:, 920:1000].square().mean()
    assert power == pytest.approx(1.0, abs=0.05)


def test_remove_silence_keeps_the_sound():
    sound = torch.full((2, 800), 0.5)
    silence = torch.zeros(2, 4000)
    waveform = torch.cat([silence, sound, silence, sound, silence], dim=-1)
    left = remove_silence(waveform, 8000, sound_s=0.02, silence_s=0.2)
    # The level's window of 20 ms rings after each sound.
    assert 1600 <= left.shape[-1] <= 1600 + 2 * 160 + 2
    assert (left == 0.5).sum() == 3200


def test_silence_cuts_items_apart():
    waveform = torch.zeros(2, 1, 4000)
    waveform[0, 0, 1000:] = 0.5
    waveform[1, 0, 3000:] = 0.5
    chain = EffectsChain("silence 1 10 1%")
    _, _, lengths = chain(waveform, 8000, torch.tensor([4000, 4000]))
    assert lengths.tolist() == [3000, 1000]
    with pytest.raises(ValueError, match="lengths"):
        chain(waveform, 8000)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("trim x", "position"),
        ("pad 1 2 3", "can do without a position"),
        ("pad -1", "negative"),
        ("repeat -", "never ends"),
        ("repeat -2", "outside"),
        ("fade x 1", "not a time"),
        ("fade t -1", "negative"),
        ("splice 0.1,0.1,0.1,0.1", "excess"),
        ("silence 1", "duration"),
        ("silence 1 1 200%", "outside 0% to 100%"),
        ("silence 1.5 1 1%", "whole number"),
    ],
)
def test_mistakes_point(line, part):
    with pytest.raises(EffectSyntaxError, match=part):
        EffectsChain(line)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("trim =1 =0.5", "lies before"),
        ("pad 1s@5", "after the end"),
        ("pad 1s@1 1s@0.5", "does not lie behind"),
        ("fade t 1 1.5", "overlaps"),
        ("splice 0.001", "no room"),
    ],
)
def test_what_the_length_forbids(line, part):
    with pytest.raises(ValueError, match=part):
        EffectsChain(line)(torch.ones(1, 200), 100)


def test_parameters_are_named():
    with pytest.raises(ValueError, match="stop_s must not lie before start_s"):
        trim(RAMP, 8, start_s=1, stop_s=0.5)
    with pytest.raises(ValueError, match="before_s"):
        pad(RAMP, 8, before_s=-1)
    with pytest.raises(ValueError, match="count"):
        repeat(RAMP, -1)
    with pytest.raises(ValueError, match="curve"):
        fade(RAMP, 8, curve="cubic")
    with pytest.raises(ValueError, match="position_s"):
        splice(RAMP, 8, position_s=0.1)
    with pytest.raises(ValueError, match="threshold_db"):
        remove_silence(RAMP, 8, threshold_db=3)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=6), st.integers(1, 40))
def test_trim_streams(moments, block):
    line = "trim " + " ".join(f"={each:.4f}" for each in sorted(moments))
    chain = EffectsChain(line)
    waveform = torch.randn(1, 100)
    whole, _ = chain(waveform, 50)
    from audiolab.effects.sox import Context, Form

    stage = chain.effects[0].stage(Form(50, 1), Context(torch.zeros(1, dtype=torch.int64)))
    parts = [stage.push(each) for each in waveform[None].split(block, dim=-1)]
    assert torch.equal(torch.cat(parts, dim=-1)[0], whole)


@pytest.mark.parametrize(
    "line",
    ["trim 0.2 0.3", "pad 0.1@0.2 0.1", "repeat", "reverse", "fade h 0.2 0 0.3", "splice -t 0.45"],
)
def test_gradients(line):
    chain = EffectsChain(line, sample_rate=50)
    waveform = torch.randn(1, 45, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert gradcheck(chain, (waveform.requires_grad_(),))


def test_a_voice_is_found_where_torchaudio_finds_it():
    # The same algorithm, in float32 over there; silence in front keeps every measure off its bar.
    speech, rate = signals.clip("speech_male")
    for quiet_s in (0.0, 0.7, 1.9):
        front = 1e-3 * torch.randn(
            1, round(quiet_s * rate), generator=torch.Generator().manual_seed(1)
        )
        late = torch.cat([front, speech], dim=-1)
        expected = torchaudio.functional.vad(late.double(), rate).shape[-1]
        assert effects.trim_to_voice(late, rate).shape[-1] == expected


def test_a_voice_that_is_not_there_leaves_nothing():
    assert effects.trim_to_voice(torch.zeros(2, 16_000), 16_000).shape == (2, 0)
    assert effects.trim_to_voice(torch.zeros(0), 16_000).shape == (0,)


def test_voices_are_refused_where_there_is_no_cepstrum():
    with pytest.raises(ValueError, match="nothing is left between"):
        effects.trim_to_voice(torch.zeros(800), 80.0)
    with pytest.raises(ValueError, match="must be \\(channels, time\\)"):
        effects.trim_to_voice(torch.zeros(2, 1, 800), 8000)
