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
from audiolab.augment._shared_fields import shared_last
from audiolab.augment._sources import Source
from audiolab.augment.distributions import Uniform
from audiolab.augment.seeds import uniform
from audiolab.augment.single import WaveformTransform
from audiolab.augment.transform import Params

__all__ = ["ApplyImpulseResponse", "RoomSimulation"]

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


@shared_last
@dataclass(frozen=True, kw_only=True)
class ApplyImpulseResponse(WaveformTransform):
    """Convolve with a recorded impulse response.

    Parameters
    ----------
    source : path or NoiseBank
        Folder of responses, one file, or a bank. Channels are mixed.
    normalize : {"energy", "direct", "peak", "none"}, default: "energy"
        What of the response is made one, see `audiolab.room.normalize_rir`.
    align : bool, default: True
        Whether the direct sound is moved to sample zero, so that labels keep fitting.
    """

    source: Any = source()
    normalize: Literal["energy", "direct", "peak", "none"] = option(
        "energy", choices=("energy", "direct", "peak", "none")
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
        names = [each["response"] for each in params]
        responses = {name: self._response(name, sample_rate) for name in sorted(set(names))}
        return convolved(waveform, [responses[name] for name in names])

    def _response(self, name: str, sample_rate: int) -> torch.Tensor:
        """Return a response as it is used, ``(time,)`` float64."""
        key = (name, sample_rate, self.align, self.normalize)
        recordings: Source = self.source
        return recordings.kept(
            key, lambda: self._prepared(recordings.bank(sample_rate)[name], name, sample_rate)
        )

    def _prepared(self, response: torch.Tensor, name: str, sample_rate: int) -> torch.Tensor:
        rir = response.mean(dim=0).double()
        if not bool(rir.any()):
            raise ValueError(f"the impulse response {name!r} is silent")
        if self.align:
            rir = room.align_rir(rir, sample_rate)
        if self.normalize == "none":
            return rir
        if self.normalize == "energy":
            # numpy's sum, which no thread splits
            return rir / math.sqrt(float(np.square(rir.numpy()).sum()))
        return room.normalize_rir(rir, sample_rate, by=self.normalize)


@shared_last
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
        places: dict[str, Any] = {
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
        return convolved(waveform, _responses(params, sample_rate))


def _responses(params: Sequence[Params], sample_rate: int) -> list[torch.Tensor]:
    """Return the responses of rooms; their direct sound comes at once with a gain of one."""
    how = "absorption" if "absorption" in params[0] else "rt60_s"
    walls: dict[str, Any] = {how: [float(each[how]) for each in params]}
    places: dict[str, Any] = {
        name: torch.tensor([each[name] for each in params], dtype=torch.float64)
        for name in ("room_m", "source_m", "microphone_m")
    }
    rirs = room.shoebox_rir(**places, sample_rate=sample_rate, align=True, **walls)
    responses = []
    for rir, each in zip(rirs, params, strict=True):
        sides = zip(each["source_m"], each["microphone_m"], strict=True)
        distance = math.sqrt(sum((a - b) ** 2 for a, b in sides))
        # Rows end with zeros where others ring longer: those are not this room's.
        last = int(rir.nonzero()[-1]) + 1
        responses.append(rir[:last] * distance)
    return responses
