"""The channels of an item among themselves. The clean twin follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from audiolab.augment._shared_fields import shared_last
from audiolab.augment.seeds import uniform
from audiolab.augment.single import WaveformTransform
from audiolab.augment.transform import Params

__all__ = ["ChannelShuffle"]


@shared_last
@dataclass(frozen=True, kw_only=True)
class ChannelShuffle(WaveformTransform):
    """Put the channels in another order, all orders equally likely."""

    name: ClassVar[str] = "channel_shuffle"
    ragged: ClassVar[bool] = True
    channelwise: ClassVar[bool] = False
    changes_clean: ClassVar[bool] = True
    noises: ClassVar[tuple[str, ...]] = ("order_seed",)

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        channels = range(waveform.shape[1])
        keys = [[uniform(each["order_seed"], f"channel {i}") for i in channels] for each in params]
        orders = [sorted(channels, key=row.__getitem__) for row in keys]
        index = torch.tensor(orders, device=waveform.device)
        return waveform.gather(1, index[..., None].expand_as(waveform))
