r"""Responses measured with sweeps: what a loudspeaker played in a room becomes its response.

A sweep whose frequency grows exponentially carries every frequency once. Divided by its spectrum,
a recording of it becomes an impulse response; and what a loudspeaker adds at n times the frequency
arrives as a response of its own, earlier by the time that the sweep needs from f to n f,

.. math:: \Delta t_n = T \frac{\ln n}{\ln(f_1 / f_0)},

so that distortion falls before the direct sound and can be cut off (Farina, 2000). The division is
regularised outside the sweep's band (Kirkeby and Nelson, 1999), where nothing was played.

Left out: averaging of several sweeps, and clocks that drift between player and recorder.

References
----------
A. Farina, "Simultaneous measurement of impulse response and distortion with a swept-sine
technique", 108th AES Convention, 2000, preprint 5093.
O. Kirkeby and P. A. Nelson, "Digital filter design for inversion problems in sound reproduction",
J. Audio Eng. Soc. 47, 1999, 583-595.
"""

from __future__ import annotations

import math

import torch

from audiolab._convolution import fast_length
from audiolab._validation import check_positive, check_range, check_sample_rate, check_waveform
from audiolab.signals import log_sweep
from audiolab.units import seconds_to_samples

__all__ = ["harmonic_rirs", "measure_rir"]

#: Share of the sweep's mean power density that is added outside its band.
_OUTSIDE = 1.0
_INSIDE = 1e-8


def measure_rir(
    recording: torch.Tensor,
    sample_rate: int,
    *,
    start_hz: float,
    stop_hz: float,
    sweep_s: float,
    amplitude: float = 0.5,
    duration_s: float = 1.0,
    lead_s: float = 0.0,
) -> torch.Tensor:
    """Turn the recording of a sweep into the impulse response of what lay between.

    Parameters
    ----------
    recording : Tensor
        What was recorded, ``(..., time)``, from the moment on when the sweep began to play, and
        until the room was silent again.
    sample_rate : int
        Sample rate in Hz, of the sweep and of the recording.
    start_hz : float
        Frequency at which the sweep began, above 0.
    stop_hz : float
        Frequency at which it ended, higher, below half the sample rate.
    sweep_s : float
        Duration of the sweep in seconds, as `audiolab.signals.log_sweep` made it.
    amplitude : float, default: 0.5
        Peak value of the sweep that was played.
    duration_s : float, default: 1.0
        Duration of the response in seconds, the lead included.
    lead_s : float, default: 0.0
        What to keep of the time before the sweep began, in seconds: a response that is limited to a
        band begins before its direct sound. Where that comes at once, 50 ms keep the band flat
        within 0.01 dB; without them it is within 0.1 dB.

    Returns
    -------
    Tensor
        The linear response, ``(..., taps)``; sample zero is the moment when the sweep began, less
        the lead, so that a delay of the air or of a sound card stays in it. Band-limited to the
        sweep.

    Raises
    ------
    ValueError
        If the recording is silent, not finite, or shorter than the sweep.

    See Also
    --------
    harmonic_rirs : The distortion.
    align_rir : Takes the delay away.

    Notes
    -----
    For linear systems the error is below -140 dB within the band in float64, before anything is
    cut off. Harmonics of order n
    smear over the response if they take longer to die away than they are early: a longer sweep
    moves them apart. Differentiable.

    Examples
    --------
    >>> from audiolab import room, signals
    >>> sweep = signals.log_sweep(50.0, 7500.0, 2.0, 16_000)
    >>> hall = room.shoebox_rir([5.0, 4.0, 3.0], [1.0, 1.0, 1.5], [4.0, 3.0, 1.2], 16_000,
    ...                         rt60_s=0.3)
    >>> recording = room.reverberate(sweep, hall, mode="full")
    >>> rir = room.measure_rir(recording, 16_000, start_hz=50.0, stop_hz=7500.0, sweep_s=2.0)
    >>> int(room.direct_sample(rir, 16_000)) == int(room.direct_sample(hall, 16_000))
    True
    """
    whole = _deconvolve(recording, sample_rate, start_hz, stop_hz, sweep_s, amplitude)
    taps = seconds_to_samples(check_positive(duration_s, "duration_s", unit="s"), sample_rate)
    # As much time lies before zero as the sweep has.
    lead = seconds_to_samples(check_range(lead_s, "lead_s", 0.0, sweep_s, unit="s"), sample_rate)
    longest = whole.shape[-1] - seconds_to_samples(sweep_s, sample_rate) + lead
    whole = whole.roll(lead, -1)
    if taps > longest:
        whole = torch.nn.functional.pad(whole[..., :longest], (0, taps - longest))
    return whole[..., :taps].to(recording.dtype)


def harmonic_rirs(
    recording: torch.Tensor,
    sample_rate: int,
    *,
    start_hz: float,
    stop_hz: float,
    sweep_s: float,
    amplitude: float = 0.5,
    orders: tuple[int, ...] = (2, 3),
    duration_s: float | None = None,
) -> torch.Tensor:
    """Separate the responses of the harmonics that a system adds to a sweep.

    Parameters
    ----------
    recording : Tensor
        What was recorded, ``(..., time)``, as for `measure_rir`.
    sample_rate : int
        Sample rate in Hz.
    start_hz : float
        Frequency at which the sweep began.
    stop_hz : float
        Frequency at which it ended.
    sweep_s : float
        Duration of the sweep in seconds.
    amplitude : float, default: 0.5
        Peak value of the sweep that was played.
    orders : tuple of int, default: (2, 3)
        Which harmonics, each at least 2.
    duration_s : float, optional
        Duration of each response in seconds; by default until the one of the order below begins,
        for the highest order of all.

    Returns
    -------
    Tensor
        ``(..., orders, taps)``. A spectrum at f tells how much of order n a tone of f / n
        becomes, at the sweep's amplitude; its phase depends on where the sweep began.

    Raises
    ------
    ValueError
        If the recording is silent, not finite, or shorter than the sweep, or an order is below 2.

    Examples
    --------
    >>> from audiolab import room, signals
    >>> sweep = signals.log_sweep(50.0, 3500.0, 2.0, 16_000)
    >>> bent = sweep + 0.1 * sweep**2
    >>> second = room.harmonic_rirs(bent, 16_000, start_hz=50.0, stop_hz=3500.0, sweep_s=2.0,
    ...                             orders=(2,))
    >>> gain = abs(second[0].sum())  # its gain at 0 Hz says little: look at the spectrum
    >>> import torch
    >>> level = torch.fft.rfft(second[0], 16_000).abs()[1000]  # 1000 Hz, of a tone of 500 Hz
    >>> print(f"{float(level):.3f}")  # 0.1 a^2 / 2 over a, with a = 0.5
    0.025
    """
    whole = _deconvolve(recording, sample_rate, start_hz, stop_hz, sweep_s, amplitude)
    if not orders or any(order != int(order) or order < 2 for order in orders):
        raise ValueError(f"orders must be whole numbers, at least 2, got {orders}")
    octaves = math.log(stop_hz / start_hz)
    highest = max(orders)
    gap = sweep_s * math.log(highest / (highest - 1)) / octaves
    taps = seconds_to_samples(
        0.9 * gap if duration_s is None else check_positive(duration_s, "duration_s", unit="s"),
        sample_rate,
    )
    # A harmonic's response may begin a little early: its band is cut off on both sides.
    lead = taps // 10
    parts = []
    for order in orders:
        early = seconds_to_samples(sweep_s * math.log(order) / octaves, sample_rate)
        parts.append(whole.roll(early + lead, -1)[..., :taps])
    return torch.stack(parts, dim=-2).to(recording.dtype)


def _deconvolve(
    recording: torch.Tensor,
    sample_rate: int,
    start_hz: float,
    stop_hz: float,
    sweep_s: float,
    amplitude: float,
) -> torch.Tensor:
    """Return the circular response in float64, with what came before time zero at its end."""
    check_waveform(recording, "recording", allow_empty=False, finite=True)
    rate = check_sample_rate(sample_rate)
    check_positive(amplitude, "amplitude")
    if not start_hz < stop_hz:
        raise ValueError(
            f"stop_hz must be above start_hz, which is {start_hz} Hz, got {stop_hz}: distortion "
            "falls before the response of a rising sweep only"
        )
    sweep = log_sweep(
        start_hz, stop_hz, sweep_s, rate, amplitude=amplitude, dtype=torch.float64
    ).to(recording.device)
    if recording.shape[-1] < sweep.shape[-1]:
        raise ValueError(
            f"recording has {recording.shape[-1]} samples, less than the sweep of {sweep_s} s at "
            f"{rate} Hz ({sweep.shape[-1]}): is it another rate, or was it cut?"
        )
    if bool((recording.detach() == 0).all(dim=-1).any()):
        raise ValueError("recording is silent: nothing of the sweep is in it")
    # Room for what comes before time zero as well.
    size = fast_length(recording.shape[-1] + sweep.shape[-1])
    spectrum = torch.fft.rfft(sweep, size)
    power = spectrum.abs().square()
    frequency = torch.arange(len(power), device=recording.device) * (rate / size)
    # Half an octave, or what is left below half the rate, to go from inside to outside.
    below = (frequency / start_hz).clamp(0.7, 1.0)
    above = (frequency / stop_hz).clamp(1.0, 1.4)
    far = torch.maximum((1.0 - below) / 0.3, (above - 1.0) / 0.4)
    mean = power.mean()
    regular = mean * _INSIDE * (_OUTSIDE / _INSIDE) ** far
    quotient = torch.fft.rfft(recording.double(), size) * spectrum.conj() / (power + regular)
    whole: torch.Tensor = torch.fft.irfft(quotient, size)
    return whole
