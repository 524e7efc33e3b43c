r"""Echoes: copies of the signal, later and weaker; and channels that start later.

``echo`` and ``echos`` are sparse convolutions,
:math:`y[t] = g_o (g_i x[t] + \sum_j a_j x[t - d_j])`, that differ in weights and length: SoX means
``echos`` as lines in sequence, each fed by the one before it, but hands on what a line has just
been given, not what comes out of it. So the j-th line's echo is j times as strong.

Reference: the manual page sox(1), and measured clicks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import pad

from audiolab._validation import check_positive, check_range, check_waveform
from audiolab.effects._parameters import per_item
from audiolab.effects._ranges import bounded

__all__ = ["delay", "delayed_sum", "echo", "echo_lengths", "echos"]

#: SoX has so many lines.
_MOST_ECHOES = 7


def delay(waveform: torch.Tensor, sample_rate: float, *, delays_s: Sequence[float]) -> torch.Tensor:
    """Let channels start later.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``.
    sample_rate : float
        Rate in Hz.
    delays_s : sequence of float
        Delay of the first, second ... channel in seconds, 0 and more, rounded to a sample. The
        channels that are left start at once.

    Returns
    -------
    Tensor
        Longer by the longest delay: all channels are padded to one length.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        There are more delays than channels, or one is negative.

    Examples
    --------
    >>> delay(torch.ones(2, 3), 10, delays_s=[0, 0.2])
    tensor([[1., 1., 1., 0., 0.],
            [0., 0., 1., 1., 1.]])
    """
    check_waveform(waveform, min_dim=2)
    check_positive(sample_rate, "sample_rate", unit="Hz")
    channels = waveform.shape[-2]
    if len(delays_s) > channels:
        raise ValueError(
            f"delays_s has {len(delays_s)} delays for a waveform of {channels} channel(s)"
        )
    samples = [
        int(check_range(each, f"delays_s[{i}]", 0, unit="s") * sample_rate + 0.5)
        for i, each in enumerate(delays_s)
    ]
    return shifted(waveform, samples)


def shifted(waveform: torch.Tensor, samples: Sequence[int]) -> torch.Tensor:
    """Delay channels by whole samples."""
    longest = max(samples, default=0)
    if not longest:
        return waveform
    shifts = [*samples, *[0] * (waveform.shape[-2] - len(samples))]
    rows = [pad(waveform[..., c, :], (d, longest - d)) for c, d in enumerate(shifts)]
    return torch.stack(rows, dim=-2)


def echo(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    delays_s: Sequence[float],
    decays: Sequence[float | torch.Tensor],
    gain_in: float | torch.Tensor = 0.8,
    gain_out: float | torch.Tensor = 0.9,
) -> torch.Tensor:
    """Add echoes.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    delays_s : sequence of float
        Delay of each echo in seconds, above 0, at most seven, rounded down to a sample. No
        gradient.
    decays : sequence of float or Tensor
        Level of each echo, 0 to 1; a tensor holds a value an item.
    gain_in : float or Tensor, default: 0.8
        Level of the direct sound, 0 to 1.
    gain_out : float or Tensor, default: 0.9
        Level of the sum, 0 and more.

    Returns
    -------
    Tensor
        Longer by the longest delay, in which the echoes run out.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        A parameter is out of its range, or there are not as many decays as delays.

    See Also
    --------
    echos : Echoes of which each is stronger.

    Notes
    -----
    ``gain_out * (gain_in * x[t] + sum(decay * x[t - d]))``. Gradients reach the waveform, `decays`
    and the gains. SoX works with 24-bit samples here; this does not.

    Examples
    --------
    >>> echo(torch.tensor([1.0, 0, 0]), 10, delays_s=[0.2], decays=[0.5], gain_in=1, gain_out=1)
    tensor([1.0000, 0.0000, 0.5000, 0.0000, 0.0000])
    """
    samples = _checked(waveform, sample_rate, delays_s, len(decays))
    return _echoes(waveform, samples, decays, gain_in, gain_out, sequence=False)


def echos(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    delays_s: Sequence[float],
    decays: Sequence[float | torch.Tensor],
    gain_in: float | torch.Tensor = 0.8,
    gain_out: float | torch.Tensor = 0.9,
) -> torch.Tensor:
    """Add echoes in sequence, as SoX's ``echos``: the j-th is j times as strong as its decay.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    delays_s : sequence of float
        Delay of each echo in seconds, above 0, at most seven, rounded down to a sample. No
        gradient.
    decays : sequence of float or Tensor
        Level of each echo, 0 to 1; a tensor holds a value an item.
    gain_in : float or Tensor, default: 0.8
        Level of the direct sound, 0 to 1.
    gain_out : float or Tensor, default: 0.9
        Level of the sum, 0 and more.

    Returns
    -------
    Tensor
        Longer by the sum of the delays.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        A parameter is out of its range, or there are not as many decays as delays.

    Notes
    -----
    The manual describes lines of which each hears the one before it. The program hands on a line's
    newest sample rather than its oldest, which makes of it
    ``gain_out * (gain_in * x[t] + sum(j * decay_j * x[t - d_j]))``. Gradients as for `echo`.

    Examples
    --------
    >>> x = torch.tensor([1.0, 0, 0])
    >>> echos(x, 10, delays_s=[0.1, 0.2], decays=[0.5, 0.25], gain_in=1, gain_out=1)
    tensor([1.0000, 0.5000, 0.5000, 0.0000, 0.0000, 0.0000])
    """
    samples = _checked(waveform, sample_rate, delays_s, len(decays))
    return _echoes(waveform, samples, decays, gain_in, gain_out, sequence=True)


def echo_lengths(sample_rate: float, delays_s: Sequence[float]) -> list[int]:
    """Return delays in samples, cut as SoX cuts them."""
    return [int(each * 1000 * sample_rate / 1000) for each in delays_s]


def delayed_sum(
    past: torch.Tensor,
    longest: int,
    samples: Sequence[int],
    weights: Sequence[float | torch.Tensor],
    gain_in: float | torch.Tensor,
) -> torch.Tensor:
    """Return the sum of a line's delayed copies, for all but its first `longest` samples."""
    count = past.shape[-1] - longest
    total = past[..., longest:] * gain_in
    for lag, weight in zip(samples, weights, strict=True):
        start = longest - lag
        total = total + past[..., start : start + count] * weight
    return total


def _echoes(
    waveform: torch.Tensor,
    samples: list[int],
    decays: Sequence[float | torch.Tensor],
    gain_in: float | torch.Tensor,
    gain_out: float | torch.Tensor,
    *,
    sequence: bool,
) -> torch.Tensor:
    weights = []
    for place, each in enumerate(decays):
        value = bounded(each, waveform, f"decays[{place}]", 0.0, 1.0)
        weights.append((value * (place + 1 if sequence else 1)).to(waveform.dtype)[..., None])
    enter = bounded(gain_in, waveform, "gain_in", 0.0, 1.0).to(waveform.dtype)[..., None]
    leave = per_item(gain_out, waveform, "gain_out").to(waveform.dtype)[..., None]
    longest = max(samples)
    line = pad(waveform, (longest, sum(samples) if sequence else longest))
    return delayed_sum(line, longest, samples, weights, enter) * leave


def _checked(
    waveform: torch.Tensor, sample_rate: float, delays_s: Sequence[float], num_decays: int
) -> list[int]:
    check_waveform(waveform)
    check_positive(sample_rate, "sample_rate", unit="Hz")
    if not 1 <= len(delays_s) <= _MOST_ECHOES or len(delays_s) != num_decays:
        raise ValueError(
            f"delays_s and decays must have 1 to {_MOST_ECHOES} values each, and equally many, "
            f"got {len(delays_s)} and {num_decays}"
        )
    samples = echo_lengths(sample_rate, delays_s)
    for i, (seconds, count) in enumerate(zip(delays_s, samples, strict=True)):
        check_range(seconds, f"delays_s[{i}]", 0, unit="s")
        if count < 1:
            raise ValueError(f"delays_s[{i}] must be a sample at least, got {seconds} s")
    return samples
