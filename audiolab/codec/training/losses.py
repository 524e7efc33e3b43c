"""How far a decoded waveform is from the original: the losses without an adversary.

With the STFT ``X_w`` over a window of `w` samples, hop ``w / 4`` and magnitudes divided by
``sqrt(w)``, and its mel bands ``M_w``, each loss is a mean over windows, items, bands and frames:

- `mel`: ``|M - M'|``;
- `log_mel`: ``|L - L'|`` plus half the root of the mean over bands of ``(L - L')^2``, with
  ``L = log10 max(M, 1e-4)``;
- `log_stft`: ``|ln(|X| + 1e-4) - ln(|X'| + 1e-4)|``, on windows of 256 samples and more;
- `convergence`: ``||X| - |X'|| / ||X||`` in the Frobenius norm of each item, on the same windows
  (Arık et al., 2018, arXiv 1808.06719);
- `complex_stft`: ``|X |X|^-0.6 - X' |X'|^-0.6|``, which hears the phase without being ruled by the
  loudest bins.

`time_l1` compares samples. `MultiScaleMelLoss` is the spectral loss of the EnCodec paper (Défossez
et al., 2022, arXiv 2210.13438). The spectra are computed once and shared by all losses.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
from torch import nn

from audiolab.codec.training._spectra import spectra
from audiolab.features import mel_filterbank

__all__ = ["SPECTRAL", "MultiScaleMelLoss", "SpectralLosses", "time_l1"]

#: Names of what `SpectralLosses` computes.
SPECTRAL = ("mel", "log_mel", "log_stft", "convergence", "complex_stft")

_LOG_MEL_FLOOR = 1e-4
_LOG_STFT_FLOOR = 1e-4
_SHORTEST_LOG_STFT = 256


def time_l1(reference: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference of two waveforms.

    Parameters
    ----------
    reference, estimate : Tensor
        Of the same shape.

    Returns
    -------
    Tensor
        A scalar.
    """
    return (reference - estimate).abs().mean()


class SpectralLosses(nn.Module):
    """The spectral losses over several windows, from shared spectra.

    Parameters
    ----------
    sample_rate : int
        Rate in Hz.
    windows : sequence of int
        Window lengths in samples.
    num_mels : sequence of int
        Mel bands at each window.
    complex_windows : collection of int
        Windows of `complex_stft`.
    terms : collection of str
        Which losses to compute; all of `SPECTRAL` by default.

    Examples
    --------
    >>> losses = SpectralLosses(24_000)
    >>> x = torch.randn(1, 1, 4800, generator=torch.Generator().manual_seed(0))
    >>> {name: float(value) for name, value in losses(x, x).items()}["mel"]
    0.0
    """

    def __init__(
        self,
        sample_rate: int,
        windows: Sequence[int] = (64, 256, 512, 1024, 2048),
        num_mels: Sequence[int] = (5, 20, 40, 64, 80),
        complex_windows: Collection[int] = (512, 1024),
        terms: Collection[str] = SPECTRAL,
    ) -> None:
        super().__init__()
        self.windows = tuple(windows)
        self.complex_windows = frozenset(complex_windows)
        self.terms = frozenset(terms)
        for window, count in zip(windows, num_mels, strict=True):
            shape = torch.hann_window(window) / math.sqrt(window)
            self.register_buffer(f"window_{window}", shape, persistent=False)
            # On short windows some bands hold no bin: what they would say, their neighbours do.
            bands = mel_filterbank(
                sample_rate, n_fft=window, n_mels=count, mel_scale="htk", mel_norm=None,
                on_empty="ignore",
            )  # fmt: skip
            self.register_buffer(f"mel_{window}", bands.t().contiguous(), persistent=False)

    def forward(self, reference: torch.Tensor, estimate: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compare two waveforms.

        Parameters
        ----------
        reference, estimate : Tensor
            ``(batch, channels, time)``, float32; gradients reach the estimate only.

        Returns
        -------
        dict of str to Tensor
            Scalars by name.
        """
        found: dict[str, list[torch.Tensor]] = {name: [] for name in SPECTRAL if name in self.terms}
        target = reference.detach().flatten(0, 1)
        output = estimate.flatten(0, 1)
        for window in self.windows:
            shape = self.get_buffer(f"window_{window}")
            compressed = "complex_stft" in found and window in self.complex_windows
            with torch.no_grad():
                x, x_real, x_imaginary = spectra(target, shape, compressed=compressed)
            y, y_real, y_imaginary = spectra(output, shape, compressed=compressed)
            if {"mel", "log_mel"} & found.keys():
                bands = self.get_buffer(f"mel_{window}")
                _compare_bands(x @ bands, y @ bands, found)
            if window >= _SHORTEST_LOG_STFT:
                _compare_magnitudes(x, y, found)
            if y_real is not None and y_imaginary is not None:
                assert x_real is not None
                assert x_imaginary is not None
                gap = (x_real - y_real).square() + (x_imaginary - y_imaginary).square()
                found["complex_stft"].append((gap + 1e-12).sqrt().mean())
        return {
            name: torch.stack(parts).mean() if parts else output.new_zeros(())
            for name, parts in found.items()
        }


def _compare_bands(x: torch.Tensor, y: torch.Tensor, found: dict[str, list[torch.Tensor]]) -> None:
    if "mel" in found:
        found["mel"].append((x - y).abs().mean())
    if "log_mel" in found:
        gap = x.clamp(min=_LOG_MEL_FLOOR).log10() - y.clamp(min=_LOG_MEL_FLOOR).log10()
        spread = (gap.square().mean(dim=-1) + 1e-12).sqrt()
        found["log_mel"].append(gap.abs().mean() + 0.5 * spread.mean())


def _compare_magnitudes(
    x: torch.Tensor, y: torch.Tensor, found: dict[str, list[torch.Tensor]]
) -> None:
    if "log_stft" in found:
        gap = (x + _LOG_STFT_FLOOR).log() - (y + _LOG_STFT_FLOOR).log()
        found["log_stft"].append(gap.abs().mean())
    if "convergence" in found:
        size = torch.linalg.vector_norm(x, dim=(1, 2))
        # Near silence the ratio says nothing: the norm of -60 dBFS noise stands in.
        floor = 1e-3 * math.sqrt(x.shape[1] * x.shape[2])
        energy = (x - y).square().sum(dim=(1, 2)) + 1e-12
        found["convergence"].append((energy.sqrt() / size.clamp(min=floor)).mean())


class MultiScaleMelLoss(nn.Module):
    """The spectral loss of the EnCodec paper.

    With mel bands ``S_i`` of a window of ``2^i`` samples, hop a quarter of it, it is
    ``mean_i (mean |S_i - S'_i| + alpha * mean (S_i - S'_i)^2)``; the mean takes the place of the
    paper's norms, so that it does not depend on the length.

    Parameters
    ----------
    sample_rate : int
        Rate in Hz.
    scales : sequence of int
        Exponents of the windows.
    num_mels : int
        Bands at each of them.
    alpha : float
        Weight of the squared difference.
    """

    def __init__(
        self,
        sample_rate: int,
        scales: Sequence[int] = (5, 6, 7, 8, 9, 10, 11),
        num_mels: int = 64,
        alpha: float = 1.0,
    ) -> None:
        super().__init__()
        windows = [2**scale for scale in scales]
        self.alpha = alpha
        self.spectra = SpectralLosses(sample_rate, windows, [num_mels] * len(windows), ())

    def forward(self, reference: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
        """Compare two waveforms.

        Parameters
        ----------
        reference, estimate : Tensor
            ``(batch, channels, time)``.

        Returns
        -------
        Tensor
            A scalar.
        """
        x, y = reference.flatten(0, 1), estimate.flatten(0, 1)
        parts = []
        for window in self.spectra.windows:
            shape = self.spectra.get_buffer(f"window_{window}")
            bands = self.spectra.get_buffer(f"mel_{window}")
            gap = (
                spectra(x, shape, compressed=False)[0] - spectra(y, shape, compressed=False)[0]
            ) @ bands
            parts.append(gap.abs().mean() + self.alpha * gap.square().mean())
        return torch.stack(parts).mean()
