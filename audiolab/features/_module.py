"""What the module twins of the functions share.

A module holds its settings and the rate that it was made for; kernels come from the same cache as
the functions', so that a state dict stays empty and dtype and device follow the input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Unpack

import torch
from torch import nn

from audiolab._validation import check_sample_rate
from audiolab.features._choices import Convention, Settings
from audiolab.features.conventions import (
    PRESETS,
    ConventionName,
    convention,
    differences,
    settle,
)

__all__ = ["Feature", "WaveformFeature"]


class Feature(nn.Module):
    """A feature with its settings.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate in Hz that the settings are for.
    convention : str or Convention, default: "librosa"
        Preset; see `Convention`.
    **settings
        Fields of `Convention` to change.
    """

    #: The settings that concern the feature.
    fields: frozenset[str] = frozenset()

    def __init__(
        self,
        sample_rate: int | None = None,
        *,
        convention: ConventionName | Convention = "librosa",
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__()
        # Settings that cannot work are refused here and not at the first batch.
        settle(convention, sample_rate, settings, self.fields, type(self).__name__)
        self.sample_rate = sample_rate if sample_rate is None else check_sample_rate(sample_rate)
        self.convention = _changed(convention, settings)

    def check_rate(self, sample_rate: int | None) -> int | None:
        """Return the rate, the module's where none is given, or raise where the two differ.

        Parameters
        ----------
        sample_rate : int or None
            Rate of a waveform in Hz, if it is known.

        Returns
        -------
        int or None
            The rate, if either is known.

        Raises
        ------
        ValueError
            The waveform's rate is not the module's.
        """
        if sample_rate is None or self.sample_rate is None or sample_rate == self.sample_rate:
            return self.sample_rate if sample_rate is None else sample_rate
        raise ValueError(
            f"{type(self).__name__} was made for {self.sample_rate} Hz and the waveform is at "
            f"{sample_rate} Hz: resample the waveform, or make another {type(self).__name__}"
        )

    @property
    def rate(self) -> int:
        """Return the sample rate of a module that can't be made without one."""
        if self.sample_rate is None:
            raise ValueError(f"{type(self).__name__} needs a sample_rate")
        return self.sample_rate

    def extra_repr(self) -> str:
        """Return the rate, the preset, and every field that differs from the preset's."""
        name = self.convention.name
        base = convention(name) if name in PRESETS else Convention()
        changed = [
            f"{field}={new!r}" for field, (_, new) in differences(base, self.convention).items()
        ]
        return ", ".join([f"sample_rate={self.sample_rate}, convention={name!r}", *changed])


def _changed(base: ConventionName | Convention, settings: Settings) -> Convention:
    return convention(base, **settings)


class WaveformFeature(Feature, ABC):
    """A feature of a waveform alone."""

    def forward(self, waveform: torch.Tensor, sample_rate: int | None = None) -> torch.Tensor:
        """Compute the feature.

        Parameters
        ----------
        waveform : Tensor, shape (..., time)
            Signal, float32 or float64.
        sample_rate : int, optional
            Sample rate of the waveform in Hz, if it is to be checked against the module's.

        Returns
        -------
        Tensor, shape (..., value, frame)
            The feature.

        Raises
        ------
        ValueError
            The rate is not the module's, or the waveform is not fit for the settings.
        """
        return self._feature(waveform, self.check_rate(sample_rate))

    @abstractmethod
    def _feature(self, waveform: torch.Tensor, sample_rate: int | None) -> torch.Tensor: ...
