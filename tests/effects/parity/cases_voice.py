"""The voice's start: the same sample as sox, from which on nothing changes."""

from __future__ import annotations

from cases import Case, grid

_SETS = (
    *("", "-t 5", "-t 15", "-p 0.2", "-T 0.1 -s 0.5", "-g 0.5 -b 0.2", "-N 0.5 -n 0.05"),
    *("-r 1 -f 30", "-m 0.05 -M 0.2", "-h 100 -l 4000", "-H 200 -L 1500", "-t 3 -p 0.05 -s 2"),
)

CASES: list[Case] = [
    *grid("vad", _SETS, channels=(1,), exact=True, signal="speech", duration_s=3.0),
    *grid("vad", ["", "-p 0.3"], channels=(2,), exact=True, signal="speech", duration_s=2.0),
    *grid("vad", ["", "-t 4"], channels=(1, 2), exact=True, signal="bursts", duration_s=2.0),
    # Nothing triggers: sox keeps nothing, not even what -p would have kept.
    *grid("vad", ["-t 20 -p 0.3"], channels=(1, 2), exact=True, signal="noise", duration_s=2.0),
    Case("reverse vad reverse", 16_000, 1, "speech", 3.0, exact=True, effect="vad"),
]
