"""Strings: pitch to the cent, decay, loop stability, and chords in stereo."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import signals
from audiolab.units import midi_to_hz


def strongest_near(samples: torch.Tensor, rate: int, around_hz: float) -> float:
    """Frequency of the spectral peak within a semitone of `around_hz`.

    A Hann window and the parabola through the logarithm are good to some 1e-4 bins when the signal
    is padded eightfold.
    """
    window = torch.hann_window(samples.numel(), dtype=torch.float64)
    size = 8 * samples.numel()
    level = torch.log(torch.fft.rfft(samples * window, n=size).abs() + 1e-300)
    low, high = (int(around_hz * 2 ** (k / 12) * size / rate) for k in (-1, 1))
    peak = low + int(level[low : high + 1].argmax())
    left, middle, right = (float(level[peak + k]) for k in (-1, 0, 1))
    return (peak + 0.5 * (left - right) / (left - 2 * middle + right)) * rate / size


def level_db(samples: torch.Tensor) -> float:
    return 10 * math.log10(float(samples.square().mean()))


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("note", [28, 40, 52, 57.3, 69, 76, 83])
def test_string_is_in_tune_within_a_cent(rate: int, note: float) -> None:
    pitch_hz = midi_to_hz(float(note))
    samples = signals.pluck(pitch_hz, 4.0, rate, decay_s=8.0, generator=0, dtype=torch.float64)
    cents = 1200 * math.log2(strongest_near(samples, rate, pitch_hz) / pitch_hz)
    assert abs(cents) < 0.05


@pytest.mark.parametrize("decay_s", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("brightness", [0.0, 0.5, 1.0])
def test_fundamental_falls_by_60_db_in_the_decay_time(decay_s: float, brightness: float) -> None:
    rate, pitch_hz = 24_000, 200.0
    samples = signals.pluck(
        pitch_hz,
        decay_s,
        rate,
        decay_s=decay_s,
        brightness=brightness,
        generator=0,
        dtype=torch.float64,
    )
    # Fifty periods a frame isolate the fundamental: ten frames apart it falls by a known amount.
    turns = torch.arange(samples.numel(), dtype=torch.float64) * pitch_hz / rate
    carrier = torch.polar(torch.ones_like(turns), -2 * math.pi * turns)
    frames = (samples * carrier).unfold(0, 1200, 1200).mean(-1).abs()
    frames = frames[1 : 1 + int(0.8 * frames.numel())]
    fallen = 20 * math.log10(float(frames[0] / frames[-1]))
    expected = 60.0 * (frames.numel() - 1) * 1200 / rate / decay_s
    # While it falls the pitch leaves the bins of the frame a little: some hundredths of a dB.
    assert fallen == pytest.approx(expected, rel=0.01, abs=0.1)


def test_overtones_fall_first_and_brightness_keeps_them() -> None:
    def highs(brightness: float, start_s: float) -> float:
        samples = signals.pluck(
            110.0, 2.0, 24_000, brightness=brightness, generator=0, dtype=torch.float64
        )
        part = samples[int(start_s * 24_000) :][:12_000]
        power = torch.fft.rfft(part).abs().square()
        return 10 * math.log10(float(power[1000:].sum() / power.sum()))

    assert highs(0.5, 0.0) > highs(0.5, 1.0) + 6.0
    assert highs(1.0, 0.0) > highs(0.5, 0.0) + 3.0 > highs(0.0, 0.0) + 6.0


def test_plucking_the_middle_silences_even_harmonics() -> None:
    samples = signals.pluck(
        200.0, 1.0, 24_000, position=0.5, decay_s=20.0, generator=0, dtype=torch.float64
    )
    spectrum = torch.fft.rfft(samples * torch.hann_window(24_000)).abs()
    for even in (2, 4, 6):
        assert spectrum[200 * even] < 0.02 * spectrum[200 * (even - 1)]


@settings(max_examples=40, deadline=None)
@given(
    pitch_hz=st.floats(20.0, 1000.0),
    decay_s=st.floats(0.05, 10.0),
    brightness=st.floats(0.0, 1.0),
    position=st.floats(0.01, 0.99),
)
def test_no_string_ever_grows(
    pitch_hz: float, decay_s: float, brightness: float, position: float
) -> None:
    samples = signals.pluck(
        pitch_hz,
        2.0,
        16_000,
        decay_s=decay_s,
        brightness=brightness,
        position=position,
        generator=0,
        dtype=torch.float64,
    )
    assert bool(torch.isfinite(samples).all())
    assert float(samples.abs().max()) == pytest.approx(0.5, rel=1e-12)
    assert level_db(samples[-8000:] + 1e-30) < level_db(samples[:8000])


def test_string_depends_on_its_seed_only() -> None:
    first = signals.pluck(220.0, 0.5, 24_000, generator=1)
    assert torch.equal(signals.pluck(220.0, 0.5, 24_000, generator=1), first)
    assert not torch.equal(signals.pluck(220.0, 0.5, 24_000, generator=2), first)
    # The spectrum of the pluck is that of its formula: seeds change phases, not levels.
    other = signals.pluck(220.0, 0.5, 24_000, generator=2, dtype=torch.float64)
    ratio = first.double().square().sum() / other.square().sum()
    peaks = strongest_near(other, 24_000, 220.0)
    assert peaks == pytest.approx(220.0, rel=1e-4)
    assert 0.25 < float(ratio) < 4.0


def test_bad_strings_are_named() -> None:
    with pytest.raises(ValueError, match="frequency_hz must be at most a sixteenth"):
        signals.pluck(2000.0, 1.0, 24_000)
    with pytest.raises(ValueError, match="decay_s must be above 0"):
        signals.pluck(200.0, 1.0, 24_000, decay_s=0.0)
    with pytest.raises(ValueError, match="brightness must be between 0 and 1"):
        signals.pluck(200.0, 1.0, 24_000, brightness=1.5)
    with pytest.raises(ValueError, match="position"):
        signals.pluck(200.0, 1.0, 24_000, position=0.0)


def test_chords_hold_their_notes() -> None:
    rate = 24_000
    chords = ((45, 52, 57), (48, 55, 64))
    samples = signals.chord_progression(
        4.0, rate, chords=chords, generator=0, dtype=torch.float64
    ).sum(0)
    for half, notes in zip(samples.split(2 * rate), chords, strict=True):
        for note in notes:
            pitch_hz = midi_to_hz(float(note))
            # Neighbouring partials of other strings pull a little: 3 cents.
            cents = 1200 * math.log2(strongest_near(half, rate, pitch_hz) / pitch_hz)
            assert abs(cents) < 3.0


def test_chords_are_stereo_and_peak_where_asked() -> None:
    samples = signals.chord_progression(4.0, 24_000, amplitude=0.3, generator=0)
    assert samples.shape == (2, 96_000)
    assert samples.dtype == torch.float32
    assert float(samples.abs().max()) == pytest.approx(0.3, rel=1e-6)
    assert abs(level_db(samples[0]) - level_db(samples[1])) < 6.0
    assert float(torch.corrcoef(samples)[0, 1]) < 0.95
    assert float(samples[:, -1].abs().max()) < 1e-4
    assert torch.equal(samples, signals.chord_progression(4.0, 24_000, amplitude=0.3, generator=0))


def test_single_string_chord_sits_at_its_place() -> None:
    samples = signals.chord_progression(
        1.0, 24_000, chords=((57, 64),), strum_s=2.0, generator=0, dtype=torch.float64
    )
    # The second string would start after the end; the first is panned to -0.6: tan(18 degrees).
    torch.testing.assert_close(
        samples[1], math.tan(math.radians(18.0)) * samples[0], atol=1e-12, rtol=0
    )


def test_chords_need_notes() -> None:
    for chords in ((), ((),)):
        with pytest.raises(ValueError, match="chords must hold at least one chord"):
            signals.chord_progression(1.0, 24_000, chords=chords)
    assert signals.chord_progression(0.0, 24_000).shape == (2, 0)
