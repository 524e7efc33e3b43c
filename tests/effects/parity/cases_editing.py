"""Cutting, padding, repeating, reversing, fading: nothing but moved samples and gains."""

from __future__ import annotations

from cases import Case, grid

_TRIM = (
    *("0", "0.5", "0 0.3", "0.2 =0.6", "100s 200s 300s", "-0.4", "0.1 -0.25", "0 0", "3", "0 5"),
    *("0.1 0.3 -0.2", "0 0.2 0.2 0.2", "-5", "0 =0.3 =0.3 +0.1", "0:00.25 1000s", "0.1+20s 0.5-7s"),
    *("0 0.10003", "0.3333333 0.1111111", "0.2 -0", "0.1t 1e3s"),
)
_PAD = (
    *("", "0.1", "0 0.2", "0.1 0.2", "10s@20s 7s@0.3", "0.05 5s@0.2 0.1", "1s@0.5", "3s@1"),
    *("0.1@-0.2", "0.1@-0.3 0.2@-0.1", "1s@+0.1 2s@+0.2", "0.123456", "1s@-5 3s"),
)
_FADE = (
    *("0.1", "t 0.1", "q 0.2", "h 0.25", "l 0.3", "p 0.4", "h 0.1 0.6", "t 0.1 0.8 0.3"),
    *("q 0.1 0", "l 0.1 -0 0.2", "p 0 -0.25 0.5", "t 0 1 0", "h 1000s 0.9 777s", "t 0.2 1.5"),
    *(
        "t 5",
        "t 1.5 1 1",
        "t 0.5 0.5",
        "t 0 0 3",
        "t 0 -3",
        "0 0.3",
        "q 0.1 =0.5 0.1",
        "p 0.3 0 0.5",
    ),
)

CASES: list[Case] = [
    *grid("trim", _TRIM, exact=True),
    *grid("trim", ["0.1 0.5", "-0.3", "0 0.2 0.1 -0.1"], every=True, exact=True, duration_s=0.8),
    *grid("pad", _PAD, exact=True),
    *grid("pad", ["0.1 0.2", "0.1@0.3"], every=True, exact=True, duration_s=0.5),
    *grid("repeat", ["", "0", "2", "3", "1.5"], exact=True, duration_s=0.4),
    *grid("repeat", ["1"], every=True, exact=True, duration_s=0.3),
    *grid("reverse", [""], every=True, exact=True, duration_s=0.5),
    *grid("fade", _FADE, bar_db=-140.0),
    *grid("fade", ["q 0.2 0 0.3", "0.1 0.7"], every=True, bar_db=-160.0),
    Case("trim 0.2 0.5 reverse pad 0.1 fade t 0.05 0 0.1", 44_100, 2, effect="trim", bar_db=-160.0),
]
