"""Where a recurrence runs: in a compiled loop, or as a scan of torch's operations.

One place decides, so that a test can send all effects the other way on any machine.
"""

from __future__ import annotations

import torch

__all__ = ["runs_compiled"]


def runs_compiled(samples: torch.Tensor) -> bool:
    """Tell whether numba's loops can read these samples."""
    return samples.device.type == "cpu"
