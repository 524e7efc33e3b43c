"""Draws, replays and determinism of the random layer."""

import json

import pytest
import torch

from audiolab import augment
from audiolab.augment import Compose, OneOf, SomeOf, Sometimes, Uniform

RATE = 16_000


def batch(items: int, channels: int = 2, time: int = 4000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return 0.3 * torch.randn(items, channels, time, generator=generator)


RECIPE = Compose(
    [
        augment.Gain(gain_db=Uniform(-6, 6), p=0.7),
        Sometimes([augment.LowPass(), augment.PolarityInversion()], p=0.5),
        OneOf(
            [augment.Peaking(), augment.SevenBandEqualizer(), augment.Shift()], weights=[1, 1, 2]
        ),
        SomeOf([augment.Reverse(), augment.HighShelf(), augment.GainTransition()], k=(0, 2)),
        Compose(
            [augment.NormalizePeak(), augment.RepeatPart(part_s=0.02), augment.Gain()], shuffle=True
        ),
    ]
)


def test_params_are_json_and_replay():
    x = batch(8)
    first = RECIPE(x, RATE, seeds=list(range(8)))
    params = json.loads(json.dumps(first.params))
    again = RECIPE.apply(x, RATE, params)
    assert torch.equal(first.waveform, again.waveform)
    assert first.lengths.tolist() == again.lengths.tolist()
    assert params == first.params


def test_an_item_depends_on_its_seed_alone():
    x = batch(8)
    together = RECIPE(x, RATE, seeds=list(range(8)))
    backwards = RECIPE(x.flip(0), RATE, seeds=list(range(8))[::-1])
    for index in range(8):
        alone = RECIPE(x[index], RATE, seeds=index)
        end = int(alone.lengths[0])
        assert end == together.lengths[index] == backwards.lengths[7 - index]
        assert torch.equal(alone.waveform, together.waveform[index, :, :end])
        assert torch.equal(alone.waveform, backwards.waveform[7 - index, :, :end])


def test_generator_makes_seeds():
    assert RECIPE.draw(3, 7) == RECIPE.draw(3, torch.Generator().manual_seed(7))
    assert RECIPE.draw(3, 7) != RECIPE.draw(3, 8)


def test_the_input_is_left_alone():
    x = batch(8)
    kept = x.clone()
    RECIPE(x, RATE, seeds=list(range(8)), return_clean=True)
    assert torch.equal(x, kept)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_bad_samples_are_told(bad: float):
    x = batch(2)
    x[1, 0, 3] = bad
    with pytest.raises(ValueError, match=r"waveform holds 1 value.*\(1, 0, 3\)"):
        RECIPE(x, RATE, seeds=[0, 1])
