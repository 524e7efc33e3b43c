"""Effects over a batch whose items may have different lengths.

The invariant: past an item's end there are zeros, before and after every effect. Effects that keep
it by themselves (`Effect.ragged`) run on the batch at once; all others see one item at a time, cut
to its length, unless the items are equally long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import torch

from audiolab.effects._bus import to_bus
from audiolab.effects._signal import Signal
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, headroom_of

__all__ = ["CLIPS", "Clip", "check_lengths", "run_effects"]

#: What lies between effects: nothing, or SoX's 32-bit bus.
Clip: TypeAlias = Literal["none", "sox"]
CLIPS = ("none", "sox")


def check_lengths(lengths: torch.Tensor, leading: torch.Size, limit: int) -> torch.Tensor:
    if not isinstance(lengths, torch.Tensor):
        raise TypeError(f"lengths must be a tensor of integers, got {type(lengths).__name__}")
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise TypeError(f"lengths must be a tensor of integers, got {lengths.dtype}")
    if lengths.shape != leading:
        raise ValueError(
            f"lengths must have a value an item, shape {tuple(leading)}, got {tuple(lengths.shape)}"
        )
    valid = lengths.to(torch.int64).reshape(-1)
    if valid.numel() and (int(valid.min()) < 0 or int(valid.max()) > limit):
        raise ValueError(
            f"lengths must lie between 0 and the {limit} samples of the waveform, "
            f"got {int(valid.min())} to {int(valid.max())}"
        )
    return valid


def run_effects(
    effects: Sequence[Effect], signal: Signal, context: Context, *, clip: Clip = "none"
) -> Signal:
    """Run effects over a batch ``(batch, channels, time)``, each item within its own length.

    Parameters
    ----------
    effects : sequence of Effect
        The effects in their order.
    signal : Signal
        Waveform, rate, and lengths where items differ.
    context : Context
        State of the run, its noise an item.
    clip : {"none", "sox"}
        Whether SoX's bus lies between the effects; the result is then float64.

    Returns
    -------
    Signal
        The result; with lengths if, and only if, it came with lengths.
    """
    if signal.waveform.shape[0] == 0:
        return _run_nothing(effects, signal, context, clip=clip)
    told = signal.lengths is not None
    if told:
        signal = _masked(signal)
    if clip == "sox":
        signal = signal.with_waveform(to_bus(signal.waveform.double()))
    context.bus = clip == "sox"
    for index, effect in enumerate(effects):
        if effect.makes_headroom:
            form = Form(signal.sample_rate, signal.num_channels)
            context.demand = headroom_of(effects[index + 1 :], form)
        signal = _run_one(effect, signal, context)
        if clip == "sox":
            signal = signal.with_waveform(to_bus(signal.waveform))
        if not told:
            signal = _rectangular(signal, effect)
    return signal


def _run_nothing(
    effects: Sequence[Effect], signal: Signal, context: Context, *, clip: Clip
) -> Signal:
    """Return an empty batch of the form that one silent item would have."""
    shape = (1, *signal.waveform.shape[1:])
    lengths = None if signal.lengths is None else torch.full((1,), shape[-1])
    silent = Signal(signal.waveform.new_zeros(shape), signal.sample_rate, lengths)
    after = run_effects(effects, silent, context.trial(), clip=clip)
    return Signal(after.waveform[:0], after.sample_rate, signal.lengths)


def _run_one(effect: Effect, signal: Signal, context: Context) -> Signal:
    """Run one effect on the batch at once where that is right, else item by item."""
    if signal.lengths is None:
        return effect.apply(signal, context)
    valid = signal.lengths.tolist()
    if min(valid) == max(valid):
        whole = Signal(signal.waveform[..., : valid[0]], signal.sample_rate)
        after = effect.apply(whole, context)
        if after.lengths is None:
            after = replace(
                after, lengths=signal.lengths.new_full((len(valid),), after.num_samples)
            )
        return after
    if effect.ragged:
        after = effect.apply(replace(signal, lengths=None), context)
        ends = [effect.output_length(each, signal.sample_rate) for each in valid]
        waveform = after.waveform[..., : max(ends)]
        return _masked(Signal(waveform, after.sample_rate, signal.lengths.new_tensor(ends)))
    return _item_by_item(effect, signal, valid, context)


def _item_by_item(effect: Effect, signal: Signal, valid: Sequence[int], context: Context) -> Signal:
    """Run an effect on every item in its own length, and pad the results to the longest."""
    items, rate = [], signal.sample_rate
    # Made before the first one runs: each starts from the same headroom.
    contexts = [context.item(index) for index in range(len(valid))]
    for index, length in enumerate(valid):
        item = Signal(signal.waveform[index : index + 1, :, :length], signal.sample_rate)
        done = effect.apply(item, contexts[index])
        if done.lengths is not None:
            done = done.with_waveform(done.waveform[..., : int(done.lengths[0])])
        items.append(done.waveform[0])
        rate = done.sample_rate
    context.headroom = contexts[-1].headroom
    return Signal.of_items(items, rate)


def _masked(signal: Signal) -> Signal:
    """Return the signal with zeros past each item's end."""
    assert signal.lengths is not None
    ends = signal.lengths.tolist()
    if min(ends) >= signal.num_samples:
        return signal
    waveform = signal.waveform
    if waveform.requires_grad:
        time = torch.arange(signal.num_samples, device=waveform.device)
        beyond = time >= signal.lengths.to(time.device)[:, None, None]
        # Not a product: what lies beyond may be NaN.
        return signal.with_waveform(waveform.masked_fill(beyond, 0.0))
    # The same without a pass over all samples: padding mostly is zero already.
    spoilt = [index for index, end in enumerate(ends) if bool(waveform[index, :, end:].any())]
    if not spoilt:
        return signal
    waveform = waveform.clone()
    for index in spoilt:
        waveform[index, :, ends[index] :] = 0.0
    return signal.with_waveform(waveform)


def _rectangular(signal: Signal, effect: Effect) -> Signal:
    """Drop lengths that an effect found by itself, when they are all the same."""
    if signal.lengths is None:
        return signal
    shortest, longest = int(signal.lengths.min()), int(signal.lengths.max())
    if shortest != longest:
        raise ValueError(
            f"after {effect.name} the items are {shortest} to {longest} samples long: "
            "pass lengths, and they come back with the result"
        )
    return Signal(signal.waveform[..., :longest], signal.sample_rate)
