"""Levels: gains are decibels, targets are met, padding is left alone."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import augment, metrics, signals

RATE = 16_000


@settings(max_examples=40, deadline=None)
@given(gain_db=st.floats(-120.0, 60.0), seed=st.integers(0, 100))
def test_gain_is_measured_as_asked(gain_db: float, seed: int) -> None:
    noise = torch.randn(2, 100, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    change = metrics.rms_db(augment.apply_gain(noise, gain_db)) - metrics.rms_db(noise)
    assert torch.allclose(change, torch.tensor(gain_db).double(), atol=1e-9)


def test_polarity_and_offset() -> None:
    noise = torch.randn(2, 3, 50)
    assert torch.equal(augment.invert_polarity(noise), -noise)
    moved = augment.dc_offset(noise, [0.1, -0.1], lengths=[50, 10])
    assert torch.allclose((moved - noise)[0], torch.tensor(0.1))
    assert torch.allclose((moved - noise)[1, :, :10], torch.tensor(-0.1))
    assert torch.equal(moved[1, :, 10:], noise[1, :, 10:])


@pytest.mark.parametrize("shape", ["decibels", "amplitude"])
def test_transition(shape: str) -> None:
    ones = torch.ones(1, 1, 1000, dtype=torch.float64)
    moved = augment.gain_transition(
        ones, 1000, start_gain_db=-20.0, stop_gain_db=0.0, start_s=0.2, duration_s=0.5, shape=shape
    )[0, 0]
    assert torch.allclose(moved[:201], torch.tensor(0.1).double())
    assert torch.allclose(moved[700:], torch.tensor(1.0).double())
    middle = float(moved[450])
    assert middle == pytest.approx(10**-0.5 if shape == "decibels" else 0.55, rel=1e-9)
    assert bool((moved.diff() >= 0).all())


def test_transition_that_began_before_and_one_that_takes_no_time() -> None:
    ones = torch.ones(2, 100)
    moved = augment.gain_transition(
        ones,
        100,
        start_gain_db=0.0,
        stop_gain_db=-20.0,
        start_s=[-1.0, 0.5],
        duration_s=[0.5, 0.0],
    )
    assert torch.allclose(moved[0], torch.tensor(0.1))
    assert torch.allclose(moved[1, :50], torch.tensor(1.0))
    assert torch.allclose(moved[1, 51:], torch.tensor(0.1))


def test_targets_are_met() -> None:
    noise = torch.randn(3, 2, 20_000)
    levels = torch.tensor([-30.0, -12.0, 3.0])
    rms = augment.normalize_rms(noise, levels)
    power = 10 * rms.double().square().mean((1, 2)).log10()
    assert torch.allclose(power, levels.double(), atol=1e-5)
    peaks = 20 * augment.normalize_peak(noise, levels).abs().amax((1, 2)).log10()
    assert torch.allclose(peaks, levels, atol=1e-5)
    loud = augment.normalize_loudness(noise, RATE, levels)
    assert torch.allclose(metrics.loudness_lufs(loud, RATE), levels, atol=1e-3)


def test_only_valid_samples_are_measured() -> None:
    padded = torch.cat([torch.ones(1, 100), torch.full((1, 900), 7.0)], dim=-1)
    for function in (augment.normalize_rms, augment.normalize_peak):
        changed = function(padded, -20.0, lengths=100)
        assert torch.allclose(changed[:, :100], torch.tensor(0.1))
        assert torch.equal(changed[:, 100:], padded[:, 100:])


def test_silence_stays_silent() -> None:
    silence = torch.zeros(2, 10_000)
    for function in (augment.normalize_rms, augment.normalize_peak):
        assert torch.equal(function(silence), silence)
    assert torch.equal(augment.normalize_loudness(silence, RATE), silence)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: augment.apply_gain(x, math.nan), "gain_db must be finite"),
        (lambda x: augment.apply_gain(x, [1.0]), None),
        (lambda x: augment.apply_gain(x, [1.0, 2.0, 3.0]), "a value an item"),
        (lambda x: augment.dc_offset(x, math.inf), "offset must be finite"),
        (lambda x: augment.normalize_rms(x * math.nan), "NaN or infinite samples in item 0"),
        (lambda x: augment.normalize_peak(x * math.inf), "NaN or infinite samples in item 0"),
        (lambda x: augment.normalize_loudness(x, RATE), "0.4 s or more"),
        (lambda x: augment.normalize_rms(x, lengths=200), "lengths must be between 0 and 100"),
        (lambda x: augment.normalize_rms(x, lengths=[1, 2, 3]), "a value an item"),
    ],
)
def test_what_is_refused(call, message: str | None) -> None:
    samples = torch.ones(2, 100)
    if message is None:  # one value serves all
        assert call(samples).shape == samples.shape
        return
    with pytest.raises(ValueError, match=message):
        call(samples)


def test_words_are_refused() -> None:
    with pytest.raises(TypeError, match="gain_db must be a number"):
        augment.apply_gain(torch.ones(3), "loud")
    with pytest.raises(TypeError, match="real numbers"):
        augment.apply_gain(torch.ones(3), torch.tensor(True))


# ----------------------------------------------------------------------------------- short noises
def test_short_noise_has_its_place_and_level() -> None:
    speech = signals.tone(300.0, 1.0, RATE, amplitude=0.5)[None].repeat(2, 1)
    knock = signals.white_noise(0.1, RATE, generator=0)
    events = [[augment.ShortNoise(knock, 0.25, 6.0)], []]
    noisy = augment.add_short_noises(speech, RATE, events, fade_in_s=0.0, fade_out_s=0.0)
    assert torch.equal(noisy[1], speech[1])
    added = (noisy - speech)[0]
    assert float(added[:4000].abs().max()) == float(added[5600:].abs().max()) == 0.0
    ratio = metrics.rms_db(speech[0]) - metrics.rms_db(added[4000:5600])
    assert float(ratio) == pytest.approx(6.0, abs=1e-3)


def test_short_noises_fade_overlap_and_leave() -> None:
    speech = torch.full((1, 2, 1000), 0.5)
    sound = torch.ones(400)
    event = augment.ShortNoise(sound, 0.1, 0.0)
    faded = augment.add_short_noises(speech, 1000, [event], fade_in_s=0.1, fade_out_s=0.2) - speech
    assert bool((faded[0, 0, 100:200].diff() > 0).all())
    assert bool((faded[0, 0, 300:500].diff() < 0).all())
    assert torch.equal(faded[0, 0], faded[0, 1])
    early = augment.ShortNoise(sound, -0.2, 0.0)
    late = augment.ShortNoise(sound, 0.9, 0.0)
    gone = augment.ShortNoise(sound, 2.0, 0.0)
    together = augment.add_short_noises(speech, 1000, [early, late, gone], fade_in_s=0.0)
    assert float((together - speech)[0, 0, 250:880].abs().max()) == 0.0


def test_short_noises_that_are_refused() -> None:
    speech = torch.ones(2, 100)
    one = augment.ShortNoise(torch.ones(5), 0.0, 3.0)
    for noises, message in (
        ([[one]], "one an item, 2, got 1"),
        ([one._replace(snr_db=math.nan)], "snr_db must be finite or inf"),
        ([one._replace(waveform=torch.zeros(5))], "a short noise is silent in item 0"),
        ([one._replace(waveform=torch.ones(2, 5))], "1 channels"),
        ([one._replace(waveform=torch.full((5,), math.nan))], "NaN or infinite"),
        ([one._replace(start_s=math.inf)], "start_s must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            augment.add_short_noises(speech, RATE, noises)
    kept = augment.add_short_noises(0 * speech, RATE, [one], on_silence="keep")
    assert float(kept.abs().max()) == 0.0
    assert torch.equal(augment.add_short_noises(speech, RATE, []), speech)
    clean = augment.add_short_noises(speech, RATE, [one._replace(snr_db=math.inf)])
    assert torch.equal(clean, speech)
