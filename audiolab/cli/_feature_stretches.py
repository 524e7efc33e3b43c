"""A feature of a file, stretch by stretch: the numbers of the whole file in constant memory.

The ends are padded here as the convention asks, so that every stretch is computed uncentred, and a
clamp below the loudest cell becomes a floor, found by reading the file once before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from audiolab import io
    from audiolab.features import Convention

__all__ = ["count_frames", "stretches"]


def _function(kind: str) -> Callable[..., torch.Tensor]:
    """Return the function of ``(waveform, sample_rate, convention=)`` that computes a feature."""
    from functools import partial

    from audiolab import features

    of_bands = {
        "mel": features.mel_spectrogram,
        "log-mel": features.log_mel_spectrogram,
        "mfcc": features.mfcc,
    }
    if kind in of_bands:
        return partial(of_bands[kind], on_empty="ignore")
    return features.spectrogram if kind == "spectrogram" else features.log_spectrogram


def _chunks(blocks: io.Blocks, choice: Convention) -> Iterator[torch.Tensor]:
    """Yield pieces of the padded signal whose frames, uncentred, are those of the whole signal."""
    import torch
    from torch.nn.functional import pad

    from audiolab.cli._output import watched

    settled = choice.settle(blocks.sample_rate)
    half = settled.n_fft // 2 if settled.center else 0
    length = settled.win_length if settled.window_at_start else settled.n_fft
    hop = settled.hop_length
    held = torch.zeros(blocks.num_channels, 0)
    first = True
    for block in watched(blocks):
        held = torch.cat((held, block), dim=1)
        if held.shape[1] <= settled.n_fft:
            continue
        if first and half:
            held = pad(held, (half, 0), mode=settled.pad_mode)
        first = False
        # So much is kept that the last frames can be mirrored at the end, should it come.
        spare = held.shape[1] - settled.n_fft - 1
        count = min((held.shape[1] - length) // hop + 1, spare // hop)
        if count > 0:
            yield held[:, : (count - 1) * hop + length]
            held = held[:, count * hop :]
    if first and half:
        held = pad(held, (half, 0), mode=settled.pad_mode)
    if half:
        held = pad(held, (0, half), mode=settled.pad_mode)
    count = (held.shape[1] - length) // hop + 1 - int(settled.drop_last_frame)
    if count > 0:
        yield held[:, : (count - 1) * hop + length]


def _is_short(blocks: io.Blocks) -> bool:
    return blocks.num_samples is not None and blocks.num_samples <= blocks.block_size


def stretches(kind: str, choice: Convention, blocks: io.Blocks) -> Iterator[torch.Tensor]:
    """Yield the feature ``(channels, values, frames)`` a stretch at a time."""
    import torch

    from audiolab import features

    compute = _function(kind)
    rate = blocks.sample_rate
    if _is_short(blocks):
        whole = list(blocks)
        signal = torch.cat(whole, dim=1) if whole else torch.zeros(blocks.num_channels, 0)
        yield compute(signal, rate, convention=choice)
        return
    floors = _floors(kind, choice, blocks)
    field = "cepstral_top_db" if kind == "mfcc" else "top_db"
    framed: dict[str, Any] = {"center": False, "drop_last_frame": False}
    for chunk in _chunks(blocks, choice):
        if floors is None:
            yield compute(chunk, rate, convention=features.convention(choice, **framed))
            continue
        rows = [
            compute(
                channel,
                rate,
                convention=features.convention(choice, **framed, **{field: None}, log_floor=floor),
            )
            for channel, floor in zip(chunk, floors, strict=True)
        ]
        yield torch.stack(rows)


def _floors(kind: str, choice: Convention, blocks: io.Blocks) -> list[float] | None:
    """Return the floor of each channel that clamps as `top_db` does below the whole file's peak.

    A clamp at so many decibels below the maximum of the logarithm is a floor under the power; the
    maximum is only known when everything has been read once.
    """
    import torch

    from audiolab import features

    top_db = choice.cepstral_top_db if kind == "mfcc" else choice.top_db
    if top_db is None or kind in ("mel", "spectrogram"):
        return None
    linear = _function("spectrogram" if kind == "log-spectrogram" else "mel")
    framed = features.convention(choice, center=False, drop_last_frame=False)
    peak = torch.zeros(blocks.num_channels)
    for chunk in _chunks(blocks, choice):
        power = linear(chunk, blocks.sample_rate, convention=framed)
        peak = torch.maximum(peak, power.amax((-2, -1)))
    ratio = 10.0 ** (-top_db / 10.0)
    return [max(choice.log_floor, float(each + choice.log_bias) * ratio) for each in peak]


def count_frames(choice: Convention, blocks: io.Blocks) -> int | None:
    """Return how many frames there will be; None where one stretch is all."""
    if _is_short(blocks):
        return None
    settled = choice.settle(blocks.sample_rate)
    num_samples = blocks.num_samples
    if num_samples is None:
        num_samples = sum(block.shape[1] for block in blocks)
    length = settled.win_length if settled.window_at_start else settled.n_fft
    padded = num_samples + (2 * (settled.n_fft // 2) if settled.center else 0)
    return (padded - length) // settled.hop_length + 1 - int(settled.drop_last_frame)
