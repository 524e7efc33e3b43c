"""Effects of level: gains and their options, companders, curves."""

from __future__ import annotations

from cases import Case, grid

_BAND = '"0.005,0.1 -47,-40,-34,-34,-17,-33"'

CASES = [
    *grid("gain", ["-6", "3.3", "", "-n", "-n -3", "-l 6", "-l -6", "-l 0", "-nl 9"]),
    *grid("gain", ["-e", "-B", "-b", "-e -6", "-B 2", "-bn -1", "-en 3", "-bl 6"], channels=[2, 4]),
    *grid("gain", ["-h", "-h -3", "-h 3", "-nh -3"]),
    Case("gain -h bass 6", 44_100, 2),
    Case("gain -h bass 6 gain -r", 44_100, 2),
    Case("gain -h -3 treble 12 2k equalizer 500 1q 4 gain -r", 16_000, 1),
    Case("gain -nh bass 12 gain -r", 44_100, 2, note="the peak limits what is reclaimed"),
    Case("gain -h 3 bass 6 gain -r 2", 8000, 1),
    Case("gain -h bass 6 gain -rh treble 3 gain -r", 48_000, 2),
    Case("gain -h bass 9 gain -rl 6", 48_000, 2),
    Case("gain -eh bass -6 equalizer 1k 1q 3 gain -r", 48_000, 2),
    Case("gain -h riaa gain -r", 48_000, 2),
    Case("gain -h remix -m 1,2v0.7 2 bass 3", 44_100, 2),
    Case("gain -h oops", 44_100, 2),
    Case("gain -h reverb", 44_100, 2),
    Case("gain -h reverb -w 50 50 100 100 0 6 gain -r", 44_100, 2),
    Case("gain -h rate 16k gain -r", 44_100, 1),
    Case("gain 20", 44_100, 1, note="clips"),
    Case("gain 20 gain -20", 44_100, 2, note="clips"),
    Case("gain -n", 16_000, 2, signal="silence"),
    Case("gain -b", 16_000, 2, signal="bursts"),
    *grid("norm", ["", "-3", "6", "-0.1", "-40"]),
    Case("norm -1", 16_000, 1, signal="impulse"),
    *grid(
        "vol",
        ["0.5", "-2", "2 amplitude 0.05", "-2.5 amplitude 0.3", "-0.3 power", "3dB", "6 d 0.02"],
        signal="loud",
    ),
    *grid("vol", ["2p", "1 amp 0.5", "0", "-40dB"]),
    *grid(
        "dcshift",
        ["0.1", "-0.6 0.1", "0.5 0.05", "1.5 0.02", "-2", "0 0.05", "0.04 0.05", "0.9 -0.2"],
        signal="loud",
    ),
    *grid("contrast", ["", "0", "100", "50", "12.5"]),
    Case("contrast 75", 44_100, 2, signal="loud"),
    *grid("overdrive", ["", "0 0", "100 100", "5 50", "40 0", "15.5 33"]),
    Case("overdrive 20 40", 16_000, 2, signal="bursts"),
    *grid(
        "compand",
        [
            "0.3,1 6:-70,-60,-20 -5 -90 0.2",
            "0.3,0.8 6:-70,-60,-20",
            ".1,.2 -inf,-50.1,-inf,-50,-50 0 -90 .1",
            "0,0 -30",
            "0,0 20:-30,-40,-20,-5,0,-10",
            "0.1,0.01 0:-40,-40,-20,-20,0,-3",
            "0.001,0.01 0,-5",
            "0.001,0.01 2:-40,-40,-30,-30,-20,-20 3",
            "0.01,0.1 6:-80 0 -inf",
            "0.02,0.2 1:-60,-40,-30,-35,-10,-8 -2 -20 0.013",
            "5,5 -50,-40,-20,-20 6 -60",
            "1e-6,0.5 12:-90,-60,-60,-60,-30,-50,0,-3",
            "0.01,0.1 -2:-40,-30",
        ],
        signal="speech",
    ),
    *grid(
        "compand",
        [
            "0.01,0.1,0.02,0.3 3:-50,-60,-20,-10,-5,-8 2 -30",
            "0,0.1,0.02,0 -50,-40 0 0 0.05",
            "0.2,0.1,0.05,0.3,0.1,0.1 6:-60,-30",
        ],
        channels=[2],
    ),
    Case("compand 0.3,1 6:-70,-60,-20 -5 -90 0.2", 16_000, 2, signal="bursts", duration_s=3.0),
    Case("compand .1,.1 -45.1,-45,-inf,0,-inf 45 -90 .1", 48_000, 1, signal="bursts"),
    Case("compand 0.01,0.3 4:-60,-40,-20,-12", 44_100, 4),
    Case("compand 0.01,0.3 4:-60,-20 20", 44_100, 2, signal="loud", note="clips"),
    *grid(
        "mcompand",
        [
            _BAND,
            f"{_BAND} 1k {_BAND}",
            f'{_BAND} 300 "0.003,0.05 6:-60,-40,-20,-18 2 -30" 2000 {_BAND}',
            f'{_BAND} 100 {_BAND} 400 "0.0006,0.0125 -47,-40,-34,-34,-15,-33" 1600 {_BAND}',
            f'"0,0 -30,-20" 500 {_BAND}',
            f"{_BAND} 1k {_BAND} 1k {_BAND}",
        ],
        channels=[1, 2],
    ),
    Case(
        'mcompand "0.005,0.1 -47,-40,-34,-34,-17,-33" 100 "0.003,0.05 -47,-40,-34,-34,-17,-33" '
        '400 "0.000625,0.0125 -47,-40,-34,-34,-15,-33" 1600 '
        '"0.0001,0.025 -47,-40,-34,-34,-31,-31,-0,-30" 6400 "0,0.025 -38,-31,-28,-28,-0,-25"',
        44_100,
        2,
        note="the manual's radio sound",
    ),
    Case(f'mcompand "0.01,0.1,0.02,0.3 -40,-30,-20,-15" 700 {_BAND}', 48_000, 2, signal="speech"),
    Case(
        'mcompand "0.01,0 -80.2,-80.2,-39,-15,-14,-34" 1615 "0.4,0 -85.6" 2592 "0.05,0 -80,-70"',
        44_100,
        4,
        note="bands clip",
    ),
]
