"""Exported networks: which take any length, and what keeps the others at one."""

from __future__ import annotations

import pytest
import torch
from torch.export import Dim

from audiolab.codec import EncodecConfig, EncodecModel

FRAMES = 100
HOP = 40


def model(*, causal: bool, num_lstm_layers: int) -> EncodecModel:
    config = EncodecConfig(
        sample_rate=8_000, target_bandwidths=(1.5, 3.0), causal=causal,
        norm="weight_norm" if causal else "time_group_norm", num_filters=4, dimension=8,
        ratios=(5, 4, 2), num_lstm_layers=num_lstm_layers, codebook_size=64,
    )  # fmt: skip
    return EncodecModel.from_config(config, generator=0)


def noise(channels: int, length: int) -> torch.Tensor:
    return torch.randn(1, channels, length, generator=torch.Generator().manual_seed(length))


@pytest.mark.parametrize(("half", "causal"), [("encoder", True), ("decoder", False)])
def test_without_an_lstm_any_length(half: str, causal: bool):
    network = getattr(model(causal=causal, num_lstm_layers=0), half)
    channels, unit = (1, HOP) if half == "encoder" else (8, 1)
    example = (noise(channels, FRAMES * unit),)
    exported = torch.export.export(network, example, dynamic_shapes=({2: Dim.AUTO},)).module()
    for frames in (28, 101, 250):
        # Whole frames, and a sample more, which the encoder fills up.
        for length in {frames * unit, frames * unit + 1}:
            x = noise(channels, length)
            with torch.no_grad():
                assert torch.equal(exported(x), network(x))


def test_an_lstm_is_unrolled_so_the_length_is_that_of_the_example():
    networks = model(causal=True, num_lstm_layers=1)
    with pytest.raises(torch._dynamo.exc.UserError, match=r"specialized it to be a constant"):
        torch.export.export(
            networks.decoder, (noise(8, FRAMES),), dynamic_shapes=({2: Dim("frames", min=7)},)
        )
