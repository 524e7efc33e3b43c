"""Measure a resampler from the outside, with tones and a click: any method, or a function of yours.

A tone of full scale 0.5 goes in; a sine and a cosine of its frequency are fitted to the middle 80
% of what comes out, by least squares. The fit gives gain and phase; what it leaves over is noise,
distortion, aliases and images. Tones above the new Nyquist frequency should vanish: what still
comes out is aliasing. Frequencies are fractions of the lower of the two Nyquist frequencies
throughout.

Left out: behaviour at the ends of a signal, where every method has to guess what lies beyond.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Unpack

import torch

from audiolab._validation import check_range
from audiolab.resample.methods import Options, check_options, resample
from audiolab.resample.rates import exact_rate, rate_ratio, scaled_length

__all__ = ["Quality", "Resampler", "quality"]

#: A resampler of the caller's: (waveform of shape (time,), orig_rate, new_rate) -> samples.
Resampler = Callable[[torch.Tensor, Any, Any], Any]

_LOW_SAMPLES = 1 << 14  # length of a test tone at the lower rate
_AMPLITUDE = 0.5
_NOISE_TONES = [0.05 * k for k in range(1, 17)]  # 0.05 to 0.80
_BEYOND = (1.02, 1.05, 1.10, 1.20, 1.40, 1.70, 2.00, 2.50, 3.20, 4.50)
_TIMED_S = 10.0


@dataclass(frozen=True)
class Quality:
    """How good a resampler is at one pair of rates.

    Parameters
    ----------
    name : str
        The method, or the function's name.
    orig_rate : float
        Rate of the input in Hz.
    new_rate : float
        Rate of the output in Hz.
    ripple_db : float
        Largest minus smallest gain from 0.02 of the lower Nyquist frequency to `band_edge`, in dB.
    band_edge : float
        Where that band ends, as a fraction of the lower Nyquist frequency.
    edge_01db : float
        Where the gain has fallen by 0.1 dB, as such a fraction; 1 if it never does.
    edge_3db : float
        Where it has fallen by 3 dB, as such a fraction; 1 if it never does.
    gain_090_db, gain_095_db, gain_098_db : float
        Gain at 0.90, 0.95 and 0.98 of the lower Nyquist frequency, in dB.
    noise_db : float
        Worst residual beside a tone up to 0.80 of the lower Nyquist frequency (THD+N), in dB
        relative to the tone.
    alias_db : float or None
        Worst level, relative to the input, of tones from 1.02 of the new Nyquist frequency up;
        None where there are none, because the rate does not fall.
    image_db : float or None
        Worst level, relative to the input, of the images of tones up to 0.98 of the old Nyquist
        frequency; None where the rate does not rise.
    delay_s : float
        Group delay at low frequencies in seconds.
    pre_ringing_s : float
        How long before the peak of a click its response rises above -60 dB of it, in seconds.
    post_ringing_s : float
        How long after the peak it stays above -60 dB, in seconds.
    realtime_factor : float or None
        Seconds of one channel resampled in a second of one thread's time; None if not timed.
    """

    name: str
    orig_rate: float
    new_rate: float
    ripple_db: float
    band_edge: float
    edge_01db: float
    edge_3db: float
    gain_090_db: float
    gain_095_db: float
    gain_098_db: float
    noise_db: float
    alias_db: float | None
    image_db: float | None
    delay_s: float
    pre_ringing_s: float
    post_ringing_s: float
    realtime_factor: float | None


def quality(
    method: str | Resampler,
    orig_rate: float | Fraction,
    new_rate: float | Fraction,
    *,
    name: str | None = None,
    dtype: torch.dtype = torch.float32,
    band_edge: float = 0.91,
    turns: int = 5,
    **options: Unpack[Options],
) -> Quality:
    """Measure a resampler with tones, a click and a clock.

    Parameters
    ----------
    method : str or callable
        A name from `METHODS`, or a function ``(waveform, orig_rate, new_rate)`` that takes a tensor
        ``(time,)`` and returns the resampled samples as a tensor, an array or a list.
    orig_rate : float or Fraction
        Rate of the input in Hz, > 0.
    new_rate : float or Fraction
        Rate of the output in Hz, > 0, not equal to `orig_rate`.
    name : str, optional
        What to call it in the result and in tables; by default the method with its options, or the
        function's own name.
    dtype : torch.dtype, default: torch.float32
        Precision of the test signals: float32 or float64.
    band_edge : float, default: 0.91
        End of the band in which ripple is measured, 0.1 to 1.
    turns : int, default: 5
        How often to resample ten seconds of noise for the throughput; 0 leaves it out.
    **options
        ``design``, ``lowpass_filter_width``, ``rolloff``, ``beta``: options of the method, as for
        `resample`.

    Returns
    -------
    Quality
        The figures.

    Raises
    ------
    TypeError
        The function returns no numbers, or was given options.
    ValueError
        The rates are equal, the method does not know an option, or the function returns a length
        that is off by more than 2 samples.

    Examples
    --------
    >>> ours = quality("audiolab", 48_000, 32_000, turns=0)
    >>> ours.ripple_db < 0.001, ours.alias_db < -120
    (True, True)
    >>> by_hand = quality(lambda x, orig, new: x[::3], 48_000, 16_000, turns=0)
    >>> round(by_hand.alias_db)
    0
    >>> wider = quality("torchaudio_hann", 48_000, 32_000, turns=0, lowpass_filter_width=64)
    >>> wider.name, wider.ripple_db < 0.01
    ('torchaudio_hann, lowpass_filter_width=64', True)
    """
    check_range(band_edge, "band_edge", 0.1, 1.0)
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
    title, settled = _settle(method, options)
    probe = _Probe(method, orig_rate, new_rate, dtype, settled)
    if probe.ratio == 1:
        raise ValueError(f"new_rate must differ from orig_rate, both are {orig_rate} Hz")

    steps = 24
    band = [probe.tone(0.02 + (band_edge - 0.02) * k / steps).gain_db for k in range(steps + 1)]
    noise = max(probe.tone(f).residual_db for f in _NOISE_TONES)
    stop = float(1 / probe.ratio)
    aliases = [probe.tone(f).level_db for f in _BEYOND if f < 0.99 * stop]
    images = [_image_db(probe, f) for f in (0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.98)]
    before, after = _ringing(probe)
    return Quality(
        name=name if name is not None else title,
        orig_rate=float(orig_rate),
        new_rate=float(new_rate),
        ripple_db=max(band) - min(band),
        band_edge=band_edge,
        edge_01db=_edge(probe, -0.1),
        edge_3db=_edge(probe, -3.0),
        gain_090_db=probe.tone(0.90).gain_db,
        gain_095_db=probe.tone(0.95).gain_db,
        gain_098_db=probe.tone(0.98).gain_db,
        noise_db=noise,
        alias_db=max(aliases) if aliases else None,
        image_db=max(images) if probe.ratio > 1 else None,
        delay_s=_delay_s(probe),
        pre_ringing_s=before,
        post_ringing_s=after,
        realtime_factor=_realtime_factor(probe, turns) if turns > 0 else None,
    )


def _settle(method: str | Resampler, options: Options) -> tuple[str, dict[str, Any]]:
    """Return what to call a method with its options, and the options that count."""
    if isinstance(method, str):
        settled = check_options(method, options)
        return ", ".join([method, *(f"{key}={value}" for key, value in settled.items())]), settled
    if options:
        raise TypeError(
            f"{', '.join(options)} apply to methods by name; a function takes its own, "
            "for instance through functools.partial"
        )
    return getattr(method, "__name__", "function"), {}


@dataclass(frozen=True)
class _Tone:
    gain_db: float
    phase: float
    residual_db: float
    level_db: float
    samples: torch.Tensor


class _Probe:
    """Sends signals through a resampler and looks at the middle of what comes out."""

    def __init__(
        self,
        method: str | Resampler,
        orig_rate: float | Fraction,
        new_rate: float | Fraction,
        dtype: torch.dtype,
        options: dict[str, Any],
    ) -> None:
        self.method, self.dtype, self.options = method, dtype, options
        self.orig_rate, self.new_rate = orig_rate, new_rate
        self.ratio = rate_ratio(orig_rate, new_rate)
        self.num_in = math.ceil(_LOW_SAMPLES * max(Fraction(1), 1 / self.ratio))
        # cycles per sample, before and after, of the lower Nyquist frequency
        self.nyquist_in = 0.5 * float(min(Fraction(1), self.ratio))
        self.nyquist_out = self.nyquist_in / float(self.ratio)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        x = x.to(self.dtype)
        if isinstance(self.method, str):
            y = resample(x, self.orig_rate, self.new_rate, method=self.method, **self.options)
        else:
            y = torch.as_tensor(self.method(x, self.orig_rate, self.new_rate))
        y = y.detach().cpu().to(torch.float64)
        expected = scaled_length(len(x), self.ratio)
        if y.dim() != 1 or abs(len(y) - expected) > 2:
            raise ValueError(
                f"method must return about {expected} samples, shape (time,), for {len(x)} samples "
                f"at {self.orig_rate} -> {self.new_rate} Hz; it returned shape {tuple(y.shape)}"
            )
        return y

    def tone(self, frequency: float) -> _Tone:
        """Send a tone, at a fraction of the lower Nyquist frequency, and fit it."""
        y = self(_AMPLITUDE * torch.sin(_angle(frequency * self.nyquist_in, 0, self.num_in)))
        start, stop = len(y) // 10, len(y) - len(y) // 10
        middle = y[start:stop]
        amplitude, phase, rest = _fit(middle, frequency * self.nyquist_out, start)
        return _Tone(
            gain_db=_db(amplitude / _AMPLITUDE),
            phase=phase,
            residual_db=_db(_rms(rest) * math.sqrt(2) / max(amplitude, 1e-300)),
            level_db=_db(_rms(middle) * math.sqrt(2) / _AMPLITUDE),
            samples=middle,
        )


def _angle(frequency: float, start: int, stop: int) -> torch.Tensor:
    """Return ``2 pi f n`` for n from `start`, reduced to one turn before it loses digits."""
    turns = frequency * torch.arange(start, stop, dtype=torch.float64)
    return 2 * math.pi * (turns - turns.round())


def _fit(y: torch.Tensor, frequency: float, start: int) -> tuple[float, float, torch.Tensor]:
    """Fit a tone in cycles per sample: amplitude, phase of its sine, and what is left."""
    angle = _angle(frequency, start, start + len(y))
    basis = torch.stack([torch.sin(angle), torch.cos(angle)], dim=1)
    weights = torch.linalg.lstsq(basis, y[:, None]).solution
    sine, cosine = weights[:, 0].tolist()
    return math.hypot(sine, cosine), math.atan2(cosine, sine), y - (basis @ weights)[:, 0]


def _image_db(probe: _Probe, frequency: float) -> float:
    """Return the strongest image of a tone, relative to the tone that went in."""
    f = frequency * probe.nyquist_in
    rest = probe.tone(frequency).samples
    start = (scaled_length(probe.num_in, probe.ratio)) // 10
    _, _, rest = _fit(rest, f / float(probe.ratio), start)
    images = [(k + side * f) / float(probe.ratio) for k in range(1, 9) for side in (-1, 1)]
    levels = [_fit(rest, image, start)[0] for image in images if image < 0.499]
    return _db(max(levels, default=0.0) / _AMPLITUDE)


def _edge(probe: _Probe, level_db: float) -> float:
    """Find where the gain falls through a level, by bisection."""
    low, high = 0.02, 0.999
    if probe.tone(high).gain_db > level_db:
        return 1.0
    for _ in range(12):
        middle = (low + high) / 2
        if probe.tone(middle).gain_db > level_db:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _delay_s(probe: _Probe) -> float:
    """Return the group delay around 0.1 of the lower Nyquist frequency, from the phase's slope."""
    phases = {f: probe.tone(f).phase for f in (0.1, 0.101, 0.12)}
    per_hz = math.pi * float(min(exact_rate(probe.orig_rate, ""), exact_rate(probe.new_rate, "")))
    near, far = 0.001 * per_hz, 0.02 * per_hz
    coarse = -math.remainder(phases[0.101] - phases[0.1], 2 * math.pi) / near
    # the wide pair is twenty times as exact, once the narrow one has counted its turns
    turned = phases[0.12] - phases[0.1] + coarse * far
    return coarse - math.remainder(turned, 2 * math.pi) / far


def _ringing(probe: _Probe) -> tuple[float, float]:
    """Return how long a click's response stays above -60 dB before and after its peak."""
    click = torch.zeros(probe.num_in, dtype=torch.float64)
    period = probe.ratio.denominator
    place = probe.num_in // 2
    if period < place:  # at a time that is also an output's
        place -= place % period
    click[place] = _AMPLITUDE
    y = probe(click).abs()
    peak = int(y.argmax())
    loud = (y > 1e-3 * y[peak]).nonzero()[:, 0]
    rate = float(probe.new_rate)
    return (peak - int(loud[0])) / rate, (int(loud[-1]) - peak) / rate


def _realtime_factor(probe: _Probe, turns: int) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        noise = torch.randn(
            math.ceil(_TIMED_S * float(probe.orig_rate)),
            generator=torch.Generator().manual_seed(0),
            dtype=probe.dtype,
        )
        probe(noise)
        seconds = []
        for _ in range(turns):
            begin = time.perf_counter()
            probe(noise)
            seconds.append(time.perf_counter() - begin)
    finally:
        torch.set_num_threads(threads)
    return _TIMED_S / statistics.median(seconds)


def _rms(x: torch.Tensor) -> float:
    return float(x.square().mean().sqrt())


def _db(ratio: float) -> float:
    return 20 * math.log10(max(ratio, 1e-20))
