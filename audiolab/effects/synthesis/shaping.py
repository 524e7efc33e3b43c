"""Noise-shaping filters for dither: where the rounding noise goes, so that it is heard least.

Each set holds the coefficients of error feedback, ``v[n] = x[n] - sum c[k] e[n-1-k]``, so that the
noise has the spectrum ``|1 - sum c[k] z^-(k+1)|``. All are for 44.1 kHz.

References: S. P. Lipshitz, J. Vanderkooy and R. A. Wannamaker, "Minimally audible noise shaping",
JAES 39(11), 1991; R. A. Wannamaker, "Psychoacoustically optimal noise shaping", JAES 40(7/8), 1992.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["FEEDBACK_44100"]

#: Coefficients by SoX's names.
FEEDBACK_44100: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "lipshitz": (2.033, -2.165, 1.959, -1.590, 0.6149),
        "f-weighted": (2.412, -3.370, 3.937, -4.174, 3.353, -2.205, 1.281, -0.569, 0.0847),
        "modified-e-weighted": (
            *(1.662, -1.263, 0.4827, -0.2913, 0.1268),
            *(-0.1124, 0.03252, -0.01265, -0.03524),
        ),
        "improved-e-weighted": (
            *(2.847, -4.685, 6.214, -7.184, 6.639),
            *(-5.032, 3.263, -1.632, 0.4191),
        ),
    }
)
