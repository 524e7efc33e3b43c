"""The losses without an adversary, weighed as the run's progress has it."""

from __future__ import annotations

import torch
from torch import nn

from audiolab.codec.training import schedule
from audiolab.codec.training.losses import SPECTRAL, SpectralLosses, time_l1
from audiolab.codec.training.sections import LossConfig

__all__ = ["Objective"]

# Magnitudes on a linear scale lead towards the waveform too: they are held back less.
_EARLY_WEIGHT = 0.3


class Objective(nn.Module):
    """Losses on a waveform, by name, and their weighted sum.

    Parameters
    ----------
    config : LossConfig
        Weights and windows.
    sample_rate : int
        Rate in Hz.
    """

    def __init__(self, config: LossConfig, sample_rate: int) -> None:
        super().__init__()
        self.config = config
        terms = [name for name in SPECTRAL if getattr(config, name) > 0]
        self.spectral = SpectralLosses(
            sample_rate, config.windows, config.num_mels, config.complex_windows, terms
        )

    def forward(self, reference: torch.Tensor, estimate: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compare two waveforms.

        Parameters
        ----------
        reference, estimate : Tensor
            ``(batch, channels, time)``, float32.

        Returns
        -------
        dict of str to Tensor
            Scalars by the names of `LossConfig`.
        """
        losses: dict[str, torch.Tensor] = self.spectral(reference, estimate)
        losses["time"] = time_l1(reference, estimate)
        return losses

    def weighted(self, losses: dict[str, torch.Tensor], progress: float) -> torch.Tensor:
        """Add losses up.

        Parameters
        ----------
        losses : dict of str to Tensor
            Scalars by the names of `LossConfig`.
        progress : float
            Share of the run that is done.

        Returns
        -------
        Tensor
            A scalar.
        """
        spectral = schedule.spectral_weight(self.config, progress)
        early = max(spectral, _EARLY_WEIGHT)
        held = {"log_mel": spectral, "log_stft": spectral, "mel": early, "convergence": early}
        parts = [
            getattr(self.config, name) * held.get(name, 1.0) * value
            for name, value in losses.items()
        ]
        return torch.stack(parts).sum()
