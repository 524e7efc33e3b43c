r"""SoX's cascade as one linear operator: the ``resample`` package with another kernel.

Convolving one kernel after the other is convolving with all of them at once, so one transform, one
product and one inverse transform do what SoX does in up to eleven stages; that is how the
``resample`` package works, with `CascadeDesign` for its filter. Three things are left:

- What lies below the stop bands' levels (-102, -126 or -175 dB) is left out.
- A filter that lets something alias (`stop_edge` above 1) runs at twice both rates.
- SoX drops what its first stages ring *before* the start, so that the later stages don't see it.
  `beginning` is that difference: a small matrix from the first inputs to the first outputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import torch

from audiolab.effects.rates._cascade import Quality, make_cascade
from audiolab.effects.rates._windowed_sinc import transform

__all__ = ["CascadeDesign", "beginning"]

#: Grid of the polyphase kernel when it is transformed, per sample; its images lie below -150 dB.
_FINE = 8

#: Largest matrix for the beginning; extreme ratios go without.
_LARGEST = 1 << 24


@dataclass(frozen=True)
class CascadeDesign:
    """The cascade's kernel as the ``resample`` package takes it.

    Parameters
    ----------
    ratio : Fraction
        Output over input rate.
    quality : Quality
        What the filters are asked for.
    """

    ratio: Fraction
    quality: Quality

    @property
    def oversampling(self) -> int:
        """How many times both rates the operator runs at."""
        return 1 if self.quality.stop_edge <= 1 else 2

    @property
    def support(self) -> tuple[int, int]:
        """Samples of the lower rate before and after an event that the kernel reaches."""
        low = min(Fraction(1), self.ratio)
        before = after = 0.0
        rate = Fraction(1)
        for stage in make_cascade(self.ratio, self.quality):
            past, future = stage.support  # of an output; for an input it is the other way round
            before, after = before + future * float(low / rate), after + past * float(low / rate)
            rate *= stage.ratio
        k = self.oversampling
        return math.ceil(k * before) + 1, math.ceil(k * after) + 1

    @property
    def num_samples(self) -> int:
        """Length of the kernel in samples of the lower rate."""
        return sum(self.support)

    def response(self, duration: Fraction) -> torch.Tensor:
        """Return the response below the lower Nyquist frequency, at bins ``k / duration``."""
        num_bins = math.ceil(duration / 2)
        length = duration / self.oversampling / min(Fraction(1), self.ratio)  # in inputs
        response = torch.ones(num_bins, dtype=torch.complex128, device="cpu")
        rate = Fraction(1)
        for stage in make_cascade(self.ratio, self.quality):
            if stage.kernel is not None:
                taps, points = stage.kernel.taps(_FINE), length * rate * _FINE
                origin = (len(taps) - 1) // 2
            else:
                assert stage.taps is not None
                taps, origin, points = stage.taps, stage.origin, length * rate * stage.up
            response *= transform(taps, origin, float(points), num_bins)
            rate *= stage.ratio
        return response


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # kept for callers that differentiate
def beginning(ratio: Fraction, quality: Quality) -> torch.Tensor | None:
    """Return the matrix ``(outputs, inputs)`` to add at the start, None if there is nothing."""
    stages = make_cascade(ratio, quality)
    if len(stages) == 1:
        return None
    # How far the stages after the first ring into what is kept, in their own outputs.
    reach, rate = 0.0, stages[0].ratio
    for stage in stages[1:]:
        reach += stage.support[0] / float(rate)
        rate *= stage.ratio
    last = math.ceil(reach * float(rate)) + 1
    # The samples of each signal that those outputs depend on.
    ranges = [range(last)]
    for stage in reversed(stages):
        past, future = stage.support
        after = ranges[0]
        ranges.insert(
            0,
            range(
                math.floor(after.start / stage.ratio - past) - 1,
                math.ceil(after.stop / stage.ratio + future) + 1,
            ),
        )
    ranges[0] = range(ranges[0].stop)
    if len(ranges[0]) * last > _LARGEST:
        return None
    whole = cut = torch.eye(len(ranges[0]), dtype=torch.float64, device="cpu")
    for stage, inputs, outputs in zip(stages, ranges, ranges[1:], strict=False):
        matrix = stage.matrix(outputs, inputs)
        whole, cut = matrix @ whole, matrix @ cut
        cut = cut.clone()
        cut[: -outputs.start] = 0
    return cut - whole
