"""The recurrences beside scipy, beside a plain loop, beside their own scans, and differentiated."""

from __future__ import annotations

import subprocess
import sys

import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import effects
from audiolab.effects import lowpass
from audiolab.effects._recurrences import iir, iir_cascade, linear_recurrence
from audiolab.effects._recurrences.block_scan import scan_second_order
from audiolab.effects._recurrences.linear import scan_linear

#: Poles: two complex ones, two nearly on the unit circle, one, none.
A = torch.tensor([[-1.2, 0.5], [-1.9, 0.95], [0.3, 0.0], [0.0, 0.0]], dtype=torch.float64)


def case(time: int = 200, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return draw(4, time), draw(4, 3), A.clone(), draw(4, 2)


def test_iir_is_scipys_lfilter_with_its_state():
    x, b, a, state = case()
    y, after = iir(x, b, a, state)
    for row in range(4):
        expected, last = scipy.signal.lfilter(b[row], [1, *a[row]], x[row], zi=state[row])
        # Two orders of the same sums in float64; the poles at 0.97 amplify by 100.
        torch.testing.assert_close(y[row], torch.from_numpy(expected), rtol=0, atol=1e-11)
        torch.testing.assert_close(after[row], torch.from_numpy(last), rtol=0, atol=1e-11)


def test_iir_takes_shorter_coefficients_and_broadcasts_them():
    x = torch.randn(2, 3, 50, dtype=torch.float64)
    y, _ = iir(x, torch.tensor([0.5]), torch.tensor([-0.5]))
    expected = scipy.signal.lfilter([0.5], [1, -0.5], x.numpy())
    torch.testing.assert_close(y, torch.from_numpy(expected), rtol=0, atol=1e-14)
    none, _ = iir(x, torch.tensor([1.0]), torch.zeros(0))
    assert torch.equal(none, x)


def test_iir_cascade_is_scipys_sosfilt():
    x = torch.randn(2, 300, dtype=torch.float64)
    sos = torch.from_numpy(scipy.signal.butter(6, 0.2, output="sos"))
    y, states = iir_cascade(x, torch.cat([sos[:, :3], sos[:, 4:]], dim=-1))
    expected = scipy.signal.sosfilt(sos.numpy(), x.numpy())
    torch.testing.assert_close(y, torch.from_numpy(expected), rtol=0, atol=1e-13)
    assert states.shape == (2, 3, 2)
    same, none = iir_cascade(x, torch.zeros(0, 5))
    assert torch.equal(same, x)
    assert none.shape == (2, 0, 2)


@pytest.mark.parametrize("time", [0, 1, 2, 3, 63, 64, 65, 128, 1000])
def test_block_scan_is_the_loop(time):
    x, b, a, state = case(time)
    looped, last = iir(x, b, a, state)
    scanned, also_last = scan_second_order(x, torch.cat([b, a], dim=-1), state)
    torch.testing.assert_close(scanned, looped, rtol=0, atol=1e-10)
    torch.testing.assert_close(also_last, last, rtol=0, atol=1e-10)


@pytest.mark.parametrize("time", [0, 1, 2, 3, 9])
def test_gradients_and_gradients_of_gradients(time):
    arguments = [each.requires_grad_() for each in case(time)]
    assert torch.autograd.gradcheck(iir, arguments)
    assert torch.autograd.gradgradcheck(iir, arguments)


def test_the_scan_has_the_loops_gradients():
    x, b, a, state = case(150)
    given_ = [x, b, a, state]
    weights = torch.randn(4, 150, dtype=torch.float64)

    def gradients(scan: bool) -> tuple[torch.Tensor, ...]:
        leaves = [each.clone().requires_grad_() for each in given_]
        if scan:
            y, last = scan_second_order(leaves[0], torch.cat(leaves[1:3], dim=-1), leaves[3])
        else:
            y, last = iir(*leaves)
        return torch.autograd.grad((y * weights).sum() + last.sum(), leaves)

    for looped, scanned in zip(gradients(False), gradients(True), strict=True):
        torch.testing.assert_close(scanned, looped, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 70), min_size=1, max_size=6))
def test_a_stream_can_be_cut_anywhere(lengths):
    x, b, a, state = case(sum(lengths))
    whole, last = iir(x, b, a, state)
    parts = []
    for block in x.split(lengths, dim=-1):
        y, state = iir(block, b, a, state)
        parts.append(y)
    # The state passes through other roundings than the samples it stands for.
    torch.testing.assert_close(torch.cat(parts, dim=-1), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-12)


def test_float32_samples_have_a_float64_state():
    # 1 Hz at 48 kHz: with a state in float32, -30 dB and worse.
    x = torch.randn(1, 48_000, generator=torch.Generator().manual_seed(1))
    single = lowpass(x, 48_000, cutoff_hz=1.0)
    double = lowpass(x.double(), 48_000, cutoff_hz=1.0)
    assert single.dtype == torch.float32
    error = (single - double).abs().max() / double.abs().max()
    assert error < 1e-7  # the rounding of the output, half an ulp of float32


def test_half_precision_is_computed_in_single():
    x = torch.randn(2, 100, generator=torch.Generator().manual_seed(2)).to(torch.bfloat16)
    y, _ = iir(x, torch.tensor([0.2]), torch.tensor([-0.8]))
    expected, _ = iir(x.float(), torch.tensor([0.2]), torch.tensor([-0.8]))
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, expected.to(torch.bfloat16))


def test_what_dies_away_becomes_zero_and_not_denormal():
    x = torch.zeros(1, 20_000)
    x[0, 0] = 1.0
    y, state = iir(x, torch.tensor([1.0]), torch.tensor([-0.9]))
    assert y[0, 500] > 0
    assert torch.equal(state, torch.zeros(1, 2, dtype=torch.float64))
    tail = y[0, 2000:].double().abs()
    assert not ((tail > 0) & (tail < 1.2e-38)).any()
    s = linear_recurrence(torch.full((20_000,), 0.9), torch.zeros(20_000), torch.tensor(1.0))
    assert s[500] > 0
    assert not s[2000:].any()


def test_threads_change_nothing():
    x = torch.randn(8, 40_000, generator=torch.Generator().manual_seed(3))
    b, a = torch.tensor([0.1, 0.2, 0.1]), torch.tensor([-1.2, 0.5])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one, _ = iir(x, b, a)
        torch.set_num_threads(3)
        three, _ = iir(x, b, a)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one, three)


def test_rows_do_not_influence_each_other():
    x, b, a, state = case()
    x[1] = float("nan")
    y, _ = iir(x, b, a, state)
    alone, _ = iir(x[:1], b[:1], a[:1], state[:1])
    assert torch.equal(y[0], alone[0])
    assert torch.isnan(y[1]).all()


def test_operators_pass_torchs_own_checks():
    x, b, a, state = (each.requires_grad_() for each in case(20))
    coefficients = torch.cat([b, a], dim=-1).detach().requires_grad_()
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    arguments = (x, coefficients, state)
    torch.library.opcheck(torch.ops.audiolab.second_order, arguments, test_utils=checks)
    linear = (x.detach().sigmoid(), x, state[:, 0])
    torch.library.opcheck(torch.ops.audiolab.linear_recurrence, linear, test_utils=checks)


# ------------------------------------------------------------------------------ varying first order
def loop(a: torch.Tensor, b: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    found = []
    for n in range(b.shape[-1]):
        s = a[..., n] * s + b[..., n]
        found.append(s)
    return torch.stack(found, dim=-1) if found else b


@pytest.mark.parametrize("time", [0, 1, 2, 5, 33])
def test_linear_recurrence_is_a_plain_loop(time):
    generator = torch.Generator().manual_seed(time)
    a = torch.rand(2, 3, time, generator=generator, dtype=torch.float64)
    b = torch.randn(3, time, generator=generator, dtype=torch.float64)
    initial = torch.randn(2, 1, generator=generator, dtype=torch.float64)
    expected = loop(a, b.expand(2, 3, time), initial.expand(2, 3))
    torch.testing.assert_close(linear_recurrence(a, b, initial), expected, rtol=0, atol=1e-14)
    scanned = scan_linear(
        a.reshape(6, time), b.expand(2, 3, time).reshape(6, time), initial.expand(2, 3).reshape(6)
    )
    torch.testing.assert_close(scanned.reshape(2, 3, time), expected, rtol=0, atol=1e-13)


def test_linear_recurrence_is_differentiable_twice():
    generator = torch.Generator().manual_seed(5)
    a = torch.rand(2, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    b = torch.randn(2, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    initial = torch.randn(2, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_recurrence, (a, b, initial))
    assert torch.autograd.gradgradcheck(linear_recurrence, (a, b, initial))


def test_linear_recurrence_starts_at_zero_in_the_wider_dtype():
    s = linear_recurrence(torch.full((4,), 0.5), torch.ones(4, dtype=torch.float64))
    assert s.tolist() == [1.0, 1.5, 1.75, 1.875]


def test_a_plain_call_leaves_the_compiler_alone():
    code = (
        "import sys, torch\nfrom audiolab import effects\n"
        "effects.lowpass(torch.ones(1, 100), 8000, cutoff_hz=1000.0)\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_without_gradients_a_parameter_is_read_like_any_tensor():
    x = torch.nn.Parameter(torch.rand(2, 64))
    with torch.no_grad():
        y = effects.lowpass(x, 8000, cutoff_hz=1000.0)
    torch.testing.assert_close(y, effects.lowpass(x.detach(), 8000, cutoff_hz=1000.0))
