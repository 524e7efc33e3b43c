"""Rooms: recorded responses, and simulated boxes. The clean twin stays.

The direct sound arrives at once and with a gain of one, so that labels keep fitting, and a clean
twin is the direct sound of what a room was added to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch.nn.functional import pad

from audiolab import room
from audiolab.augment._fields import Amount, amount, option, source
from audiolab.augment.distributions import Uniform
from audiolab.augment.seeds import uniform
from audiolab.augment.single import WaveformTransform
from audiolab.augment.transform import Params

__all__ = ["ApplyImpulseResponse", "RoomSimulation"]

#: The direct sound: this long from its beginning.
_DIRECT_S = 0.0025
#: Source and microphone stay so far from walls.
_MARGIN_M = 0.3


def convolved(waveform: torch.Tensor, responses: Sequence[torch.Tensor]) -> torch.Tensor:
    """Convolve each item with its response ``(time,)``, whatever responses the others have."""
    sizes = [_size(each.shape[-1]) for each in responses]
    result = torch.empty_like(waveform)
    for size in sorted(set(sizes)):
        rows = [index for index, each in enumerate(sizes) if each == size]
        rir = torch.stack([pad(responses[i], (0, size - responses[i].shape[-1])) for i in rows])
        rir = rir.to(waveform.device, torch.promote_types(waveform.dtype, torch.float32))
        if len(rows) == len(responses):
            return room.reverberate(waveform, rir)
        index = torch.tensor(rows, device=waveform.device)
        result = result.index_copy(0, index, room.reverberate(waveform[index], rir))
    return result


def _size(taps: int) -> int:
    """Return a length of few kinds that holds so many taps: 2^k or 3 * 2^k.

    How a convolution is cut into transforms depends on the taps, and so do its last bits.
    """
    size = 1024
    while size < taps:
        size *= 2
    return size * 3 // 4 if size > 1024 and taps <= size * 3 // 4 else size


@dataclass(frozen=True, kw_only=True)
class ApplyImpulseResponse(WaveformTransform):
    """Convolve with a recorded impulse response.

    Parameters
    ----------
    source : path or NoiseBank
        Folder of responses, one file, or a bank.
    normalize : {"direct", "energy", "none"}, default: "energy"
        What is made one: the energy of the direct sound (2.5 ms from where it starts), that of the
        whole response, or nothing.
    align : bool, default: True
        Whether what is before the direct sound, the largest sample, is cut off.
    """

    source: Any = source()
    normalize: Literal["direct", "energy", "none"] = option(
        "energy", choices=("direct", "energy", "none")
    )
    align: bool = option(True, type=bool)

    name: ClassVar[str] = "apply_impulse_response"

    def _values(self, seed: int) -> dict[str, Any]:
        pick = self.source.pick(seed, "response")
        return {**super()._values(seed), "response": pick["name"]}

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        bank = self.source.bank(sample_rate)
        responses = [
            self._prepared(bank[each["response"]], each["response"], sample_rate) for each in params
        ]
        return convolved(waveform, responses)

    def _prepared(self, response: torch.Tensor, name: str, sample_rate: int) -> torch.Tensor:
        rir: torch.Tensor = response.mean(dim=0).double()
        direct = int(rir.abs().argmax())
        if not bool(rir[direct]):
            raise ValueError(f"the impulse response {name!r} is silent")
        if self.align:
            rir, direct = rir[direct:], 0
        if self.normalize == "none":
            return rir
        span = max(1, round(_DIRECT_S * sample_rate))
        part = rir[direct : direct + span] if self.normalize == "direct" else rir
        # numpy's sum, which no thread splits
        energy = float(np.square(part.numpy()).sum())
        return rir / math.sqrt(energy)


@dataclass(frozen=True, kw_only=True)
class RoomSimulation(WaveformTransform):
    """Put into a simulated box-shaped room, with source and microphone anywhere in it.

    Parameters
    ----------
    length_m : float or Distribution, default: Uniform(3, 8)
        Length of the room in metres.
    width_m : float or Distribution, default: Uniform(2.5, 6)
        Width in metres.
    height_m : float or Distribution, default: Uniform(2.4, 3.6)
        Height in metres.
    absorption : float or Distribution, default: Uniform(0.1, 0.5)
        Share of the energy that walls absorb.
    rt60_s : float or Distribution, optional
        Reverberation time in seconds that takes the place of `absorption`.
    """

    length_m: Amount = amount(Uniform(3.0, 8.0), low=1.0, high=100.0)
    width_m: Amount = amount(Uniform(2.5, 6.0), low=1.0, high=100.0)
    height_m: Amount = amount(Uniform(2.4, 3.6), low=1.0, high=100.0)
    absorption: Amount = amount(Uniform(0.1, 0.5), low=0.01, high=1.0)
    rt60_s: Amount | None = amount(None, low=0.0, above=True, high=20.0, optional=True)

    name: ClassVar[str] = "room_simulation"

    def _values(self, seed: int) -> dict[str, Any]:
        drawn = super()._values(seed)
        sides = [drawn.pop(name) for name in ("length_m", "width_m", "height_m")]
        walls = "absorption" if drawn["rt60_s"] is None else "rt60_s"
        places = {
            who: [
                _MARGIN_M + (side - 2 * _MARGIN_M) * uniform(seed, f"{who} {axis}")
                for axis, side in enumerate(sides)
            ]
            for who in ("source_m", "microphone_m")
        }
        return {"room_m": sides, walls: drawn[walls], **places}

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return convolved(waveform, [_response(each, sample_rate) for each in params])


def _response(params: Params, sample_rate: int) -> torch.Tensor:
    """Return the response of a room; its direct sound comes at once with a gain of one."""
    walls = {name: params[name] for name in ("absorption", "rt60_s") if name in params}
    rir = room.shoebox_rir(
        params["room_m"],
        params["source_m"],
        params["microphone_m"],
        sample_rate,
        align=True,
        **walls,
    )
    squares = [
        (a - b) ** 2 for a, b in zip(params["source_m"], params["microphone_m"], strict=True)
    ]
    distance: torch.Tensor = rir.reshape(-1) * sum(squares) ** 0.5
    return distance
