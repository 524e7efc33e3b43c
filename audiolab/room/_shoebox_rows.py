"""What `shoebox_rir` was asked for, checked and spread out to a row for each pair of positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

__all__ = ["PATTERNS", "Numbers", "Rows", "as_geometry", "as_walls", "per_room", "spread"]

#: Numbers that describe a geometry: a tensor, or nested sequences.
Numbers: TypeAlias = torch.Tensor | float | Sequence[float] | Sequence[Sequence[float]]

#: First-order patterns: the share of pressure; the rest is a figure of eight.
PATTERNS = {
    "omni": 1.0,
    "subcardioid": 0.75,
    "cardioid": 0.5,
    "supercardioid": 0.37,
    "hypercardioid": 0.25,
    "figure_eight": 0.0,
}


@dataclass(frozen=True)
class Rows:
    """One row for each pair of a source and a microphone in a room; all float64."""

    room: torch.Tensor  # (rows, 3)
    source: torch.Tensor  # (rows, 3)
    microphone: torch.Tensor  # (rows, 3)
    reflection: torch.Tensor  # (rows, 6), factors of the amplitude
    source_facing: torch.Tensor  # (rows, 3), of length 1
    microphone_facing: torch.Tensor  # (rows, 3), of length 1

    def take(self, rows: list[int], power: torch.Tensor) -> Rows:
        """Return some rows, with their factors of reflection raised to powers."""
        fields = {name: value[rows] for name, value in vars(self).items()}
        reflection = fields["reflection"]
        # Where nothing returns, nothing does by any power: and its gradient stays finite.
        some = torch.where(reflection > 0, reflection, 1.0) ** power[:, None]
        return Rows(**fields | {"reflection": torch.where(reflection > 0, some, 0.0)})


def _as_tensor(value: Numbers) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value
    return torch.as_tensor(value, dtype=torch.float64)  # not in float32 first


def as_geometry(value: Numbers, name: str, *, last: int = 3) -> torch.Tensor:
    """Return numbers as a finite float64 tensor whose last dimension is `last`, else raise."""
    try:
        tensor = _as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be numbers or a tensor, got {value!r}") from error
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"{name} must be real numbers, got {tensor.dtype}")
    tensor = tensor.to(torch.float64)
    if tensor.ndim == 0 or tensor.shape[-1] != last:
        raise ValueError(
            f"{name} must have {last} numbers in its last dimension, got shape "
            f"{tuple(tensor.shape)}"
        )
    if not bool(torch.isfinite(tensor.detach()).all()):
        raise ValueError(f"{name} must be finite, got {tensor.tolist()}")
    return tensor


def per_room(value: Numbers, name: str, room: torch.Tensor) -> torch.Tensor:
    """Return a number a room, float64 of the shape ``room.shape[:-1]``, else raise."""
    try:
        tensor = _as_tensor(value).to(device=room.device, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be a number or a tensor, got {value!r}") from error
    rooms = room.shape[:-1]
    if tensor.ndim > len(rooms) or any(
        size not in (1, of) for size, of in zip(tensor.shape, rooms, strict=False)
    ):
        raise ValueError(
            f"{name} must be a number or one a room, shape {tuple(rooms)}, "
            f"got {tuple(tensor.shape)}"
        )
    if not bool(torch.isfinite(tensor.detach()).all()):
        raise ValueError(f"{name} must be finite, got {tensor.tolist()}")
    return tensor.reshape(tensor.shape + (1,) * (len(rooms) - tensor.ndim)).expand(rooms)


def as_walls(value: Numbers, name: str, room: torch.Tensor) -> torch.Tensor:
    """Return absorption coefficients a room and wall, ``(..., 6)``, between 0 and 1, else raise."""
    tensor = _as_tensor(value)
    if tensor.ndim == room.ndim:
        walls = as_geometry(value, name, last=6).to(room.device)
        if any(size not in (1, of) for size, of in zip(walls.shape, room.shape[:-1], strict=False)):
            raise ValueError(
                f"{name} must have a value a room, or six, got shape {tuple(walls.shape)} for "
                f"rooms of shape {tuple(room.shape[:-1])}"
            )
        walls = walls.expand(*room.shape[:-1], 6)
    else:
        walls = per_room(value, name, room)[..., None].expand(*room.shape[:-1], 6)
    fixed = walls.detach()
    if bool(((fixed < 0) | (fixed > 1)).any()):
        raise ValueError(
            f"{name} must lie between 0 (rigid) and 1 (no wall), got {fixed.flatten().tolist()}"
        )
    return walls


def _positions(value: Numbers, name: str, room: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """Return positions ``(..., count, 3)`` in rooms ``(..., 3)``, and whether they were counted."""
    points = as_geometry(value, name).to(room.device)
    counted = points.ndim == room.ndim + 1
    if not counted:
        if points.ndim > room.ndim:
            raise ValueError(
                f"{name} must be (..., 3) or (..., count, 3) for rooms of shape "
                f"{tuple(room.shape)}, got {tuple(points.shape)}"
            )
        points = points[(None,) * (room.ndim - points.ndim)][..., None, :]
    try:
        points = points.expand(*room.shape[:-1], points.shape[-2], 3)
    except RuntimeError:
        raise ValueError(
            f"{name} must be (..., 3) or (..., count, 3) for rooms of shape {tuple(room.shape)}, "
            f"got {tuple(points.shape)}"
        ) from None
    fixed, sides = points.detach(), room.detach()[..., None, :]
    outside = (fixed <= 0) | (fixed >= sides)
    if bool(outside.any()):
        first = outside.any(-1).nonzero()[0].tolist()
        raise ValueError(
            f"{name} must lie inside its room, got {fixed[tuple(first)].tolist()} m in a room of "
            f"{room.detach()[tuple(first[:-1])].tolist()} m"
        )
    return points, counted


def _facing(value: Numbers | None, name: str, points: torch.Tensor, share: float) -> torch.Tensor:
    if value is None:
        if share != 1.0:
            raise ValueError(f"{name} must say where the pattern points: three numbers, (x, y, z)")
        return torch.tensor([1.0, 0.0, 0.0], dtype=points.dtype, device=points.device).expand(
            points.shape
        )
    facing = as_geometry(value, name).to(points.device)
    if facing.ndim == points.ndim - 1:  # one a room
        facing = facing[..., None, :]
    length = facing.square().sum(-1, keepdim=True).sqrt()
    if bool((length.detach() == 0).any()):
        raise ValueError(f"{name} must not be zero: a direction has a length")
    unit: torch.Tensor = facing / length
    try:
        return unit.expand(points.shape)
    except RuntimeError:
        raise ValueError(
            f"{name} must be one direction, or one for each position {tuple(points.shape)}, "
            f"got {tuple(facing.shape)}"
        ) from None


def spread(
    room: torch.Tensor,
    source: Numbers,
    microphone: Numbers,
    walls: torch.Tensor,
    *,
    shares: tuple[float, float],
    facings: tuple[Numbers | None, Numbers | None],
) -> tuple[Rows, tuple[int, ...]]:
    """Return the rows, and the shape of the result before its time.

    Raises
    ------
    ValueError
        If a position is outside its room or on a wall, or two are the same.
    """
    sources, many_sources = _positions(source, "source_m", room)
    ears, many_ears = _positions(microphone, "microphone_m", room)
    apart = (sources[..., :, None, :] - ears[..., None, :, :]).detach().norm(dim=-1)
    if bool((apart < 1e-3).any()):
        raise ValueError(
            "source_m and microphone_m must be at least a millimetre apart: the direct sound is "
            "1 / distance"
        )
    s, m = sources.shape[-2], ears.shape[-2]
    full = (*room.shape[:-1], s, m)

    def rows(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.expand(*full, tensor.shape[-1]).reshape(-1, tensor.shape[-1])

    source_facing = _facing(facings[0], "source_direction", sources, shares[0])
    ear_facing = _facing(facings[1], "microphone_direction", ears, shares[1])
    # The square root of no absorption's complement has no slope at 1: such walls send nothing.
    passed = 1.0 - walls
    reflection = torch.where(passed > 0, torch.where(passed > 0, passed, 1.0).sqrt(), 0.0)
    spread_out = Rows(
        room=rows(room[..., None, None, :]),
        source=rows(sources[..., :, None, :]),
        microphone=rows(ears[..., None, :, :]),
        reflection=rows(reflection[..., None, None, :]),
        source_facing=rows(source_facing[..., :, None, :]),
        microphone_facing=rows(ear_facing[..., None, :, :]),
    )
    kept = (*room.shape[:-1], *((s,) if many_sources else ()), *((m,) if many_ears else ()))
    return spread_out, kept
