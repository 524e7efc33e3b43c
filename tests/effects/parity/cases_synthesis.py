"""Tones, sweeps, noises, and dither, all drawn with the generator's first state (sox -R)."""

from __future__ import annotations

import torch
from cases import Case, grid, make_signal

from audiolab.effects.synthesis.shaping import FEEDBACK


def _same_spectrum(ours: torch.Tensor, reference: torch.Tensor, sample_rate: float) -> None:
    """The error's spectrum agrees within 1 dB in every sixteenth of the band, 0.3 dB on average."""
    signal = make_signal(Case("", int(sample_rate), len(ours), duration_s=3.0))
    assert signal is not None
    levels = []
    for dithered in (ours, reference):
        frames = (dithered - signal)[:, : dithered.shape[-1] // 1024 * 1024].reshape(-1, 1024)
        power = torch.fft.rfft(frames * torch.hann_window(1024)).abs().square().mean(dim=0)
        levels.append(10 * power[:512].reshape(16, 32).mean(dim=-1).log10())
    difference = (levels[0] - levels[1]).abs()
    assert difference.max() < 1.0
    assert difference.mean() < 0.3


_NULL = {"signal": "null", "bar_db": -160.0}
_TONES = (
    *(
        "0.5",
        "0.5 sine",
        "0.5 sine 300",
        "0.5 square 997",
        "0.5 triangle 300 20",
        "0.5 saw 1k 0 25",
    ),
    *("0.5 trapezium 300", "0.5 trapezium 300 0 0 20", "0.5 trapezium 300 0 0 70"),
    *("0.5 trapezium 300 -10 30 20 40", "0.5 trapezium 300 0 0 20 10 60", "0.5 exp 300"),
    *("0.5 exp 300 0 10 20 30", "0.5 sine 300:900", "0.5 sine 900+300", "0.5 tri 300/900"),
    *("0.5 sine 300-3300", "0.5 saw 3000-30 10 30", "0.5 square 300+900 0 0 30", "0.5 sine C#3:A5"),
    *("0.5 sine %3", "0.5 sine %-12.5", "0.5 sine .5k", "-n 0.5 sine 300", "-j 3 0.5 sine E4"),
    *("-j C4 0.5 triangle %4:%7", "-j Bb 0.5 sine F#2", "0.5 10 20 30 exp 100", "4567s sine 1e3"),
    *("0.5 sine 100 sine 200 sine 300", "0.5 0 25 sine 1000 sine 500 0 0", "0.5 sine 0"),
    *("0.5 sine 7000", "0.5 square 500 0 0 0", "0.5 triangle 500 0 0 100"),
)
_NOISES = (
    *("0.3 whitenoise", "0.3 noise 20 10", "0.3 tpdfnoise", "0.3 pinknoise", "0.3 brownnoise"),
    *("0.3 brown sine 300 pink tpdf", "0.3 white 0 -30"),
)
_COMBINED = (
    *(
        "sine mix 300",
        "sine amod 5",
        "square fmod 100",
        "0 triangle create 200",
        "0.4 sine fmod 1k",
    ),
    *("whitenoise mix", "pinknoise amod 0 20", "2 sine 400", "0.3 tri am 3-30 0 25"),
)

CASES: list[Case] = [
    *grid("synth", _TONES, **_NULL),
    *grid("synth", _NOISES, **_NULL),
    *grid("synth", ["0.3 brownnoise", "0.3 pinknoise"], every=True, **_NULL),
    *grid("synth", _COMBINED, bar_db=-160.0),
    Case("synth 0.5 sine 200-500 synth 0.5 sine fmod 700-100", 48_000, 1, **_NULL),
    Case("synth 3 sine 300-3300 fade h 0.1 1 0.1", 48_000, 2, **_NULL),
    *grid("dither", ["-p 8", "-S -p 8", "-p 16", "-p 2", "-p 24", "-p 1", "-Sp 12"], exact=True),
    *grid("dither", ["-p 8", "-S -p 16"], every=True, exact=True, duration_s=0.5),
    *grid(
        "dither",
        [
            *("-f lipshitz -p 8", "-f f-weighted -p 16", "-f modified-e-weighted -p 12"),
            *("-f improved-e-weighted -p 8", "-p 20 -f lipshitz"),
        ],
        every=True,
        rates=(44_100,),
        exact=True,
    ),
    # Filters that were identified: the same spectrum of the error, not the same samples.
    *(
        Case(f"dither -f {name} -p 10", rate, 1, duration_s=3.0, check=_same_spectrum)
        for name, rate in FEEDBACK
        if name in {"shibata", "low-shibata", "high-shibata", "gesemann"}
    ),
    Case("dither -s -p 12", 48_000, 2, duration_s=3.0, check=_same_spectrum),
    # No filter for the rate: plain noise at low rates, sloped noise at high ones.
    Case("dither -f lipshitz -p 8", 16_000, exact=True),
    Case("dither -f lipshitz -p 8", 48_000, exact=True),
    Case("dither -s -p 8", 96_000, exact=True, duration_s=0.3),
]
