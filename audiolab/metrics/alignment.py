r"""Delay between two waveforms, and trimming them to the same span.

The delay is where the cross-correlation :math:`r[d] = \sum_n x[n]\, y[n + d]` has its maximum,
computed by one FFT. Between samples, :math:`r` is the band-limited curve through its values,
:math:`r(\tau) \propto \sum_k \mathrm{Re}\, \bar X_k Y_k e^{j\omega_k\tau}`, whose top Newton's
method finds; a parabola through three values would be off by up to a tenth of a sample.

Correlation needs a signal with one clear peak: a steady tone repeats every period. Whitened
variants (GCC-PHAT), drifting clocks and dynamic warping are left out.
"""

from __future__ import annotations

import torch

from audiolab._validation import check_positive, check_sample_rate
from audiolab.metrics._checks import check_not_silent, check_pair
from audiolab.units import seconds_to_samples

__all__ = ["align", "delay_samples"]

_NEWTON_STEPS = 8


def delay_samples(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    *,
    max_delay_samples: int | None = None,
    subsample: bool = False,
) -> torch.Tensor:
    """Measure by how many samples `estimate` comes later than `reference`.

    Parameters
    ----------
    reference : Tensor
        Samples, shape ``(..., time)``.
    estimate : Tensor
        Samples, shape ``(..., time)``; its length may differ, its other dimensions may not.
    max_delay_samples : int or None, default: None
        Largest delay to consider, early or late, in samples; without it, any overlap counts.
    subsample : bool, default: False
        Refine to fractions of a sample.

    Returns
    -------
    Tensor
        Delay of each item, shape ``(...)``; int64, or float64 with `subsample`. Positive where
        `estimate` is late. It carries no gradient.

    Raises
    ------
    ValueError
        If shapes don't fit, an item is silent, or samples are NaN or infinite.

    See Also
    --------
    align : Trim both by the delay.

    Examples
    --------
    >>> import torch
    >>> from audiolab import metrics, signals
    >>> noise = signals.white_noise(0.1, 24_000, generator=0)
    >>> metrics.delay_samples(noise, torch.roll(noise, 7))
    tensor(7)
    """
    check_pair(reference, estimate, same_length=False)
    check_not_silent(reference, "reference")
    check_not_silent(estimate, "estimate")
    early, late = _search_range(reference.shape[-1], estimate.shape[-1], max_delay_samples)
    cross, size = _cross_spectrum(reference, estimate)
    correlation = torch.fft.irfft(cross, n=size)
    # Negative delays stand at the end; roll them to the front.
    window = torch.roll(correlation, early, dims=-1)[..., : early + late + 1]
    whole = window.argmax(dim=-1) - early
    if not subsample:
        return whole
    return _refine(cross, size, whole)


def _search_range(
    num_reference: int, num_estimate: int, max_delay_samples: int | None
) -> tuple[int, int]:
    early, late = num_reference - 1, num_estimate - 1
    if max_delay_samples is None:
        return early, late
    if isinstance(max_delay_samples, bool) or not isinstance(max_delay_samples, int):
        raise TypeError(
            f"max_delay_samples must be an int or None, got {type(max_delay_samples).__name__}"
        )
    if max_delay_samples < 0:
        raise ValueError(f"max_delay_samples must be at least 0 samples, got {max_delay_samples}")
    return min(early, max_delay_samples), min(late, max_delay_samples)


def _cross_spectrum(reference: torch.Tensor, estimate: torch.Tensor) -> tuple[torch.Tensor, int]:
    needed = reference.shape[-1] + estimate.shape[-1] - 1
    size = 1 << (needed - 1).bit_length()
    if reference.dtype != torch.float64:  # half precision has no FFT
        reference, estimate = reference.float(), estimate.float()
    spectra = [torch.fft.rfft(signal.detach(), n=size) for signal in (reference, estimate)]
    return spectra[0].conj() * spectra[1], size


def _refine(cross: torch.Tensor, size: int, whole: torch.Tensor) -> torch.Tensor:
    """Climb from the whole sample to the top of the interpolated correlation."""
    # Refining is done in float64 on the CPU, for devices without it.
    cross = cross.cpu().to(torch.complex128)
    omega = 2.0 * torch.pi * torch.fft.rfftfreq(size, dtype=torch.float64)
    start = whole.cpu().to(torch.float64)
    delay = start.clone()
    for _ in range(_NEWTON_STEPS):
        turned = cross * torch.exp(1j * omega * delay[..., None])
        slope = -(omega * turned.imag).sum(dim=-1)
        curvature = -(omega.square() * turned.real).sum(dim=-1)
        # Only a concave stretch leads to a maximum; elsewhere stay.
        step = torch.where(curvature < 0, slope / curvature, 0.0)
        delay = torch.clamp(delay - step, start - 1.0, start + 1.0)
    return delay.to(whole.device) if whole.device.type != "mps" else delay


def align(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    sample_rate: int,
    *,
    max_delay_s: float = 0.5,
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Remove the delay between two waveforms and keep the span that both cover.

    All leading dimensions share one delay, as the channels of a file do: their correlations are
    added.

    Parameters
    ----------
    reference : Tensor
        Samples, shape ``(..., time)``.
    estimate : Tensor
        Samples, shape ``(..., time)``; its length may differ, its other dimensions may not.
    sample_rate : int
        Sample rate of both in Hz.
    max_delay_s : float, default: 0.5
        Largest delay to consider, early or late, in seconds.

    Returns
    -------
    reference : Tensor
        The common span of the reference, shape ``(..., time)``; a view.
    estimate : Tensor
        The same span of the estimate; a view, so that gradients pass.
    delay : int
        Delay that was removed, in samples; positive where the estimate was late.

    Raises
    ------
    ValueError
        If shapes don't fit, either is silent, or samples are NaN or infinite.

    See Also
    --------
    delay_samples : The delay of each item, and fractions of a sample.

    Examples
    --------
    >>> import torch
    >>> from audiolab import metrics, signals
    >>> speech, rate = signals.clip("speech")
    >>> late = torch.nn.functional.pad(speech, (312, 1000))
    >>> first, second, delay = metrics.align(speech, late, rate)
    >>> delay, torch.equal(first, second)
    (312, True)
    """
    check_pair(reference, estimate, same_length=False)
    rate = check_sample_rate(sample_rate)
    limit = seconds_to_samples(check_positive(max_delay_s, "max_delay_s", unit="s"), rate)
    check_not_silent(reference.reshape(-1), "reference")
    check_not_silent(estimate.reshape(-1), "estimate")
    early, late = _search_range(reference.shape[-1], estimate.shape[-1], limit)
    cross, size = _cross_spectrum(reference, estimate)
    correlation = torch.fft.irfft(cross.reshape(-1, cross.shape[-1]).sum(dim=0), n=size)
    window = torch.roll(correlation, early)[: early + late + 1]
    delay = int(window.argmax()) - early
    reference = reference[..., max(0, -delay) :]
    estimate = estimate[..., max(0, delay) :]
    length = min(reference.shape[-1], estimate.shape[-1])
    return reference[..., :length], estimate[..., :length], delay
