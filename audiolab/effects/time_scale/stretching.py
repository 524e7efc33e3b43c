"""The plain way to another tempo: SoX's ``stretch``."""

from __future__ import annotations

import torch

from audiolab._validation import check_positive, check_range, check_waveform
from audiolab.effects.time_scale._overlap_add import OverlapAdd, Segments

__all__ = ["make_segments", "stretch"]


def stretch(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    factor: float,
    window_s: float = 0.02,
    shift: float | None = None,
    fading: float | None = None,
) -> torch.Tensor:
    """Make longer or shorter without a change of pitch: overlap-add at fixed places.

    It is heard as flutter; `tempo` sounds better and is what SoX's manual advises.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    factor : float
        New length over old, above 0.
    window_s : float, default: 0.02
        Length of a segment in seconds.
    shift : float, optional
        From one segment to the next, as a fraction of its length, 0 to 1: in the input where
        `factor` is at most 1, else in the output. Default 1 and 0.8.
    fading : float, optional
        Length of the fades as a fraction of a segment, 0 to 0.5. Default ``1 - factor * shift``
        and ``1 - shift``, which makes fades add up to one.

    Returns
    -------
    Tensor
        Shape ``(..., about factor * time)``: steps are whole samples, and the last segment ends
        where its input does.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        A parameter is out of its range, or a step comes out below a sample.

    Notes
    -----
    Linear in the waveform, which gradients reach.

    Examples
    --------
    >>> stretch(torch.randn(2, 16_000), 16_000, factor=0.5).shape
    torch.Size([2, 8000])
    """
    check_waveform(waveform)
    stream = OverlapAdd(
        make_segments(sample_rate, factor=factor, window_s=window_s, shift=shift, fading=fading)
    )
    if factor == 1:
        return waveform
    parts = [stream.push(waveform), stream.finish()]
    return torch.cat([part for part in parts if part is not None], dim=-1)


def make_segments(
    sample_rate: float,
    *,
    factor: float,
    window_s: float = 0.02,
    shift: float | None = None,
    fading: float | None = None,
) -> Segments:
    """Return the sizes in samples that SoX would take.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """
    check_positive(sample_rate, "sample_rate", unit="Hz")
    check_positive(factor, "factor")
    check_positive(window_s, "window_s", unit="s")
    shift = (1.0 if factor <= 1 else 0.8) if shift is None else shift
    check_range(shift, "shift", 0, 1)
    if fading is None:
        fading = min(0.5, 1 - factor * shift if factor < 1 else 1 - shift)
    check_range(fading, "fading", 0, 0.5)
    size = int(sample_rate * window_s + 0.5)
    step = int(shift * size)
    read, write = (step, int(factor * step)) if factor < 1 else (int(step / factor), step)
    if min(size, read, write) < 1:
        raise ValueError(
            f"window_s={window_s} with factor={factor} and shift={shift} makes steps of "
            f"{read} and {write} samples at {sample_rate:g} Hz; they must be 1 and more"
        )
    return Segments(size, read, write, int(fading * size))
