r"""A telephone line: a narrow band, eight bits on a logarithmic scale, and the way back.

The waveform goes to 8 kHz, through Butterworth filters of fourth order at 300 and 3400 Hz, through
companding to 8 bits, and back to its own rate. The laws are those of ITU-T G.711 as continuous
curves with :math:`\mu = 255` and :math:`A = 87.6`; the recommendation's tables approximate them by
straight pieces. An error of 8 bits then follows the level of the speech: some 38 dB below it over
40 dB of range, where uniform steps would have 50 dB for the loudest and nothing for the quiet.

Reference: ITU-T G.711, "Pulse code modulation (PCM) of voice frequencies", 1988.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch

from audiolab._validation import check_choice, check_sample_rate
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.effects import highpass, lowpass
from audiolab.resample import resample

__all__ = ["compand_bits", "telephone"]

Law = Literal["a-law", "mu-law"]

_MU = 255.0
_A = 87.6
#: Butterworth's fourth order as two sections.
_QUALITIES = (1.0 / (2.0 * math.cos(math.pi / 8)), 1.0 / (2.0 * math.cos(3 * math.pi / 8)))


def telephone(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    low_hz: PerItem = 300.0,
    high_hz: PerItem = 3400.0,
    companding: Law | None = "a-law",
    line_rate: int = 8000,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Send a waveform over a telephone line.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    low_hz : float, Tensor or list of float, default: 300.0
        Lower edge of the band in Hz (-3 dB), a value an item if it is a tensor; 0 for none.
    high_hz : float, Tensor or list of float, default: 3400.0
        Upper edge in Hz, up to half the line's rate.
    companding : {"a-law", "mu-law"} or None, default: "a-law"
        Law of the 8 bits, or None for a line without.
    line_rate : int, default: 8000
        Sample rate in Hz of the line; 16000 with edges of 50 and 7000 Hz is wideband.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input, with samples beyond ±1 clipped where there is companding. The
        filters delay the voice by a quarter of a millisecond and more near the edges, as lines do.

    Raises
    ------
    ValueError
        An edge is out of range, `companding` is unknown, or samples are NaN or infinite.

    See Also
    --------
    packet_loss : What a line over packets does.
    codec_round_trip : Lines with lossy coders.

    Notes
    -----
    Gradients pass the companding as if it were not there ("straight through").

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> from audiolab.augment import telephone
    >>> speech, rate = signals.clip("speech_female")
    >>> call = telephone(speech, rate, companding="mu-law")
    >>> call.shape == speech.shape, float(metrics.bandwidth_hz(call, rate)) < 4000
    (True, True)
    """
    rate = check_sample_rate(sample_rate)
    line = check_sample_rate(line_rate, "line_rate")
    if companding is not None:
        check_choice(companding, "companding", ("a-law", "mu-law"))
    items = Items.of(waveform)
    lows = items.values(low_hz, "low_hz", 0.0, line / 2, unit="Hz")
    highs = items.values(high_hz, "high_hz", 1.0, line / 2, unit="Hz")

    def call(samples: torch.Tensor, i: int) -> torch.Tensor:
        narrow = resample(samples.contiguous(), rate, line)
        for q in _QUALITIES:
            if lows[i] > 0.0:
                narrow = highpass(narrow, line, cutoff_hz=lows[i], q=q)
            if highs[i] < line / 2:
                narrow = lowpass(narrow, line, cutoff_hz=highs[i], q=q)
        if companding is not None:
            narrow = compand_bits(narrow, law=companding)
        back = resample(narrow, line, rate)
        missing = samples.shape[-1] - back.shape[-1]
        if missing > 0:
            back = torch.nn.functional.pad(back, (0, missing))
        return back[..., : samples.shape[-1]]

    return items.mapped(call, items.ends(lengths))


def compand_bits(waveform: torch.Tensor, *, law: Law = "a-law", bits: int = 8) -> torch.Tensor:
    r"""Round samples to a few bits on a logarithmic scale: compress, quantise, expand.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``; clipped to [-1, 1].
    law : {"a-law", "mu-law"}, default: "a-law"
        :math:`F(x) = \ln(1 + \mu |x|) / \ln(1 + \mu)` with :math:`\mu = 255`, or
        :math:`A |x| / (1 + \ln A)` below :math:`1/A` and :math:`(1 + \ln A |x|) / (1 + \ln A)`
        above, :math:`A = 87.6`; each with the sign of x.
    bits : int, default: 8
        Bits a sample, 2 to 16; the levels lie in the middle of :math:`2^b` equal steps of F.

    Returns
    -------
    Tensor
        Shape and dtype of the input. The gradient is the identity's, zero beyond ±1.

    Raises
    ------
    ValueError
        The law is unknown or the number of bits out of range.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import compand_bits
    >>> compand_bits(torch.tensor([0.5, 0.001]), law="mu-law").round(decimals=4)
    tensor([0.5090, 0.0011])
    """
    check_choice(law, "law", ("a-law", "mu-law"))
    if isinstance(bits, bool) or not isinstance(bits, int) or not 2 <= bits <= 16:
        raise ValueError(f"bits must be a whole number between 2 and 16, got {bits}")
    items = Items.of(waveform)
    result: torch.Tensor = _Companded.apply(items.samples, law, 2 ** (bits - 1))
    return items.restored(result)


class _Companded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, law: Law, half: int) -> torch.Tensor:
        magnitude = x.abs()
        ctx.save_for_backward(magnitude <= 1.0)
        magnitude = magnitude.clamp_max(1.0)
        # Levels in the middle of the steps: half of them on either side of zero.
        level = ((_compress(magnitude, law) * half).floor().clamp_max(half - 1) + 0.5) / half
        return torch.copysign(_expand(level, law), x)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (inside,) = ctx.saved_tensors
        return grads[0] * inside, None, None


def _compress(magnitude: torch.Tensor, law: Law) -> torch.Tensor:
    if law == "mu-law":
        return (1.0 + _MU * magnitude).log() / math.log(1.0 + _MU)
    steep = 1.0 + math.log(_A)
    above = (1.0 + (_A * magnitude).clamp_min(1.0).log()) / steep
    return torch.where(magnitude < 1.0 / _A, _A * magnitude / steep, above)


def _expand(level: torch.Tensor, law: Law) -> torch.Tensor:
    if law == "mu-law":
        return ((level * math.log(1.0 + _MU)).exp() - 1.0) / _MU
    steep = 1.0 + math.log(_A)
    above = (level * steep - 1.0).exp() / _A
    return torch.where(level < 1.0 / steep, level * steep / _A, above)
