"""The panel: one estimate beside its reference by every measure that says something about it.

No single number ranks codecs. Distances between spectra (mel, log-spectral, multi-resolution) are
close kin of training losses and don't hear phase; SI-SDR hears nothing but the waveform, so that it
rewards a low-pass and punishes codecs that resynthesise; STOI saturates; PESQ is for speech through
a telephone and jumps; ViSQOL likes full bandwidth. A claim should hold by all of them, or say by
which it doesn't.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch

from audiolab._validation import check_sample_rate
from audiolab.metrics._checks import check_pair
from audiolab.metrics.distortion import log_spectral_distance_db, si_sdr_db
from audiolab.metrics.perceptual import pesq, stoi, visqol
from audiolab.metrics.spectral_distance import mel_distance_db, multi_resolution_stft_distance

__all__ = ["PANEL", "Measure", "quality_panel"]


class Measure(NamedTuple):
    """A measure of the panel.

    Parameters
    ----------
    name : str
        Its key in the results.
    title : str
        What to call it in a table.
    unit : str
        "dB", "MOS" or nothing.
    higher_is_better : bool
        Which way is good.
    speech_only : bool
        Whether it means nothing for other sounds.
    packaged : bool
        Whether it needs ``audiolab[metrics]``.
    call : callable
        Takes reference, estimate and sample rate.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    speech_only: bool
    packaged: bool
    call: Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]

    def better(self, first: float, second: float) -> bool:
        """Tell whether the first of two values is the better one.

        Parameters
        ----------
        first, second : float
            Values of this measure.

        Returns
        -------
        bool
            False where they are equal.
        """
        return first > second if self.higher_is_better else first < second


def _si_sdr(reference: torch.Tensor, estimate: torch.Tensor, rate: int) -> torch.Tensor:
    return si_sdr_db(reference, estimate)


def _multi_resolution(reference: torch.Tensor, estimate: torch.Tensor, rate: int) -> torch.Tensor:
    return multi_resolution_stft_distance(reference, estimate)


def _log_spectral(
    reference: torch.Tensor, estimate: torch.Tensor, rate: int, *, to_hz: float | None = None
) -> torch.Tensor:
    band = None if to_hz is None else (0.0, to_hz)
    return log_spectral_distance_db(reference, estimate, sample_rate=rate, band_hz=band)


#: All measures in the order of tables: waveform, spectra, intelligibility, quality.
PANEL: tuple[Measure, ...] = (
    Measure("si_sdr_db", "SI-SDR", "dB", True, False, False, _si_sdr),
    Measure("mel_db", "mel", "dB", False, False, False, mel_distance_db),
    Measure(
        "mel_8k_db", "mel to 8 kHz", "dB", False, False, False,
        partial(mel_distance_db, band_hz=(0.0, 8000.0)),
    ),
    Measure(
        "mel_4k_db", "mel to 4 kHz", "dB", False, False, False,
        partial(mel_distance_db, band_hz=(0.0, 4000.0)),
    ),
    Measure("lsd_db", "LSD", "dB", False, False, False, _log_spectral),
    Measure(
        "lsd_4k_db", "LSD to 4 kHz", "dB", False, False, False, partial(_log_spectral, to_hz=4000.0)
    ),
    Measure("mr_stft", "MR-STFT", "", False, False, False, _multi_resolution),
    Measure("stoi", "STOI", "", True, True, True, stoi),
    Measure("estoi", "ESTOI", "", True, True, True, partial(stoi, extended=True)),
    Measure("pesq_wb", "PESQ-WB", "MOS", True, True, True, pesq),
    Measure("pesq_nb", "PESQ-NB", "MOS", True, True, True, partial(pesq, band="narrow")),
    Measure("visqol_audio", "ViSQOL audio", "MOS", True, False, True, visqol),
    Measure(
        "visqol_speech", "ViSQOL speech", "MOS", True, True, True, partial(visqol, mode="speech")
    ),
)  # fmt: skip


def quality_panel(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    sample_rate: int,
    *,
    speech: bool,
    names: Sequence[str] | None = None,
) -> dict[str, float]:
    """Measure one estimate by the whole panel.

    Parameters
    ----------
    reference : Tensor
        What it should be, shape ``(time,)``, no delay between the two (`align`).
    estimate : Tensor
        What it is, same shape.
    sample_rate : int
        Sample rate in Hz, 16 kHz or more to be fair to all.
    speech : bool
        Whether to take the measures that mean nothing for other sounds.
    names : sequence of str, optional
        Measures to take, by the names in `PANEL`; all that apply by default.

    Returns
    -------
    dict
        Value by name, in the panel's order; NaN where a measure found nothing to judge.

    Raises
    ------
    ImportError
        A measure's package is missing; the message says how to install it.
    ValueError
        A name is unknown, or a measure refuses its input.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> speech, rate = signals.clip("speech")
    >>> noise = signals.white_noise(speech.shape[-1] / rate, rate, generator=0)
    >>> found = metrics.quality_panel(
    ...     speech[0], speech[0] + 0.01 * noise, rate, speech=True, names=["si_sdr_db", "estoi"]
    ... )
    >>> list(found)
    ['si_sdr_db', 'estoi']
    """
    check_pair(reference, estimate)
    rate = check_sample_rate(sample_rate)
    if reference.dim() != 1:
        raise ValueError(f"reference must have shape (time,), got {tuple(reference.shape)}")
    known = [measure.name for measure in PANEL]
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise ValueError(f"names must be among {', '.join(known)}, got {', '.join(unknown)}")
    return {
        measure.name: float(measure.call(reference, estimate, rate))
        for measure in PANEL
        if (names is None or measure.name in names) and (speech or not measure.speech_only)
    }
