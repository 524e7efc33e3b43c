"""SpecAugment: no mask lands in padding; sizes are the paper's; an item depends on itself alone."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import metrics, signals
from audiolab.augment import (
    SpectrogramMasks,
    draw_spectrogram_masks,
    mask_frequency,
    mask_spectrogram,
    mask_time,
    spec_augment,
)

RATE = 16_000


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 120), min_size=1, max_size=4),
    max_frames=st.integers(0, 200),
    share=st.floats(0.0, 1.0),
    max_bins=st.integers(0, 100),
    seed=st.integers(0, 2**62),
)
def test_masks_never_land_in_padding(
    lengths: list[int], max_frames: int, share: float, max_bins: int, seed: int
) -> None:
    spectrogram = torch.ones(len(lengths), 2, 40, 120)
    masked = spec_augment(
        spectrogram,
        time_masks=3,
        max_frames=max_frames,
        time_share=share,
        max_bins=max_bins,
        lengths=lengths,
        seeds=[seed + i for i in range(len(lengths))],
    )
    for item, length in zip(masked, lengths, strict=True):
        assert bool((item[..., length:] == 1.0).all())
        assert torch.equal(item[0], item[1])
        rows = (item[0] == 0).sum(-1)
        # Whole columns come from spans of time, each below both limits.
        columns = int((item[0, :, :length] == 0).all(0).sum()) if length else 0
        if int((rows == length).sum()) < 40:
            assert columns <= 3 * min(max_frames, int(length * share))
        assert int((rows == length).sum()) <= 2 * max_bins or columns == length


def test_sizes_follow_the_paper() -> None:
    """Widths are uniform below their limit, starts uniform where they fit."""
    spans = torch.tensor(
        [
            draw_spectrogram_masks(1000, 80, max_frames=100, time_share=0.05, generator=seed).time[
                0
            ]
            for seed in range(4000)
        ]
    ).double()
    starts, widths = spans.T
    # The share is the tighter limit; whole numbers from 0 to 49, each a fiftieth of the time.
    assert float(widths.max()) == 49.0
    counts = torch.bincount(widths.long(), minlength=50).double()
    assert float(((counts - 80) ** 2 / 80).sum()) < 90.0  # chi-square, 49 degrees: p < 0.0004
    assert float(starts.mean()) == pytest.approx((1000 - 25) / 2, rel=0.03)
    assert float((starts + widths).max()) <= 1000.0


def test_an_item_is_a_function_of_its_seed() -> None:
    spectrogram = torch.randn(5, 1, 80, 300)
    lengths = [300, 120, 90, 300, 10]
    batch = spec_augment(spectrogram, lengths=lengths, seeds=range(5), fill="mean", time_share=0.3)
    for i, length in enumerate(lengths):
        alone = spec_augment(spectrogram[i, 0, :, :length], seeds=i, fill="mean", time_share=0.3)
        assert torch.allclose(batch[i, 0, :, :length], alone, atol=1e-6)
        hidden = batch[i, 0, :, :length] != spectrogram[i, 0, :, :length]
        assert torch.equal(hidden, alone != spectrogram[i, 0, :, :length])
    assert not torch.equal(spec_augment(spectrogram, generator=0), spectrogram)


def test_given_masks_and_fills() -> None:
    spectrogram = torch.arange(24.0).reshape(2, 3, 4)
    masks = [SpectrogramMasks(((0, 1),), ()), SpectrogramMasks((), ((2, 1),))]
    masked = mask_spectrogram(spectrogram, masks, fill=-1.0, lengths=[4, 3])
    assert masked[0].tolist() == [[-1, 1, 2, 3], [-1, 5, 6, 7], [-1, 9, 10, 11]]
    assert masked[1, 2].tolist() == [-1, -1, -1, 23]
    mean = mask_spectrogram(spectrogram, masks, fill="mean", lengths=[4, 3])
    assert float(mean[1, 2, 0]) == pytest.approx(float(spectrogram[1, :, :3].mean()))


def test_gradient_reaches_what_is_left() -> None:
    spectrogram = torch.randn(3, 4, requires_grad=True)
    mask_spectrogram(spectrogram, SpectrogramMasks(((1, 2),), ())).sum().backward()
    assert spectrogram.grad.tolist() == [[1.0, 0.0, 0.0, 1.0]] * 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: mask_spectrogram(x, SpectrogramMasks(((3, 2),), ())),
            "within the 4 valid frames",
        ),
        (
            lambda x: mask_spectrogram(x, SpectrogramMasks((), ((-1, 2),))),
            "within the 3 valid bins",
        ),
        (lambda x: mask_spectrogram(x, []), "one an item"),
        (lambda x: mask_spectrogram(x, SpectrogramMasks((), ()), fill="median"), "fill must be"),
        (lambda x: spec_augment(x, time_share=1.5), "time_share must be between"),
        (lambda x: spec_augment(x, max_bins=-1), "max_bins must be a whole number"),
        (lambda x: spec_augment(x, lengths=5), "lengths must be between 0 and 4"),
        (lambda x: spec_augment(x[0]), "at least 2 dimension"),
    ],
)
def test_what_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(torch.ones(3, 4))


# --------------------------------------------------------------------------------- on the waveform
def test_silenced_span_and_its_fades() -> None:
    ones = torch.ones(2, 1000, dtype=torch.float64)
    masked = mask_time(ones, 1000, start_s=[0.2, 0.0], duration_s=[0.3, 0.1], fade_s=0.05)
    assert float(masked[0, 200:500].abs().max()) == 0.0
    assert bool((masked[0, :150] == 1).all())
    assert bool((masked[0, 550:] == 1).all())
    assert bool((masked[0, 150:200].diff() < 0).all())
    assert float(masked[0, 150:200].sum()) == pytest.approx(25.0)
    assert float(masked[1, :100].abs().max()) == 0.0
    assert torch.equal(mask_time(ones, 1000, start_s=0.1, duration_s=0.0), ones)
    assert torch.equal(mask_time(ones, 1000, start_s=5.0, duration_s=1.0), ones)


@pytest.mark.parametrize("frequency_hz", [300.0, 900.0, 1000.0, 1100.0, 1500.0])
def test_band_is_taken_out(frequency_hz: float) -> None:
    tone = signals.tone(frequency_hz, 1.0, RATE, dtype=torch.float64)
    tone = tone * torch.hann_window(RATE, dtype=torch.float64)
    masked = mask_frequency(tone, RATE, low_hz=900.0, high_hz=1100.0)
    if 900.0 < frequency_hz < 1100.0:
        assert float(metrics.rms_db(masked)) < -100.0
    elif 850 < frequency_hz < 1150.0:
        assert float(metrics.rms_db(masked) - metrics.rms_db(tone)) < -40.0
    else:
        assert torch.allclose(masked, tone, atol=1e-5)


def test_mask_of_frequency_has_no_phase() -> None:
    click = torch.zeros(8001, dtype=torch.float64)
    click[4000] = 1.0
    heard = mask_frequency(click, RATE, low_hz=0.0, high_hz=500.0, edge_hz=200.0)
    assert torch.allclose(heard, heard.flip(0), atol=1e-6)
    assert math.isclose(float(heard.abs().argmax()), 4000)
    assert torch.equal(mask_frequency(click, RATE, low_hz=600.0, high_hz=500.0), click)
