"""Argument checks that say what came, what was expected and how to get there.

Each check takes the parameter's name, so that the message points at the caller's own code.
"""

from __future__ import annotations

import math
from numbers import Integral, Real

import torch

from audiolab._typing import Seed

__all__ = [
    "as_generator",
    "check_choice",
    "check_positive",
    "check_range",
    "check_sample_rate",
    "check_waveform",
]


def check_waveform(
    waveform: torch.Tensor,
    name: str = "waveform",
    *,
    min_dim: int = 1,
    allow_empty: bool = True,
    finite: bool = False,
) -> torch.Tensor:
    """Return `waveform` if it is a real floating-point tensor ``(..., time)``, else raise.

    Raises
    ------
    TypeError
        Not a tensor, or not of a floating-point type.
    ValueError
        Too few dimensions; without samples; or (where `finite` is asked for) NaN or infinity.
    """
    if not isinstance(waveform, torch.Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor of shape (..., time), got {type(waveform).__name__}; "
            "torch.as_tensor converts arrays and lists"
        )
    if not waveform.is_floating_point():
        hint = ""
        if not waveform.is_complex() and waveform.dtype != torch.bool:
            hint = f"; scale integers first: {name}.float() / {_full_scale(waveform.dtype)}"
        raise TypeError(
            f"{name} must be floating point with full scale at 1.0, got {waveform.dtype}{hint}"
        )
    if waveform.dim() < min_dim:
        raise ValueError(
            f"{name} must have at least {min_dim} dimension(s), the last one time, "
            f"got shape {tuple(waveform.shape)}"
        )
    if not allow_empty and waveform.numel() == 0:
        raise ValueError(f"{name} has no samples: its shape is {tuple(waveform.shape)}")
    # A finite sum has finite terms, and costs a tenth of a look at each; large ones may overflow.
    suspect = finite and not math.isfinite(waveform.detach().sum().item())
    if suspect and not bool(torch.isfinite(waveform).all()):
        bad = ~torch.isfinite(waveform)
        first = bad.nonzero()[0].tolist()
        raise ValueError(
            f"{name} holds {int(bad.sum())} value(s) that are NaN or infinite, "
            f"the first at index {tuple(first)}"
        )
    return waveform


def _full_scale(dtype: torch.dtype) -> int:
    return 128 if dtype == torch.uint8 else 2 ** (torch.iinfo(dtype).bits - 1)


def check_sample_rate(sample_rate: int, name: str = "sample_rate") -> int:
    """Return `sample_rate` as an int if it is a whole number of hertz above zero, else raise."""
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, Real):
        raise TypeError(f"{name} must be a number of Hz, got {type(sample_rate).__name__}")
    if not math.isfinite(sample_rate) or sample_rate <= 0 or sample_rate != int(sample_rate):
        raise ValueError(f"{name} must be a whole number of Hz above 0, got {sample_rate}")
    return int(sample_rate)


def check_range(
    value: float,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    unit: str = "",
) -> float:
    """Return `value` if it is a finite number with ``low <= value <= high``, else raise."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    if not math.isfinite(value) or not low <= value <= high:
        bounds = (
            f"between {low:g} and {high:g}"
            if math.isfinite(low) and math.isfinite(high)
            else f"at least {low:g}"
            if math.isfinite(low)
            else f"at most {high:g}"
            if math.isfinite(high)
            else "finite"
        )
        raise ValueError(f"{name} must be {bounds}{f' {unit}' if unit else ''}, got {value}")
    return float(value)


def check_positive(value: float, name: str, *, unit: str = "") -> float:
    """Return `value` if it is a finite number above zero, else raise."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be above 0{f' {unit}' if unit else ''}, got {value}")
    return float(value)


def check_choice(value: str, name: str, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of `choices`, else raise with all of them."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def as_generator(generator: Seed, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator: the one given, a new one from a seed, or a freshly seeded one.

    The global generator is neither read nor advanced, so that a call with a seed gives the same
    result wherever it stands in a program.
    """
    if isinstance(generator, torch.Generator):
        return generator
    fresh = torch.Generator(device=device)
    if generator is None:
        fresh.seed()
    elif isinstance(generator, Integral) and not isinstance(generator, bool):
        fresh.manual_seed(int(generator))
    else:
        raise TypeError(
            f"generator must be a torch.Generator, an int or None, got {type(generator).__name__}"
        )
    return fresh
