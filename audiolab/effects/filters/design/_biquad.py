"""The pair of coefficients that every design returns."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

from audiolab._validation import check_positive
from audiolab.effects.filters._parameters import Value, checked_frequency

__all__ = ["Biquad", "angle", "biquad_from"]


class Biquad(NamedTuple):
    """A filter of second order, ``H(z) = (b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2)``.

    Parameters
    ----------
    b : Tensor
        Numerator, ``(..., 3)`` float64.
    a : Tensor
        Denominator, ``(..., 3)`` float64, beginning with 1.
    """

    b: torch.Tensor
    a: torch.Tensor

    def frequency_response(
        self, frequency_hz: float | torch.Tensor, sample_rate: float
    ) -> torch.Tensor:
        """Return ``H`` at frequencies, complex.

        Parameters
        ----------
        frequency_hz : float or Tensor
            Frequencies in Hz, ``(n,)`` or one number.
        sample_rate : float
            Sample rate in Hz.

        Returns
        -------
        Tensor
            Complex, the coefficients' leading dimensions and those of the frequencies.

        Examples
        --------
        >>> from audiolab.effects.filters.design import lowpass
        >>> half_power = lowpass(16_000, cutoff_hz=1000.0).frequency_response(1000.0, 16_000)
        >>> round(float(half_power.abs()) ** 2, 6)
        0.5
        """
        rate = check_positive(sample_rate, "sample_rate", unit="Hz")
        frequency = torch.as_tensor(frequency_hz, dtype=torch.float64, device=self.b.device)
        angle = (
            2 * math.pi * frequency.reshape(-1, 1) / rate * torch.arange(3, device=self.b.device)
        )
        turn = torch.polar(torch.ones_like(angle), -angle).T
        response = (self.b.to(turn.dtype) @ turn) / (self.a.to(turn.dtype) @ turn)
        return response.reshape(self.b.shape[:-1] + frequency.shape)


def biquad_from(b0: Any, b1: Any, b2: Any, a0: Any, a1: Any, a2: Any) -> Biquad:
    """Return the biquad of six numbers or tensors, divided by `a0`."""
    values = [each / a0 for each in (b0, b1, b2)] + [a0 / a0, a1 / a0, a2 / a0]
    tensor = next((each for each in values if isinstance(each, torch.Tensor)), None)
    if tensor is None:
        together = torch.tensor(values, dtype=torch.float64)
    else:
        # No torch.broadcast_tensors: adding zero broadcasts too, and has a type.
        shaped = sum((0.0 * each for each in values), torch.zeros_like(tensor))
        together = torch.stack([each + torch.zeros_like(shaped) for each in values], dim=-1)
    return Biquad(together[..., :3], together[..., 3:])


def angle(frequency_hz: Value, sample_rate: float, name: str) -> tuple[Any, Any]:
    """Return a checked frequency in Hz and in radians a sample."""
    frequency = checked_frequency(frequency_hz, sample_rate, name)
    return frequency, 2.0 * math.pi * frequency / sample_rate
