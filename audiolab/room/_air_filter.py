"""Air in a response: what arrives later came farther, and the air took more of its high notes.

Time and distance are one in a response, so that no image needs a filter of its own. Frames of 16 ms
under overlapping Hann windows are filtered without a change of phase by what ISO 9613-1 gives for
the distance of their centre; within a frame, the attenuation changes by less than 1 dB at 8 kHz.
"""

from __future__ import annotations

import math

import torch

from audiolab._air import attenuation_db_per_m

__all__ = ["through_air"]


def through_air(
    rir: torch.Tensor,
    sample_rate: int,
    samples_per_m: float,
    shift: torch.Tensor,
    conditions: tuple[float, float, float],
) -> torch.Tensor:
    """Filter ``(rows, time)`` in float64; `shift` samples were taken from the times of each row."""
    rows, time = rir.shape
    frame = 1 << round(math.log2(0.016 * sample_rate))
    hop = frame // 2
    window = torch.hann_window(frame, dtype=rir.dtype, device=rir.device)
    count = -(-time // hop) + 1
    line = torch.nn.functional.pad(rir, (hop, count * hop - time))
    # Half a frame of zeros on both sides: the filters' responses reach both ways.
    frames = torch.nn.functional.pad(line.unfold(-1, frame, hop) * window, (hop, hop))
    frequency = torch.arange(frame + 1, dtype=torch.float64) * (sample_rate / (2 * frame))
    lost = torch.from_numpy(attenuation_db_per_m(frequency.numpy(), *conditions)).to(rir.device)
    centre = torch.arange(count, dtype=rir.dtype, device=rir.device) * hop
    distance = ((centre + shift[:, None]) / samples_per_m).clamp_min(0.0)
    gain = 10 ** (-distance[..., None] * lost / 20)
    # As pairs of real numbers: a product that is rounded the same way everywhere.
    spectrum = torch.view_as_real(torch.fft.rfft(frames)) * gain[..., None]
    parts = torch.fft.irfft(torch.view_as_complex(spectrum), 2 * frame).unflatten(-1, (4, hop))
    out = rir.new_zeros(rows, count + 3, hop)
    for quarter in range(4):
        out = out + torch.nn.functional.pad(parts[:, :, quarter], (0, 0, quarter, 3 - quarter))
    return out.flatten(1)[:, 2 * hop : 2 * hop + time]
