"""Numbers or tensors as parameters of a filter: checks, and one kind of mathematics for both."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any, TypeAlias

import torch

from audiolab._validation import check_positive, check_range

__all__ = ["Value", "checked", "checked_frequency", "maths"]

Value: TypeAlias = float | torch.Tensor


def maths(*values: Any) -> Any:
    """Return ``torch`` if a tensor is among the values, else ``math``.

    Both know ``sin``, ``cos``, ``exp``, ``sqrt`` and ``sinh``. Python numbers take a fiftieth of
    the time of small tensors, which matters for a filter that runs a quarter of a millisecond.
    """
    module: ModuleType = torch if any(isinstance(each, torch.Tensor) for each in values) else math
    return module


def checked(
    value: Value,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: bool = False,
    unit: str = "",
) -> Any:
    """Return a parameter as a float or a float64 tensor, all of it in ``[low, high]``.

    With `above`, `low` itself is refused.

    Raises
    ------
    ValueError
        If a value is not finite or outside.
    """
    if not isinstance(value, torch.Tensor):
        if above and low == 0 and math.isinf(high):
            return check_positive(value, name, unit=unit)
        number = check_range(value, name, low, high, unit=unit)
        if above and number <= low:
            raise ValueError(f"{name} must be above {_with(low, unit)}, got {value}")
        return number
    tensor = value.to(torch.float64)
    if torch.compiler.is_compiling():
        # A look at the values would break the graph.
        return tensor
    plain = tensor.detach()
    wrong = ~torch.isfinite(plain) | (plain < low) | (plain > high)
    if above:
        wrong |= plain <= low
    if bool(wrong.any()):
        bounds = []
        if math.isfinite(low):
            bounds.append(f"{'above' if above else 'at least'} {_with(low, unit)}")
        if math.isfinite(high):
            bounds.append(f"at most {_with(high, unit)}")
        first = float(plain[wrong].flatten()[0])
        raise ValueError(f"{name} must be {' and '.join(bounds) or 'finite'}, got {first}")
    return tensor


def checked_frequency(value: Value, sample_rate: float, name: str) -> Any:
    """Return a frequency above zero, and not above the Nyquist frequency, or raise."""
    rate = check_positive(sample_rate, "sample_rate", unit="Hz")
    return checked(value, name, 0.0, rate / 2, above=True, unit="Hz")


def _with(value: float, unit: str) -> str:
    return f"{value:g} {unit}".rstrip()
