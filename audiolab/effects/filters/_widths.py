"""How wide a biquad is, in any of the field's four words: Q, octaves, hertz, or a shelf's slope.

The cookbook's ``alpha`` from each of them, with ``w0`` the centre in radians a sample and ``A``
the square root of the gain:

- Q factor: ``sin(w0) / (2 Q)``
- octaves between the -3 dB points: ``sin(w0) sinh(ln(2)/2 * octaves * w0 / sin(w0))``
- hertz: as with ``Q = centre / bandwidth``
- slope of a shelf, at most 1: ``sin(w0)/2 * sqrt((A + 1/A)(1/slope - 1) + 2)``

Reference: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from audiolab.effects.filters._parameters import Value, checked, maths

__all__ = ["Width"]


@dataclass(frozen=True)
class Width:
    """A width in one of four units; exactly one is not None."""

    q: Value | None = None
    bandwidth_octaves: Value | None = None
    bandwidth_hz: Value | None = None
    slope: Value | None = None

    def settled(self, default: Width | None, *, slopes: bool = False) -> Width:
        """Return the width, or the default where none is given.

        Raises
        ------
        ValueError
            If more than one is given, or none and there is no default.
        """
        given = [name for name, value in vars(self).items() if value is not None]
        if not given and default is not None:
            return default
        if len(given) != 1:
            names = ["q", "bandwidth_octaves", "bandwidth_hz", *(["slope"] if slopes else [])]
            found = " and ".join(given) or "none"
            raise ValueError(f"give exactly one of {', '.join(names)}; got {found}")
        return self

    def hertz(self, centre_hz: Any) -> Any:
        """Return the width in hertz around a centre."""
        if self.q is not None:
            return centre_hz / checked(self.q, "q", 0.0, above=True)
        if self.bandwidth_octaves is not None:
            octaves = checked(self.bandwidth_octaves, "bandwidth_octaves", 0.0, above=True)
            return 2.0 * centre_hz * maths(octaves).sinh(math.log(2) / 2 * octaves)
        assert self.bandwidth_hz is not None
        return checked(self.bandwidth_hz, "bandwidth_hz", 0.0, above=True, unit="Hz")

    def alpha(self, w0: Any, centre_hz: Any, amplitude: Any = 1.0) -> Any:
        """Return the cookbook's alpha."""
        sine = maths(w0).sin(w0)
        if self.q is not None:
            return sine / (2.0 * checked(self.q, "q", 0.0, above=True))
        if self.bandwidth_hz is not None:
            width = checked(self.bandwidth_hz, "bandwidth_hz", 0.0, above=True, unit="Hz")
            return sine * width / (2.0 * centre_hz)
        if self.bandwidth_octaves is not None:
            octaves = checked(self.bandwidth_octaves, "bandwidth_octaves", 0.0, above=True)
            exponent = math.log(2) / 2 * octaves * w0 / sine
            # Towards the Nyquist frequency an octave is as wide as it likes; 700 is e^709's edge.
            exponent = checked(exponent, "bandwidth_octaves, seen at this frequency,", 0.0, 700.0)
            return sine * maths(exponent).sinh(exponent)
        assert self.slope is not None
        slope = checked(self.slope, "slope", 0.0, 1.0, above=True)
        spread = (amplitude + 1.0 / amplitude) * (1.0 / slope - 1.0) + 2.0
        return sine / 2.0 * maths(spread).sqrt(spread)
