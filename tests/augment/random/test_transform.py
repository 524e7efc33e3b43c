"""Transforms one by one: closed forms, modes, gradients, compilation, errors."""

import math

import pytest
import torch

from audiolab import augment, effects, metrics
from audiolab.augment import Compose, LogUniform, Normal, OneOf, SomeOf, Uniform

from .conftest import RATE, speechlike


# ------------------------------------------------------------------------------------ distributions
@pytest.mark.parametrize(
    ("distribution", "shares"),
    [
        (Uniform(-3, 9), lambda x: (x + 3) / 12),
        (LogUniform(20, 2000), lambda x: math.log(x / 20) / math.log(100)),
        (Normal(1, 2, low=-100, high=100), lambda x: 0.5 * (1 + math.erf((x - 1) / 8**0.5))),
    ],
)
def test_draws_are_distributed_as_said(distribution: augment.Distribution, shares):
    """Kolmogorov and Smirnov: the largest gap between the draws' shares and the formula's."""
    uniform = torch.rand(2000, generator=torch.Generator().manual_seed(0)).double()
    drawn = sorted(float(distribution.quantile(each)) for each in uniform.tolist())
    gap = max(abs(shares(x) - (i + 0.5) / len(drawn)) for i, x in enumerate(drawn))
    assert gap < 0.045  # exceeded once in 1000 runs at 2000 draws


def test_seeded_draws_are_uniform_and_apart():
    gains = augment.Gain(gain_db=Uniform(0, 1)).draw_items(list(range(4000)))
    values = torch.tensor([each["gain_db"] for each in gains])
    assert abs(float(values.mean()) - 0.5) < 0.02  # 4 standard errors
    both = Compose([augment.Gain(gain_db=Uniform(0, 1)), augment.Gain(gain_db=Uniform(0, 1))])
    pairs = torch.tensor(
        [[s["gain_db"] for s in each["steps"]] for each in both.draw_items(list(range(4000)))]
    )
    assert abs(float(torch.corrcoef(pairs.T)[0, 1])) < 0.06  # 4 standard errors of none


def test_a_further_transform_leaves_the_draws_before_it():
    first = Compose([augment.Gain(), augment.LowPass()])
    longer = Compose([augment.Gain(), augment.LowPass(), augment.Shift()])
    for one, other in zip(first.draw(5, 0), longer.draw(5, 0), strict=True):
        assert one["steps"] == other["steps"][:2]


def test_counts_and_weights():
    some = SomeOf([augment.Gain(), augment.Reverse(), augment.LowPass()], k=(1, 2))
    counts = [len(each["steps"]) for each in some.draw(2000, 0)]
    assert abs(counts.count(1) - 1000) < 100  # 4 standard deviations
    one = OneOf([augment.Gain(), augment.Reverse()], weights=[1, 3])
    names = [each["steps"][0]["transform"] for each in one.draw(2000, 0)]
    assert abs(names.count("gain") - 500) < 80
    chances = augment.Gain(p=0.3).draw(2000, 0)
    assert abs(sum(each["applied"] for each in chances) - 600) < 85


def test_item_seed_is_part_of_the_format():
    assert augment.item_seed(0, 17) == 5965995993555081575
    assert augment.item_seed(0, "17") != augment.item_seed(0, 17)
    assert (
        len({augment.item_seed(s, i, e) for s in range(3) for i in range(9) for e in range(3)})
        == 81
    )
    with pytest.raises(TypeError, match="item must be an int or a str"):
        augment.item_seed(0, 1.5)


# ------------------------------------------------------------------------------------------- parity
def test_filters_are_those_of_effects():
    x = speechlike(1, 2)
    low = augment.LowPass(cutoff_hz=800.0, sections=1)(x, RATE).waveform
    assert torch.equal(low, effects.lowpass(x, RATE, cutoff_hz=800.0))
    bell = augment.Peaking(center_hz=900.0, gain_db=6.0, q=2.0)(x, RATE).waveform
    assert torch.equal(bell, effects.equalizer(x, RATE, center_hz=900.0, gain_db=6.0, q=2.0))


@pytest.mark.parametrize("sections", [1, 2, 4, 8])
def test_sections_in_a_row_are_butterworths(sections: int):
    """-3.01 dB at the edge, and the slope beyond it."""
    impulse = torch.zeros(1, 1, RATE, dtype=torch.float64)
    impulse[..., 0] = 1.0
    y = augment.LowPass(cutoff_hz=1000.0, sections=sections)(impulse, RATE).waveform
    response = torch.fft.rfft(y[0, 0]).abs()
    assert float(response[1000]) == pytest.approx(math.sqrt(0.5), rel=1e-9)
    # the bilinear transform of a Butterworth of order 2 n
    ratio = math.tan(math.pi * 2000 / RATE) / math.tan(math.pi * 1000 / RATE)
    exact = 1 / math.sqrt(1 + ratio ** (4 * sections))
    assert float(response[2000]) == pytest.approx(exact, rel=1e-6)


def test_snr_is_the_one_that_was_drawn(recordings):
    x = speechlike(4, 1)
    transform = augment.AddBackgroundNoise(source=recordings, snr_db=Uniform(0, 20))
    result = transform(x, RATE, seeds=[1, 2, 3, 4])
    for before, after, params in zip(x, result.waveform, result.params, strict=True):
        # float32: 1e-4 dB
        assert metrics.snr_db(before, after).item() == pytest.approx(params["snr_db"], abs=1e-4)


def test_speed_moves_a_tone():
    tone = torch.sin(torch.arange(RATE) * (2 * math.pi * 1000 / RATE))[None, None]
    y = augment.Speed(factor=1.1)(tone, RATE).waveform[0, 0]
    spectrum = torch.fft.rfft(y * torch.hann_window(y.numel())).abs()
    assert float(spectrum.argmax()) * RATE / y.numel() == pytest.approx(1100, abs=1.2)


# -------------------------------------------------------------------------------------------- modes
def test_channels_draw_for_themselves():
    x = speechlike(3, 2)
    transform = augment.Gain(gain_db=Uniform(-20, 0), mode="per_channel", p=0.7)
    result = transform(x, RATE, seeds=[1, 2, 3])
    for before, after, params in zip(x, result.waveform, result.params, strict=True):
        assert len(params["channels"]) == 2
        for one, other, drawn in zip(before, after, params["channels"], strict=True):
            gain = 10 ** (drawn["gain_db"] / 20) if drawn["applied"] else 1.0
            assert torch.allclose(other, one * gain)
    with pytest.raises(ValueError, match="pass num_channels=2 when drawing"):
        transform.apply(x, RATE, augment.Gain(mode="per_channel").draw(3, 0))


def test_a_batch_shares_a_draw():
    drawn = augment.Gain(mode="per_batch").draw_items([5, 6, 7])
    assert drawn[0] == drawn[1] == drawn[2]
    assert drawn[0] != augment.Gain(mode="per_batch").draw_items([6, 5, 7])[0]


# ------------------------------------------------------------------------------- gradients, compile
@pytest.mark.parametrize(
    "transform",
    [
        augment.Gain(p=0.5),
        augment.SevenBandEqualizer(p=0.5),
        augment.Shift(p=0.5),
        augment.NormalizePeak(),
        Compose([augment.Gain(p=0.5), augment.TanhDistortion(), augment.Reverse(p=0.5)]),
    ],
    ids=lambda each: each.name,
)
def test_gradients_reach_the_samples(transform: augment.Transform):
    x = speechlike(4, 1, 600).double()
    plain = transform(x, RATE, seeds=[1, 2, 3, 4]).waveform
    x.requires_grad_()
    recorded = transform(x, RATE, seeds=[1, 2, 3, 4]).waveform
    assert torch.allclose(plain, recorded, atol=1e-12)
    recorded.square().sum().backward()
    assert x.grad is not None
    assert bool(torch.isfinite(x.grad).all())
    assert bool((x.grad.abs().sum(dim=(1, 2)) > 0).all())


def test_frozen_params_run_under_compile():
    """With graph breaks, which the documentation says, and with the same samples."""
    transform = Compose([augment.Gain(p=0.5), augment.PolarityInversion(), augment.Shift()])
    x = speechlike(3, 1, 500)
    params = transform.draw_items([1, 2, 3])
    expected = transform.apply(x, RATE, params).waveform
    compiled = torch.compile(lambda y: transform.apply(y, RATE, params).waveform, backend="eager")
    assert torch.equal(compiled(x), expected)


# ------------------------------------------------------------------------------------------- errors
def test_wrong_calls_are_told():
    x = speechlike(2, 1, 100)
    gain = augment.Gain()
    with pytest.raises(ValueError, match="seeds or a generator, not both"):
        gain(x, RATE, seeds=[1, 2], generator=3)
    with pytest.raises(ValueError, match="seeds must have one value an item, 2, got 3"):
        gain(x, RATE, seeds=[1, 2, 3])
    with pytest.raises(ValueError, match="params must have one dictionary an item, 2, got 1"):
        gain.apply(x, RATE, gain.draw(1))
    with pytest.raises(ValueError, match="they belong to another recipe"):
        gain.apply(x, RATE, augment.Reverse().draw(2))
    with pytest.raises(ValueError, match="lengths must lie between 0 and the 100 samples"):
        gain(x, RATE, lengths=[101, 2])
    with pytest.raises(ValueError, match=r"waveform must be \(batch, channels, time\)"):
        gain(x[None], RATE)
    with pytest.raises(TypeError, match="scale integers first"):
        gain(x.to(torch.int16), RATE)
    with pytest.raises(TypeError, match=r"gain_db must be a number or a distribution.*Uniform"):
        augment.Gain(gain_db=(1, 2))
    with pytest.raises(TypeError, match=r"transforms\[0\] must be a transform"):
        Compose([Uniform(1, 2)])


def test_an_empty_batch_stays_empty():
    result = Compose([augment.Gain(), augment.Shift()])(torch.zeros(0, 2, 50), RATE, seeds=[])
    assert result.waveform.shape == (0, 2, 50)
    assert result.params == []
