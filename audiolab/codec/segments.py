"""Segments of the 48 kHz model: their level, and how decoded ones are joined.

Segments of one second start every 0.99 s. Each is divided by its level; decoded ones are
cross-faded where they overlap. Segments that stand alone give the numbers of the reference.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

__all__ = ["OverlapAdder", "overlap_add", "overlap_weights", "segment_scale"]

#: Below this ratio of the mix's level to the channels', the channels are taken to cancel (-20 dB).
CANCELLATION = 0.1
_FLOOR = 1e-8


def segment_scale(segment: torch.Tensor, *, mend: bool = True) -> torch.Tensor:
    r"""Return the level that a segment is divided by.

    The reference takes the root mean square of the channels' mean, plus 1e-8. Channels that cancel
    have a mix near zero, so the network is fed far too loudly, and a pair ``R = -L`` decodes to
    silence. Where the mix lies more than 20 dB below the channels, their own level is taken.
    The scale is sent along, so any decoder follows.

    Parameters
    ----------
    segment : Tensor
        ``(batch, channels, time)``.
    mend : bool, default: True
        False for the reference's scale in every case.

    Returns
    -------
    Tensor
        Scale ``(batch, 1, 1)``.

    Examples
    --------
    >>> tone = torch.sin(torch.arange(4800) * 0.1)
    >>> pair = torch.stack([tone, -tone])[None]
    >>> round(segment_scale(pair).item(), 3), segment_scale(pair, mend=False).item()
    (0.707, 9.99999993922529e-09)
    """
    mix = segment.mean(dim=1, keepdim=True).square().mean(dim=2, keepdim=True).sqrt()
    if mend and segment.shape[1] > 1:
        both = segment.square().mean(dim=(1, 2), keepdim=True).sqrt()
        mix = torch.where(mix < CANCELLATION * both, both, mix)
    return mix + _FLOOR


def overlap_weights(length: int, like: torch.Tensor) -> torch.Tensor:
    """Return the triangle that a decoded segment is weighted by before joining.

    Parameters
    ----------
    length : int
        Samples of the first segment.
    like : Tensor
        Its dtype and device are taken over.

    Returns
    -------
    Tensor
        ``(length,)``, above zero, highest in the middle.
    """
    time = torch.linspace(0, 1, length + 2, device=like.device, dtype=like.dtype)[1:-1]
    return 0.5 - (time - 0.5).abs()


class OverlapAdder:
    """Join segments as they come, holding no more than one of them.

    Parameters
    ----------
    stride : int
        Samples from the start of a segment to that of the next.

    Examples
    --------
    >>> adder = OverlapAdder(stride=3)
    >>> adder.push(torch.ones(1, 4)), adder.push(torch.zeros(1, 4)), adder.finish()
    (tensor([[1., 1., 1.]]), tensor([[0.5000, 0.0000, 0.0000]]), tensor([[0.]]))
    """

    def __init__(self, stride: int) -> None:
        if stride < 1:
            raise ValueError(f"stride must be at least 1, got {stride}")
        self.stride = stride
        self._weights: torch.Tensor | None = None
        self._sum = self._weight_sum = torch.empty(0)
        self._left = 0
        self._ended = False

    def push(self, segment: torch.Tensor) -> torch.Tensor:
        """Add a segment and return what no later one can change.

        Parameters
        ----------
        segment : Tensor
            ``(..., time)``, no longer than the first one.

        Returns
        -------
        Tensor
            ``(..., finished)``.

        Raises
        ------
        ValueError
            A segment is longer than the first one, or follows one shorter than the stride.
        """
        length = segment.shape[-1]
        if self._weights is None:
            self._weights = overlap_weights(length, segment)
            self._sum, self._weight_sum = segment[..., :0], self._weights[:0]
        if length > len(self._weights):
            raise ValueError(
                f"no segment may be longer than the first one: {length} > {len(self._weights)}"
            )
        if self._ended:
            raise ValueError(f"only the last segment may be shorter than {self.stride} samples")
        size = max(length, self._sum.shape[-1])
        total = segment.new_zeros((*segment.shape[:-1], size))
        weights = segment.new_zeros(size)
        total[..., : self._sum.shape[-1]] = self._sum
        weights[: len(self._weight_sum)] = self._weight_sum
        total[..., :length] += self._weights[:length] * segment
        weights[:length] += self._weights[:length]
        # The next segment starts a stride further on. What a longer predecessor has beyond the end
        # of a last segment is cut off, as in the reference.
        count = min(self.stride, length)
        self._ended = length < self.stride
        self._sum, self._weight_sum = total[..., count:], weights[count:]
        self._left = length - count
        return total[..., :count] / weights[:count]

    def finish(self) -> torch.Tensor:
        """Return the rest.

        Returns
        -------
        Tensor
            Up to the end of the last segment.

        Raises
        ------
        ValueError
            There was no segment.
        """
        if self._weights is None:
            raise ValueError("there is no segment to join")
        return self._sum[..., : self._left] / self._weight_sum[: self._left]


def overlap_add(segments: Iterable[torch.Tensor], stride: int) -> torch.Tensor:
    """Join decoded segments with linear cross-fades.

    Parameters
    ----------
    segments : iterable of Tensor
        ``(..., time)``, none longer than the first.
    stride : int
        Samples from the start of a segment to that of the next.

    Returns
    -------
    Tensor
        ``(..., stride * (count - 1) + length of the last)``: the sum weighted by triangles over
        the sum of the weights.
    """
    adder = OverlapAdder(stride)
    parts = [adder.push(segment) for segment in segments]
    return torch.cat([*parts, adder.finish()], dim=-1)
