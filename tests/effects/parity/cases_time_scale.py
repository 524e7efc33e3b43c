"""Time-domain stretching: the same splices as SoX, and its single-precision cross-fades."""

from __future__ import annotations

from cases import Case, grid

CASES: list[Case] = [
    *grid(
        "tempo",
        [
            "0.8",
            "1.3",
            "-m 0.7",
            "-m 2",
            "-s 1.5",
            "-s 0.5",
            "-l 1.1",
            "-q 0.9",
            "-q -s 1.7 40 20",
            "3 30 10 5",
            "1.1 10 0 0",
            "0.1",
            "100",
            "1",
            "1.0001 120 30 30",
        ],
        bar_db=-110.0,
        duration_s=1.5,
    ),
    *grid("tempo", ["0.8", "-s 1.25"], every=True, bar_db=-110.0, duration_s=0.7),
    Case("tempo -s 0.9", 16_000, 1, signal="speech", duration_s=4.0, bar_db=-110.0),
    Case("tempo 0.1", 16_000, 1, signal="speech", duration_s=2.0, bar_db=-110.0),
    Case("tempo 1.7", 44_100, 2, signal="noise", duration_s=2.0, bar_db=-110.0),
    Case("tempo 0.9", 8000, 1, duration_s=0.01, bar_db=-110.0, note="shorter than a segment"),
    *(
        Case(f"pitch {cents}", rate, channels, duration_s=2.0, restore=True)
        for cents, rate, channels in (
            ("200", 44_100, 1),
            ("-300", 16_000, 2),
            ("1200", 8000, 1),
            ("-1.5", 48_000, 1),
            ("-q 533", 44_100, 2),
            ("700 40 10 8", 8000, 1),
            ("-3300", 16_000, 1),
            ("50", 44_100, 4),
        )
    ),
    *grid(
        "stretch",
        [
            "1.5",
            "0.7",
            "2 20",
            "1.5 30 lin 0.6",
            "1.5 30 lin 0.6 0.1",
            "0.5 20 lin 0.9 0.3",
            "3.3 13",
            "0.9 50",
            "1",
            "0.11",
            "7 200 lin 0.5",
        ],
    ),
    Case("stretch 2", 16_000, 1, duration_s=0.005, note="shorter than half a segment"),
]
