"""Noise learned and reduced; tests/effects/test_noise_reduction.py compares the profiles."""

from __future__ import annotations

from cases import Case, grid

_MONO = "tests/effects/parity/data/noise_profile_mono.txt"
_STEREO = "tests/effects/parity/data/noise_profile_stereo.txt"
_AMOUNTS = ("", "0", "0.1", "0.25", "0.8")

CASES: list[Case] = [
    *grid("noiseprof", ["/dev/null"], every=True, exact=True, duration_s=0.2),
    # The gate decides in float32 there: a band that lies on the threshold may fall either way.
    *grid("noisered", [f"{_MONO} {a}".strip() for a in _AMOUNTS], channels=(1,)),
    *grid("noisered", [f"{_STEREO} {a}".strip() for a in _AMOUNTS], channels=(2,)),
    *grid("noisered", [f"{_MONO} 0.3"], channels=(1,), every=True, signal="speech"),
]
