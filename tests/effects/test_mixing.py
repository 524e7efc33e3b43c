"""Channels: closed forms, batches, gradients, words."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from audiolab.effects import EffectsChain, change_channels, divide, oops, remix, swap
from audiolab.effects.sox import EffectSyntaxError, parse_effect


def waves(channels: int, *leading: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*leading, channels, 50, generator=generator, dtype=torch.float64)


def test_change_channels_takes_means_and_repeats():
    waveform = waves(5)
    three = change_channels(waveform, 3)
    assert torch.equal(three[0], (waveform[0] + waveform[3]) / 2)
    assert torch.equal(three[2], waveform[2])
    assert torch.equal(change_channels(waveform[:2], 5), waveform[[0, 1, 0, 1, 0]])


def test_swap_is_its_own_inverse():
    waveform = waves(5)
    assert torch.equal(swap(swap(waveform)), waveform)
    assert torch.equal(swap(waveform)[4], waveform[4])


def test_oops_removes_the_centre():
    centre = waves(1).expand(2, -1)
    assert oops(centre).abs().max() == 0
    with pytest.raises(ValueError, match="needs 2 channels"):
        oops(waves(1))


def test_divide_holds_the_last_quotient():
    waveform = torch.tensor([[0.0, 2.0, 0.0, 4.0], [1.0, 1.0, 7.0, 2.0]])
    assert torch.equal(divide(waveform)[1], torch.tensor([0.0, 0.5, 0.5, 0.5]))


def test_remix_with_a_matrix_for_each_item():
    batch, matrices = waves(2, 3), torch.randn(3, 4, 2, dtype=torch.float64)
    mixed = remix(batch, matrices)
    for item, matrix, expected in zip(batch, matrices, mixed, strict=True):
        assert torch.allclose(remix(item, matrix), expected)


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("remix 1,2 0", [[0.5, 0.5], [0, 0]]),
        ("remix -p 1,2", [[0.5**0.5] * 2]),
        ("remix 1,2v0.8", [[1, 0.8]]),
        ("remix -a 1,2v0.8", [[0.5, 0.8]]),
        ("remix -m 1,2", [[1, 1]]),
        ("remix 1i,2p-20", [[-1, 0.1]]),
        ("remix 2-1 -", [[0.5, 0.5], [0.5, 0.5]]),
        ("remix 1,1", [[1, 0]]),
    ],
)
def test_remix_words_spell_a_matrix(line, rows):
    effect = parse_effect(line.split())
    assert torch.allclose(effect.matrix(2), torch.tensor(rows, dtype=torch.float64))


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("remix", "at least one output"),
        ("remix 0,1", "0 stands alone"),
        ("remix 1x", "volume begins with"),
        ("remix 1v2p3", "not a number"),
        ("remix abc", "not a channel"),
        ("channels 0", "outside"),
        ("channels 1.5", "whole number"),
        ("swap 1", "no further argument"),
    ],
)
def test_mistakes_point(line, part):
    with pytest.raises(EffectSyntaxError, match=part):
        EffectsChain(line)


def test_missing_channels_are_named():
    with pytest.raises(ValueError, match="only 2 channels"):
        EffectsChain("remix 3")(waves(2), 8000)
    with pytest.raises(ValueError, match=r"matrix must be \(..., outputs, 2\)"):
        remix(waves(2), torch.eye(3))
    with pytest.raises(ValueError, match="at least 2 dimension"):
        swap(torch.zeros(5))
    with pytest.raises(ValueError, match="num_channels"):
        change_channels(waves(2), 0)


@pytest.mark.parametrize("line", ["channels 1", "swap", "oops", "remix 1,2v0.3 -", "divide"])
def test_gradients(line):
    chain = EffectsChain(line, sample_rate=8000)
    waveform = waves(2)[:, :6].clone().requires_grad_()
    assert gradcheck(chain, (waveform,))
