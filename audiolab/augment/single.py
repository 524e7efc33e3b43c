"""Single transforms: those that change samples, those that scale, those that move in time.

A transform of one's own is a dataclass that derives from one of the three classes here, declares
its parameters with `amount` and `option`, and has a ``name``; recipes know it from then on.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from torch.nn.functional import pad

from audiolab.augment._fields import option
from audiolab.augment._flow import Flow, cleared, stacked
from audiolab.augment.seeds import derived_seed, noise_seed, uniform
from audiolab.augment.targets import TimeMap
from audiolab.augment.transform import Params, Transform

__all__ = ["LevelTransform", "TimeTransform", "WaveformTransform", "column"]

Mode: TypeAlias = Literal["per_example", "per_batch", "per_channel"]
MODES = ("per_example", "per_batch", "per_channel")


@dataclass(frozen=True, kw_only=True)
class WaveformTransform(Transform):
    """A single transform: override `_change`, and declare parameters.

    Parameters
    ----------
    p : float, default: 1.0
        Probability that it is applied to an item (to a channel, where channels draw).
    mode : {"per_example", "per_batch", "per_channel"}, default: "per_example"
        What shares a draw: the channels of an item; all items of a call, by the seed of the first;
        or nothing, every channel having its own.
    on_clean : bool, optional
        Whether the clean twin changes too; by default what the class says.
    """

    mode: Mode = option("per_example", choices=MODES)
    on_clean: bool | None = option(None, type=bool, optional=True)

    #: Whether the clean twin changes too, unless `on_clean` says.
    changes_clean: ClassVar[bool] = False
    #: Whether padding can't change an item's samples, so that items of any length run at once.
    ragged: ClassVar[bool] = False
    #: Whether channels may draw for themselves.
    channelwise: ClassVar[bool] = True
    #: Names of places within an item, drawn uniformly from [0, 1).
    positions: ClassVar[tuple[str, ...]] = ()
    #: Names of seeds for generators of noise.
    noises: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode == "per_channel" and not self.channelwise:
            raise ValueError(f"mode: {self.name} moves all channels together, not 'per_channel'")

    @abstractmethod
    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        """Return changed items.

        Parameters
        ----------
        waveform : Tensor
            Items to change, ``(items, channels, time)``; not to be written to. Unless the class is
            `ragged`, all are as long as the time axis.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What was drawn for each.
        lengths : sequence of int
            Valid samples of each.

        Returns
        -------
        Tensor
            The changed items, of the same shape.
        """

    def _values(self, seed: int) -> dict[str, Any]:
        """Draw what belongs to a seed; a class with further rules adds them here.

        Parameters
        ----------
        seed : int
            Seed of this transform for one item or channel.

        Returns
        -------
        dict
            Plain data by name.
        """
        drawn: dict[str, Any] = {}
        for field, described in self._fields():
            if described.kind == "amount":
                distribution = getattr(self, field)
                drawn[field] = (
                    None if distribution is None else described.draw(distribution, seed, field)
                )
        drawn |= {name: uniform(seed, name) for name in self.positions}
        drawn |= {name: noise_seed(seed, name) for name in self.noises}
        return drawn

    def _draw(self, seed: int, batch_seed: int, num_channels: int) -> dict[str, Any]:
        if self.mode == "per_channel":
            channels = [self._maybe(derived_seed(seed, index)) for index in range(num_channels)]
            applied = any(each["applied"] for each in channels)
            return {"transform": self.name, "applied": applied, "channels": channels}
        own = batch_seed if self.mode == "per_batch" else seed
        return {"transform": self.name, **self._maybe(own)}

    def _maybe(self, seed: int) -> dict[str, Any]:
        applied = uniform(seed, "p") < self.p
        return {"applied": applied, **(self._values(seed) if applied else {})}

    def _run(self, flow: Flow, params: Sequence[Params | None]) -> None:
        chosen = [
            index
            for index, each in enumerate(params)
            if each is not None and self._check_params(each)
        ]
        if not chosen:
            return
        own = [params[index] or {} for index in chosen]
        if self.mode == "per_channel":
            self._run_channels(flow, chosen, own)
        else:
            self._run_items(flow, chosen, own)

    def _run_channels(self, flow: Flow, chosen: Sequence[int], own: Sequence[Params]) -> None:
        """Treat every channel as an item of one channel."""
        items, channels, time = flow.waveform.shape
        rows, drawn = [], []
        for index, each in zip(chosen, own, strict=True):
            told = each.get("channels", ())
            if len(told) != channels:
                raise ValueError(
                    f"params of {self.name!r} were drawn for {len(told)} channel(s), the waveform "
                    f"has {channels}: pass num_channels={channels} when drawing"
                )
            for channel, one in enumerate(told):
                if one["applied"]:
                    rows.append(index * channels + channel)
                    drawn.append(one)
        clean = None if flow.clean is None else flow.clean.reshape(items * channels, 1, time)
        apart = Flow(
            flow.waveform.reshape(items * channels, 1, time),
            flow.sample_rate,
            [end for end in flow.lengths for _ in range(channels)],
            clean,
        )
        self._run_items(apart, rows, drawn)
        everything = range(items)
        flow.put(everything, apart.waveform.reshape(items, channels, time))
        if apart.clean is not None:
            flow.put(everything, apart.clean.reshape(items, channels, time), clean=True)

    def _run_items(self, flow: Flow, chosen: Sequence[int], own: Sequence[Params]) -> None:
        if not flow.waveform.shape[-1]:
            return  # nothing to change, and nothing that could be measured
        before = flow.take(chosen)
        lengths = [flow.lengths[index] for index in chosen]
        if flow.clean is not None and self._on_clean():
            twin = flow.take(chosen, clean=True)
            after, twin_after = self._change_both(before, twin, flow.sample_rate, own, lengths)
            flow.put(chosen, twin_after, clean=True)
        else:
            after = self._change_lengths(before, flow.sample_rate, own, lengths)
        flow.put(chosen, after)

    def _on_clean(self) -> bool:
        return self.changes_clean if self.on_clean is None else self.on_clean

    def _change_both(
        self,
        waveform: torch.Tensor,
        clean: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Change items and their clean twins alike.

        Parameters
        ----------
        waveform, clean : Tensor
            Items and twins, ``(items, channels, time)``.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What was drawn for each.
        lengths : sequence of int
            Valid samples of each.

        Returns
        -------
        waveform, clean : Tensor
            Both changed.
        """
        return (
            self._change_lengths(waveform, sample_rate, params, lengths),
            self._change_lengths(clean, sample_rate, params, lengths),
        )

    def _change_lengths(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        """Change items of any lengths, each as if it were alone.

        Parameters
        ----------
        waveform : Tensor
            Items, ``(items, channels, time)``.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What was drawn for each.
        lengths : sequence of int
            Valid samples of each.

        Returns
        -------
        Tensor
            The changed items, zero past their lengths.
        """
        time = waveform.shape[-1]
        if self.ragged or min(lengths) == time:
            return cleared(self._change(waveform, sample_rate, params, lengths), lengths)
        result = torch.zeros_like(waveform)
        for length in sorted(set(lengths)):
            group = [index for index, each in enumerate(lengths) if each == length]
            if length == 0:
                continue
            own = waveform[group][..., :length].contiguous()
            done = self._change(
                own, sample_rate, [params[index] for index in group], [length] * len(group)
            )
            index = torch.tensor(group, device=waveform.device)
            filled = pad(done, (0, time - length))
            result = result.index_copy(0, index, filled)
        return result


def column(params: Sequence[Params], name: str, waveform: torch.Tensor) -> torch.Tensor:
    """Return one parameter of all items as float64 on the waveform's device, ``(items,)``."""
    return torch.tensor(
        [each[name] for each in params], dtype=torch.float64, device=waveform.device
    )


class LevelTransform(WaveformTransform):
    """A transform that multiplies by a factor, the clean twin by the same.

    Override `_factors`.

    Parameters
    ----------
    p : float, default: 1.0
        Probability that it is applied to an item.
    mode : {"per_example", "per_batch", "per_channel"}, default: "per_example"
        What shares a draw.
    on_clean : bool, optional
        Whether the clean twin changes too; it does by default.
    """

    changes_clean = True

    @abstractmethod
    def _factors(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        """Return what to multiply with.

        Parameters
        ----------
        waveform : Tensor
            Items to measure, ``(items, channels, time)``.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What was drawn for each.
        lengths : sequence of int
            Valid samples of each.

        Returns
        -------
        Tensor
            Factors of the waveform's dtype that broadcast against it.
        """

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        """Return the items times their factors.

        Parameters
        ----------
        waveform : Tensor
            Items, ``(items, channels, time)``.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What was drawn for each.
        lengths : sequence of int
            Valid samples of each.

        Returns
        -------
        Tensor
            The scaled items.
        """
        return waveform * self._factors(waveform, sample_rate, params, lengths)

    def _change_both(
        self,
        waveform: torch.Tensor,
        clean: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale items and their clean twins by the items' factors.

        Parameters
        ----------
        waveform, clean : Tensor
            Items and twins, ``(items, channels, time)``.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What was drawn for each.
        lengths : sequence of int
            Valid samples of each.

        Returns
        -------
        waveform, clean : Tensor
            Both scaled.
        """
        factors = self._factors(waveform, sample_rate, params, lengths)
        return waveform * factors, clean * factors


class TimeTransform(WaveformTransform):
    """A transform that moves samples in time, with targets and the clean twin.

    Override `_time_map`; and `_move`, where samples don't stay as they are.

    Parameters
    ----------
    p : float, default: 1.0
        Probability that it is applied to an item.
    mode : {"per_example", "per_batch", "per_channel"}, default: "per_example"
        What shares a draw.
    on_clean : bool, optional
        Whether the clean twin changes too; it does by default.
    """

    changes_clean = True
    channelwise = False

    @abstractmethod
    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        """Say what becomes of an item's time axis.

        Parameters
        ----------
        item : Tensor
            The item, ``(channels, time)``.
        sample_rate : int
            Rate in Hz.
        params : dict
            What was drawn for it.

        Returns
        -------
        TimeMap
            Where its parts go, and the new length.
        """

    def _move(
        self, items: torch.Tensor, sample_rate: int, params: Sequence[Params], maps: list[TimeMap]
    ) -> list[torch.Tensor]:
        """Return the moved items.

        Parameters
        ----------
        items : Tensor
            Items of the same length, ``(items, channels, time)``; the channels of the clean twins
            follow those of the waveforms where there are some.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What was drawn for each.
        maps : list of TimeMap
            What becomes of their time axes.

        Returns
        -------
        list of Tensor
            Each ``(channels, new time)``.
        """
        return [_pieces(item, each) for item, each in zip(items, maps, strict=True)]

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        """Return the moved items as a batch.

        Parameters
        ----------
        waveform : Tensor
            Items of the same length, ``(items, channels, time)``.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What was drawn for each.
        lengths : sequence of int
            Valid samples of each.

        Returns
        -------
        Tensor
            The moved items, filled up with zeros.
        """
        maps = [
            self._time_map(item, sample_rate, each)
            for item, each in zip(waveform, params, strict=True)
        ]
        return stacked(self._move(waveform, sample_rate, params, maps))

    def _run_items(self, flow: Flow, chosen: Sequence[int], own: Sequence[Params]) -> None:
        rate, channels = flow.sample_rate, flow.waveform.shape[1]
        twin = flow.clean is not None and self._on_clean()
        moved: dict[int, tuple[torch.Tensor, TimeMap]] = {}
        clean: dict[int, torch.Tensor] = {}
        for length in sorted({flow.lengths[index] for index in chosen}):
            group = [i for i, index in enumerate(chosen) if flow.lengths[index] == length]
            rows = [chosen[i] for i in group]
            items = flow.take(rows)[..., :length]
            drawn = [own[i] for i in group]
            maps = [
                self._time_map(item.detach(), rate, each)
                for item, each in zip(items, drawn, strict=True)
            ]
            if twin:
                items = torch.cat([items, flow.take(rows, clean=True)[..., :length]], dim=1)
            results = self._move(items.contiguous(), rate, drawn, maps)
            for index, each, result in zip(rows, maps, results, strict=True):
                moved[index] = (result[:channels], each)
                if twin:
                    clean[index] = result[channels:]
        flow.replace(moved, clean)


def _pieces(item: torch.Tensor, time_map: TimeMap) -> torch.Tensor:
    """Put the pieces of an item where a map with whole numbers and paces of 1 and -1 says."""
    parts: list[tuple[int, torch.Tensor]] = []
    for piece in time_map.pieces:
        part = item[:, round(piece.start) : round(piece.stop)]
        first = round(min(piece.new_start, piece.moved(piece.stop)))
        if piece.pace < 0:
            part = part.flip(-1)
        part = part[:, max(0, -first) :]
        first = max(0, first)
        parts.append((first, part[:, : max(0, time_map.length - first)]))
    ordered = sorted(parts, key=lambda each: each[0])
    ends = [0, *(first + part.shape[-1] for first, part in ordered)]
    if ends[-1] == time_map.length and ends[:-1] == [first for first, _ in ordered] and parts:
        return torch.cat([part for _, part in ordered], dim=-1) if len(parts) > 1 else parts[0][1]
    result = item.new_zeros(item.shape[0], time_map.length)
    for first, part in parts:
        result[:, first : first + part.shape[-1]] = part
    return result
