"""Delays and echoes to the bit, reverberation to SoX's single precision."""

from __future__ import annotations

from cases import Case, grid

_ECHOES = (
    "0.8 0.88 60 0.4",
    "0.8 0.88 6 0.4",
    "0.8 0.9 1000 0.3 1800 0.25",
    "0.5 0.7 33.3 0.4 20 0.3 7.77 0.2",
    "1 1 100.3 0.999",
    "0.01 0.02 250 0.01",
    "0.3 0.5 10 0.1 20 0.2 30 0.3 40 0.1 50 0.2 60 0.3 70 0.1",
    "0.8 0.7 700 0.25 700 0.3",
)

CASES: list[Case] = [
    *(
        Case(f"delay {w}", r, c, exact=True)
        for w, r, c in (
            ("0.1", 44_100, 1),
            ("0.1 +0.05", 16_000, 2),
            ("0 0.2 100s =0.1", 48_000, 4),
            ("0 -0.3", 8000, 2),
            ("", 44_100, 2),
            ("1000s", 16_000, 2),
            ("0.3 0.2 0.1", 44_100, 4),
        )
    ),
    *grid("echo", _ECHOES, exact=True),
    *grid("echos", _ECHOES, exact=True),
    Case("echo 1 2 50 0.9", 44_100, 2, signal="loud", exact=True, note="clips"),
    *grid(
        "reverb",
        [
            "",
            "-w",
            "0",
            "100",
            "-w 80 20 35 33 12.5 -3",
            "50 100 0 100",
            "70 50 60 0 0 6",
            "20 0 100 50 500 -10",
            "-w 65 35 77 88 33.3 1.5",
        ],
        bar_db=-110.0,
    ),
    Case("reverb 90", 44_100, 1, signal="impulse", duration_s=3.0, bar_db=-110.0),
    Case("reverb -w", 16_000, 2, signal="speech", duration_s=4.0, bar_db=-110.0),
]
