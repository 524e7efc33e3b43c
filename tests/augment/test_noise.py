"""Noise at an SNR: asked is measured, whatever the measure; loops; lengths; what is refused."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import metrics, signals
from audiolab.augment import add_noise, fit_noise, mix_noise

RATE = 16_000
MEASURES = ("power", "active", "a-weighted", "lufs")


def level(part: torch.Tensor, measure: str, *, speech: bool) -> float:
    if measure == "lufs":
        return float(metrics.loudness_lufs(part, RATE))
    if measure == "a-weighted":
        return float(metrics.a_weighted_db(part, RATE))
    if measure == "active" and speech:
        return float(metrics.active_level_db(part, RATE).level_db)
    return float(metrics.rms_db(part))


@settings(max_examples=25, deadline=None)
@given(
    snr_db=st.floats(-40.0, 60.0),
    measure=st.sampled_from(MEASURES),
    speech_gain=st.floats(0.1, 10.0),
    noise_gain=st.floats(1e-4, 1e4),
    seed=st.integers(0, 1000),
    noise_samples=st.integers(3000, 30_000),
)
def test_the_snr_asked_for_is_the_snr_measured(
    snr_db: float,
    measure: str,
    speech_gain: float,
    noise_gain: float,
    seed: int,
    noise_samples: int,
) -> None:
    time = torch.arange(12_000, dtype=torch.float64) / RATE
    speech = speech_gain * torch.sin(2 * math.pi * 3 * time) * torch.sin(900 * math.pi * time)
    noise = noise_gain * signals.pink_noise(
        noise_samples / RATE, RATE, generator=seed, dtype=torch.float64
    )
    mixture = mix_noise(speech, noise, snr_db, measure=measure, sample_rate=RATE, offset=seed)
    measured = level(mixture.clean, measure, speech=True)
    measured -= level(mixture.noisy - mixture.clean, measure, speech=False)
    assert measured == pytest.approx(snr_db, abs=1e-4)


@pytest.mark.parametrize("snr_db", [-20.0, 0.0, 3.0, 10.0, 20.0, 40.0])
def test_float32_measures_the_same(snr_db: float) -> None:
    speech, rate = signals.clip("speech_female")
    noise = signals.white_noise(1.0, rate, generator=1)
    noisy = add_noise(speech, noise, snr_db)
    # Samples are rounded to 2^-24 of the mixture, 100 dB below noise at 40 dB.
    assert float(metrics.snr_db(speech, noisy)) == pytest.approx(snr_db, abs=1e-4)


def test_the_classic_mistakes_are_not_made() -> None:
    speech, noise = torch.ones(4), torch.tensor([1.0, -1.0, 1.0, -1.0])
    mixture = mix_noise(speech, noise, 20.0)
    assert float(mixture.gain) == pytest.approx(0.1, rel=1e-6)  # not exp(-1)
    assert torch.equal(mixture.clean, speech)  # not half of it
    assert torch.allclose(mixture.noisy, torch.tensor([1.1, 0.9, 1.1, 0.9]))


def test_parts_add_up_to_the_bit() -> None:
    speech, noise = torch.randn(4, 2, 5000), torch.randn(3000)
    arguments = {"snr_db": torch.tensor([0.0, 5.0, 10.0, 70.0]), "lengths": [5000, 1, 300, 4000]}
    mixture = mix_noise(speech, noise, **arguments)
    assert torch.equal(mixture.noisy, mixture.clean + mixture.noise)
    assert torch.equal(mixture.noisy, add_noise(speech, noise, **arguments))


def test_channels_share_a_gain() -> None:
    speech = torch.randn(3, 2, 4000)
    noise = torch.randn(3, 2, 4000) * torch.tensor([1.0, 0.1])[:, None]
    part = mix_noise(speech, noise, 10.0).noise
    ratio = (part / noise).reshape(3, -1)
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-4)
    power = speech.square().sum((1, 2)) / part.square().sum((1, 2))
    assert torch.allclose(power, torch.tensor(10.0).expand(3), rtol=1e-5)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_item_does_not_know_its_batch(measure: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    speech = torch.randn(5, 1, 40_000, dtype=dtype)
    noise = torch.randn(5, 1, 30_001, dtype=dtype)
    lengths, offsets = [40_000, 20_000, 8000, 39_999, 12_345], [0, 7, 29_000, 30_000, 100]
    ratios = [0.0, 1.0, 5.0, 20.0, 40.0]
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            batch = add_noise(
                speech,
                noise,
                ratios,
                lengths=lengths,
                offset=offsets,
                measure=measure,
                sample_rate=RATE,
            )
        finally:
            torch.set_num_threads(1)
        results.append(batch)
    for i, end in enumerate(lengths):
        alone = add_noise(
            speech[i, :, :end],
            noise[i],
            ratios[i],
            offset=offsets[i],
            measure=measure,
            sample_rate=RATE,
        )
        for batch in results:
            assert torch.equal(batch[i, :, :end], alone)
            assert torch.equal(batch[i, :, end:], speech[i, :, end:])


def test_padding_is_neither_measured_nor_changed() -> None:
    speech = torch.cat([torch.randn(2, 1000), torch.full((2, 500), math.nan)], dim=-1)
    noise = torch.cat([torch.randn(1, 300), torch.full((1, 10), math.inf)], dim=-1)
    noisy = add_noise(speech, noise, 10.0, lengths=1000, noise_lengths=300)
    added = noisy[:, :1000] - speech[:, :1000]
    ratio = speech[:, :1000].square().sum(-1) / added.square().sum(-1)
    assert torch.allclose(ratio, torch.tensor(10.0).expand(2), rtol=1e-4)
    assert bool(noisy[:, 1000:].isnan().all())


def test_infinite_ratio_is_clean() -> None:
    speech = torch.randn(2, 100)
    noisy = add_noise(speech, torch.randn(100), torch.tensor([math.inf, 0.0]))
    assert torch.equal(noisy[0], speech[0])
    assert not torch.equal(noisy[1], speech[1])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_recorded_gradients_do_not_change_the_values(dtype: torch.dtype) -> None:
    speech, noise = torch.randn(3, 2, 700, dtype=dtype), torch.randn(3, 2, 300, dtype=dtype)
    ratios = torch.tensor([0.0, 10.0, 30.0], dtype=torch.float64)
    plain = add_noise(speech, noise, ratios, offset=20, crossfade_samples=32)
    taped = add_noise(
        speech.clone().requires_grad_(), noise, ratios, offset=20, crossfade_samples=32
    )
    assert taped.requires_grad
    assert torch.allclose(plain, taped.detach(), rtol=1e-5, atol=1e-6)


def test_gradients() -> None:
    torch.manual_seed(0)
    speech = torch.randn(2, 40, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(2, 17, dtype=torch.float64, requires_grad=True)
    ratios = torch.tensor([3.0, 12.0], dtype=torch.float64, requires_grad=True)

    def mixed(*inputs: torch.Tensor) -> torch.Tensor:
        return add_noise(*inputs, offset=5, crossfade_samples=4, lengths=[40, 30])

    assert torch.autograd.gradcheck(mixed, (speech, noise, ratios))


def test_half_precision() -> None:
    speech, noise = torch.randn(2, 500), torch.randn(2, 500)
    noisy = add_noise(speech.bfloat16(), noise.bfloat16(), 6.0)
    assert noisy.dtype == torch.bfloat16
    # bfloat16 keeps eight bits
    assert torch.allclose(noisy.float(), add_noise(speech, noise, 6.0), atol=0.05)


# ------------------------------------------------------------------------------------------ loops
@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 60),
    wanted=st.integers(0, 200),
    offset=st.integers(0, 100),
    join=st.integers(0, 80),
)
def test_loop_equals_its_definition(length: int, wanted: int, offset: int, join: int) -> None:
    noise = torch.randn(length, dtype=torch.float64)
    fitted = fit_noise(noise, wanted, offset=offset, crossfade_samples=join)
    start, join = offset % length, min(join, length // 2)
    period = length - join
    expected = []
    for n in range(start, start + wanted):
        if start + wanted <= length or n < period:
            expected.append(float(noise[n]))
            continue
        place = n % period
        value = float(noise[place])
        if place < join:
            angle = math.pi / 2 * (place + 0.5) / join
            value = math.sin(angle) * value + math.cos(angle) * float(noise[period + place])
        expected.append(value)
    np.testing.assert_allclose(fitted.numpy(), expected, atol=1e-12)
    taped = fit_noise(noise.requires_grad_(), wanted, offset=offset, crossfade_samples=join)
    np.testing.assert_allclose(taped.detach().numpy(), expected, atol=1e-12)


def test_loop_has_no_click() -> None:
    """The steps of a looped slow wander stay as small as they are inside."""
    noise = signals.brown_noise(0.5, RATE, generator=3, dtype=torch.float64)
    noise = noise[: RATE // 2 - 777]  # cut, so that its ends don't meet
    largest = float(noise.diff().abs().max())
    hard = fit_noise(noise, 4 * RATE, crossfade_samples=0)
    soft = fit_noise(noise, 4 * RATE, crossfade_samples=400)
    assert float(hard.diff().abs().max()) > 4 * largest
    assert float(soft.diff().abs().max()) < 1.2 * largest


def test_loop_keeps_its_power() -> None:
    noise = torch.randn(200, 1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    looped = fit_noise(noise, 2000, crossfade_samples=500)
    power = looped.square().mean(0).reshape(-1, 250).mean(-1)
    # 50000 independent samples a block: a deviation of 0.6 %.
    assert torch.allclose(power, torch.ones_like(power), atol=0.04)


# ---------------------------------------------------------------------------------------- refused
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speech": torch.zeros(2, 100)}, "speech is silent in item 0"),
        ({"noise": torch.zeros(100)}, "noise is silent in item 0"),
        (
            {"speech": torch.full((2, 100), math.nan)},
            "speech has NaN or infinite samples in item 0",
        ),
        ({"noise": torch.full((100,), math.inf)}, "noise has NaN or infinite"),
        ({"snr_db": math.nan}, "snr_db must be finite"),
        ({"snr_db": -math.inf}, "snr_db must be finite"),
        ({"snr_db": torch.tensor([1.0, math.nan])}, "snr_db must be finite"),
        (
            {"snr_db": torch.ones(3)},
            r"snr_db must be a number or have a value an item, shape \(2,\)",
        ),
        ({"noise": torch.ones(3, 100)}, "does not fit speech"),
        ({"noise": torch.ones(100, dtype=torch.float64)}, "same dtype and device"),
        ({"noise": torch.ones(0)}, "noise has no samples"),
        ({"speech": torch.ones(2, 2, 100), "noise": torch.ones(3, 100)}, "noise has 3 channels"),
        ({"speech": torch.ones(1, 100), "noise": torch.ones(2, 1, 100)}, "does not fit"),
        ({"measure": "loud"}, "measure must be one of"),
        ({"measure": "lufs"}, "needs sample_rate"),
        ({"measure": "lufs", "sample_rate": 16_000}, "0.4 s or more"),
        ({"sample_rate": 16_000, "noise_sample_rate": 8000}, r"resample\(noise, 8000, 16000\)"),
        ({"noise_sample_rate": 8000}, "give both"),
        ({"lengths": 101}, "lengths must be between 0 and 100"),
        ({"noise_lengths": 0}, "at least one sample"),
        ({"crossfade_samples": -1}, "crossfade_samples must be at least 0"),
        ({"offset": -1}, "offset must be at least 0"),
        ({"on_silence": "no"}, "on_silence must be one of"),
    ],
)
def test_what_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"speech": torch.ones(2, 100), "noise": torch.ones(100), "snr_db": 10.0} | change
    with pytest.raises(ValueError, match=message):
        add_noise(**arguments)


def test_types_are_refused() -> None:
    with pytest.raises(TypeError, match=r"speech must be a torch\.Tensor"):
        add_noise([0.0], torch.ones(1), 10.0)
    with pytest.raises(TypeError, match="noise must be floating point"):
        add_noise(torch.ones(3), torch.ones(3, dtype=torch.int16), 10.0)
    with pytest.raises(TypeError, match="whole numbers"):
        add_noise(torch.ones(3), torch.ones(3), 10.0, lengths=torch.tensor(2.0))


def test_silence_can_be_kept() -> None:
    speech = torch.stack([torch.zeros(100), torch.randn(100)])
    noisy = add_noise(speech, torch.randn(100), 10.0, on_silence="keep")
    assert torch.equal(noisy[0], speech[0])
    assert torch.equal(add_noise(speech[1], torch.zeros(9), 3.0, on_silence="keep"), speech[1])


def test_noise_below_the_gate_of_loudness_is_refused() -> None:
    speech, noise = torch.randn(RATE) * 0.01, torch.randn(RATE)
    with pytest.raises(ValueError, match="below -70 LUFS"):
        add_noise(speech, noise, 60.0, measure="lufs", sample_rate=RATE)


def test_longer_pauses_let_active_and_power_differ() -> None:
    speech, rate = signals.clip("speech_female")
    noise = signals.white_noise(1.0, rate, generator=0)
    padded = torch.cat([speech, torch.zeros(1, 20 * rate)], dim=-1)
    gains = {
        measure: [
            float(mix_noise(each, noise, 10.0, measure=measure, sample_rate=rate).gain)
            for each in (speech, padded)
        ]
        for measure in ("power", "active")
    }
    assert gains["active"][0] == pytest.approx(gains["active"][1], rel=0.02)
    assert gains["power"][0] > 2.0 * gains["power"][1]
    assert all(a >= b for a, b in pairwise(gains["power"]))
