"""Tempo, pitch, stretch and bend: what stays, what changes, batches, gradients, streams, errors."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.effects import bend, pitch, stretch, tempo
from audiolab.effects.time_scale._overlap_add import OverlapAdd
from audiolab.effects.time_scale._wsola import _correlate, find_positions, join
from audiolab.effects.time_scale.splicing import TempoStream, make_splices
from audiolab.effects.time_scale.stretching import make_segments

RATE = 16_000


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * 0.1


def tone(frequency: float, num_samples: int) -> torch.Tensor:
    time = torch.arange(num_samples, dtype=torch.float64) / RATE
    return torch.sin(2 * math.pi * frequency * time)[None]


def strongest(y: torch.Tensor) -> float:
    window = torch.hann_window(y.shape[-1], dtype=y.dtype)
    spectrum = torch.fft.rfft(y * window, n=8 * y.shape[-1]).abs()
    return float(spectrum.argmax(dim=-1)[0]) * RATE / (8 * y.shape[-1])


@pytest.mark.parametrize("use", ["general", "music", "speech", "linear"])
def test_tempo_keeps_the_pitch(use):
    y = tempo(tone(437, RATE), RATE, factor=0.8, use=use)
    assert y.shape == (1, 20_000)
    # the linear setting does not search, so its joints pull the pitch a little
    assert strongest(y[:, 2000:-2000]) == pytest.approx(437, rel=0.03 if use == "linear" else 2e-3)


def test_a_periodic_signal_is_joined_without_a_seam():
    period = tone(500, 32).repeat(1, 1000)  # 32 samples: every joint can fit exactly
    y = tempo(period, RATE, factor=1.3)
    inside = y[:, 200:-3000]
    assert float((inside - inside.roll(32, -1))[:, 32:].abs().max()) < 1e-6


@pytest.mark.parametrize("cents", [-700, 200, 1200])
def test_pitch_moves_a_tone_and_keeps_the_length(cents):
    y = pitch(tone(437, RATE), RATE, cents=cents)
    assert abs(y.shape[-1] - RATE) <= 1
    expected = 437 * 2 ** (cents / 1200)
    assert strongest(y[:, 2000:-2000]) == pytest.approx(expected, rel=2e-3)


def test_bend_glides_to_the_new_pitch():
    y = bend(tone(437, RATE), RATE, bends=[(0.2, 400, 0.4)])
    assert y.shape == (1, RATE)
    assert strongest(y[:, 600:3000]) == pytest.approx(437, rel=5e-3)
    assert strongest(y[:, 8000:]) == pytest.approx(437 * 2 ** (400 / 1200), rel=5e-3)


def test_bend_keeps_the_waveform_before_its_start():
    x = tone(1437, 8000) + tone(3101, 8000)  # nothing at the two bins that count double in SoX
    y = bend(x, RATE, bends=[(0.45, 100, 0.49)])
    # a frame of 512 samples later, and 3.5 dB louder, as the program has it
    torch.testing.assert_close(y[:, 1012:6012], 1.5 * x[:, 500:5500], atol=1e-4, rtol=0)


def test_stretch_is_the_identity_at_one_and_keeps_a_constant():
    x = noise(2, 1000)
    assert torch.equal(stretch(x, RATE, factor=1), x)
    y = stretch(torch.ones(16_000, dtype=torch.float64), RATE, factor=0.7)
    torch.testing.assert_close(y, torch.ones_like(y))


@given(
    num_samples=st.integers(0, 6000),
    factor=st.floats(0.1, 10),
    channels=st.integers(1, 3),
)
@settings(max_examples=30, deadline=None)
def test_tempo_length(num_samples, factor, channels):
    y = tempo(torch.zeros(channels, num_samples), 8000, factor=factor)
    expected = num_samples if factor == 1 else int(num_samples / factor + 0.5)
    assert y.shape == (channels, expected)


@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_streams_equal_the_whole(data):
    x = noise(2, 2, data.draw(st.integers(1, 12_000)))
    factor = data.draw(st.sampled_from([0.3, 0.8, 1.2, 4.0, 60.0]))
    sizes = data.draw(st.lists(st.sampled_from([1, 100, 1000, 5000]), min_size=30, max_size=30))
    splices = make_splices(8000, factor=factor, quick=data.draw(st.booleans()))
    pairs = (
        (TempoStream(splices), tempo(x, 8000, factor=factor, quick=splices.quick)),
        (
            OverlapAdd(make_segments(8000, factor=min(factor, 4.0))),
            stretch(x, 8000, factor=min(factor, 4.0)),
        ),
    )
    for stream, whole in pairs:
        parts, place = [], 0
        for size in [*sizes, x.shape[-1]]:
            parts.append(stream.push(x[..., place : place + size]))
            place += size
        found = torch.cat([*parts, stream.finish()], dim=-1)
        assert found.shape == whole.shape
        torch.testing.assert_close(found, whole, atol=1e-14, rtol=0)


def test_items_of_a_batch_are_cut_on_their_own():
    x = noise(3, 2, 9000)
    y = tempo(x, RATE, factor=1.3)
    for i in range(3):
        assert torch.equal(y[i], tempo(x[i], RATE, factor=1.3))
    z = bend(x, RATE, bends=[(0.1, 100, 0.3)])
    torch.testing.assert_close(z[1, 1], bend(x[1, 1], RATE, bends=[(0.1, 100, 0.3)]))


def test_the_search_by_correlation_finds_the_same_places():
    x = noise(2, 2, 12_000)
    splices = make_splices(8000, factor=0.9)
    nowhere = torch.zeros(2, dtype=torch.int64)
    found = find_positions(x, splices, 0, 10, 0, nowhere)
    places = [splices.reading(number) for number in range(10)]
    assert torch.equal(_correlate(x, splices, 0, places, nowhere), found)


def test_copies_by_gather_equal_the_loops():
    x = noise(2, 2, 12_000)
    splices = make_splices(8000, factor=0.9)
    found = find_positions(x, splices, 0, 10, 0, torch.zeros(2, dtype=torch.int64))
    half = join(x.bfloat16(), found, splices, first=True)  # not one of the loops' types
    loops = join(x.bfloat16().double(), found, splices, first=True)
    torch.testing.assert_close(half.double(), loops, atol=4e-3, rtol=1e-2)
    later = join(x, found[:, 2:], splices, first=False)
    whole = join(x, found, splices, first=True)
    assert torch.equal(later, whole[..., 3 * splices.hop :])


def test_gradients():
    x = noise(1, 1, 250).requires_grad_()
    check = torch.autograd.gradcheck
    assert check(lambda v: tempo(v, 1000, factor=0.9, segment_s=0.05)[..., ::13], (x,))
    assert check(lambda v: pitch(v, 1000, cents=300, segment_s=0.05)[..., ::29], (x,))
    assert check(lambda v: stretch(v, 1000, factor=1.4)[..., ::13], (x,))


def test_bend_has_a_gradient():
    x = noise(1, 120).requires_grad_()
    # phases of weak bins turn quickly: a smaller step for the differences
    assert torch.autograd.gradcheck(
        lambda v: bend(v, 800, bends=[(0.05, 300, 0.1)])[..., ::17], (x,), eps=1e-8, atol=1e-4
    )


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda x: tempo(x, RATE, factor=0.05), "factor"),
        (lambda x: tempo(x, RATE, factor=2, use="song"), "use"),
        (lambda x: tempo(x, RATE, factor=2, segment_s=1.0), "segment_s"),
        (lambda x: tempo(x, RATE, factor=2, search_s=1.0), "search_s"),
        (lambda x: tempo(x, RATE, factor=2, overlap_s=-1.0), "overlap_s"),
        (lambda x: tempo(x[0], RATE, factor=2), "waveform"),
        (lambda x: pitch(x, RATE, cents=9000), "cents"),
        (lambda x: stretch(x, RATE, factor=0), "factor"),
        (lambda x: stretch(x, RATE, factor=1e-6), "window_s"),
        (lambda x: stretch(x, RATE, factor=2, shift=2), "shift"),
        (lambda x: stretch(x, RATE, factor=2, fading=0.6), "fading"),
        (lambda x: bend(x, RATE, bends=[(0.2, 1, 0.1)]), r"bends\[0\]"),
        (lambda x: bend(x, RATE, bends=[(0, 1, 0.1)], frame_rate=5), "frame_rate"),
        (lambda x: bend(x, RATE, bends=[(0, 1, 0.1)], oversampling=64), "oversampling"),
    ],
)
def test_errors_name_the_parameter(call, named):
    with pytest.raises(ValueError, match=named):
        call(noise(1, 100))
