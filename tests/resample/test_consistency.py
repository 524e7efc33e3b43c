"""Shape, batch, dtype, gradient, vmap: what a tensor function owes its callers."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch

from audiolab.resample import METHODS, FilterDesign, Resample, output_length, resample
from audiolab.resample.rates import rate_ratio

OURS = ("audiolab", "audiolab_minimum_phase", "audiolab_brickwall")
DIFFERENTIABLE = [name for name, method in METHODS.items() if method.differentiable]
RATES = [(3, 2), (160, 441), (44_100, 16_001), (8000.5, 16_000)]


def noise(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("method", METHODS)
def test_leading_dimensions_are_a_batch(method: str):
    orig, new = (44_100, 16_000)
    x = noise(2, 3, 700, dtype=torch.float32)
    y = resample(x, orig, new, method=method)
    assert y.shape == (2, 3, output_length(700, orig, new))
    for i in range(2):
        for j in range(3):
            # batched transforms and products may round in another order than single ones
            torch.testing.assert_close(
                y[i, j], resample(x[i, j], orig, new, method=method), rtol=0, atol=2e-6
            )


@pytest.mark.parametrize(("orig", "new"), RATES)
@pytest.mark.parametrize("method", OURS)
def test_batch_items_do_not_touch_each_other(method: str, orig: float, new: float):
    x = noise(40, 9000)
    x[1] *= 1e6
    y = resample(x, orig, new, method=method)
    for item in (0, 1, 39):
        alone = resample(x[item], orig, new, method=method)
        torch.testing.assert_close(y[item], alone, rtol=0, atol=1e-9 * float(alone.abs().max()))


@pytest.mark.parametrize("method", METHODS)
def test_dtype_and_input_are_kept(method: str):
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        x = noise(2, 400).to(dtype)
        before = x.clone()
        y = resample(x, 32_000, 16_000, method=method)
        assert y.dtype == dtype
        assert torch.equal(x, before)
        full = resample(x.double(), 32_000, 16_000, method=method)
        # half precision and FFmpeg's single precision round the output
        limit = {torch.float16: 4e-3, torch.bfloat16: 4e-2}.get(dtype, 2e-5)
        torch.testing.assert_close(y.double(), full, rtol=0, atol=limit)


@pytest.mark.parametrize(("orig", "new"), RATES)
@pytest.mark.parametrize("method", OURS)
def test_single_precision_is_double_precision_rounded(method: str, orig: float, new: float):
    x = noise(2, 5000, dtype=torch.float32)
    single = resample(x, orig, new, method=method).double()
    double = resample(x.double(), orig, new, method=method)
    error = (single - double).square().mean() / double.square().mean()
    # white noise carries more of the first transform's rounding than tones: -134 instead of -137
    assert 10 * error.log10() < -133


def test_strides_do_not_matter():
    x = noise(5, 3, 801)
    for view in (x[:, 1], x.transpose(0, 1), x[..., ::2], x.flip(-1), x[:1].expand(4, 3, 801)):
        torch.testing.assert_close(
            resample(view, 3, 2), resample(view.contiguous(), 3, 2), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("method", METHODS)
def test_equal_rates_change_nothing(method: str):
    x = noise(2, 10)
    assert resample(x, 16_000, 16_000, method=method) is x
    assert resample(x, 16_000.0, 16_000, method=method) is x


@pytest.mark.parametrize("num_in", [1, 2, 50])
@pytest.mark.parametrize(("orig", "new"), [*RATES, (7, 1), (1, 7)])
@pytest.mark.parametrize("method", ["audiolab", "audiolab_minimum_phase", "linear"])
def test_gradcheck(method: str, orig: float, new: float, num_in: int):
    x = noise(2, num_in).requires_grad_()

    def call(x: torch.Tensor) -> torch.Tensor:
        return resample(x, orig, new, method=method)

    assert torch.autograd.gradcheck(call, (x,), fast_mode=num_in > 2)
    assert torch.autograd.gradgradcheck(call, (x,), fast_mode=True)


# torch scripts its own formulas when forward mode is first used, and warns about it
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")
@pytest.mark.parametrize(("orig", "new"), RATES)
@pytest.mark.parametrize("method", OURS)
@pytest.mark.parametrize("threads", [1, 2])
def test_forward_mode(method: str, orig: float, new: float, threads: int):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        check_forward_mode(method, orig, new)
    finally:
        torch.set_num_threads(before)


def check_forward_mode(method: str, orig: float, new: float) -> None:
    x, tangent = noise(2, 300), noise(2, 300, seed=1)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, tangent)
        out = torch.autograd.forward_ad.unpack_dual(resample(dual, orig, new, method=method))
    assert torch.equal(out.primal, resample(x, orig, new, method=method))
    assert torch.equal(out.tangent, resample(tangent, orig, new, method=method))


@pytest.mark.parametrize(("orig", "new"), RATES)
def test_gradient_is_the_transposed_definition(
    orig: float, new: float, definition: Callable[..., torch.Tensor]
):
    num_in = 900
    num_out = output_length(num_in, orig, new)
    x = noise(num_in).requires_grad_()
    weights = noise(num_out, seed=1)
    (gradient,) = torch.autograd.grad(resample(x, orig, new) @ weights, x)
    expected = weights @ definition(num_in, num_out, rate_ratio(orig, new))
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("method", OURS)
def test_adjoint(method: str):
    # <y, R x> = <R' y, x> for every filter, also where the kernel is not symmetric
    for orig, new in RATES:
        x = noise(3, 2000).requires_grad_()
        y = resample(x, orig, new, method=method)
        other = noise(*y.shape, seed=4)
        (back,) = torch.autograd.grad(y, x, other)
        left, right = (y * other).sum(), (x * back).sum()
        assert abs(left - right) < 1e-8 * y.norm() * other.norm()


@pytest.mark.parametrize("method", DIFFERENTIABLE)
def test_gradients_reach_the_input(method: str):
    x = noise(2, 300, dtype=torch.float32).requires_grad_()
    resample(x, 3, 2, method=method).square().sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert float(x.grad.abs().min(dim=-1).values.max()) > 0


@pytest.mark.parametrize("method", sorted(set(METHODS) - set(DIFFERENTIABLE)))
def test_a_missing_gradient_is_an_error_not_a_silence(method: str):
    x = noise(2, 300).requires_grad_()
    with pytest.raises(ValueError, match=r"has no gradient.*method='audiolab'"):
        resample(x, 32_000, 16_000, method=method)
    with torch.no_grad():
        assert resample(x, 32_000, 16_000, method=method).shape == (2, 150)


def test_infinite_gradients_pass():
    # a gradient scaler relies on seeing them; only inputs are checked
    x = noise(300).requires_grad_()
    (back,) = torch.autograd.grad(resample(x, 3, 2), x, torch.full((200,), float("inf")).double())
    assert not bool(back.isfinite().all())


@pytest.mark.parametrize(("orig", "new"), RATES)
def test_vmap_and_function_transforms(orig: float, new: float):
    from audiolab.resample.bandlimited import bandlimited

    ratio, design = rate_ratio(orig, new), FilterDesign()
    length = output_length(200, orig, new)

    def call(x: torch.Tensor) -> torch.Tensor:
        return bandlimited(x, ratio, design, length)

    x = noise(4, 200)
    torch.testing.assert_close(torch.func.vmap(call)(x), call(x), rtol=0, atol=1e-9)
    jacobian = torch.func.jacrev(call)(x[0])
    torch.testing.assert_close(jacobian @ x[0], call(x[0]), rtol=0, atol=1e-8)
    per_item = torch.func.vmap(torch.func.grad(lambda x: call(x).square().sum()))(x)
    assert per_item.shape == x.shape


def test_module_is_the_function():
    module = Resample(44_100, 16_000)
    x = noise(2, 900)
    assert torch.equal(module(x), resample(x, 44_100, 16_000))
    assert torch.equal(pickle.loads(pickle.dumps(module))(x), module(x))
    assert torch.equal(copy.deepcopy(module)(x), module(x))
    assert dict(module.state_dict()) == {}
    assert "44100 -> 16000 Hz, method='audiolab'" in repr(module)
    shaped = Resample(3, 2, design=FilterDesign(pass_edge=0.8))
    assert torch.equal(shaped(x), resample(x, 3, 2, design=FilterDesign(pass_edge=0.8)))
    assert not torch.allclose(shaped(x), resample(x, 3, 2))
    with pytest.raises(ValueError, match="design does not apply"):
        Resample(3, 2, method="soxr_hq", design=FilterDesign())


def test_results_do_not_depend_on_the_number_of_threads():
    x = noise(8, 60_000, dtype=torch.float32)
    one = resample(x, 44_100, 16_000)
    torch.set_num_threads(2)
    try:
        two = resample(x, 44_100, 16_000)
    finally:
        torch.set_num_threads(1)
    torch.testing.assert_close(one, two, rtol=0, atol=2e-6)


def test_inference_mode_leaves_nothing_behind():
    design = FilterDesign(pass_edge=0.77)  # a response that nothing has cached yet
    with torch.inference_mode():
        resample(noise(500), 3, 2, design=design)
    x = noise(500).requires_grad_()
    resample(x, 3, 2, design=design).sum().backward()
    assert x.grad is not None


def test_on_the_meta_default_device():
    with torch.device("meta"):
        design = FilterDesign(pass_edge=0.78)
        y = resample(noise_on_cpu(), 3, 2, design=design)
    assert y.device.type == "cpu"


def noise_on_cpu() -> torch.Tensor:
    return torch.ones(300, device="cpu")
