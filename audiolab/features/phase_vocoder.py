"""Phase vocoder: a spectrogram stretched in time at the same pitch.

Magnitudes are interpolated between frames, and each bin's phase advances from one output frame to
the next by as much as it did between the two input frames around it (Flanagan and Golden 1966; the
form of Ellis, 2002). The phase is summed in float64 whatever the input: in float32, as torchaudio
sums it, it drifts within seconds until the complex output is 45 dB off.

Reference: M. Dolson, "The phase vocoder: a tutorial", Computer Music Journal 10(4), 1986,
doi:10.2307/3680093. Left out: phase locking and transient handling.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from audiolab._validation import check_positive
from audiolab.features._framing import check_spectrum

__all__ = ["PhaseVocoder", "phase_vocoder"]


def phase_vocoder(spectrum: torch.Tensor, rate: float, *, hop_length: int) -> torch.Tensor:
    """Stretch a complex spectrogram in time, leaving the pitch as it is.

    Parameters
    ----------
    spectrum : Tensor, shape (..., n_fft // 2 + 1, frame)
        Complex spectrogram with its phases counted from the start of the frame, as `spectrogram`
        returns it for ``power=None``.
    rate : float
        Speed: above 1 is faster and shorter.
    hop_length : int
        Hop of the analysis, in samples.

    Returns
    -------
    Tensor, shape (..., n_fft // 2 + 1, ceil(frame / rate))
        Complex spectrogram to be inverted with the same hop.

    Raises
    ------
    ValueError
        The spectrum is empty or not finite, or a parameter is not above zero.
    TypeError
        `spectrum` is not complex.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import inverse_spectrogram, phase_vocoder, spectrogram
    >>> spectrum = spectrogram(torch.randn(16_000), power=None, n_fft=512)
    >>> slow = inverse_spectrogram(phase_vocoder(spectrum, 0.8, hop_length=128), n_fft=512)
    >>> slow.shape[-1] / 16_000
    1.256
    """
    check_positive(rate, "rate")
    if isinstance(hop_length, bool) or not isinstance(hop_length, int):
        raise TypeError(f"hop_length must be an int, got {type(hop_length).__name__}")
    check_positive(hop_length, "hop_length", unit="samples")
    num_bins = (
        spectrum.shape[-2] if isinstance(spectrum, torch.Tensor) and spectrum.dim() > 1 else 1
    )
    items = check_spectrum(spectrum, num_bins, "spectrum", real=False)
    if num_bins < 2:
        raise ValueError(f"spectrum must have at least 2 bins, got {num_bins}")
    if rate == 1.0:
        return spectrum

    count = math.ceil(items.shape[1] / rate)
    steps = torch.arange(count, dtype=torch.float64, device=items.device) * rate
    index = steps.long().clamp_max(items.shape[1] - 1)
    between = (steps - index)[:, None]

    # Beyond the last frame comes one of silence.
    after = torch.cat((items[:, 1:], torch.zeros_like(items[:, :1])), dim=1)
    magnitude, magnitude_after = items.abs()[:, index], after.abs()[:, index]
    mixed = magnitude + between.to(magnitude.dtype) * (magnitude_after - magnitude)

    centre = torch.arange(num_bins, dtype=torch.float64, device=items.device)
    expected = (math.pi * hop_length / (num_bins - 1)) * centre
    wide = items.to(torch.complex128)
    change = (after.to(torch.complex128).angle() - wide.angle())[:, index] - expected
    turns = torch.round(change.detach() / (2.0 * math.pi))
    advance = expected + change - 2.0 * math.pi * turns
    start = wide[:, :1].angle()
    phase = torch.cat((start, start + advance[:, :-1].cumsum(1)), dim=1)
    # Whole turns are taken off while the phase is still in float64.
    phase = phase - 2.0 * math.pi * torch.round(phase.detach() / (2.0 * math.pi))
    stretched = torch.polar(mixed, phase.to(mixed.dtype))
    return stretched.transpose(-1, -2).reshape(*spectrum.shape[:-1], count)


class PhaseVocoder(nn.Module):
    """Module twin of `phase_vocoder`.

    Parameters
    ----------
    hop_length : int
        Hop of the analysis, in samples.
    rate : float, default: 1.0
        Speed where a call gives none.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import PhaseVocoder
    >>> PhaseVocoder(128, 2.0)(torch.zeros(257, 100, dtype=torch.complex64)).shape
    torch.Size([257, 50])
    """

    def __init__(self, hop_length: int, rate: float = 1.0) -> None:
        super().__init__()
        check_positive(hop_length, "hop_length", unit="samples")
        self.hop_length, self.rate = hop_length, check_positive(rate, "rate")

    def forward(self, spectrum: torch.Tensor, rate: float | None = None) -> torch.Tensor:
        """Stretch a spectrogram.

        Parameters
        ----------
        spectrum : Tensor, shape (..., n_fft // 2 + 1, frame)
            Complex spectrogram.
        rate : float, optional
            Speed; by default the module's.

        Returns
        -------
        Tensor, shape (..., n_fft // 2 + 1, ceil(frame / rate))
            Complex spectrogram.
        """
        speed = self.rate if rate is None else rate
        return phase_vocoder(spectrum, speed, hop_length=self.hop_length)

    def extra_repr(self) -> str:
        """Describe the settings.

        Returns
        -------
        str
            What stands between the parentheses of the module's repr.
        """
        return f"hop_length={self.hop_length}, rate={self.rate}"
