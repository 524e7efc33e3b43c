"""Values beyond full scale are reported, refused or scaled down; never cut off in silence."""

from __future__ import annotations

import warnings

import torch

from audiolab.io._errors import ClippingWarning
from audiolab.units import amplitude_to_db

__all__ = ["ON_CLIP", "Overs", "fit_full_scale"]

ON_CLIP = ("warn", "error", "rescale")


class Overs:
    """A count of values beyond [-1, 1], and the largest of them.

    Parameters
    ----------
    target : str
        What is written, for messages: a path or a format.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._count = 0
        self._total = 0
        self._peak = 0.0

    def clip(self, samples: torch.Tensor) -> torch.Tensor:
        """Count what lies beyond full scale in `samples` and clip it."""
        self._total += samples.numel()
        if not samples.numel():
            return samples
        peak = float(samples.abs().max())
        if peak <= 1.0:
            return samples
        self._peak = max(self._peak, peak)
        self._count += int((samples.abs() > 1.0).sum())
        return samples.clamp(-1.0, 1.0)

    @property
    def found(self) -> bool:
        """Whether anything was clipped."""
        return self._count > 0

    def message(self, outcome: str) -> str:
        """Say how many values were beyond full scale, by how much, and what came of it."""
        return (
            f"{self._target}: {self._count} of {self._total} values lie beyond [-1, 1], "
            f"the largest at {self._peak:.4g} ({amplitude_to_db(self._peak):+.2f} dBFS); {outcome}"
        )


def fit_full_scale(
    samples: torch.Tensor, on_clip: str, target: str, *, stacklevel: int = 2
) -> torch.Tensor:
    """Return `samples` within [-1, 1]: as they are, clipped with a warning, or scaled by the peak.

    Raises
    ------
    ValueError
        Some lie beyond, and `on_clip` is ``"error"``.
    """
    overs = Overs(target)
    clipped = overs.clip(samples)
    if not overs.found:
        return samples
    if on_clip == "error":
        raise ValueError(overs.message("on_clip='rescale' divides all of them by the largest"))
    if on_clip == "rescale":
        return samples / samples.abs().max()
    warnings.warn(
        overs.message("they were clipped (on_clip='rescale' divides by the largest)"),
        ClippingWarning,
        stacklevel=stacklevel + 1,
    )
    return clipped
