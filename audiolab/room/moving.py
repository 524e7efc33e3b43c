"""Sources that move: responses at points of a path, and signals that wander through them.

What leaves the source at a time travels by the response of the place where it then is. The signal
is cut into pieces that overlap by half under triangles, one piece a point; each is convolved with
its point's response, and all are summed: between two points, the response is crossfaded from one to
the other. The pitch of a passing source is approximated by that: the points must lie close enough,
less than a quarter of a wavelength of what should be heard as one moving sound (2 cm at 4 kHz).
Left out: the exact Doppler effect, and microphones that move (by reciprocity, let the source).
"""

from __future__ import annotations

import torch

from audiolab._validation import check_positive, check_sample_rate, check_waveform
from audiolab.room.reverberation import reverberate
from audiolab.units import seconds_to_samples

__all__ = ["reverberate_moving"]


def reverberate_moving(
    waveform: torch.Tensor, rirs: torch.Tensor, sample_rate: int, *, hop_s: float
) -> torch.Tensor:
    """Convolve waveforms with a response that changes while they run.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    rirs : Tensor
        Responses at the points of the path, ``(..., points, taps)``: what `shoebox_rir` returns for
        one microphone and a path ``(points, 3)`` of sources. Dimensions before the points are
        matched with those of `waveform` before time from the left.
    sample_rate : int
        Sample rate in Hz.
    hop_s : float
        Time from point to point in seconds; the source is at the first one at time zero, and stays
        at the last one.

    Returns
    -------
    Tensor
        ``(..., time)``; the tail is cut off. Gradients reach waveform and responses.

    Raises
    ------
    TypeError
        If an input is not a floating-point tensor.
    ValueError
        If an input is not finite, has no points, or does not fit the other.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> path = torch.stack([torch.linspace(1.0, 4.0, 31), torch.full((31,), 2.0),
    ...                     torch.full((31,), 1.5)], dim=-1)
    >>> rirs = room.shoebox_rir([5.0, 4.0, 3.0], path, [2.5, 1.0, 1.5], 16_000, rt60_s=0.2)
    >>> room.reverberate_moving(torch.randn(16_000), rirs, 16_000, hop_s=0.03).shape
    torch.Size([16000])
    """
    check_waveform(waveform, finite=True)
    check_waveform(rirs, "rirs", min_dim=2, allow_empty=False, finite=True)
    rate = check_sample_rate(sample_rate)
    hop = max(1, seconds_to_samples(check_positive(hop_s, "hop_s", unit="s"), rate))
    time, points = waveform.shape[-1], rirs.shape[-2]
    rise = torch.arange(hop, dtype=waveform.dtype, device=waveform.device) / hop
    still = torch.ones(1, dtype=waveform.dtype, device=waveform.device)
    y: torch.Tensor | None = None
    for point in range(points):
        begin = max(0, (point - 1) * hop)
        last = point == points - 1
        end = time if last else min(time, (point + 1) * hop)
        if begin >= end:
            break
        window = torch.cat(
            [
                rise if point else rise[:0],
                still.expand(max(0, time - point * hop)) if last else 1 - rise,
            ]
        )
        piece = waveform[..., begin:end] * window[: end - begin]
        part = reverberate(piece, rirs[..., point, :], mode="full")[..., : time - begin]
        part = torch.nn.functional.pad(part, (begin, time - begin - part.shape[-1]))
        y = part if y is None else y + part
    return reverberate(waveform, rirs[..., 0, :]) if y is None else y
