"""Filters by an impulse response: given taps, windowed sinc, Hilbert transform, headphone cues.

All of them run as FFT convolution (overlap-save) and keep the length of the signal: the delay of a
linear-phase filter is taken away, so that nothing moves in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from audiolab._convolution import convolve
from audiolab._validation import check_positive, check_waveform
from audiolab.effects._bus import FULL_SCALE
from audiolab.effects.filters.impulse import Edge, blackman_hilbert, earwax_taps, sinc_taps
from audiolab.effects.filters.phase import with_phase

__all__ = ["earwax", "fir", "hilbert", "sinc"]


def fir(waveform: torch.Tensor, taps: Sequence[float] | torch.Tensor) -> torch.Tensor:
    """Convolve with given taps: SoX's ``fir``.

    ``y[n] = sum_k h[k] x[n + (K - 1) // 2 - k]``: the middle tap, or the one left of the middle,
    is time zero.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    taps : sequence of float, or Tensor
        Impulse response, ``(K,)``; a tensor ``(..., K)`` has taps for each item: its other
        dimensions are a prefix of ``waveform.shape[:-1]``.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If there are no taps, or their shape does not fit.

    Notes
    -----
    Gradients reach the samples and the taps.

    Examples
    --------
    >>> import torch
    >>> click = torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0]])
    >>> fir(click, [1.0, 2.0, 3.0]).round(decimals=4).abs()
    tensor([[0., 1., 2., 3., 0.]])
    """
    check_waveform(waveform)
    response = torch.as_tensor(taps, dtype=torch.float64, device=waveform.device)
    leading, given = waveform.shape[:-1], response.shape[:-1]
    if response.dim() == 0 or response.shape[-1] == 0:
        raise ValueError("taps must have at least one coefficient")
    if len(given) > len(leading) or any(
        size not in (1, lead) for size, lead in zip(given, leading, strict=False)
    ):
        raise ValueError(
            f"taps must be (K,) or (..., K), whose other dimensions are a prefix of "
            f"{tuple(leading)}, got shape {tuple(response.shape)}"
        )
    count = response.shape[-1]
    response = response.reshape(given + (1,) * (len(leading) - len(given)) + (count,))
    return convolve(waveform, response, start=(count - 1) // 2)


def sinc(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    highpass_hz: float | None = None,
    lowpass_hz: float | None = None,
    transition_hz: float | None = None,
    num_taps: int | None = None,
    lowpass_transition_hz: float | None = None,
    lowpass_num_taps: int | None = None,
    attenuation_db: float = 120.0,
    beta: float | None = None,
    phase: float = 50.0,
) -> torch.Tensor:
    """Cut the spectrum sharply with a Kaiser-windowed sinc: SoX's ``sinc``.

    ``h[n] = (fc / fn) sinc(fc n / fn) kaiser(n)`` for a low-pass with cutoff fc and Nyquist
    frequency fn; a high-pass is ``delta[n] - h[n]``; with both edges the stop-bands are added.
    The cutoffs are the -6 dB points.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    highpass_hz, lowpass_hz : float, optional
        Edges in Hz, above 0 and below the Nyquist frequency; at least one. A high-pass below the
        low-pass keeps the band between, one above it removes that band.
    transition_hz : float, optional
        Width of the transition in Hz; 5 % of the Nyquist frequency by default.
    num_taps : int, optional
        Length instead of a transition, 11 to 32767; made odd.
    lowpass_transition_hz, lowpass_num_taps : optional
        The same for the low-pass alone, where it differs.
    attenuation_db : float, default: 120
        Attenuation of the stop-bands, 40 to 180 dB.
    beta : float, optional
        Kaiser window's parameter, 0 to 256, instead of an attenuation.
    phase : float, default: 50
        Phase response, 0 to 100: 0 minimum, 25 intermediate, 50 linear, 100 maximum.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a parameter is out of its range, no edge is given, or both a transition and a number of
        taps.

    Notes
    -----
    The transform of the taps is the work; the filter is one for all items. Gradients reach the
    samples. As in SoX, the window of the first edge serves for both. Unlike SoX's, the band-pass
    keeps the polarity; the effect ``sinc`` of a chain turns it over, as the program does.

    Examples
    --------
    >>> import torch
    >>> tone = torch.sin(2 * torch.pi * 100 * torch.arange(16_000.0).double() / 16_000)
    >>> sinc(tone, 16_000, highpass_hz=500.0)[2000:-2000].abs().max() < 1e-5
    tensor(True)
    """
    check_waveform(waveform)
    taps, start = sinc_filter(
        sample_rate,
        highpass_hz=highpass_hz,
        lowpass_hz=lowpass_hz,
        transition_hz=transition_hz,
        num_taps=num_taps,
        lowpass_transition_hz=lowpass_transition_hz,
        lowpass_num_taps=lowpass_num_taps,
        attenuation_db=attenuation_db,
        beta=beta,
        phase=phase,
    )
    return convolve(waveform, taps, start=start)


@lru_cache(maxsize=32)
def sinc_filter(
    sample_rate: float,
    *,
    highpass_hz: float | None = None,
    lowpass_hz: float | None = None,
    transition_hz: float | None = None,
    num_taps: int | None = None,
    lowpass_transition_hz: float | None = None,
    lowpass_num_taps: int | None = None,
    attenuation_db: float = 120.0,
    beta: float | None = None,
    phase: float = 50.0,
    inverted: bool = False,
) -> tuple[torch.Tensor, int]:
    """Return the taps of `sinc`, whose parameters it shares, and which of them is time zero.

    With `inverted`, a band-pass has the polarity of SoX's: upside down.
    """
    if transition_hz is not None and num_taps is not None:
        raise ValueError("give transition_hz or num_taps, not both")
    if lowpass_transition_hz is not None and lowpass_num_taps is not None:
        raise ValueError("give lowpass_transition_hz or lowpass_num_taps, not both")
    own = lowpass_transition_hz is not None or lowpass_num_taps is not None
    high = None if highpass_hz is None else Edge(highpass_hz, transition_hz, num_taps)
    low = None
    if lowpass_hz is not None and own:
        low = Edge(lowpass_hz, lowpass_transition_hz, lowpass_num_taps)
    elif lowpass_hz is not None:
        low = Edge(lowpass_hz, transition_hz, num_taps)
    # What is remembered has to serve later calls that record gradients.
    with torch.inference_mode(False):
        taps = sinc_taps(
            sample_rate, highpass=high, lowpass=low, attenuation_db=attenuation_db, beta=beta
        )
        if inverted and high is not None and low is not None:
            taps = -taps if high.frequency_hz < low.frequency_hz else taps
        return with_phase(taps, phase)


def hilbert(
    waveform: torch.Tensor, sample_rate: float, *, num_taps: int | None = None
) -> torch.Tensor:
    """Turn the phase of every frequency by 90 degrees: SoX's ``hilbert``.

    ``h[n] = 2 / (pi n)`` for odd n, else 0, under a Blackman window and without delay; the
    imaginary part of the analytic signal, but for the lowest and highest frequencies.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz; sets the default length only.
    num_taps : int, optional
        Odd length, 3 to 32767. Default: ``sample_rate / 76.5 + 2``, made odd, which passes what is
        above about 75 Hz.

    Returns
    -------
    Tensor
        Turned samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If the length is even or out of its range.

    Examples
    --------
    >>> import torch
    >>> turns = 2 * torch.pi * 500 * torch.arange(8000.0).double() / 8000
    >>> error = hilbert(torch.cos(turns), 8000) - torch.sin(turns)
    >>> error[200:-200].abs().max() < 1e-3
    tensor(True)
    """
    check_waveform(waveform)
    taps = hilbert_taps(sample_rate, num_taps)
    return convolve(waveform, taps, start=len(taps) // 2)


@lru_cache(maxsize=32)
def hilbert_taps(sample_rate: float, num_taps: int | None = None) -> torch.Tensor:
    """Return the taps of `hilbert`."""
    if num_taps is None:
        count = int(check_positive(sample_rate, "sample_rate", unit="Hz") / 76.5 + 2)
        num_taps = count + 1 - count % 2
    with torch.inference_mode(False):
        return blackman_hilbert(num_taps)


def earwax(
    waveform: torch.Tensor, sample_rate: float, *, whole_numbers: bool = False
) -> torch.Tensor:
    """Move a stereo image out of the head of who wears headphones: SoX's ``earwax``.

    Each ear hears both channels through 32 taps each, in whole numbers divided by 64.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., 2, time)``.
    sample_rate : float
        44100 Hz: the taps were made for that rate.
    whole_numbers : bool, default: False
        Round as SoX does: samples become whole numbers of 2**-31 and are divided by 64 without
        a rest, toward zero. Gradients pass as if nothing had been rounded.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If there are not two channels, or the rate is another one.

    Examples
    --------
    >>> import torch
    >>> earwax(torch.ones(2, 100, dtype=torch.float64), 44_100)[:, -1]
    tensor([-0.4688, -0.4688], dtype=torch.float64)
    """
    check_waveform(waveform, min_dim=2)
    if waveform.shape[-2] != 2 or sample_rate != 44_100:
        raise ValueError(
            f"earwax takes stereo at 44100 Hz, got {waveform.shape[-2]} channel(s) "
            f"at {sample_rate:g} Hz"
        )
    taps = earwax_taps().to(waveform.device)
    if not whole_numbers:
        return convolve(waveform.unsqueeze(-3), taps / 64.0).sum(dim=-2)
    scaled = waveform.double() * (FULL_SCALE / 64.0)
    whole = scaled + (torch.trunc(scaled.detach()) - scaled.detach())
    # Sums of whole numbers below 2^42: the transform's error is far below a half.
    heard = convolve(whole.unsqueeze(-3), taps).sum(dim=-2)
    exact = heard + (torch.round(heard.detach()) - heard.detach())
    return (exact / FULL_SCALE).to(waveform.dtype)
