"""The two projections of Griffin-Lim and the recurrence over them, in buffers made once."""

from __future__ import annotations

from typing import NamedTuple

import torch

from audiolab.features import _framing
from audiolab.features._choices import Settled
from audiolab.features.spectrogram import weights

__all__ = ["Acceleration", "Workspace"]


class Acceleration(NamedTuple):
    """Weights of Griffin-Lim's recurrence.

    Parameters
    ----------
    alpha : float
        Momentum of the point that is projected next.
    beta : float, default: 0.0
        Momentum of the point that is mixed in where `gamma` is not 1.
    gamma : float, default: 1.0
        Relaxation: how far to go towards the projection.
    """

    alpha: float
    beta: float = 0.0
    gamma: float = 1.0


class Workspace:
    """Buffers for `size` items, and the steps that write into them."""

    def __init__(
        self, settled: Settled, size: int, count: int, samples: int, like: torch.Tensor
    ) -> None:
        self.settled, self.samples = settled, samples
        self.window = _framing.window_of(settled, like)
        length = self.window.shape[-1]
        hop = settled.hop_length
        self.start = settled.n_fft // 2 if settled.center else 0
        room = max((count + -(-length // hop)) * hop, self.start + samples)
        inverse = weights(settled, count, like)[self.start : self.start + samples]
        self.inverse = torch.nn.functional.pad(inverse, (0, samples - inverse.shape[-1]))
        self.sum = like.new_empty((size, -(-room // hop) * hop))
        self.signal = like.new_empty((size, samples))
        self.spectral = like.new_empty((size, count, settled.n_fft))
        self.frames = self.spectral[..., :length]
        bins = (size, count, settled.num_bins)
        kind = torch.complex128 if like.dtype == torch.float64 else torch.complex64
        self.now, self.before, self.guess, self.ahead = (
            torch.empty(bins, dtype=kind, device=like.device) for _ in range(4)
        )
        # Complex with a zero imaginary part: a product of like types needs no conversion pass.
        self.target = torch.zeros(bins, dtype=kind, device=like.device)

    def run(
        self,
        magnitude: torch.Tensor,
        phase: torch.Tensor,
        n_iter: int,
        weight: Acceleration,
        *,
        trace: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the waveform of the items and its convergence in dB, empty unless asked for."""
        alpha, beta, gamma = weight
        self.target.real.copy_(magnitude)
        now, before, guess, ahead = self.now, self.before, self.guess, self.ahead
        torch.polar(magnitude, phase, out=guess)
        norm = torch.linalg.vector_norm(magnitude, dim=(-2, -1))
        levels = []
        for index in range(n_iter):
            self.synthesise(guess)
            self.analyse(now)
            if trace:
                levels.append(_convergence_db(now, magnitude, norm))
            if gamma != 1.0 and index > 0:
                # d_{n-1} was left in `ahead`.
                now.mul_(gamma).add_(ahead, alpha=1.0 - gamma)
            if index == 0 or alpha == beta == 0.0:
                guess.copy_(now)
                if gamma != 1.0:
                    ahead.copy_(now)
            else:
                torch.sub(now, before, out=before)  # before is done with: it holds the step
                torch.add(now, before, alpha=alpha, out=guess)
                if gamma != 1.0:
                    torch.add(now, before, alpha=beta, out=ahead)
            now, before = before, now
            guess.sgn_().mul_(self.target)
        signal = self.synthesise(guess).clone()
        if trace:
            self.analyse(now)
            levels.append(_convergence_db(now, magnitude, norm))
        return signal, torch.stack(levels, dim=-1) if trace else norm

    def synthesise(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Write the least-squares inverse into `signal`."""
        torch.fft.irfft(spectrum, n=self.settled.n_fft, out=self.spectral)
        self.frames.mul_(self.window)
        self.sum.zero_()
        _framing.overlap_add(self.frames, self.settled.hop_length, self.sum)
        kept = self.sum[:, self.start : self.start + self.samples]
        return torch.mul(kept, self.inverse, out=self.signal)

    def analyse(self, out: torch.Tensor) -> None:
        """Write the spectrogram of `signal` into `out`."""
        frames = _framing.cut_frames(_framing.pad_signal(self.signal, self.settled), self.settled)
        if self.frames.shape[-1] < self.settled.n_fft:
            self.spectral.zero_()
        torch.mul(frames, self.window, out=self.frames)
        torch.fft.rfft(self.spectral, out=out)


def _convergence_db(
    spectrum: torch.Tensor, magnitude: torch.Tensor, norm: torch.Tensor
) -> torch.Tensor:
    error = torch.linalg.vector_norm(spectrum.abs() - magnitude, dim=(-2, -1))
    return 20.0 * torch.log10(error / norm.where(norm > 0.0, 1.0))
