"""What all deterministic functions promise: an item alone is the item in any batch, to the bit."""

import math
from collections.abc import Callable

import pytest
import torch

from audiolab import augment

RATE = 16_000

#: Each function of (waveform, per-item parameter); values an item; whether it takes lengths.
Function = Callable[..., torch.Tensor]
CASES: dict[str, tuple[Function, list[float], bool]] = {
    "gain": (lambda x, v, **_: augment.apply_gain(x, v), [0.0, -3.3, 7.7, 1.0, -40.0], False),
    "dc_offset": (augment.dc_offset, [0.1, -0.2, 0.0, 1e-3, 0.5], True),
    "gain_transition": (
        lambda x, v, **_: augment.gain_transition(
            x, RATE, start_gain_db=v, stop_gain_db=-6.0, start_s=0.1, duration_s=0.3
        ),
        [0.0, -3.3, 7.7, 1.0, -40.0],
        False,
    ),
    "normalize_rms": (augment.normalize_rms, [-10.0, -20.0, -3.0, 0.0, -33.0], True),
    "normalize_peak": (augment.normalize_peak, [-10.0, -20.0, -3.0, 0.0, -33.0], True),
    "normalize_loudness": (
        lambda x, v, **k: augment.normalize_loudness(x, RATE, v, **k),
        [-10.0, -20.0, -3.0, 0.0, -33.0],
        True,
    ),
    "bits": (lambda x, v, **_: augment.reduce_bit_depth(x, v), [1.0, 4.0, 8.0, 11.5, 16.0], False),
    "dither": (
        lambda x, v, **_: augment.reduce_bit_depth(
            x,
            v,
            dither="triangular",
            seeds=[int(99 * each) for each in torch.tensor(v).reshape(-1)],
        ),
        [1.0, 4.0, 8.0, 11.5, 16.0],
        False,
    ),
    "clip_db": (
        lambda x, v, **k: augment.clip_amplitude(x, threshold_db=v, **k),
        [-3.0, -6.0, 0.0, -20.0, -1.0],
        True,
    ),
    "clip_share": (
        lambda x, v, **k: augment.clip_amplitude(x, clipped_share=v, mode="soft", **k),
        [0.0, 0.1, 0.5, 0.01, 0.9],
        True,
    ),
    "tanh": (augment.tanh_distortion, [-20.0, 0.0, 10.0, 30.0, 3.0], True),
    "alias": (
        lambda x, v, **k: augment.alias(x, RATE, v, **k),
        [4000.0, 8000.0, 7999.5, 3000.0, 16_000.0],
        True,
    ),
    "drift": (augment.clock_drift, [100.0, -50.0, 0.0, 1.5, -10_000.0], True),
    "air": (
        lambda x, v, **k: augment.air_absorption(x, RATE, v, **k),
        [0.0, 10.0, 300.0, 1000.0, 5.0],
        True,
    ),
    "microphone": (
        lambda x, v, **k: augment.apply_microphone(
            x, RATE, "laptop", resonance_db=v, tilt_db_per_octave=0.5, **k
        ),
        [0.0, 6.0, -6.0, 1.0, 12.0],
        True,
    ),
    "speaker": (
        lambda x, v, **k: augment.small_speaker(x, RATE, resonance_hz=v, high_hz=6000.0, **k),
        [300.0, 800.0, 1000.0, 150.0, 90.0],
        True,
    ),
    "telephone": (
        lambda x, v, **k: augment.telephone(x, RATE, low_hz=v, companding="mu-law", **k),
        [300.0, 0.0, 200.0, 80.0, 400.0],
        True,
    ),
    "mask_time": (
        lambda x, v, **k: augment.mask_time(x, RATE, start_s=v, duration_s=0.2, **k),
        [0.0, 0.1, 0.5, 3.0, 0.33],
        True,
    ),
    "mask_frequency": (
        lambda x, v, **k: augment.mask_frequency(x, RATE, low_hz=v, high_hz=2000.0, **k),
        [0.0, 100.0, 500.0, 3000.0, 1900.0],
        True,
    ),
    "packets": (
        lambda x, v, **k: augment.packet_loss(
            x,
            RATE,
            augment.draw_packet_loss(
                60,
                loss_share=0.3,
                mean_burst=2.0,
                seeds=[int(each) for each in torch.tensor(v).reshape(-1)],
            ).reshape(*torch.tensor(v).shape, 60),
            **k,
        ),
        [1.0, 2.0, 3.0, 4.0, 5.0],
        True,
    ),
    "vorbis": (
        lambda x, v, **k: augment.codec_round_trip(x, RATE, "vorbis", bit_rate=v, **k),
        [32_000, 40_000, 48_000, 56_000, 64_000],
        True,
    ),
}
LENGTHS = [17_000, 9001, 16_384, 7000, 12_000]
NOT_DIFFERENTIABLE = {"vorbis"}
#: Their gradient is not the derivative of what they return, and says so.
STRAIGHT_THROUGH = {"bits", "dither", "telephone", "packets"}


@pytest.fixture
def batch() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(17_000) / RATE
    noise = torch.randn(5, 2, 17_000, generator=generator)
    return 0.1 * noise + 0.2 * torch.sin(2 * math.pi * 220 * time)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_item_does_not_know_its_batch(
    name: str, dtype: torch.dtype, batch: torch.Tensor
) -> None:
    function, values, takes_lengths = CASES[name]
    batch = batch.to(dtype)
    lengths = {"lengths": LENGTHS} if takes_lengths else {}
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            results.append(function(batch, values, **lengths))
        finally:
            torch.set_num_threads(1)
    assert torch.equal(results[0], results[1])
    assert results[0].dtype == dtype
    assert results[0].shape == batch.shape
    assert bool(results[0].isfinite().all())
    for i, value in enumerate(values):
        end = LENGTHS[i] if takes_lengths else batch.shape[-1]
        alone = function(batch[i : i + 1, :, :end], [value])
        assert torch.equal(results[0][i, :, :end], alone[0])
        if takes_lengths:
            assert torch.equal(results[0][i, :, end:], batch[i, :, end:])


#: Whether a sample is rounded up or down, or which period fits, may change with the last bit.
DECIDING = {"dither", "bits", "telephone", "packets"}


@pytest.mark.parametrize("name", [each for each in CASES if each not in DECIDING])
def test_float32_is_float64_rounded(name: str, batch: torch.Tensor) -> None:
    function, values, _ = CASES[name]
    single, double = function(batch, values), function(batch.double(), values)
    # Transforms of 2^15 samples in float32, and a loudness to 1e-4 dB: -100 dB of the loudest.
    scale = float(double.abs().max())
    assert float((single.double() - double).abs().max()) < 1e-5 * max(scale, 1.0)


@pytest.mark.parametrize("name", [each for each in CASES if each not in NOT_DIFFERENTIABLE])
def test_gradients_are_finite_and_right(name: str, batch: torch.Tensor) -> None:
    function, values, _ = CASES[name]
    x = batch[:, :1, :8000].double().requires_grad_()
    y = function(x, values)
    assert y.requires_grad
    plain = function(x.detach(), values)
    assert torch.allclose(y.detach(), plain, atol=1e-12)
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    (grad,) = torch.autograd.grad((weights * y).sum(), x)
    assert bool(grad.isfinite().all())
    assert float(grad.abs().max()) > 0
    if name in STRAIGHT_THROUGH:
        return
    # One direction, by differences, in items whose measured levels it leaves alone.
    step = 1e-6 * torch.randn(x.shape, generator=generator, dtype=torch.float64)
    change = (weights * (function(x.detach() + step, values) - plain)).sum()
    if name not in MEASURING:
        assert float((grad * step).sum()) == pytest.approx(float(change), rel=1e-3)


#: Factors that are measured count as constants.
MEASURING = {
    "normalize_rms",
    "normalize_peak",
    "normalize_loudness",
    "clip_share",
    "tanh",
    "speaker",
}


@pytest.mark.parametrize("name", CASES)
def test_shapes(name: str, batch: torch.Tensor) -> None:
    function, values, _ = CASES[name]
    if name == "dither":
        values = values[:1]
    whole = function(batch[:1], values[:1])
    if name not in ("normalize_loudness", "normalize_rms", "normalize_peak", "tanh", "vorbis"):
        # Channel by channel, where channels are not measured together.
        if name not in ("clip_share", "speaker", "dither"):
            assert torch.equal(function(batch[0, :1], values[:1])[0], whole[0, 0])
            assert torch.equal(function(batch[0, 0], values[0]), whole[0, 0])
        nested = function(batch[None, :1], [values[:1]])
        assert torch.equal(nested[0], whole)
    assert function(batch[:0], values[:0]).shape == (0, 2, 17_000)


@pytest.mark.parametrize("name", [each for each in CASES if each != "normalize_loudness"])
def test_half_precision(name: str, batch: torch.Tensor) -> None:
    function, values, _ = CASES[name]
    y = function(batch.bfloat16(), values)
    assert y.dtype == torch.bfloat16
    assert bool(y.isfinite().all())
