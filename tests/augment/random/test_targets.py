"""Labels, masks and the clean twin follow the samples."""

import pytest
import torch

from audiolab import augment
from audiolab.augment import Piece, Targets, TimeMap

from .conftest import RATE, speechlike


def click_at(*times_s: float, duration_s: float = 1.0, channels: int = 1) -> torch.Tensor:
    waveform = torch.zeros(1, channels, round(duration_s * RATE))
    for time_s in times_s:
        waveform[..., round(time_s * RATE)] = 1.0
    return waveform


def moved(transform: augment.Transform, start_s: float, stop_s: float) -> tuple[list, torch.Tensor]:
    targets = Targets(labels=[[(start_s, stop_s, "a")]])
    result = transform(click_at(start_s), RATE, seeds=[4], targets=targets)
    assert result.targets is not None
    assert result.targets.labels is not None
    return list(result.targets.labels[0]), result.waveform


@pytest.mark.parametrize(
    "transform",
    [
        augment.Shift(shift=0.25, unit="seconds"),
        augment.Shift(shift=-0.15, unit="seconds", rollover=False),
        augment.Speed(factor=1.25),
        augment.Speed(factor=0.8),
        augment.Pad(duration_s=0.3, side="both"),
        augment.Pad(duration_s=0.3, side="start"),
        augment.RandomCrop(duration_s=0.9),
        augment.AdjustDuration(duration_s=1.4, side="both"),
        augment.ClockDrift(drift_ppm=5000.0),
    ],
    ids=lambda each: each.name,
)
def test_a_label_starts_where_its_click_went(transform: augment.Transform):
    labels, waveform = moved(transform, 0.4, 0.5)
    assert len(labels) == 1
    start_s, stop_s, name = labels[0]
    assert name == "a"
    click_s = float(waveform.abs().argmax()) / RATE
    assert start_s == pytest.approx(click_s, abs=1.5 / RATE)  # a sample, and the resampler's half
    assert stop_s > start_s


def test_reverse_turns_a_label_round():
    labels, waveform = moved(augment.Reverse(), 0.4, 0.5)
    assert labels == [(pytest.approx(0.5), pytest.approx(0.6), "a")]
    # sample n becomes N - 1 - n: the label's start is its end now
    assert int(waveform.argmax()) == RATE - 1 - round(0.4 * RATE)


def test_a_label_over_the_seam_of_a_roll_is_two():
    labels, _ = moved(augment.Shift(shift=0.45, unit="seconds"), 0.4, 0.7)
    assert [each[:2] for each in labels] == [
        (pytest.approx(0.0), pytest.approx(0.15)),
        (pytest.approx(0.85), pytest.approx(1.0)),
    ]


def test_what_is_cut_off_has_no_label():
    assert moved(augment.Shift(shift=-0.8, unit="seconds", rollover=False), 0.4, 0.5)[0] == []


def test_a_repeated_part_repeats_its_label():
    whole = augment.RepeatPart(part_s=1.0, repeats=2)
    labels, waveform = moved(whole, 0.4, 0.5)
    assert [each[0] for each in labels] == [pytest.approx(0.4 + i) for i in range(3)]
    assert waveform.shape[-1] == 3 * RATE


def test_trim_silence_moves_labels():
    x = torch.zeros(1, 1, RATE)
    x[..., 4000:9000] = 0.5
    targets = Targets(labels=[[(0.25, 0.5625, "word")]])
    result = augment.TrimSilence()(x, RATE, seeds=[0], targets=targets)
    assert result.targets is not None
    start_s, stop_s, _ = result.targets.labels[0][0]
    assert start_s * RATE == pytest.approx((result.waveform[0, 0] > 0).nonzero()[0].item())
    assert (stop_s - start_s) * RATE == pytest.approx(5000)
    assert result.waveform.shape[-1] < 5000 + 3 * 160


def test_stretch_scales_labels_and_length():
    labels, waveform = moved(augment.TimeStretch(rate=0.8), 0.4, 0.5)
    assert labels == [(pytest.approx(0.5), pytest.approx(0.625), "a")]
    assert waveform.shape[-1] == RATE / 0.8


@pytest.mark.parametrize(
    "transform",
    [
        augment.Reverse(),
        augment.Shift(shift=0.3),
        augment.RandomCrop(duration_s=0.2),
        augment.Pad(duration_s=0.1, side="both"),
        augment.RepeatPart(part_s=0.1),
        augment.SpliceOut(parts=5),
        augment.Compose([augment.Reverse(), augment.Shift(), augment.RandomCrop(duration_s=0.3)]),
    ],
    ids=lambda each: each.name,
)
def test_a_mask_goes_with_its_samples(transform: augment.Transform):
    """A mask that equals the samples equals them afterwards."""
    x = speechlike(3, 1, 8000)
    targets = Targets(masks=x[:, 0])
    lengths = [8000, 6000, 7000]
    for index, end in enumerate(lengths):
        x[index, :, end:] = 0
    result = transform(x, RATE, seeds=[1, 2, 3], targets=targets, lengths=lengths)
    assert result.targets is not None
    assert result.targets.masks is not None
    assert torch.equal(result.targets.masks, result.waveform[:, 0])


def test_a_stretched_mask_is_the_nearest_old_one():
    mask = torch.tensor([0, 1, 2, 3])
    slower = TimeMap((Piece(0, 4, 0, 2.0),), 8)
    assert slower.move_mask(mask).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    faster = TimeMap((Piece(0, 4, 0, 0.5),), 2)
    assert faster.move_mask(mask).tolist() == [1, 3]


# --------------------------------------------------------------------------------------- clean twin
def test_noise_is_what_is_left():
    """With an exact additive transform, augmented minus clean is the noise at the asked SNR."""
    recipe = augment.Compose(
        [
            augment.Shift(),
            augment.Gain(),
            augment.AddColoredNoise(snr_db=10.0, exponent=0.0),
            augment.PolarityInversion(p=0.5),
            augment.NormalizePeak(level_db=-3.0),
        ]
    )
    x = speechlike(6, 2)
    result = recipe(x, RATE, seeds=list(range(6)), return_clean=True)
    assert result.clean is not None
    noise = result.waveform.double() - result.clean.double()
    powers = result.clean.double().square().sum((1, 2)) / noise.square().sum((1, 2))
    # float32 samples: noise is known to 1e-7 of speech 10 dB above it
    assert torch.allclose(10 * powers.log10(), torch.full((6,), 10.0).double(), atol=1e-4)


@pytest.mark.parametrize("name", ["time_stretch", "pitch_shift", "speed", "shift", "trim_silence"])
def test_a_twin_that_was_equal_stays_equal(name: str, every: dict[str, augment.Transform]):
    x = speechlike(3, 1)
    result = every[name](x, RATE, seeds=[1, 2, 3], return_clean=True)
    plain = every[name](x, RATE, seeds=[1, 2, 3])
    assert torch.equal(result.waveform, plain.waveform)
    assert result.clean is not None
    assert torch.equal(result.clean, result.waveform)


CLEAN_STAYS = [
    *("add_background_noise", "add_colored_noise", "add_gaussian_noise", "add_short_noises"),
    *("air_absorption", "aliasing", "apply_impulse_response", "band_pass", "band_stop"),
    *("bit_crush", "clipping", "compressor", "dc_offset", "frequency_mask", "high_pass"),
    *("high_shelf", "limiter", "lossy_codec", "low_pass", "low_sample_rate", "low_shelf"),
    *("microphone", "mix_up", "packet_loss", "peaking", "room_simulation"),
    *("seven_band_equalizer", "small_speaker", "tanh_distortion", "telephone", "time_mask"),
]


@pytest.mark.parametrize("name", CLEAN_STAYS)
def test_what_distorts_leaves_the_twin(name: str, every: dict[str, augment.Transform]):
    x = speechlike(2, 1)
    result = every[name](x, RATE, seeds=[1, 2], return_clean=True)
    assert torch.equal(result.clean, x)
    assert not torch.equal(result.waveform, x)


def test_every_transform_is_on_one_side(every: dict[str, augment.Transform]):
    changing = {name for name, each in every.items() if getattr(each, "changes_clean", None)}
    composed = {"compose", "one_of", "some_of", "sometimes"}
    assert changing | composed | set(CLEAN_STAYS) == set(every)
    assert not changing & set(CLEAN_STAYS)


def test_on_clean_overrides():
    x = speechlike(2, 1)
    both = augment.LowPass(cutoff_hz=500.0, on_clean=True)(x, RATE, seeds=[1, 2], return_clean=True)
    assert torch.equal(both.clean, both.waveform)
    one = augment.Gain(on_clean=False)(x, RATE, seeds=[1, 2], return_clean=True)
    assert torch.equal(one.clean, x)


def test_partly_moved_twins_keep_their_length():
    x = speechlike(4, 1)
    recipe = augment.Compose([augment.Speed(factor=0.5, p=0.5), augment.AddColoredNoise()])
    result = recipe(x, RATE, seeds=[1, 2, 3, 4], return_clean=True)
    assert len(set(result.lengths.tolist())) == 2
    assert result.clean is not None
    assert result.clean.shape == result.waveform.shape


# ------------------------------------------------------------------------------------------- errors
def test_targets_must_fit():
    x = speechlike(2, 1, 100)
    with pytest.raises(ValueError, match="labels must have 2 items, got 1"):
        augment.Reverse()(x, RATE, targets=Targets(labels=[[]]))
    with pytest.raises(ValueError, match=r"labels\[1\] must hold \(start_s, stop_s, label\)"):
        augment.Reverse()(x, RATE, targets=Targets(labels=[[], [(0.5, 0.2, "x")]]))
    with pytest.raises(ValueError, match="2 items of 100 samples"):
        augment.Reverse()(x, RATE, targets=Targets(masks=torch.zeros(2, 99)))
