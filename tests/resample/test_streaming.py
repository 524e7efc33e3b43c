"""A stream gives what the whole gives, whatever the chunks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.resample import FilterDesign, StreamResampler, resample

METHODS = ("audiolab", "audiolab_minimum_phase", "audiolab_brickwall")
RATES = [(44_100, 16_000), (16_000, 44_100), (48_000, 16_000), (44_100, 16_001), (8000, 8000.5)]


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def run(stream: StreamResampler, x: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """Push chunks of the given sizes, over and over, until x is used up."""
    parts, position, turn = [], 0, 0
    while position < x.shape[-1]:
        size = sizes[turn % len(sizes)]
        parts.append(stream.push(x[..., position : position + size]))
        position, turn = position + size, turn + 1
    return torch.cat([*parts, stream.finish()], dim=-1)


@settings(max_examples=60, deadline=None)
@given(
    rates=st.sampled_from(RATES),
    method=st.sampled_from(METHODS),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    num_in=st.integers(1, 4000),
    sizes=st.lists(st.integers(0, 1500), min_size=1, max_size=6).filter(lambda s: sum(s) > 50),
)
def test_stream_equals_whole(
    rates: tuple[float, float], method: str, dtype: torch.dtype, num_in: int, sizes: list[int]
):
    x = noise(2, num_in, dtype=dtype)
    whole = resample(x, *rates, method=method)
    parts = run(StreamResampler(*rates, method=method), x, sizes)
    assert parts.shape == whole.shape
    assert parts.dtype == dtype
    # rounding in float32; the stop band's 200 dB in float64
    limit = 1e-6 if dtype == torch.float32 else 1e-9
    assert float((parts - whole).abs().max()) <= limit * float(x.abs().max())


@pytest.mark.parametrize(("orig", "new"), RATES)
def test_one_sample_at_a_time(orig: float, new: float):
    x = noise(300)
    torch.testing.assert_close(
        run(StreamResampler(orig, new), x, [1]), resample(x, orig, new), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("orig", "new"), RATES)
def test_latency_is_what_it_says(method: str, orig: float, new: float):
    stream = StreamResampler(orig, new, method=method)
    num_in, num_out = 0, 0
    for size in (100, 1, 5000, 37, 2000):
        num_in += size
        num_out += stream.push(noise(size)).shape[-1]
        waiting_s = num_in / orig - num_out / new
        assert waiting_s <= stream.latency_s + 1 / orig + 1 / new or num_out == 0
    # and no output was made up before its inputs were there
    assert num_out / new <= num_in / orig - stream.latency_s + 1 / new
    assert (stream.latency_s < 1.1e-3) == (method == "audiolab_minimum_phase")


def test_memory_is_the_reach_of_the_kernel():
    stream = StreamResampler(44_100, 16_000)
    for _ in range(50):
        stream.push(noise(2, 4410))
        assert stream._held is not None
        assert stream._held.shape[-1] < 1000
        assert stream._held.untyped_storage().nbytes() < 2 * 8 * 1000


def test_finish_and_reset_begin_anew():
    x = noise(2, 3000)
    stream = StreamResampler(3, 2)
    first = run(stream, x, [700])
    assert torch.equal(run(stream, x, [700]), first)
    stream.push(x[:, :55])
    stream.reset()
    assert torch.equal(run(stream, x, [700]), first)
    stream.push(x[0].float())  # another shape and type after reset
    stream.reset()


def test_equal_rates_pass_through():
    stream = StreamResampler(16_000, 16_000)
    x = noise(2, 100)
    assert stream.latency_s == 0
    assert torch.equal(run(stream, x, [33]), x)


def test_another_filter():
    design = FilterDesign(pass_edge=0.6, attenuation_db=80)
    x = noise(2000)
    stream = StreamResampler(3, 2, design=design)
    assert stream.latency_s < StreamResampler(3, 2).latency_s / 5
    # the stop band of this filter, 80 dB, bounds what depends on the block
    torch.testing.assert_close(
        run(stream, x, [100]), resample(x, 3, 2, design=design), rtol=0, atol=1e-3
    )


def test_chunks_that_do_not_fit():
    stream = StreamResampler(3, 2)
    with pytest.raises(ValueError, match="needs at least one push"):
        stream.finish()
    stream.push(noise(2, 100))
    with pytest.raises(ValueError, match="chunk must continue the stream"):
        stream.push(noise(3, 100))
    with pytest.raises(ValueError, match="chunk must continue the stream"):
        stream.push(noise(2, 100).float())
    with pytest.raises(TypeError, match="chunk must be floating point"):
        stream.push(torch.zeros(2, 100, dtype=torch.int16))
    with pytest.raises(ValueError, match="NaN or infinite"):
        stream.push(torch.full((2, 100), float("nan"), dtype=torch.float64))
    # the refused chunks left no trace
    assert stream.push(noise(2, 0)).shape[0] == 2
    with pytest.raises(ValueError, match="method must be one of"):
        StreamResampler(3, 2, method="soxr_hq")
    with pytest.raises(ValueError, match="design applies to"):
        StreamResampler(3, 2, method="audiolab_brickwall", design=FilterDesign())
    with pytest.raises(ValueError, match="new_rate must be above 0"):
        StreamResampler(3, 0)
