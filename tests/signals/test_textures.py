"""Whistle and babble: what makes them recognisable, measured."""

import itertools
import math

import pytest
import torch

from audiolab import signals

RATE = 24_000


def level_db(samples: torch.Tensor) -> float:
    return 10 * math.log10(float(samples.square().mean()))


def spectrum_db(samples: torch.Tensor) -> torch.Tensor:
    window = torch.hann_window(samples.numel(), dtype=torch.float64)
    return 20 * torch.log10(torch.fft.rfft(samples.double() * window).abs() + 1e-30)


def test_whistle_speaks_on_five_pipes() -> None:
    samples = signals.whistle(3.0, RATE, generator=0, dtype=torch.float64)
    middle = samples[RATE : 2 * RATE]  # one bin a hertz
    level = spectrum_db(middle)
    for pitch in (312, 372, 467, 557, 624):
        # Drift of a few cents keeps each pipe within 6 Hz of its pitch, 20 dB above the gaps.
        peak = float(level[pitch - 6 : pitch + 7].max())
        gap = float(level[pitch + 20 : pitch + 35].median())
        assert peak > gap + 20.0


def test_whistle_glides_up_and_the_valve_closes() -> None:
    samples = signals.whistle(3.0, RATE, steam_db=-60.0, generator=0, dtype=torch.float64)
    # The lowest pipe: strongest frequency below 340 Hz in 80 ms frames, padded to 1 Hz bins.
    pitch = [
        int(torch.fft.rfft(frame * torch.hann_window(1920), n=RATE).abs()[240:340].argmax() + 240)
        for frame in samples.split(1920)[:12]
    ]
    assert pitch[0] < pitch[4] - 4
    assert abs(pitch[8] - 312) < 8
    assert level_db(samples[-240:]) < level_db(samples[RATE : 2 * RATE]) - 20.0
    assert float(samples[0]) == 0.0


def test_steam_is_noise_of_the_level_asked_for() -> None:
    loud = signals.whistle(2.0, RATE, steam_db=0.0, generator=0, dtype=torch.float64)
    quiet = signals.whistle(2.0, RATE, steam_db=-40.0, generator=0, dtype=torch.float64)
    # Above 7 kHz there are no partials: the tenth partial of the highest pipe.
    highs = [spectrum_db(x[RATE // 2 : 3 * RATE // 2])[7000:11000].mean() for x in (loud, quiet)]
    pipes = [spectrum_db(x[RATE // 2 : 3 * RATE // 2])[360:384].max() for x in (loud, quiet)]
    assert float((highs[0] - pipes[0]) - (highs[1] - pipes[1])) == pytest.approx(40.0, abs=1.0)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_whistle_works_at_any_rate(rate: int) -> None:
    samples = signals.whistle(1.0, rate, generator=0)
    assert samples.shape == (rate,)
    assert float(samples.abs().max()) == pytest.approx(0.5, rel=1e-6)


def test_babble_has_the_level_asked_for() -> None:
    for rms_db in (-30.0, -20.0):
        samples = signals.babble(2.0, RATE, rms_db=rms_db, generator=0, dtype=torch.float64)
        assert level_db(samples) == pytest.approx(rms_db, abs=1e-9)
    assert float(samples.abs().max()) < 1.0


def test_more_voices_leave_fewer_gaps() -> None:
    def depth(num_voices: int) -> float:
        samples = signals.babble(6.0, RATE, num_voices=num_voices, generator=0)
        frames = 10 * torch.log10(samples.unfold(0, 1200, 1200).square().mean(-1) + 1e-9)
        return float(frames.quantile(0.9) - frames.quantile(0.1))

    assert depth(1) > depth(4) + 3.0 > depth(16) + 3.0
    assert depth(16) < 9.0


def test_babble_has_the_spectrum_of_speech() -> None:
    babble = signals.babble(20.0, RATE, generator=0)
    speech = torch.cat([signals.clip(name)[0][0] for name in ("speech_female", "speech_male")])

    def bands(samples: torch.Tensor) -> torch.Tensor:
        power = torch.fft.rfft(samples.double()).abs().square()
        edges = [
            int(2 * power.numel() * hz / RATE) for hz in (100, 250, 500, 1000, 2000, 4000, 8000)
        ]
        levels = torch.stack([power[a:b].sum() for a, b in itertools.pairwise(edges)])
        return 10 * torch.log10(levels / levels.sum())

    # Speeds up to a sixth off and levels up to 3 dB off move an octave band by a few dB.
    assert float((bands(babble) - bands(speech)).abs().max()) < 4.0


@pytest.mark.parametrize("make", [signals.whistle, signals.babble])
def test_textures_depend_on_their_seed_only(make) -> None:
    first = make(1.0, RATE, generator=1)
    assert first.shape == (RATE,)
    assert first.dtype == torch.float32
    before = torch.random.get_rng_state()
    assert torch.equal(make(1.0, RATE, generator=torch.Generator().manual_seed(1)), first)
    other = make(1.0, RATE, generator=2)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert abs(float(torch.corrcoef(torch.stack([first, other]))[0, 1])) < 0.5


@pytest.mark.parametrize("make", [signals.whistle, signals.babble])
@pytest.mark.parametrize("num_samples", [0, 1, 2, 7, 100])
def test_short_textures_are_finite(make, num_samples: int) -> None:
    samples = make(num_samples / RATE, RATE, generator=0)
    assert samples.shape == (num_samples,)
    assert bool(torch.isfinite(samples).all())


def test_voices_are_counted() -> None:
    with pytest.raises(ValueError, match="num_voices must be at least 1, got 0"):
        signals.babble(1.0, RATE, num_voices=0)
    with pytest.raises(TypeError, match="num_voices must be an int"):
        signals.babble(1.0, RATE, num_voices=2.0)
