"""Measures, editing, sweeps: exponential decays in closed form, known filters, pyroomacoustics."""

from __future__ import annotations

import math

import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import room, signals

from .conftest import BOX, EAR, RATE, SOURCE, decaying, noise


def exponential(rt60_s: float, duration_s: float = 2.0) -> torch.Tensor:
    time = torch.arange(round(duration_s * RATE), dtype=torch.float64) / RATE
    return 10 ** (-3 * time / rt60_s)


# ------------------------------------------------------------------------------------- closed forms
@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 1.5), st.floats(1e-6, 1e3))
def test_an_exponential_has_one_time_however_it_is_measured(rt60_s, gain):
    rir = gain * exponential(rt60_s, 3 * rt60_s)
    for measured in (
        room.reverberation_time_s(rir, RATE, method="T20"),
        room.reverberation_time_s(rir, RATE, method="T30"),
        room.early_decay_time_s(rir, RATE),
    ):
        # The response is cut off at -180 dB.
        assert float(measured) == pytest.approx(rt60_s, rel=1e-6)


@pytest.mark.parametrize("early_s", [0.05, 0.08])
def test_clarity_and_definition_of_an_exponential(early_s):
    rir = exponential(0.6)
    passed = math.exp(6 * math.log(10) * early_s / 0.6)
    clarity = room.clarity_db(rir, RATE, early_s=early_s)
    assert float(clarity) == pytest.approx(10 * math.log10(passed - 1), abs=1e-6)
    share = room.definition(rir, RATE, early_s=early_s)
    assert float(share) == pytest.approx(1 - 1 / passed, abs=1e-6)
    assert float(clarity) == pytest.approx(10 * math.log10(float(share / (1 - share))), abs=1e-6)


def test_direct_to_reverberant_of_a_pulse_and_a_tail():
    rir = torch.zeros(RATE, dtype=torch.float64)
    rir[100] = 1.0
    rir[500:] = 0.01  # 15 500 samples of 1e-4
    ratio = room.direct_to_reverberant_db(rir, RATE)
    assert float(ratio) == pytest.approx(10 * math.log10(1 / 1.55), abs=1e-9)
    assert room.direct_to_reverberant_db(rir[:400], RATE) == math.inf


def test_the_decay_is_the_energy_to_come():
    rir = noise(2, 1000)
    expected = torch.stack([row.square().flip(0).cumsum(0).flip(0) for row in rir])
    expected = 10 * (expected / expected[:, :1]).log10()
    torch.testing.assert_close(room.energy_decay_db(rir), expected, rtol=0, atol=1e-9)


def test_stationary_noise_is_taken_away():
    rir = decaying(0.5, 1.5, rows=6)
    spoilt = rir + 10 ** (-40 / 20) * noise(6, rir.shape[-1], seed=9)
    clean = room.reverberation_time_s(rir, RATE)
    # The energy of the noise from -5 dB on bends the decay: T30 is wrong by far without it.
    kept = room.reverberation_time_s(spoilt, RATE, method="T20")
    assert bool((kept > 1.05 * clean).all())
    subtracted = room.reverberation_time_s(spoilt, RATE, method="T20", noise="subtract")
    torch.testing.assert_close(subtracted, clean, rtol=0.05, atol=0)


def test_what_does_not_tell_is_not_a_number():
    rir = decaying(1.0, 0.4)  # 24 dB
    assert bool(room.reverberation_time_s(rir, RATE).isnan())
    assert bool(room.reverberation_time_s(rir, RATE, method="T20").isnan())
    assert not bool(room.early_decay_time_s(rir, RATE).isnan())
    assert bool(room.reverberation_time_s(torch.ones(1, 1), RATE).isnan().all())


def test_the_direct_sound_is_found_before_a_louder_reflection():
    rir = torch.zeros(3, 400)
    rir[0, 37], rir[0, 90] = 0.5, 1.0
    rir[1, 36:39] = torch.tensor([0.15, 1.0, -0.3])
    rir[2, 37], rir[2, 90] = 0.05, -1.0
    assert room.direct_sample(rir, RATE).tolist() == [37, 37, 90]
    assert room.direct_sample(rir, RATE, threshold_db=-30.0).tolist() == [37, 37, 37]


# --------------------------------------------------------------------------- parity and consistency
@pytest.mark.parametrize("rt60_s", [0.3, 0.8])
def test_equals_pyroomacoustics(rt60_s):
    from pyroomacoustics.experimental.rt60 import measure_rt60

    for row in decaying(rt60_s, 2 * rt60_s, rows=4):
        for method, decay_db in (("T20", 20), ("T30", 30)):
            theirs = measure_rt60(row.numpy(), RATE, decay_db=decay_db)
            ours = room.reverberation_time_s(row, RATE, method=method)
            # Another fit: theirs takes the range's samples from its first crossings.
            assert float(ours) == pytest.approx(theirs, rel=2e-3)


def test_rows_and_gradients():
    rir = decaying(0.4, 1.0, rows=5)
    measures = (
        lambda h: room.reverberation_time_s(h, RATE),
        lambda h: room.early_decay_time_s(h, RATE),
        lambda h: room.clarity_db(h, RATE),
        lambda h: room.definition(h, RATE),
        lambda h: room.direct_to_reverberant_db(h, RATE),
    )
    for measure in measures:
        whole = measure(rir)
        assert torch.equal(measure(rir[3]), whole[3])
        assert measure(rir.float()).dtype == torch.float32
        assert measure(rir.reshape(5, 1, -1)).shape == (5, 1)
    short = decaying(0.02, 0.06, rows=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda h: room.clarity_db(h, RATE, early_s=0.01), short)
    slope = torch.autograd.grad(room.reverberation_time_s(short, RATE).sum(), short)[0]
    assert bool(torch.isfinite(slope).all())
    assert bool(slope.any())


@pytest.mark.parametrize(
    "measure",
    [
        lambda h: room.reverberation_time_s(h, RATE),
        lambda h: room.clarity_db(h, RATE),
        lambda h: room.energy_decay_db(h),
        lambda h: room.normalize_rir(h, RATE),
        lambda h: room.align_rir(h, RATE),
        lambda h: room.trim_rir(h, RATE),
    ],
)
def test_silent_and_broken_responses(measure):
    rir = torch.ones(2, 100)
    rir[1] = 0.0
    with pytest.raises(ValueError, match="rir is silent in row"):
        measure(rir)
    rir[1, 7] = math.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        measure(rir)
    with pytest.raises(ValueError, match="no samples"):
        measure(rir[:, :0])
    with pytest.raises(TypeError, match=r"torch\.Tensor"):
        measure(rir.tolist())


# ------------------------------------------------------------------------------------------ editing
@pytest.mark.parametrize("by", ["energy", "direct", "peak"])
def test_what_is_normalised_becomes_one(by):
    rir = 7 * decaying(0.3, 0.5, rows=4).reshape(2, 2, -1)
    scaled = room.normalize_rir(rir, RATE, by=by)
    first = room.direct_sample(rir, RATE)[..., None]
    size = {
        "energy": scaled.square().sum(-1),
        "direct": scaled.gather(-1, first).abs()[..., 0],
        "peak": scaled.abs().amax(-1),
    }[by]
    torch.testing.assert_close(size, torch.ones_like(size))
    together = room.normalize_rir(rir, RATE, by=by, together=1)
    ratio = together / rir
    torch.testing.assert_close(ratio, ratio[..., :1, :1].expand_as(ratio))
    torch.testing.assert_close(together.amax((-1, -2)), together.amax((-1, -2)))


def test_white_noise_keeps_its_power():
    rir = room.shoebox_rir(BOX, SOURCE, EAR, RATE, rt60_s=0.3)
    wet = room.reverberate(noise(10 * RATE), room.normalize_rir(rir, RATE).double())
    # 160 000 samples that a room has made less independent of each other.
    assert float(wet.square().mean()) == pytest.approx(1.0, rel=0.02)


def test_aligned_is_where_it_was():
    rir = torch.zeros(2, 500)
    rir[0, 40], rir[1, 43], rir[0, 200] = 1.0, 0.8, 0.3
    alone = room.align_rir(rir, RATE)
    assert float(alone[0, 0]) == 1.0
    assert float(alone[1, 0]) == pytest.approx(0.8)
    assert float(alone[0, 160]) == pytest.approx(0.3)
    together = room.align_rir(rir, RATE, together=1)
    assert float(together[1, 3]) == pytest.approx(0.8)  # the ear farther away stays farther
    with pytest.raises(ValueError, match="together must be between"):
        room.align_rir(rir, RATE, together=2)
    click = torch.zeros(900)
    click[300] = 1.0
    assert int(room.reverberate(click, alone[0]).argmax()) == 300


def test_trimmed_is_what_is_heard():
    rir = torch.nn.functional.pad(exponential(0.25, 1.0), (700, 3000))
    kept = room.trim_rir(rir, RATE, lead_s=0.01, fade_s=0.02)
    assert len(kept) == 160 + 4000
    torch.testing.assert_close(kept[:3800], rir[540:4340])
    assert float(kept[-1].abs()) < 1e-2 * float(rir[540 + len(kept)])
    lost = 1 - float(kept.square().sum() / rir.square().sum())
    assert lost < 3e-6
    untouched = torch.tensor([1.0, 0.5, 0.25])
    assert torch.equal(room.trim_rir(untouched, RATE), untouched)


# ------------------------------------------------------------------------------------------- sweeps
BAND = {"start_hz": 40.0, "stop_hz": 7600.0, "sweep_s": 2.0}


def in_band(rir: torch.Tensor, low: float = 60.0, high: float = 7000.0) -> torch.Tensor:
    spectrum = torch.fft.rfft(rir, 2 * RATE)
    return spectrum[..., round(2 * low) : round(2 * high)]


@pytest.mark.parametrize("amplitude", [0.1, 0.5])
def test_a_known_filter_is_measured(amplitude):
    sweep = signals.log_sweep(40.0, 7600.0, 2.0, RATE, amplitude=amplitude, dtype=torch.float64)
    known = torch.nn.functional.pad(decaying(0.3, 0.5), (100, 0))
    recording = room.reverberate(sweep, known, mode="full")
    rir = room.measure_rir(recording, RATE, amplitude=amplitude, duration_s=2.0, lead_s=1.0, **BAND)
    expected = in_band(torch.nn.functional.pad(known, (RATE, 0)))
    error = (in_band(rir) - expected).abs().amax() / expected.abs().amax()
    # What is cut off, a second before and after the sound, is the ringing of the band's lower edge.
    assert 20 * math.log10(float(error)) < -80
    rir = rir[:, RATE:]
    whole = room.measure_rir(recording, RATE, amplitude=amplitude, duration_s=0.51, **BAND)
    assert whole.shape == (1, round(0.51 * RATE))
    assert int(room.direct_sample(rir, RATE)) == pytest.approx(
        int(room.direct_sample(known, RATE)), abs=16
    )


def test_distortion_is_separated_from_the_response():
    sweep = signals.log_sweep(40.0, 7600.0, 3.0, RATE, dtype=torch.float64)
    band = BAND | {"sweep_s": 3.0}
    a, second, third = 0.5, 0.1, 0.08
    bent = sweep + second * sweep**2 + third * sweep**3
    after = scipy.signal.butter(2, 2000, fs=RATE)
    recording = torch.from_numpy(scipy.signal.lfilter(*after, bent.numpy()))
    recording = torch.nn.functional.pad(recording, (0, RATE))
    rir = room.measure_rir(recording, RATE, duration_s=0.3, lead_s=0.05, **band)
    frequency, response = scipy.signal.freqz(*after, worN=[200.0, 1000.0, 3000.0], fs=RATE)
    spectrum = torch.fft.rfft(rir, RATE).abs()
    # x^3 is 3/4 of its amplitude at the frequency itself.
    for f, expected in zip(frequency, abs(response), strict=True):
        gain = (1 + 0.75 * third * a * a) * expected
        assert float(spectrum[round(f)]) == pytest.approx(gain, rel=3e-3)  # 0.025 dB
    harmonics = room.harmonic_rirs(recording, RATE, orders=(2, 3), **band)
    assert harmonics.shape[0] == 2
    spectra = torch.fft.rfft(harmonics, RATE).abs()
    for order, level in ((2, second * a / 2), (3, third * a * a / 4)):
        for f in (600.0, 1500.0):
            _, response = scipy.signal.freqz(*after, worN=[f], fs=RATE)
            measured = float(spectra[order - 2, round(f) - 20 : round(f) + 21].mean())
            assert measured == pytest.approx(level * abs(response[0]), rel=0.05)


def test_a_measured_room_rings_as_long_as_the_room():
    sweep = signals.log_sweep(40.0, 7600.0, 2.0, RATE)
    hall = room.shoebox_rir(BOX, SOURCE, EAR, RATE, rt60_s=0.4)
    recording = room.reverberate(sweep, hall, mode="full")
    recording = recording + 1e-3 * noise(len(recording)).float()
    rir = room.measure_rir(recording, RATE, duration_s=0.8, **BAND)
    measured = room.reverberation_time_s(rir, RATE, method="T20", noise="subtract")
    expected = room.reverberation_time_s(hall, RATE, method="T20")
    assert float(measured) == pytest.approx(float(expected), rel=0.03)


def test_measuring_is_batched_and_differentiable():
    recording = noise(3, 3000)
    settings = {"start_hz": 100.0, "stop_hz": 3500.0, "sweep_s": 0.2, "duration_s": 0.05}
    whole = room.measure_rir(recording, 8000, **settings)
    torch.testing.assert_close(
        room.measure_rir(recording[1], 8000, **settings), whole[1], rtol=0, atol=1e-10
    )
    leaf = recording[:1].requires_grad_()
    room.measure_rir(leaf, 8000, **settings).square().sum().backward()
    assert bool(torch.isfinite(leaf.grad).all())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recording": torch.zeros(40_000)}, "recording is silent"),
        ({"recording": torch.ones(20_000)}, "less than the sweep .*another rate"),
        ({"recording": torch.full((40_000,), math.nan)}, "NaN"),
        ({"start_hz": 8000.0}, "stop_hz must be above start_hz"),
        ({"stop_hz": 9000.0}, "stop_hz"),
        ({"duration_s": 0.0}, "duration_s"),
    ],
)
def test_bad_recordings(change, message):
    given = {"recording": noise(40_000), "sample_rate": RATE, **BAND, **change}
    with pytest.raises(ValueError, match=message):
        room.measure_rir(**given)
    with pytest.raises(ValueError, match="orders must be whole numbers"):
        room.harmonic_rirs(noise(40_000), RATE, orders=(1,), **BAND)
