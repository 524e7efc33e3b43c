"""Padding, convolutions and overlap-add beside closed forms and the reference's functions."""

import pytest
import torch
from encodec.modules.conv import pad1d
from encodec.utils import _linear_overlap_add
from hypothesis import assume, given
from hypothesis import strategies as st

from audiolab.codec import _kernels
from audiolab.codec.layers import Conv, TransposedConv, conv_padding, pad_reflect
from audiolab.codec.segments import OverlapAdder, overlap_add, segment_scale


@given(st.integers(1, 40), st.integers(0, 12), st.integers(0, 12))
def test_reflection_of_any_length_is_the_reference_s(length: int, left: int, right: int) -> None:
    x = torch.arange(1.0, length + 1)[None, None]
    expected = pad1d(x, (left, right), mode="reflect")
    assert torch.equal(pad_reflect(x, left, right), expected)


def test_padding_of_the_published_models() -> None:
    symmetric = {(7, 1): (3, 3), (3, 1): (1, 1), (1, 1): (0, 0), (4, 2): (1, 1), (8, 4): (2, 2)}
    symmetric |= {(10, 5): (3, 2), (16, 8): (4, 4)}
    for (taps, stride), expected in symmetric.items():
        assert conv_padding(stride * 10, taps, stride, causal=False) == expected
        assert conv_padding(stride * 10, taps, stride, causal=True) == (taps - stride, 0)
    assert conv_padding(321, 16, 8, causal=True) == (8, 7)
    assert conv_padding(50, 3, 1, 4, causal=True) == (8, 0)


@given(st.integers(1, 200), st.sampled_from([(7, 1), (4, 2), (10, 5), (16, 8)]), st.booleans())
def test_lengths_out_of_a_convolution(length: int, shape: tuple[int, int], causal: bool) -> None:
    taps, stride = shape
    conv = Conv(2, 3, taps, stride, causal=causal, norm="weight_norm")
    with torch.no_grad():
        assert conv(torch.zeros(1, 2, length)).shape == (1, 3, -(-length // stride))
        back = TransposedConv(3, 2, stride, causal=causal, norm="none")
        assert back(torch.zeros(1, 3, length)).shape == (1, 2, length * stride)


def test_causal_layers_hear_no_future() -> None:
    x = torch.randn(1, 2, 60, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[..., 40:] += 1
    for layer in (
        Conv(2, 3, 7, causal=True, norm="none"),
        TransposedConv(2, 3, 5, causal=True, norm="weight_norm"),
    ):
        with torch.no_grad():
            a, b = layer(x), layer(changed)
        per_sample = a.shape[-1] // 60
        assert torch.equal(a[..., : 40 * per_sample], b[..., : 40 * per_sample])
        assert not torch.equal(a[..., 40 * per_sample :], b[..., 40 * per_sample :])


def test_weight_norm_is_gain_times_direction() -> None:
    conv = Conv(2, 3, 5, causal=True, norm="weight_norm")
    gain, direction = conv.conv.weight_g, conv.conv.weight_v
    expected = gain * direction / direction.norm(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(conv.conv.folded(), expected)
    torch.testing.assert_close(conv.conv.folded(), direction)  # at the start


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 50))
def test_overlap_add_is_the_reference_s(lengths: list[int], stride: int) -> None:
    # As in a file: whole segments, then a shorter one that doesn't end before its predecessor.
    size = max(lengths[0], stride)
    last = min(lengths[-1], size)
    assume(stride + last >= size)
    generator = torch.Generator().manual_seed(0)
    sizes = [size] * len(lengths) + [last]
    segments = [torch.randn(2, 1, n, generator=generator) for n in sizes]
    expected = _linear_overlap_add(segments, stride)
    torch.testing.assert_close(overlap_add(segments, stride), expected)


def test_overlap_add_of_equal_signals_changes_nothing() -> None:
    signal = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    segments = [signal[:, s : s + 300] for s in range(0, 1000, 250)]
    torch.testing.assert_close(overlap_add(segments, 250), signal)
    adder = OverlapAdder(250)
    adder.push(segments[0])
    with pytest.raises(ValueError, match="301 > 300"):
        adder.push(signal[:, :301])
    adder.push(signal[:, :10])
    with pytest.raises(ValueError, match="only the last segment"):
        adder.push(segments[0])
    with pytest.raises(ValueError, match="no segment"):
        OverlapAdder(250).finish()
    with pytest.raises(ValueError, match="at least 1"):
        OverlapAdder(0)


def test_scale_is_the_level_of_the_mix_until_it_cancels() -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, 4800, generator=generator)
    for share in (1.0, 0.5, 0.0, -0.5):
        pair = torch.stack([left, share * left + (1 - abs(share)) * right])[None]
        assert torch.equal(segment_scale(pair), segment_scale(pair, mend=False))
    pair = torch.stack([left, -left])[None]
    torch.testing.assert_close(segment_scale(pair)[0, 0, 0], left.square().mean().sqrt())
    silence = torch.zeros(1, 2, 100)
    assert float(segment_scale(silence)) == pytest.approx(1e-8)


def test_compiled_elu_is_exact_to_rounding() -> None:
    x = torch.cat([torch.linspace(-200, 200, 100_001), torch.linspace(-1e-3, 1e-3, 1001)])
    x = torch.cat([x, torch.tensor([0.0, -0.0, -1e-30, 1e30, -1e30, -17.4, -17.6])])
    out = torch.empty_like(x)
    _kernels.elu(x.numpy(), out.numpy())
    again = x.clone()
    _kernels.elu_in_place(again.numpy())
    assert torch.equal(again, out)
    exact = torch.nn.functional.elu(x.double())
    assert float((out - exact).abs().max()) < 6e-8
    negative = (x < 0) & (x > -1)
    relative = (out - exact).abs()[negative] / exact.abs()[negative]
    assert float(relative.max()) < 3e-7  # small values keep their digits


def test_compiled_moments() -> None:
    x = 3 + 0.01 * torch.randn(100_003, generator=torch.Generator().manual_seed(0))
    mean, variance = _kernels.moments(x.numpy())
    exact = x.double()
    assert mean == pytest.approx(float(exact.mean()), rel=1e-12)
    assert variance == pytest.approx(float(exact.var(correction=0)), rel=1e-9)


def test_compiled_lstm_cell_follows_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    gates = 3 * torch.randn(2, 32, generator=generator)
    gates[0, :4] = torch.tensor([-100.0, 100.0, 0.0, -20.0])
    cell = torch.randn(2, 8, generator=generator)
    enter, keep, new, leave = gates.double().chunk(4, dim=1)
    expected = keep.sigmoid() * cell.double() + enter.sigmoid() * new.tanh()
    hidden = torch.empty(2, 8)
    _kernels.lstm_cell(gates.numpy(), cell.numpy(), hidden.numpy())
    torch.testing.assert_close(cell.double(), expected, rtol=0, atol=5e-7)
    expected = leave.sigmoid() * expected.tanh()
    torch.testing.assert_close(hidden.double(), expected, rtol=0, atol=5e-7)
