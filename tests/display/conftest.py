"""Figures without a window, all closed at the end; and a 1 kHz tone."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import pytest
import torch


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    import matplotlib.pyplot as plt

    mpl.use("agg")
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before, "a plot left its settings behind"


@pytest.fixture
def tone() -> torch.Tensor:
    """One second of 1 kHz at -6 dBFS, at 16 kHz."""
    return 0.5 * torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
