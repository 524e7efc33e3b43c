"""Deltas: the slope of each feature over time, by least squares.

    d[t] = sum_n n (c[t + n] - c[t - n]) / (2 sum_n n^2),   n = 1 .. (width - 1) / 2

is the slope of the straight line fitted to `width` frames. Libraries agree on it within the clip
and differ in the width, in the second order and at the ends:

========== ===== ================================ ====================================
convention width second order                     before the first frame
========== ===== ================================ ====================================
librosa    9     curvature of a fitted parabola   the fit of the first `width` frames
torchaudio 5     slope of the slopes              slopes of the repeated first frame
kaldi      5     the same, as one longer filter   the repeated first frame
========== ===== ================================ ====================================

Reference: S. Furui, "Speaker-independent isolated word recognition using dynamic features of speech
spectrum", IEEE Trans. ASSP 34(1), 1986, doi:10.1109/TASSP.1986.1164788. Left out: shifted deltas.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn.functional import conv1d, pad

from audiolab._validation import check_choice
from audiolab.features._framing import kernel

__all__ = ["DeltaConvention", "Deltas", "deltas"]

DeltaConvention: TypeAlias = Literal["librosa", "torchaudio", "kaldi"]


def deltas(
    features: torch.Tensor,
    *,
    order: int = 1,
    width: int | None = None,
    convention: DeltaConvention = "librosa",
) -> torch.Tensor:
    """Compute the change of features over time, per frame.

    Parameters
    ----------
    features : Tensor, shape (..., frame)
        Features, float32 or float64.
    order : int, default: 1
        1 for the slope, 2 for its change (delta-delta), and so on.
    width : int, optional
        Frames that are fitted: odd, at least 3. By default 9 in "librosa" and 5 in the others.
    convention : {"librosa", "torchaudio", "kaldi"}, default: "librosa"
        How the second order and the ends are taken; see the module.

    Returns
    -------
    Tensor, shape (..., frame)
        Deltas, as long as the features.

    Raises
    ------
    ValueError
        A setting is out of range; or, in "librosa", there are fewer frames than `width`.
    TypeError
        `features` is not a floating-point tensor.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import deltas
    >>> deltas(torch.arange(10.0) * 3).round(decimals=4)
    tensor([3., 3., 3., 3., 3., 3., 3., 3., 3., 3.])
    """
    width = _check(order, width, convention)
    if not isinstance(features, torch.Tensor) or not features.is_floating_point():
        kind = features.dtype if isinstance(features, torch.Tensor) else type(features).__name__
        raise TypeError(f"features must be a floating-point tensor (..., frame), got {kind}")
    if features.dim() < 1 or features.numel() == 0:
        raise ValueError(f"features has no frames: its shape is {tuple(features.shape)}")
    count = features.shape[-1]
    rows = features.reshape(-1, 1, count)
    place = {"dtype": features.dtype, "device": features.device}
    half = width // 2
    if convention == "librosa":
        if count < width:
            raise ValueError(
                f"width={width} is more than the {count} frames there are: choose a smaller odd "
                "width, or the torchaudio or kaldi convention"
            )
        # The order-th derivative of the fitted polynomial of that order is constant, so that the
        # fit at either end has one value for all of its frames.
        slopes = pad(conv1d(rows, _fit(width, order, **place)), (half, half), mode="replicate")
    elif convention == "torchaudio":
        slopes = rows
        for _ in range(order):
            slopes = conv1d(pad(slopes, (half, half), mode="replicate"), _fit(width, 1, **place))
    else:
        padded = pad(rows, (order * half, order * half), mode="replicate")
        slopes = padded
        for _ in range(order):
            slopes = conv1d(slopes, _fit(width, 1, **place))
    return slopes.reshape(features.shape)


def _check(order: int, width: int | None, convention: str) -> int:
    check_choice(convention, "convention", ("librosa", "torchaudio", "kaldi"))
    width = (9 if convention == "librosa" else 5) if width is None else width
    for name, value, low in (("order", order, 1), ("width", width, 3)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be an int, got {type(value).__name__}")
        if value < low:
            raise ValueError(f"{name} must be at least {low}, got {value}")
    if width % 2 == 0:
        raise ValueError(f"width must be odd, so that it has a middle frame, got {width}")
    if order >= width:
        raise ValueError(f"order={order} needs more frames than width={width} to be fitted to")
    return width


@kernel
def _fit(width: int, order: int) -> torch.Tensor:
    """Return the filter whose output is the order-th derivative of the polynomial fitted."""
    offsets = torch.arange(width, dtype=torch.float64) - width // 2
    powers = offsets[:, None] ** torch.arange(order + 1, dtype=torch.float64)
    inverse: torch.Tensor = torch.linalg.pinv(powers)
    return (inverse[order] * math.factorial(order))[None, None]


class Deltas(nn.Module):
    """Module twin of `deltas`.

    Parameters
    ----------
    order : int, default: 1
        1 for the slope, 2 for its change, and so on.
    width : int, optional
        Frames that are fitted.
    convention : {"librosa", "torchaudio", "kaldi"}, default: "librosa"
        How the second order and the ends are taken.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import Deltas
    >>> Deltas(order=2)(torch.arange(10.0).square())[0].round()
    tensor(2.)
    """

    def __init__(
        self,
        *,
        order: int = 1,
        width: int | None = None,
        convention: DeltaConvention = "librosa",
    ) -> None:
        super().__init__()
        self.order = order
        self.width = _check(order, width, convention)
        self.convention: DeltaConvention = convention

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Compute the deltas.

        Parameters
        ----------
        features : Tensor, shape (..., frame)
            Features.

        Returns
        -------
        Tensor, shape (..., frame)
            Their deltas.
        """
        return deltas(features, order=self.order, width=self.width, convention=self.convention)

    def extra_repr(self) -> str:
        """Describe the settings.

        Returns
        -------
        str
            What stands between the parentheses of the module's repr.
        """
        return f"order={self.order}, width={self.width}, convention={self.convention!r}"
