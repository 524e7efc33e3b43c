"""Channels: which go where."""

from __future__ import annotations

from cases import Case, grid

CASES: list[Case] = [
    *grid("channels", ["1", "2", "3", "4", "6"], every=True, rates=(44_100,), bar_db=-160.0),
    *grid("swap", [""], every=True, channels=(1, 2, 3, 4, 5), rates=(8_000, 44_100), exact=True),
    *grid("oops", [""], every=True, channels=(2, 3, 4), bar_db=-160.0),
    *grid("divide", [""], every=True, channels=(1, 2, 4), rates=(8_000, 48_000), bar_db=-160.0),
    Case("divide", 16_000, 2, "bursts", bar_db=-160.0),
    Case("divide", 16_000, 3, "silence", exact=True),
    *grid(
        "remix",
        [
            *("1", "1 1", "0 1", "-", "1,1", "1v0.5", "1v-0.5,1i3", "1p-6", "-v0.3", "1i", "1,"),
        ],
        every=True,
        rates=(44_100,),
        bar_db=-160.0,
    ),
    *grid(
        "remix",
        [
            *("2 1", "1,2", "1-2 2-1", "1,2i 2", "-p 1,2 1", "-a 1,2v0.5", "-m 1,2 1,2v0.3"),
            *("-a -p 1v0.2,2", "2-", "-2", "1v,2", "-m -p 1,2", "1,2p-3 0 2"),
        ],
        every=True,
        channels=(2, 4),
        rates=(8_000, 48_000),
        bar_db=-160.0,
    ),
    *grid("remix", ["4-2 1,3v2 -", "3-,1 2-3i-2"], every=True, channels=(4,), bar_db=-160.0),
]
