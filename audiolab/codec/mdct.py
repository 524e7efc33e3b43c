"""The modified discrete cosine transform, as two rotations that undo themselves.

With frames of `N` samples, the MDCT turns `2 N` windowed samples every `N` samples into `N` numbers
(Princen and Bradley, 1986, doi 10.1109/TASSP.1986.1164954):

    X_t[k] = sqrt(2 / N) sum_n w[n] x[t N - N / 2 + n] cos(pi / N (n + 1/2 + N / 2) (k + 1/2))

with the sine window ``w[n] = sin(pi (n + 1/2) / (2 N))``. Here frame `t` owns the samples
``t N ... (t + 1) N - 1`` and reaches half a frame to either side. The formula is evaluated in two
orthogonal steps (Malvar, 1992, *Signal Processing with Lapped Transforms*): around each border
between frames the pairs of samples at equal distance `i` are rotated by an angle that the window
gives; then each frame goes through a cosine transform by itself.

The signal's first and last border are not rotated: there the window is a step, and nothing beyond
the signal is asked for. So `F` frames are exactly ``F N`` samples, the transform is orthogonal as
a whole, and aliasing cancels to the last sample. A border's rotation needs no more than half a
frame from either side, which is all that a stream has to wait for.
"""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["MDCT"]


class MDCT(nn.Module):
    """The transform of one frame length, both ways.

    Parameters
    ----------
    frame_length : int
        Samples per frame, and numbers that it becomes; even.

    Examples
    --------
    >>> transform = MDCT(4)
    >>> x = torch.arange(12.0)
    >>> spectrum = transform(x)
    >>> spectrum.shape
    torch.Size([3, 4])
    >>> torch.allclose(transform.inverse(spectrum), x, atol=1e-5)
    True
    """

    cosines: torch.Tensor
    window: torch.Tensor

    def __init__(self, frame_length: int) -> None:
        super().__init__()
        if frame_length < 2 or frame_length % 2:
            raise ValueError(f"frame_length must be even and at least 2, got {frame_length}")
        size = self.frame_length = frame_length
        k = torch.arange(size, dtype=torch.float64) + 0.5
        table = torch.cos(math.pi / size * (k + size)[:, None] * k) * math.sqrt(2 / size)
        angle = math.pi / (2 * size) * (size / 2 + k[: size // 2])
        self.register_buffer("cosines", table.float(), persistent=False)
        self.register_buffer(
            "window", torch.stack([angle.sin(), angle.cos()]).float(), persistent=False
        )

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Transform whole frames.

        Parameters
        ----------
        waveform : Tensor
            ``(..., frames * frame_length)``.

        Returns
        -------
        Tensor
            ``(..., frames, frame_length)``.
        """
        frames = waveform.reshape(*waveform.shape[:-1], -1, self.frame_length)
        return self._rotate(frames, 1.0) @ self.cosines.to(frames.dtype)

    def inverse(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Undo `forward`.

        Parameters
        ----------
        spectrum : Tensor
            ``(..., frames, frame_length)``.

        Returns
        -------
        Tensor
            ``(..., frames * frame_length)``.
        """
        frames = spectrum @ self.cosines.to(spectrum.dtype).t()
        return self._rotate(frames, -1.0).flatten(-2)

    def _rotate(self, frames: torch.Tensor, sense: float) -> torch.Tensor:
        """Rotate the samples around each border between frames, pair by pair."""
        half = self.frame_length // 2
        near, far = self.window.to(frames.dtype)
        far = sense * far
        before = frames[..., :-1, half:].flip(-1)  # counted from the border, as `after` is
        after = frames[..., 1:, :half]
        ends = (near * before + far * after).flip(-1)
        starts = near * after - far * before
        left = torch.cat([frames[..., :1, :half], starts], dim=-2)
        right = torch.cat([ends, frames[..., -1:, half:]], dim=-2)
        return torch.cat([left, right], dim=-1)
