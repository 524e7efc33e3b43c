"""What the plots share: checked input, the panels to draw in, and axis labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np
import torch
from matplotlib.axes import Axes

from audiolab._validation import check_waveform
from audiolab.display.style import new_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Where to draw: one Axes, several, or ``None`` for a new figure.
AxesLike: TypeAlias = Union[Axes, Sequence[Axes], "NDArray[np.object_]", None]

#: What a plot returns: its Axes, or an array of them where it drew several panels.
AxesResult: TypeAlias = Union[Axes, "NDArray[np.object_]"]


def channels_of(waveform: torch.Tensor, name: str = "waveform") -> torch.Tensor:
    """Return `waveform` as a detached (channels, time) tensor on the CPU, or say what is wrong."""
    check_waveform(waveform, name, allow_empty=False, finite=True)
    if waveform.dim() > 2:
        raise ValueError(
            f"{name} must have shape (time,) or (channels, time), got {tuple(waveform.shape)}: "
            "pick one item of the batch"
        )
    data = waveform.detach().to("cpu")
    if data.dtype in (torch.float16, torch.bfloat16):
        data = data.float()
    return data.reshape(-1, data.shape[-1])


def panels(
    ax: AxesLike,
    count: int,
    *,
    height: float,
    what: str = "channel",
    share_y: bool = True,
) -> list[Axes]:
    """Return `count` Axes: the ones given in `ax`, or those of a new figure."""
    if ax is None:
        return new_axes(count, height=height, share_y=share_y)
    given = [ax] if isinstance(ax, Axes) else list(np.ravel(np.asarray(ax, dtype=object)))
    for entry in given:
        if not isinstance(entry, Axes):
            raise TypeError(f"ax must be a matplotlib Axes, got {type(entry).__name__}")
    if len(given) != count:
        raise ValueError(f"ax must hold one Axes for each {what}: {count}, got {len(given)}")
    return given


def result(axes: list[Axes]) -> AxesResult:
    """Return the only Axes, or an array of several."""
    if len(axes) == 1:
        return axes[0]
    array = np.empty(len(axes), dtype=object)
    array[:] = axes
    return array


def channel_title(title: str, index: int, count: int) -> str:
    """Return the title of one channel's panel."""
    if count == 1:
        return title
    name = ("left", "right")[index] if count == 2 else f"channel {index + 1}"
    return f"{title} – {name}"
