"""Where the image sources of a box are: the lattice that `shoebox_rir` sums over, as points."""

from __future__ import annotations

import torch

from audiolab.room._shoebox_rows import Numbers, as_geometry
from audiolab.room.absorption import check_room

__all__ = ["image_sources"]


def image_sources(
    room_m: Numbers, source_m: Numbers, max_order: int
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""List the images of a source: one for each way over at most so many walls.

    There are :math:`\frac{2}{3}(2 N^3 + 3 N^2 + 4 N) + 1` of orders up to N: 7, 25, 63, 129, 231...

    Parameters
    ----------
    room_m : Tensor or sequence of float
        Length, width and height in metres, ``(3,)``.
    source_m : Tensor or sequence of float
        Where the source is, ``(3,)``.
    max_order : int
        Most reflections, at least 0.

    Returns
    -------
    positions_m : Tensor
        Float64, ``(images, 3)``, the source itself first, then by order.
    orders : Tensor
        How often each was reflected, int64, ``(images,)``.

    Raises
    ------
    ValueError
        If the order is below zero, or the geometry is not one room and one source.

    See Also
    --------
    shoebox_rir : What a microphone hears of them.

    Examples
    --------
    >>> from audiolab import room
    >>> positions, orders = room.image_sources([5.0, 4.0, 3.0], [1.0, 2.0, 1.5], 1)
    >>> positions[orders == 1][0].tolist(), len(positions)
    ([-1.0, 2.0, 1.5], 7)
    """
    room, source = check_room(room_m), as_geometry(source_m, "source_m")
    if room.shape != (3,) or source.shape != (3,):
        raise ValueError(
            f"room_m and source_m must be one room and one source, three numbers each, got shapes "
            f"{tuple(room.shape)} and {tuple(source.shape)}"
        )
    if max_order != int(max_order) or max_order < 0:
        raise ValueError(f"max_order must be a whole number, at least 0, got {max_order}")
    i = torch.arange(-max_order, max_order + 1, device=room.device)
    odd = i & 1
    lines = 2 * ((i + odd) // 2) * room[:, None] + (1 - 2 * odd) * source.to(room.device)[:, None]
    grid = torch.cartesian_prod(i, i, i).reshape(-1, 3)
    orders = grid.abs().sum(-1)
    kept = (orders <= max_order).nonzero()[:, 0]
    kept = kept[orders[kept].argsort(stable=True)]
    index = grid[kept] + max_order
    positions = torch.stack([lines[axis, index[:, axis]] for axis in range(3)], dim=-1)
    return positions, orders[kept]
