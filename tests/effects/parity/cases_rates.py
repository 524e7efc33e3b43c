"""Changes of rate by SoX's own filters. With 16 bits, what is left out lies at -100 dB."""

from __future__ import annotations

from cases import Case, grid

_PAIRS = (
    (44_100, "16k"),
    (16_000, "44.1k"),
    (48_000, "44100"),
    (44_100, "48k"),
    (8000, "44100"),
    (44_100, "8k"),
    (48_000, "16k"),
    (16_000, "48k"),
    (48_000, "32k"),
    (16_000, "8k"),
    (8000, "16k"),
    (48_000, "8k"),
    (16_000, "10k"),
    (16_000, "9000"),
    (44_100, "44101"),
    (16_000, "17959.4"),
    (8000, "96k"),
    (48_000, "7000"),
    (44_100, "22050"),
    (16_000, "4000"),
    (8000, "48k"),
    (16_000, "16k"),
)
_OPTIONS = (
    "-h",
    "-v",
    "-s",
    "-a",
    "-b 90",
    "-b 80",
    "-a -b 86",
    "-v -s",
    "-v -b 99.7",
    "-M",
    "-I",
    "-p 10",
    "-p 75",
    "-v -I",
    "-a -M",
)

CASES: list[Case] = [
    *(Case(f"rate {new}", old, 1 + i % 2) for i, (old, new) in enumerate(_PAIRS)),
    *(Case(f"rate -v {new}", old) for old, new in _PAIRS),
    *(Case(f"rate {o} 16k", 44_100) for o in _OPTIONS),
    *(Case(f"rate {o} 44.1k", 48_000, 2) for o in _OPTIONS),
    *(Case(f"rate {o} 8k", 16_000) for o in _OPTIONS),
    *(
        Case(f"rate {o} {new}", old, bar_db=-92.0, note="16 bits: images at -102 dB are left out")
        for o in ("-m", "-l")
        for old, new in _PAIRS
    ),
    *(Case(f"rate -q {new}", old) for old, new in _PAIRS[:8]),
    *(
        Case(f"rate {o} {new}", old)
        for o in ("-M", "-p 10", "-b 93")
        for old, new in (
            (8000, "44100"),
            (44_100, "8k"),
            (8000, "48k"),
            (16_000, "44.1k"),
            (16_000, "9k"),
        )
    ),
    Case("rate 16k", 44_100, 4, signal="speech", duration_s=2.0),
    Case("rate 16k", 44_100, signal="noise"),
    Case("rate 48k", 44_100, signal="noise"),
    Case("rate 8k", 16_000, signal="impulse"),
    Case("rate 16k", 44_100, duration_s=0.001),
    Case("rate 16k", 16_000, signal="loud"),
    *grid("speed", ["0.8", "1.1", "100c", "-300c", "2"], exact=True),
    *(
        Case(f"speed {factor}", rate, channels, restore=True)
        for factor, rate, channels in (
            ("0.9", 16_000, 1),
            ("1.1", 44_100, 2),
            ("100c", 44_100, 1),
            ("-700c", 8000, 1),
            ("0.5", 48_000, 1),
            ("3", 16_000, 4),
            ("1.00001", 44_100, 1),
        )
    ),
    *grid("upsample", ["", "3", "1", "7", "16"], exact=True, duration_s=0.5),
    *grid("downsample", ["", "3", "1", "7", "100"], exact=True, duration_s=0.5),
    Case("lowpass -1 300 speed 0.8 rate 16000 reverb -w", 44_100, 2, effect="reverb"),
]
