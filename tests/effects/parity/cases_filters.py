"""Filters: biquads by every unit of width, and the FIR effects."""

from __future__ import annotations

from cases import Case, grid

_RESONANT = ["300 1q", "1k 0.5o", "2k 500", "3.1k 0.2k", "50 20h", "3999 0.3q", "%3 12q"]

CASES = [
    *grid("lowpass", ["300", "-1 300", "30", "3k 0.3q", "1k 2o", "2k 500h", "4k 0.1k", "3999"]),
    *grid("highpass", ["20", "-1 300", "3k 5q", "1k 2o", "2k 500h", "40 0.1k", "3999 1q", "%-9"]),
    *grid("lowpass", ["8000", "-1 8000"], rates=[16_000]),
    *grid("bandpass", _RESONANT),
    *grid("bandpass", [f"-c {words}" for words in _RESONANT[:4]]),
    *grid("bandreject", _RESONANT),
    *grid("allpass", [*_RESONANT, "-1 700", "-2 700"]),
    *grid("band", ["300", "1k 2q", "2k 0.5o", "3k 100", "-n 1k", "-n 200 50h", "3999 1k"]),
    *grid("equalizer", ["1k 1q 6", "300 2o -12", "3k 500h 12", "50 0.1k -30", "2k 0.7 20"]),
    *grid("bass", ["6", "-20", "12 200", "3 60 0.3s", "10 400 1s", "-6 150 0.7q", "4 90 2o"]),
    *grid("bass", ["5 300 200h", "-5 1k 0.4k", "0"]),
    *grid("treble", ["6", "-20", "12 2k", "3 1k 0.3", "-10 3k 1s", "6 2k 0.7q", "-4 900 2o"]),
    *grid("treble", ["5 3k 2000h", "-5 1k 0.4k"]),
    *grid(
        "biquad",
        [
            "0.3 0 0 1 -0.7 0",
            "1 -1 0 1 -0.995 0",
            "2 1 0.5 2 0.4 0.2",
            "0.1 0.2 0.1 1 -1.2 0.5",
            "0.5 0 0.5 -1 0 -0.2",
            "1e-3 2e-3 1e-3 1 -1.98 0.9805",
        ],
    ),
    *grid("deemph", [""], rates=[44_100, 48_000], channels=[1, 2, 4], every=True),
    *grid("riaa", [""], rates=[44_100, 48_000, 88_200, 96_000], channels=[1, 2], every=True),
    Case("lowpass -1 300 highpass 40 equalizer 1k 1q 3 bass 4 treble -2", 44_100, 2),
    Case("lowpass 4000", 16_000, 1, signal="impulse"),
    Case("lowpass 300", 16_000, 1, signal="silence"),
    Case("bass 12 gain -6", 44_100, 2, signal="loud", note="clips"),
    Case("lowpass 300", 8000, 1, duration_s=1 / 8000, note="one sample"),
]
