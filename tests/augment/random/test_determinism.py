"""An item's result depends on its seed alone: batch, order, padding, threads, to the last bit."""

import json

import pytest
import torch

from audiolab.augment.transform import REGISTRY, Transform

from .conftest import RATE, speechlike

NAMES = sorted(name for name, cls in REGISTRY.items() if cls.__module__.startswith("audiolab"))
COUNT = 5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("threads", [1, 2])
def test_alone_in_a_batch_and_in_another_order(
    name: str, threads: int, every: dict[str, Transform]
):
    transform, x = every[name], speechlike(COUNT, 2)
    torch.set_num_threads(threads)
    try:
        together = transform(x, RATE, seeds=list(range(COUNT)))
        backwards = transform(x.flip(0), RATE, seeds=list(range(COUNT))[::-1])
    finally:
        torch.set_num_threads(1)
    for index in range(COUNT):
        alone = transform(x[index], RATE, seeds=index)
        end = int(alone.lengths[0])
        assert int(together.lengths[index]) == int(backwards.lengths[COUNT - 1 - index]) == end
        assert torch.equal(together.waveform[index, :, :end], alone.waveform)
        assert torch.equal(backwards.waveform[COUNT - 1 - index, :, :end], alone.waveform)
        assert not together.waveform[index, :, end:].any()


@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_nothing(name: str, every: dict[str, Transform]):
    transform, x = every[name], speechlike(COUNT, 1)
    lengths = [9000, 7777, 6400, 1000, 9000]
    garbage = x.clone()
    for index, end in enumerate(lengths):
        garbage[index, :, end:] = 123.0
    result = transform(garbage, RATE, seeds=list(range(COUNT)), lengths=lengths)
    for index, end in enumerate(lengths):
        alone = transform(x[index, :, :end], RATE, seeds=index)
        after = int(alone.lengths[0])
        assert int(result.lengths[index]) == after
        assert torch.equal(result.waveform[index, :, :after], alone.waveform)
        assert not result.waveform[index, :, after:].any()


@pytest.mark.parametrize("name", NAMES)
def test_params_are_json_and_replay(name: str, every: dict[str, Transform]):
    transform, x = every[name], speechlike(3, 1)
    first = transform(x, RATE, seeds=[1, 2, 3], return_clean=True)
    params = json.loads(json.dumps(first.params, allow_nan=False))
    assert params == first.params
    again = transform.apply(x, RATE, params, return_clean=True)
    assert torch.equal(first.waveform, again.waveform)
    assert first.clean is not None
    assert again.clean is not None
    assert torch.equal(first.clean, again.clean)
    assert first.clean.shape == first.waveform.shape


@pytest.mark.parametrize("name", NAMES)
def test_dtype_and_finite(name: str, every: dict[str, Transform]):
    for dtype in (torch.float32, torch.float64):
        x = speechlike(2, 1).to(dtype)
        result = every[name](x, RATE, seeds=[1, 2])
        assert result.waveform.dtype == dtype
        assert bool(torch.isfinite(result.waveform).all())


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_short_items(name: str, every: dict[str, Transform]):
    """Neither silence, nor one sample, nor none stops a run."""
    silent = every[name](torch.zeros(1, 1, 8000), RATE, seeds=[1])
    assert bool(torch.isfinite(silent.waveform).all())
    for time in (0, 1, 7):
        short = every[name](torch.full((1, 1, time), 0.1), RATE, seeds=[1])
        assert bool(torch.isfinite(short.waveform).all())
        assert short.lengths.tolist() == [short.waveform.shape[-1]]
