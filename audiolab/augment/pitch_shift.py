"""Higher or lower at the same tempo: another tempo, and another speed that takes it back.

Of the two signals, before and after the change of speed, the shorter one is stretched: it costs
less, and is the same but for where segments fall.
"""

from __future__ import annotations

import torch

from audiolab._validation import check_choice, check_positive, check_waveform
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment._stretching import ENGINES, USES, each_item, shift_item

__all__ = ["pitch_shift"]


def pitch_shift(
    waveform: torch.Tensor,
    sample_rate: float,
    semitones: PerItem,
    *,
    engine: str = "wsola",
    use: str = "general",
    preserve_formants: bool = False,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Change the pitch and keep the tempo: `time_stretch`, and another sample rate.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(time,)``, ``(items, time)`` or ``(..., channels, time)``.
    sample_rate : float
        Rate in Hz.
    semitones : float or Tensor
        How far up, -36 to 36; fractions are fine. A number, or one an item.
    engine : {"wsola", "phase_vocoder"}, default: "wsola"
        As for `time_stretch`.
    use : {"general", "speech", "music"}, default: "general"
        As for `time_stretch`.
    preserve_formants : bool, default: False
        Leave spectral envelopes where they are, so that a voice stays the same person's; for the
        phase vocoder only.
    lengths : int or Tensor, optional
        Valid samples of each item; what lies beyond is not read, and zero afterwards.

    Returns
    -------
    Tensor
        Shape of `waveform`. Times stay what they were.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor, or a parameter is not a number.
    ValueError
        `waveform` holds NaN or infinity, or a parameter is out of its range.

    See Also
    --------
    time_stretch : Tempo without pitch, and what the engines differ in.
    audiolab.effects.pitch : The same to SoX's numbers.

    Notes
    -----
    Upwards, what was above the Nyquist frequency over the ratio is lost; downwards, nothing comes
    to the top of the band. Gradients, bits and devices as for `time_stretch`.

    Examples
    --------
    >>> batch = torch.randn(2, 1, 16_000)
    >>> pitch_shift(batch, 16_000, [-2.5, 4.0]).shape
    torch.Size([2, 1, 16000])
    """
    items = Items.of(waveform)
    check_waveform(waveform, finite=True)
    check_positive(sample_rate, "sample_rate", unit="Hz")
    check_choice(engine, "engine", ENGINES)
    check_choice(use, "use", USES)
    if preserve_formants and engine == "wsola":
        raise ValueError("preserve_formants needs engine='phase_vocoder': WSOLA has no spectra")
    ratios = [2.0 ** (shift / 12) for shift in items.values(semitones, "semitones", -36.0, 36.0)]
    ends = items.ends(lengths)

    def compute(index: int, x: torch.Tensor) -> torch.Tensor:
        return shift_item(
            x,
            sample_rate,
            ratios[index],
            engine=engine,
            use=use,
            preserve_formants=preserve_formants,
        )

    return items.restored(each_item(items, ends, ends, compute))
