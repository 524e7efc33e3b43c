"""Joins: the place found has to be the same, then every sample is."""

from __future__ import annotations

from cases import Case, grid

_SETS = (
    *("0.5", "-t 0.5", "-q 0.5", "-h 0.5,0.01", "0.5,0.01,0", "0.5,0.02,0.03", "-q 0.4,0.05,0.02"),
    *("0.3 0.6", "0.3,0.02 =0.6,0.01,0.03", "+0.3 +0.2", "", "2", "0.2 0.21", "4000s,50s,90s"),
    *("0.3 -0.25", "0.999", "-t 0.1 0.3,0.03,0.03 0.7"),
)

CASES: list[Case] = [
    *grid("splice", _SETS, bar_db=-150.0),
    *grid("splice", ["0.4", "-q 0.2,0.03 0.5"], every=True, signal="noise", bar_db=-150.0),
]
