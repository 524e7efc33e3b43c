"""A-weighting against the standard's table; active level against constructed activity."""

import math

import numpy as np
import pytest
import scipy.signal
import torch

from audiolab import metrics, signals

RATE = 16_000

#: IEC 61672-1, table 3: nominal frequency and A-weighting in dB.
TABLE = {
    31.5: -39.4,
    63.0: -26.2,
    125.0: -16.1,
    250.0: -8.6,
    500.0: -3.2,
    1000.0: 0.0,
    2000.0: 1.2,
    4000.0: 1.0,
    8000.0: -1.1,
    16_000.0: -6.6,
}


def test_a_weighting_is_the_standards_table() -> None:
    # The table is for exact frequencies 1000 * 10^(n/10) near the nominal ones.
    exact = [1000 * 10 ** (round(10 * math.log10(f / 1000)) / 10) for f in TABLE]
    curve = 20 * metrics.a_weighting(torch.tensor(exact)).log10()
    assert torch.allclose(curve, torch.tensor(list(TABLE.values())).double(), atol=0.06)


@pytest.mark.parametrize("frequency_hz", [50.0, 100.0, 1000.0, 5000.0])
def test_a_weighted_tone(frequency_hz: float) -> None:
    tone = signals.tone(frequency_hz, 2.0, RATE, amplitude=1.0, dtype=torch.float64)
    tone = tone * torch.hann_window(2 * RATE, dtype=torch.float64)
    expected = metrics.rms_db(tone) + 20 * metrics.a_weighting(torch.tensor(frequency_hz)).log10()
    assert float(metrics.a_weighted_db(tone, RATE)) == pytest.approx(float(expected), abs=0.01)


def test_a_weighted_level_equals_that_of_the_filtered_waveform() -> None:
    """Parity with the analogue filter, sampled so finely that warping costs 0.02 dB."""
    rate = 192_000
    noise = signals.pink_noise(1.0, rate, generator=0, dtype=torch.float64)
    low, second, third, high = (
        2 * math.pi * f for f in (20.598997, 107.65265, 737.86223, 12194.217)
    )
    poles = [-low, -low, -second, -third, -high, -high]
    gain = high**2 * 10 ** (1.9997 / 20)
    sos = scipy.signal.zpk2sos(*scipy.signal.bilinear_zpk([0, 0, 0, 0], poles, gain, rate))
    filtered = torch.from_numpy(scipy.signal.sosfilt(sos, noise.numpy()))
    theirs = float(metrics.rms_db(filtered))
    assert float(metrics.a_weighted_db(noise, rate)) == pytest.approx(theirs, abs=0.03)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_active_level_ignores_pauses(share: float) -> None:
    """Bursts of noise: the level is theirs, the activity their share and the hangover."""
    noise = signals.white_noise(20.0, RATE, rms_db=-26.0, generator=0, dtype=torch.float64)
    burst, period = int(4 * share * RATE), 4 * RATE
    gate = (torch.arange(len(noise)) % period < burst).double()
    active = metrics.active_level_db(noise * gate, RATE)
    # A hangover of 0.2 s counts as activity: P.56 means it to.
    held = min(1.0, (burst + 0.2 * RATE) / period)
    expected = -26.0 + 10 * math.log10(share / held)
    assert float(active.level_db) == pytest.approx(expected, abs=0.5)
    assert float(active.activity) == pytest.approx(held, abs=0.06)


def test_active_level_follows_gain_exactly_and_pauses_hardly() -> None:
    speech, rate = signals.clip("speech_male")
    level = metrics.active_level_db(speech, rate).level_db
    for gain in (1e-4, 0.37, 8.0):
        louder = metrics.active_level_db(gain * speech.double(), rate).level_db
        assert float(louder - level) == pytest.approx(20 * math.log10(gain), abs=1e-4)
    padded = torch.nn.functional.pad(speech, (rate, 30 * rate))
    assert float(metrics.active_level_db(padded, rate).level_db - level) == pytest.approx(
        0, abs=0.2
    )


def test_active_level_of_steady_sound_is_its_rms() -> None:
    noise = signals.white_noise(5.0, RATE, rms_db=-20.0, generator=0)
    active = metrics.active_level_db(noise, RATE)
    assert float(active.level_db) == pytest.approx(-20.0, abs=0.2)
    assert float(active.activity) > 0.95


def test_silence_and_batches() -> None:
    batch = torch.stack([torch.zeros(8000), torch.randn(8000), 0.1 * torch.randn(8000)])[:, None]
    active = metrics.active_level_db(batch, RATE)
    weighted = metrics.a_weighted_db(batch, RATE)
    assert active.level_db.shape == active.activity.shape == weighted.shape == (3, 1)
    assert float(active.level_db[0]) == float(weighted[0]) == -math.inf
    assert float(active.activity[0]) == 0.0
    for i in range(3):
        assert torch.equal(active.level_db[i], metrics.active_level_db(batch[i], RATE).level_db)
        assert torch.equal(weighted[i], metrics.a_weighted_db(batch[i], RATE))
    assert np.isfinite(weighted[1:].numpy()).all()


@pytest.mark.parametrize("measure", [metrics.a_weighted_db, metrics.active_level_db])
def test_what_is_refused(measure) -> None:
    with pytest.raises(ValueError, match="no samples"):
        measure(torch.zeros(0), RATE)
    with pytest.raises(ValueError, match="NaN or infinite"):
        measure(torch.tensor([math.nan]), RATE)
    with pytest.raises(ValueError, match="sample_rate"):
        measure(torch.ones(4), 0)
