r"""Phase vocoder that keeps what belongs together together: peaks, attacks and channels.

Frames are written H samples apart and read where the rate says. Each is turned so that it continues
the one before. How far, two transforms tell without any frequency being estimated (M. Puckette,
"Phase-locked vocoder", WASPAA 1995): the spectrum :math:`X_k` of the frame, and :math:`X'_k` of
the one H samples earlier *in the input*. What turns :math:`X'_k` into the frame :math:`Y_{k-1}`
that was written H samples earlier turns :math:`X_k` into its continuation:

.. math:: Y_k = z_k X_k, \qquad z_k = \frac{\langle Y_{k-1}, X'_k \rangle}
    {|\langle Y_{k-1}, X'_k \rangle|}

A sinusoid comes out with its frequency exactly, whatever rate and hop.

- One z serves all bins around a peak, from valley to valley, and the product sums over them:
  identity phase locking (J. Laroche, M. Dolson, "Improved phase vocoder time-scale modification of
  audio", IEEE Transactions on Speech and Audio Processing 7(3), 1999. doi:10.1109/89.759041). With
  a z of its own for each bin, the textbook's way, partials lose their shape: "phasiness".
- At an onset, where a peak has four times the energy that it had H samples before, z is 1, which
  aligns all that begins (A. Röbel, "A new approach to transient processing in the phase vocoder",
  DAFx 2003), and time passes at its normal speed around it (`map_times`).
- Channels have their peaks and their z in common: what lay between them stays there.

Gradients go through the transforms; the rotations count as constant, as WSOLA's places do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit

from audiolab.augment._envelope import moved_gain
from audiolab.augment._onsets import find_onsets, map_times

__all__ = ["Vocoder", "make_vocoder"]

#: Window in seconds: as long as the use allows for telling partials apart.
_WINDOW_S = {"general": 0.064, "speech": 0.04, "music": 0.085}

#: Frames that overlap at any time.
_OVERLAP = 4

#: Energy of a peak over what it was a hop before, from which on it has begun anew.
_BEGUN = 4.0

# Sums may be taken in any order, or there are no vectors; NaN and infinity stay what they are.
_MATHS = {"reassoc", "contract", "nsz"}


@dataclass(frozen=True)
class Vocoder:
    """Sizes in samples, and what is locked.

    Parameters
    ----------
    sample_rate : float
        Rate in Hz.
    size : int
        Length of a window, a multiple of 4.
    locking : {"none", "peaks", "transients"}
        Every bin for itself; the bins around a peak together; and attacks kept as they are.
    """

    sample_rate: float
    size: int
    locking: str = "transients"

    @property
    def hop(self) -> int:
        """Samples from one frame to the next in the output."""
        return self.size // _OVERLAP

    def stretch(
        self, x: torch.Tensor, rate: float, length: int, *, pitch: float = 1.0
    ) -> torch.Tensor:
        """Return `length` samples of ``(channels, time)`` at another tempo.

        With a `pitch` other than 1, spectral envelopes are spread by it beforehand, so that they
        are as they were once all frequencies have been multiplied by `pitch`.
        """
        size, hop = self.size, self.hop
        frames = -(-length // hop) + _OVERLAP + 1
        times = (np.arange(frames, dtype=np.float64) - _OVERLAP // 2) * hop
        onsets = np.zeros(0, np.int64)
        if self.locking == "transients":
            onsets = find_onsets(x, self.sample_rate)
        centres, begun = map_times(times, rate, length, onsets, size // 2)
        lead = size + hop
        places = np.floor(centres + 0.5).astype(np.int64) - size // 2
        places = np.clip(places, -size, x.shape[-1]) + lead
        padded = torch.nn.functional.pad(x, (lead, size + hop))
        window = torch.hann_window(size, dtype=x.dtype, device=x.device)

        spectra = torch.fft.rfft(_frames(padded, places, size) * window)
        earlier = torch.fft.rfft(_frames(padded.detach(), places - hop, size) * window)
        now = torch.view_as_real(spectra.detach()).cpu()
        turns = torch.empty_like(now[0])
        then = torch.view_as_real(earlier).cpu()
        _turn(now.numpy(), then.numpy(), begun, turns.numpy(), self.locking != "none")
        spectra = spectra * torch.view_as_complex(turns).to(spectra.device)
        if pitch != 1.0:
            spectra = spectra * moved_gain(spectra, self.sample_rate, pitch)
        written = torch.fft.irfft(spectra, n=size) * (window / (0.375 * _OVERLAP))
        return _overlap_add(written, hop)[:, size : size + length]


def make_vocoder(sample_rate: float, use: str, locking: str = "transients") -> Vocoder:
    """Return the sizes for a use."""
    wanted = _WINDOW_S[use] * sample_rate
    sizes = [factor << power for power in range(2, 24) for factor in (1, 3, 5)]
    size = min((each for each in sizes if each >= 16), key=lambda each: abs(each - wanted))
    return Vocoder(sample_rate, size, locking)


def _frames(x: torch.Tensor, places: Any, size: int) -> torch.Tensor:
    begin = torch.from_numpy(places).to(x.device)
    if not x.requires_grad:
        return x.unfold(-1, size, 1)[:, begin]
    return x[:, begin[:, None] + torch.arange(size, device=x.device)]


def _overlap_add(frames: torch.Tensor, hop: int) -> torch.Tensor:
    """Return the sum of ``(channels, frames, size)``, `hop` samples apart."""
    channels, count, _ = frames.shape
    parts = frames.reshape(channels, count, _OVERLAP, hop)
    total = frames.new_zeros(channels, count + _OVERLAP - 1, hop)
    for turn in range(_OVERLAP):
        total[:, turn : turn + count] += parts[:, :, turn]
    return total.reshape(channels, -1)


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def _turn(spectra: Any, earlier: Any, begun: Any, turns: Any, locked: bool) -> None:
    """Find the rotation of each bin of each frame, real and imaginary parts side by side."""
    channels, frames, bins, _ = spectra.shape
    dtype = spectra.dtype
    zero = dtype.type(0.0)
    power, before = np.empty(bins, dtype), np.empty(bins, dtype)
    real, imag = np.empty(bins, dtype), np.empty(bins, dtype)
    cosine, sine = np.ones(bins, dtype), np.zeros(bins, dtype)
    borders = np.arange(bins + 1)
    for k in range(frames):
        power[:], before[:], real[:], imag[:] = zero, zero, zero, zero
        for c in range(channels):
            now, last, then = spectra[c, k], spectra[c, max(k - 1, 0)], earlier[c, k]
            for b in range(bins):
                x, y, u, v = now[b, 0], now[b, 1], then[b, 0], then[b, 1]
                # the frame before had been turned itself
                p = last[b, 0] * cosine[b] - last[b, 1] * sine[b]
                q = last[b, 0] * sine[b] + last[b, 1] * cosine[b]
                power[b] += x * x + y * y
                before[b] += u * u + v * v
                real[b] += p * u + q * v
                imag[b] += q * u - p * v
        count = _find_borders(power, borders) if locked else bins
        for region in range(count):
            low, high = borders[region], borders[region + 1]
            a = d = energy = energy_before = zero
            for b in range(low, high):
                a += real[b]
                d += imag[b]
                energy += power[b]
                energy_before += before[b]
            size = np.sqrt(a * a + d * d)
            if size <= zero or (begun[k] and energy > _BEGUN * energy_before):
                a, d = dtype.type(1.0), zero
            else:
                a, d = a / size, d / size
            for b in range(low, high):
                cosine[b], sine[b] = a, d
        for b in range(bins):
            turns[k, b, 0], turns[k, b, 1] = cosine[b], sine[b]


@njit(error_model="numpy", nogil=True, cache=True)
def _find_borders(power: Any, borders: Any) -> int:
    """Write where regions begin, each around one peak, and return how many there are.

    A peak is louder than two bins on either side; a region begins at the valley between two peaks.
    """
    bins = len(power)
    borders[0] = count = 0
    valley = -1  # since the last peak; before the first there is none
    for b in range(2, bins - 2):
        p = power[b]
        if valley >= 0 and p < power[valley]:
            valley = b
        elif p > power[b + 1] and p >= power[b - 1] and p > power[b + 2] and p >= power[b - 2]:
            if valley >= 0:
                count += 1
                borders[count] = valley
            valley = b + 1
    borders[count + 1] = bins
    return count + 1
