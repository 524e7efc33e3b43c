"""What is compared with sox: effects, a signal, and how close the two have to be.

A file ``cases_<family>.py`` beside this one holds a list ``CASES``; `all_cases` finds them all.
"""

from __future__ import annotations

import importlib
import itertools
import math
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from audiolab import signals

__all__ = ["SIGNALS", "Case", "all_cases", "error_db", "grid", "make_signal"]

#: The rates and channel counts that `grid` spreads over parameter sets.
RATES = (44_100, 8_000, 16_000, 48_000)
CHANNELS = (1, 2, 4)

#: A check by statistics: takes ours, sox's and the rate, and raises AssertionError.
Check = Callable[[torch.Tensor, torch.Tensor, float], None]


@dataclass(frozen=True)
class Case:
    """One comparison with sox.

    Parameters
    ----------
    words : str
        Effects as on the sox command line.
    sample_rate, num_channels : int
        Form of the input.
    signal : str
        Name in `SIGNALS`; ``null`` is sox's ``-n``. There, 0 channels leave their number to sox.
    duration_s : float
        Length of the input.
    bar_db : float
        Largest error allowed, relative to the largest sample of the reference, in dB. The length
        has to be the same always.
    exact : bool
        Every sample has to be the same 32-bit integer.
    check : callable, optional
        Replaces the comparison of samples, for what is random or not reproducible: gets ours, the
        reference and the rate.
    same_length : bool
        Whether lengths are compared. False only where sox's own depends on its buffers.
    restore : bool
        Compare after sox's additions: the input's rate and channels restored at the end. By
        default sox is asked for the form that the effects leave, so that it adds nothing.
    effect : str
        The effect that the case is about, by default the first one.
    note : str
        What is special, for the table.
    """

    words: str
    sample_rate: int = 44_100
    num_channels: int = 1
    signal: str = "tones"
    duration_s: float = 1.0
    bar_db: float = -100.0
    exact: bool = False
    check: Check | None = None
    same_length: bool = True
    restore: bool = False
    effect: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """The effect that the case is about."""
        return self.effect or shlex.split(self.words)[0]

    @property
    def label(self) -> str:
        """The case in a few words, different for every case."""
        form = f"{self.sample_rate} Hz, {self.num_channels} ch"
        extra = f", {self.signal}" if self.signal != "tones" else ""
        extra += f", {self.duration_s:g} s" if self.duration_s != 1.0 else ""
        return f"{self.words} [{form}{extra}]" + (", restored" if self.restore else "")


def grid(
    effect: str,
    parameters: Iterable[str],
    *,
    rates: Sequence[int] = RATES,
    channels: Sequence[int] = CHANNELS,
    every: bool = False,
    **options: Any,
) -> list[Case]:
    """Return a case a parameter set, walking through rates and channel counts.

    Parameters
    ----------
    effect : str
        Name of the effect.
    parameters : iterable of str
        Arguments of each parameter set.
    rates, channels : sequence of int
        Forms of the input.
    every : bool
        Every parameter set with every form, instead of one form each in turn.
    **options
        Further fields of `Case`.
    """
    forms = [(r, c) for c, r in itertools.product(channels, rates)]
    # A step prime to the number of forms visits all of them, changing both at once.
    step = next(s for s in (5, 7, 11, 13) if math.gcd(s, len(forms)) == 1)
    cases = []
    for index, words in enumerate(parameters):
        chosen = forms if every else [forms[index * step % len(forms)]]
        cases += [
            Case(f"{effect} {words}".rstrip(), rate, count, **options) for rate, count in chosen
        ]
    return cases


# ---------------------------------------------------------------------------------------- signals
def _time(sample_rate: int, num_samples: int) -> torch.Tensor:
    return torch.arange(num_samples, dtype=torch.float64) / sample_rate


def _noise(num_channels: int, num_samples: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_channels, num_samples, generator=generator, dtype=torch.float64)


def _normalised(waveform: torch.Tensor, peak: float) -> torch.Tensor:
    largest = float(waveform.abs().max()) if waveform.numel() else 0.0
    return waveform * (peak / largest) if largest else waveform


def tones(sample_rate: int, num_channels: int, num_samples: int) -> torch.Tensor:
    """Four tones and white noise, slowly modulated, faded out, peak 0.25; channels differ."""
    time = _time(sample_rate, num_samples)
    # Channels differ in phase and noise, not in kind.
    phase = torch.arange(num_channels, dtype=torch.float64)[:, None]
    waveform = 0.3 * _noise(num_channels, num_samples, seed=1)
    for frequency in (110.0, 440.0, 1000.0, 3000.0):
        waveform += torch.sin(2 * math.pi * frequency * time + phase)
    waveform *= 0.6 + 0.4 * torch.sin(2 * math.pi * 1.7 * time + 0.5 * phase)
    waveform *= torch.linspace(1.0, 0.0, num_samples, dtype=torch.float64)
    return _normalised(waveform, 0.25)


def loud(sample_rate: int, num_channels: int, num_samples: int) -> torch.Tensor:
    """`tones` at full scale."""
    return _normalised(tones(sample_rate, num_channels, num_samples), 1.0)


def noise(sample_rate: int, num_channels: int, num_samples: int) -> torch.Tensor:
    """White noise, peak 0.5."""
    return _normalised(_noise(num_channels, num_samples, seed=2), 0.5)


def impulse(sample_rate: int, num_channels: int, num_samples: int) -> torch.Tensor:
    """One sample of 0.5 at 1 % of the length."""
    waveform = torch.zeros(num_channels, num_samples, dtype=torch.float64)
    waveform[:, num_samples // 100] = 0.5
    return waveform


def silence(sample_rate: int, num_channels: int, num_samples: int) -> torch.Tensor:
    """Zeros."""
    return torch.zeros(num_channels, num_samples, dtype=torch.float64)


def bursts(sample_rate: int, num_channels: int, num_samples: int) -> torch.Tensor:
    """Noise and tones in bursts between near silences of 1e-4: levels rise and fall."""
    time = _time(sample_rate, num_samples)
    gate = (torch.sin(2 * math.pi * 2.3 * time - 1.0) > 0.2).double()
    return tones(sample_rate, num_channels, num_samples) * gate + 1e-4 * _noise(
        num_channels, num_samples, seed=3
    )


def speech(sample_rate: int, num_channels: int, num_samples: int) -> torch.Tensor:
    """The bundled voice, read as if it were at this rate; channels are shifted in time."""
    waveform, _ = signals.clip("speech")
    voice = waveform[0].double()
    voice = voice.repeat(-(-(num_samples + 1000 * num_channels) // len(voice)))
    rows = [voice[1000 * c : 1000 * c + num_samples] for c in range(num_channels)]
    return torch.stack(rows)


SIGNALS: dict[str, Callable[[int, int, int], torch.Tensor]] = {
    "tones": tones,
    "loud": loud,
    "noise": noise,
    "impulse": impulse,
    "silence": silence,
    "bursts": bursts,
    "speech": speech,
}


def make_signal(case: Case) -> torch.Tensor | None:
    """Return the input of a case, ``(channels, time)`` float64; None for the null input."""
    if case.signal == "null":
        return None
    num_samples = round(case.duration_s * case.sample_rate)
    return SIGNALS[case.signal](case.sample_rate, case.num_channels, num_samples)


# --------------------------------------------------------------------------------------- measures
def error_db(ours: torch.Tensor, reference: torch.Tensor) -> tuple[float, float]:
    """Return the largest and the RMS error, each relative to the same of the reference, in dB.

    Zero error is ``-inf``; any error beside a reference of zeros is ``inf``.
    """
    if ours.numel() == 0:
        return -math.inf, -math.inf
    difference = ours - reference

    def ratio(error: torch.Tensor, level: torch.Tensor) -> float:
        if float(error) == 0.0:
            return -math.inf
        return 20 * math.log10(float(error) / float(level)) if float(level) else math.inf

    return (
        ratio(difference.abs().max(), reference.abs().max()),
        ratio(difference.square().mean().sqrt(), reference.square().mean().sqrt()),
    )


def all_cases() -> list[Case]:
    """Return the cases of all families, in the order of their files, each of them once."""
    found: dict[str, Case] = {}
    for file in sorted(Path(__file__).parent.glob("cases_*.py")):
        for case in importlib.import_module(file.stem).CASES:
            found.setdefault(case.label, case)
    return list(found.values())
