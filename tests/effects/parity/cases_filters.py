"""Filters: biquads by every unit of width, and the FIR effects."""

from __future__ import annotations

from cases import Case, grid

_RESONANT = ["300 1q", "1k 0.5o", "2k 500", "3.1k 0.2k", "50 20h", "3999 0.3q", "%3 12q"]

_DATA = "tests/effects/parity/data"

_SINC = [
    "3k",
    "-3k",
    "300-3400",
    "3k-1k",
    "-a 50 -1k",
    "-a 180 2k",
    "-b 5 -2k",
    "-t 100 1k-3k",
    "-t 1k -2k",
    "1k-3k -t 200",
    "-n 31 3k",
    "-n 200 1k-3k -n 55",
    "0.2k -n 1001",
    "-M 300-3400",
    "-M -3k",
    "-I 3k",
    "-I 1k-3k",
    "-p 5 -2k",
    "-p 40 3k-1k",
    "-p 70 -a 80 300",
    "-p 100 -3k",
    "%0-%24",
]

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
    *grid("sinc", _SINC),
    *grid("sinc", ["3k", "-3k", "300-3400"], rates=[96_000], channels=[1]),
    *grid("fir", ["0.0195 -0.082 0.234 0.891 -0.145 0.043", "1 -1", "0.1 0.2 0.4 0.2 0.1"]),
    *grid("fir", [f"{_DATA}/taps.txt", "0 0 0 0 0 0 0 0 1", "0.5 0.25 -0.125 1e-3"]),
    *grid("firfit", [f"{_DATA}/{name}.txt" for name in ("knots", "tilt", "telephone")]),
    *grid("firfit", [f"{_DATA}/{name}.txt" for name in ("loud", "steep")], rates=[44_100, 16_000]),
    *grid("hilbert", ["", "-n 15", "-n 101", "-n 3", "-n 1001", "-n 4095"]),
    *grid("hilbert", [""], every=True, channels=[1], rates=[8_000, 16_000, 48_000, 96_000]),
    *grid("loudness", ["", "-50", "15", "-20 50", "10 75", "-31 70", "-5 65 300", "0"]),
    *grid("loudness", [""], every=True, channels=[1], rates=[8_000, 16_000, 48_000, 96_000]),
    Case("earwax", 44_100, 2, exact=True),
    Case("earwax", 44_100, 2, signal="loud", exact=True),
    Case("earwax", 44_100, 2, signal="noise", exact=True),
    Case("earwax", 44_100, 2, signal="speech", exact=True),
    Case("earwax", 44_100, 2, signal="impulse", exact=True),
    Case("sinc 300-3400", 16_000, 1, signal="impulse"),
    Case("sinc -4k", 44_100, 2, signal="loud", note="clips"),
    Case("sinc 1k-3k", 8000, 1, duration_s=0.001, note="shorter than the filter"),
    Case("hilbert sinc -2k loudness -20", 16_000, 2),
    Case("lowpass -1 300 highpass 40 equalizer 1k 1q 3 bass 4 treble -2", 44_100, 2),
    Case("lowpass 4000", 16_000, 1, signal="impulse"),
    Case("lowpass 300", 16_000, 1, signal="silence"),
    Case("bass 12 gain -6", 44_100, 2, signal="loud", note="clips"),
    Case("lowpass 300", 8000, 1, duration_s=1 / 8000, note="one sample"),
]
