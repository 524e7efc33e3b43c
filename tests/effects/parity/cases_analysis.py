"""Effects that measure: the audio itself has to pass unchanged; tests/effects/test_statistics.py
compares what they print."""

from __future__ import annotations

from cases import Case, grid

CASES: list[Case] = [
    *grid("stat", ["", "-s 100", "-rms", "-v", "-s 2 -rms"], exact=True, duration_s=0.3),
    *grid("stats", ["", "-b 16", "-x 16", "-s 10 -w 0.1", "-w 1"], exact=True, duration_s=0.3),
]
