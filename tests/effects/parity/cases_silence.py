"""Silence cut at the start, in the middle and at the end.

SoX's ``-l`` with a negative below-periods repeats stale samples where the audio ends inside a
silence; those endings are left out.
"""

from __future__ import annotations

from cases import Case, grid

_SETS = (
    *("1 1 1%", "1 100 1%", "1 0.1t -30d", "2 100 1%", "1 0 1%", "1 1 0", "0", "0 1 500 1%"),
    *("1 1 1% 1 500 1%", "1 1 1% 2 500 1%", "1 1 1% -1 500 1%", "1 100 0.1% -1 300 5%"),
    *("0 -1 500 1%", "0 -2 0.05t 1%", "1 0:00.1 1% -1 0:00.05 -40d", "-l 1 1 1% 1 500 1%"),
    *("-l 0 1 500 1%", "1 3 2% 1 1t 1%", "1 1 1 -1 0.02t 5", "2 300 1% -1 300 5%"),
)

CASES: list[Case] = [
    *grid("silence", _SETS, exact=True, signal="bursts", duration_s=2.0),
    *grid(
        "silence",
        ["1 0.01t 0.1% -1 0.05t 1%", "1 0.1t 1%", "0 1 0.1t 1%"],
        every=True,
        exact=True,
        signal="speech",
        duration_s=2.0,
    ),
    Case("silence 1 1 1%", signal="silence", exact=True),
]
