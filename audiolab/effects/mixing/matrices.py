"""Mixing channels is one matrix product: each output channel is a weighted sum of the inputs."""

from __future__ import annotations

import torch

from audiolab._validation import check_waveform

__all__ = ["change_channels", "divide", "oops", "remix", "swap"]


def remix(waveform: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Mix channels by a matrix, ``y = M x`` at every sample.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``.
    matrix : Tensor
        Weights, ``(..., outputs, channels)``; leading dimensions give each item its own mix.

    Returns
    -------
    Tensor
        Mixed samples, ``(..., outputs, time)``.

    Raises
    ------
    ValueError
        If the matrix does not have a column for each channel.

    Notes
    -----
    SoX's effect of this name spells the matrix in words: ``remix 1,2 0`` is
    ``[[0.5, 0.5], [0, 0]]``.

    Examples
    --------
    >>> import torch
    >>> stereo = torch.tensor([[0.5, 0.5], [0.25, -0.25]])
    >>> remix(stereo, torch.tensor([[0.5, 0.5]]))
    tensor([[0.3750, 0.1250]])
    """
    channels = _channels(waveform)
    if matrix.ndim < 2 or matrix.shape[-1] != channels:
        raise ValueError(
            f"matrix must be (..., outputs, {channels}) for a waveform of {channels} channels, "
            f"got {tuple(matrix.shape)}"
        )
    return matrix.to(waveform) @ waveform


def change_channels(waveform: torch.Tensor, num_channels: int) -> torch.Tensor:
    """Change the number of channels as SoX's ``channels`` does.

    Fewer channels: output `j` is the mean of the inputs `j`, `j + N`, `j + 2N`, ... More channels:
    the inputs are repeated in turn.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``.
    num_channels : int
        Channels wanted, at least 1.

    Returns
    -------
    Tensor
        Samples, ``(..., num_channels, time)``.

    Raises
    ------
    ValueError
        If `num_channels` is not a whole number above 0.

    Examples
    --------
    >>> import torch
    >>> change_channels(torch.tensor([[0.5], [0.25]]), 1)
    tensor([[0.3750]])
    """
    if isinstance(num_channels, bool) or not isinstance(num_channels, int) or num_channels < 1:
        raise ValueError(f"num_channels must be a whole number above 0, got {num_channels!r}")
    channels = _channels(waveform)
    if num_channels >= channels:
        picked = torch.arange(num_channels, device=waveform.device) % channels
        return waveform.index_select(-2, picked)
    parts = [waveform[..., j::num_channels, :].mean(dim=-2) for j in range(num_channels)]
    return torch.stack(parts, dim=-2)


def swap(waveform: torch.Tensor) -> torch.Tensor:
    """Exchange the channels of each pair; an odd last channel stays.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``.

    Returns
    -------
    Tensor
        Samples of the same shape.

    Examples
    --------
    >>> import torch
    >>> swap(torch.tensor([[1.0], [2.0], [3.0]])).flatten()
    tensor([2., 1., 3.])
    """
    channels = _channels(waveform)
    order = [each ^ 1 if each ^ 1 < channels else each for each in range(channels)]
    return waveform.index_select(-2, torch.tensor(order, device=waveform.device))


def oops(waveform: torch.Tensor) -> torch.Tensor:
    """Keep what differs between left and right: both outputs are ``left - right``.

    Known as the karaoke effect, because a voice that was mixed to the centre disappears.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``; the first two channels count.

    Returns
    -------
    Tensor
        Twin mono, ``(..., 2, time)``.

    Raises
    ------
    ValueError
        If there are fewer than two channels.

    Examples
    --------
    >>> import torch
    >>> oops(torch.tensor([[0.5], [0.25]])).flatten()
    tensor([0.2500, 0.2500])
    """
    if _channels(waveform) < 2:
        raise ValueError("oops needs 2 channels, left and right, got 1")
    difference = waveform[..., :1, :] - waveform[..., 1:2, :]
    return torch.cat([difference, difference], dim=-2)


def divide(waveform: torch.Tensor) -> torch.Tensor:
    """Divide every further channel by the first, sample by sample.

    Where the first channel is zero, the last quotient is held (zero before there is one). The
    first channel passes through.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``.

    Returns
    -------
    Tensor
        Samples of the same shape; quotients are not bounded by 1.

    Examples
    --------
    >>> import torch
    >>> divide(torch.tensor([[0.5, 0.0], [0.25, 1.0]]))[1]
    tensor([0.5000, 0.5000])
    """
    _channels(waveform)
    divisor, others = waveform[..., :1, :], waveform[..., 1:, :]
    defined = divisor != 0
    quotient = others / torch.where(defined, divisor, torch.ones_like(divisor))
    place = torch.arange(1, waveform.shape[-1] + 1, device=waveform.device)
    last = (place * defined).cummax(dim=-1).values.expand(quotient.shape)
    held = torch.cat([torch.zeros_like(quotient[..., :1]), quotient], dim=-1).gather(-1, last)
    return torch.cat([divisor, held], dim=-2)


def _channels(waveform: torch.Tensor) -> int:
    check_waveform(waveform, min_dim=2)
    return int(waveform.shape[-2])
