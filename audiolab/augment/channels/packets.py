r"""Packets that never arrive: which ones, and what a receiver plays instead.

Losses come in bursts. Gilbert and Elliott's model has two states: in the good one every packet
arrives, in the bad one none does; it turns bad with probability :math:`p` and good again with
:math:`r`, once a packet. Then a burst lasts :math:`1/r` packets on average and
:math:`p / (p + r)` of all packets are lost. The pattern is plain data, apart from the waveform: the
same one can be used with and without concealment.

References
----------
E. N. Gilbert, "Capacity of a burst-noise channel", Bell System Technical Journal 39, 1960.
ITU-T G.711, appendix I, "A high quality low-complexity algorithm for packet loss concealment with
G.711", 1999.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from audiolab._rows import run_rows
from audiolab._typing import Seed
from audiolab._validation import check_choice, check_positive, check_range, check_sample_rate
from audiolab.augment._items import Items, PerItemCount
from audiolab.augment.channels._packet_kernels import conceal
from audiolab.augment.seeds import fresh_seeds, item_seeds
from audiolab.units import seconds_to_samples

__all__ = ["draw_packet_loss", "num_packets", "packet_loss"]

Concealment = Literal["silence", "repeat", "pitch"]

_METHODS = ("silence", "repeat", "pitch")
#: Lags of voices: 66 to 400 Hz; the stretch that is compared; hold, fade and join of the fill.
_LEAST_S, _MOST_S, _WINDOW_S = 1 / 400, 1 / 66, 0.02
_HOLD_S, _FADE_S, _JOIN_S = 0.01, 0.05, 0.005


def num_packets(num_samples: int, sample_rate: int, packet_s: float = 0.02) -> int:
    """Return how many packets a waveform fills; the last one may be short.

    Parameters
    ----------
    num_samples : int
        Samples of the waveform.
    sample_rate : int
        Sample rate in Hz.
    packet_s : float, default: 0.02
        Duration of a packet in seconds.

    Returns
    -------
    int
        Number of packets.

    Examples
    --------
    >>> from audiolab.augment import num_packets
    >>> num_packets(16_001, 16_000)
    51
    """
    return -(-num_samples // _packet(packet_s, check_sample_rate(sample_rate)))


def _packet(packet_s: float, rate: int) -> int:
    check_positive(packet_s, "packet_s", unit="s")
    samples = seconds_to_samples(packet_s, rate)
    if samples < 1:
        raise ValueError(f"packet_s must be at least one sample, {1 / rate:g} s, got {packet_s}")
    return samples


def draw_packet_loss(
    count: int,
    *,
    loss_share: float,
    mean_burst: float = 1.0,
    seeds: int | Sequence[int] | torch.Tensor | None = None,
    generator: Seed = None,
) -> torch.Tensor:
    """Draw which packets are lost, by Gilbert's model.

    Parameters
    ----------
    count : int
        Number of packets.
    loss_share : float
        Share of packets that are lost in the long run, 0 to 1.
    mean_burst : float, default: 1.0
        How many packets are lost in a row on average, >= 1; at least
        ``loss_share / (1 - loss_share)``, since a burst is followed by a packet that arrives.
    seeds : int, list of int or Tensor, optional
        A seed for each item: the result is then ``(items, count)``, or ``(count,)`` for an int.
    generator : torch.Generator, int or None, default: None
        Source of randomness if there are no seeds.

    Returns
    -------
    Tensor
        True where a packet is lost, ``(count,)`` or ``(items, count)``. More packets continue the
        same pattern.

    Raises
    ------
    ValueError
        A parameter is out of range.

    See Also
    --------
    packet_loss : Lose them.

    Examples
    --------
    >>> from audiolab.augment import draw_packet_loss
    >>> lost = draw_packet_loss(100_000, loss_share=0.1, mean_burst=3.0, generator=0)
    >>> round(lost.double().mean().item(), 2)
    0.1
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"count must be a whole number, not negative, got {count}")
    share = check_range(loss_share, "loss_share", 0.0, 1.0)
    burst = check_range(mean_burst, "mean_burst", 1.0, unit="packets")
    leave = 1.0 / burst
    enter = 1.0 if share == 1.0 else leave * share / (1.0 - share)
    if share == 1.0:
        leave = 0.0
    elif enter > 1.0:
        raise ValueError(
            f"mean_burst must be at least {share / (1 - share):g} for a loss_share of {share:g}, "
            f"got {burst:g}"
        )
    if seeds is None:
        given = fresh_seeds(1, generator)
    elif isinstance(seeds, int):
        given = [seeds]
    else:
        given = item_seeds(seeds, len(seeds))
    rows = [_pattern(count, each, share, enter, leave) for each in given]
    single = seeds is None or isinstance(seeds, int)
    return rows[0] if single else torch.stack(rows) if rows else torch.zeros(0, count).bool()


def _pattern(count: int, seed: int, share: float, enter: float, leave: float) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    numbers = torch.rand(count, generator=source, dtype=torch.float64).tolist()
    lost, bad = [], False
    for index, number in enumerate(numbers):
        chance = share if index == 0 else 1.0 - leave if bad else enter
        bad = number < chance
        lost.append(bad)
    return torch.tensor(lost, dtype=torch.bool)


def packet_loss(
    waveform: torch.Tensor,
    sample_rate: int,
    lost: torch.Tensor | Sequence[bool] | Sequence[Sequence[bool]],
    *,
    packet_s: float = 0.02,
    concealment: Concealment = "pitch",
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Lose packets, and conceal the gaps.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    lost : Tensor or list of bool
        Which packets are lost: one pattern for all items, or ``(items, packets)``. Packets that it
        does not reach arrive.
    packet_s : float, default: 0.02
        Duration of a packet in seconds.
    concealment : {"silence", "repeat", "pitch"}, default: "pitch"
        What is played in a gap: nothing; the packet before; or the pitch period before. Both
        fills are held for 10 ms, fade out until 60 ms, and blend into what arrives next for 5 ms.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Gradients reach the samples that arrived, as if untouched.

    Raises
    ------
    ValueError
        The pattern does not fit the items, or a parameter is out of range.

    See Also
    --------
    draw_packet_loss : A pattern with bursts.

    Notes
    -----
    The period is sought from 66 to 400 Hz by correlation; where none is clear, the longest is
    repeated. A receiver that blends the last quarter period before a gap must delay its output by
    4 ms, which is not shown here. Longer periods for longer gaps, as in the recommendation, are
    left out.

    Examples
    --------
    >>> import torch
    >>> from audiolab import signals
    >>> from audiolab.augment import packet_loss
    >>> tone = signals.tone(200.0, 0.1, 8000)
    >>> concealed = packet_loss(tone, 8000, [False, False, True])
    >>> gap = slice(320, 400)  # before the fade
    >>> float((concealed - tone)[gap].abs().max()) < 1e-3
    True
    """
    check_choice(concealment, "concealment", _METHODS)
    rate = check_sample_rate(sample_rate)
    packet = _packet(packet_s, rate)
    items = Items.of(waveform)
    ends = items.ends(lengths)
    pattern = _fitted(torch.as_tensor(lost), items, -(-items.num_samples // packet))
    settings = [packet, _METHODS.index(concealment)]
    settings += [max(1, seconds_to_samples(each, rate)) for each in (_LEAST_S, _MOST_S, _WINDOW_S)]
    settings += [seconds_to_samples(each, rate) for each in (_HOLD_S, _FADE_S)]
    settings.append(min(packet, seconds_to_samples(_JOIN_S, rate)))
    channels = items.samples.shape[1]
    plan = np.array([[end, *settings] for end in ends for _ in range(channels)], dtype=np.int64)
    rows = pattern.repeat_interleave(channels, dim=0).numpy()
    result: torch.Tensor = _Lost.apply(items.samples, rows, plan.reshape(len(rows), 9))
    return items.restored(result)


def _fitted(lost: torch.Tensor, items: Items, count: int) -> torch.Tensor:
    """Return the pattern as ``(items, packets)``, on the CPU."""
    if lost.dtype != torch.bool:
        if not bool(((lost == 0) | (lost == 1)).all()):
            raise ValueError("lost must hold True and False")
        lost = lost.bool()
    rows = lost.detach().cpu()
    if rows.dim() == 1:
        rows = rows[None]
    elif rows.dim() >= 2 and rows.shape[:-1] == items.leading:
        rows = rows.reshape(items.count, rows.shape[-1])
    if rows.dim() != 2 or rows.shape[0] not in (1, items.count):
        raise ValueError(
            f"lost must be one pattern or one an item, {tuple(items.leading)} and packets, got "
            f"{tuple(lost.shape)}"
        )
    rows = rows[:, :count]
    rows = torch.nn.functional.pad(rows, (0, count - rows.shape[1]))
    return rows.expand(items.count, count)


class _Lost(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, lost: NDArray[np.bool_], plan: NDArray[np.int64]
    ) -> torch.Tensor:
        ctx.lost, ctx.plan = lost, plan
        kind = x.dtype if x.dtype in (torch.float32, torch.float64) else torch.float32
        y = x.detach().to("cpu", kind, copy=True).contiguous()
        run_rows(conceal, y.numel(), y.reshape(len(plan), y.shape[-1]).numpy(), lost, plan)
        return y.to(x.device, x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (grad,) = grads
        lost, plan = ctx.lost, ctx.plan
        arrived = np.ones((len(plan), grad.shape[-1]), dtype=bool)
        for row, gone, settings in zip(arrived, lost, plan, strict=True):
            row[: settings[0]] = ~np.repeat(gone, settings[1])[: settings[0]]
        mask = torch.from_numpy(arrived).to(grad.device).reshape(grad.shape)
        return grad * mask, None, None
