"""Effects that swing: chorus to the bit, flanger and phaser with and without feedback, tremolo."""

from __future__ import annotations

from cases import Case, grid

CASES = [
    *grid(
        "chorus",
        [
            "0.7 0.9 55 0.4 0.25 2 -t",
            "0.6 0.9 50 0.4 0.25 2 -t 60 0.32 0.4 1.3 -s",
            "0.5 0.9 50 0.4 0.25 2 -t 60 0.32 0.4 2.3 -t 40 0.3 0.3 1.3 -s",
            "0.7 0.9 20 0.5 5 10 -s",
            "0.7 0.9 100 1 0.1 0 -t",
            "1 0.5 33.37 0.7 0.11 7.77 -s",
            "0.3 0.2" + " 41.3 0.9 1.7 3.1 -t 77 0.8 3.3 9.9 -s" * 3 + " 20 0 1 0 -s",
            "0 0.6 25 1 2 5 -t",
        ],
        exact=True,
    ),
    Case("chorus 0.9 2 30 1 1 5 -t", 44_100, 2, signal="loud", exact=True, note="clips"),
    Case("chorus 0.7 0.9 55 0.4 0.25 2 -s", 16_000, 1, signal="impulse", exact=True),
    Case("chorus 0.7 0.9 55 0.4 0.3 2 -t", 16_000, 2, duration_s=7.3, exact=True),
    *grid(
        "flanger",
        [
            "",
            "1.23 3.4 80 50 0.7 triangle 40 quadratic",
            "0 5 -70 100 2.3 sine 0 linear",
            "30 10 95 100 10 tri 100 quad",
            "0 0",
            "0 0 50 50 1 s 25 q",
            "0.03 0.04 50 80 3.33 t 33.3 q",
            "7.7 0.1 -95 0 0.1",
            "triangle 60 q",
        ],
    ),
    Case("flanger 3 2 60 71 1.1", 16_000, 2, duration_s=4.0),
    Case("flanger 0 2 50", 44_100, 3, signal="impulse"),
    *grid(
        "phaser",
        [
            "",
            "0.4 0.74 3 0.4 0.5 -t",
            "0.6 0.66 3 0.6 2 -t",
            "0.89 0.85 1 0.24 2 -t",
            "0.1 1 5 0.99 0.1 -s",
            "1 0.5 0.2 0.9 1.7 -s",
            "0.9 0.85 4 0.23 1.3",
            "0.5 0.5 3 0",
        ],
    ),
    Case("phaser 0.8 0.74 3 0.4 0.5 -t", 16_000, 2, duration_s=5.0),
    Case("phaser 0.2 1 0.13 0.9 1.1 -s", 8000, 1, note="a delay of one sample"),
    *grid("tremolo", ["5", "0.1 100", "6.3 33.333333", "20 1", "0 50", "999.9 77"]),
    Case("tremolo 4.7 60 bass 6", 16_000, 2, note="makes head-room"),
    Case("gain -h tremolo 4.7 60 treble 6 gain -r", 16_000, 2),
    Case("synth sine fmod 3 bass 6", 16_000, 2, effect="tremolo", note="what tremolo is"),
    Case("tremolo 4.7 60", 16_000, 1, duration_s=30.0),
]
