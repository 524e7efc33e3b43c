"""Metrics that model listeners, computed by packages of the extra ``audiolab[metrics]``.

They were fitted to listening tests of their time. `stoi` knows intelligibility and nothing else;
`pesq` was made for telephone speech through the codecs of 2001, and undervalues generative codecs,
which resynthesise rather than keep a waveform; `visqol` likes full bandwidth in its mode for audio,
and ranks as `pesq` does in its mode for speech. None of them hears like a person: quote several,
average over clips, and take their disagreement for the result.

All work in NumPy on the CPU: the results carry no gradient, whichever device the input is on.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audiolab._validation import check_choice, check_sample_rate
from audiolab.metrics._checks import check_not_silent, check_pair, each_item
from audiolab.metrics._packages import import_package
from audiolab.resample import resample

__all__ = ["pesq", "stoi", "visqol"]

_Array = NDArray[np.float64]


def stoi(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    sample_rate: int,
    *,
    extended: bool = False,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> torch.Tensor:
    """Measure short-time objective intelligibility: STOI, or ESTOI.

    The envelopes of 15 third-octave bands below 5 kHz are correlated over spans of 384 ms where the
    reference is not silent. ESTOI correlates whole span spectrograms, and so hears what noise that
    comes and goes leaves intelligible. Computed by ``pystoi``.

    Parameters
    ----------
    reference : Tensor
        Clean speech, shape ``(..., time)``, no delay between the two (`align`).
    estimate : Tensor
        The same speech processed, same shape.
    sample_rate : int
        Sample rate in Hz; the package resamples to 10 kHz.
    extended : bool, default: False
        ESTOI instead of STOI.
    lengths : sequence of int or Tensor, optional
        Samples of each item, shape ``(...)``; what follows them doesn't count.

    Returns
    -------
    Tensor
        From about 0 to 1, shape ``(...)``; NaN where less than 0.4 s of speech are left without
        pauses. Above 0.95 it has nothing more to tell.

    Raises
    ------
    ImportError
        ``pystoi`` is not installed.
    ValueError
        If shapes differ, an item is silent, or samples are NaN or infinite.

    See Also
    --------
    pesq : How good it sounds, rather than whether it is understood.

    References
    ----------
    C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, "An algorithm for intelligibility
    prediction of time-frequency weighted noisy speech", IEEE Trans. Audio, Speech, and Language
    Processing 19(7), 2011, doi:10.1109/TASL.2011.2114881; J. Jensen and C. H. Taal, "An algorithm
    for predicting the intelligibility of speech masked by modulated noise maskers", IEEE/ACM Trans.
    24(11), 2016, doi:10.1109/TASLP.2016.2585878.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> speech, rate = signals.clip("speech")
    >>> noise = signals.white_noise(speech.shape[-1] / rate, rate, generator=0)
    >>> noisy = speech[0] + 0.3 * noise
    >>> pair = [metrics.stoi(speech[0], noisy, rate, extended=more) for more in (False, True)]
    >>> print(f"STOI {pair[0]:.2f}, ESTOI {pair[1]:.2f}")
    STOI 0.85, ESTOI 0.63
    """
    rate = check_sample_rate(sample_rate)
    compute = import_package("pystoi", "pystoi", "stoi").stoi

    def measure(x: _Array, y: _Array) -> float:
        with warnings.catch_warnings():
            # It says so of too little speech, and then gives a number that looks like a result.
            warnings.filterwarnings("error", message="Not enough STFT frames")
            try:
                return float(compute(x, y, rate, extended=extended))
            except RuntimeWarning:
                return math.nan

    return _measured(measure, reference, estimate, lengths)


def pesq(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    sample_rate: int,
    *,
    band: str = "wide",
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> torch.Tensor:
    """Measure the quality of speech as ITU-T P.862 predicts it: PESQ.

    Levels are equalised and delays found before two auditory spectrograms are compared. Computed by
    ``pesq``, which wraps the recommendation's own code.

    Parameters
    ----------
    reference : Tensor
        Clean speech, shape ``(..., time)``, 0.25 s or more.
    estimate : Tensor
        The same speech processed, same shape.
    sample_rate : int
        Sample rate in Hz; both are resampled by `audiolab.resample` to 16 or 8 kHz.
    band : {"wide", "narrow"}, default: "wide"
        P.862.2 at 16 kHz, 50 Hz to 7 kHz, or P.862.1 at 8 kHz, as through a telephone.
    lengths : sequence of int or Tensor, optional
        Samples of each item, shape ``(...)``; what follows them doesn't count.

    Returns
    -------
    Tensor
        Mean opinion score (MOS-LQO), shape ``(...)``: 1.04 to 4.64 wide, 1.02 to 4.55 narrow; NaN
        where no utterance is found. It jumps: differences below 0.1 mean nothing, nor does a single
        clip. It was never made for music.

    Raises
    ------
    ImportError
        ``pesq`` is not installed.
    ValueError
        If shapes differ, an item is silent or too short, or samples are NaN or infinite.

    See Also
    --------
    visqol : Also for music.

    References
    ----------
    ITU-T P.862, "Perceptual evaluation of speech quality (PESQ)", 2001; P.862.1, 2003; P.862.2,
    2007. A. W. Rix, J. G. Beerends, M. P. Hollier and A. P. Hekstra, ICASSP 2001,
    doi:10.1109/ICASSP.2001.941023.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> speech, rate = signals.clip("speech")
    >>> print(f"{metrics.pesq(speech[0], speech[0], rate):.2f}")
    4.64
    """
    check_choice(band, "band", ("wide", "narrow"))
    rate = check_sample_rate(sample_rate)
    package = import_package("pesq", "pesq", "pesq")
    target, mode = (16_000, "wb") if band == "wide" else (8_000, "nb")

    def measure(x: _Array, y: _Array) -> float:
        try:
            return float(package.pesq(target, x, y, mode))
        except package.NoUtterancesError:
            return math.nan
        except package.BufferTooShortError:
            raise ValueError(
                f"reference must last 0.25 s or more for PESQ, got {len(x) / target:.3g} s"
            ) from None

    return _measured(measure, reference, estimate, lengths, rate, target)


def visqol(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    sample_rate: int,
    *,
    mode: str = "audio",
    lattice: bool = False,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> torch.Tensor:
    """Measure quality as ViSQOL v3 predicts it from the similarity of gammatone spectrograms.

    Patches of the reference are sought in the estimate and compared by NSIM, the likeness of
    neighbourhoods; a mapping fitted to listening tests makes a score of it. Computed by
    ``visqol-python``; the first call compiles for some 15 s, later ones take a quarter of the
    signal's duration in the mode for audio.

    Parameters
    ----------
    reference : Tensor
        What it should be, shape ``(..., time)``, 1 s or more; 3 to 10 s are best.
    estimate : Tensor
        What it is, same shape.
    sample_rate : int
        Sample rate in Hz; both are resampled by `audiolab.resample` to 48 or 16 kHz.
    mode : {"audio", "speech"}, default: "audio"
        Anything, full band at 48 kHz; or speech at 16 kHz, pauses left out.
    lattice : bool, default: False
        In the mode for speech, the mapping by a lattice network, which the C++ program has by
        default and which needs ``visqol-python[lattice]``; otherwise that by a polynomial, which
        reads higher.
    lengths : sequence of int or Tensor, optional
        Samples of each item, shape ``(...)``; what follows them doesn't count.

    Returns
    -------
    Tensor
        Mean opinion score (MOS-LQO), shape ``(...)``: 1 to about 4.73 for audio, 1 to 5 for speech.

    Raises
    ------
    ImportError
        ``visqol-python`` is not installed, or the lattice's package is not.
    ValueError
        If shapes differ, an item is silent or too short, or samples are NaN or infinite.

    See Also
    --------
    pesq : For speech, with another idea of it.

    References
    ----------
    M. Chinen, F. S. C. Lim, J. Skoglund, N. Gureev, F. O'Gorman and A. Hines, "ViSQOL v3: an open
    source production ready objective speech and audio metric", QoMEX 2020,
    doi:10.1109/QoMEX48832.2020.9123150.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> speech, rate = signals.clip("speech")
    >>> print(f"{metrics.visqol(speech[0], speech[0], rate, mode='speech'):.2f}")
    5.00
    """
    check_choice(mode, "mode", ("audio", "speech"))
    rate = check_sample_rate(sample_rate)
    api = _visqol(mode, lattice)
    target = 48_000 if mode == "audio" else 16_000

    def measure(x: _Array, y: _Array) -> float:
        try:
            return float(api.measure_from_arrays(x, y, target).moslqo)
        except ValueError as error:
            raise ValueError(
                f"reference of {len(x) / target:.3g} s can't be measured by ViSQOL: {error}"
            ) from error

    return _measured(measure, reference, estimate, lengths, rate, target)


@lru_cache
def _visqol(mode: str, lattice: bool) -> Any:
    api = import_package("visqol", "visqol-python", "visqol").VisqolApi()
    api.create(mode=mode, use_lattice_model=lattice)
    return api


def _measured(
    measure: Callable[[_Array, _Array], float],
    reference: torch.Tensor,
    estimate: torch.Tensor,
    lengths: Sequence[int] | torch.Tensor | None,
    rate: int = 1,
    target: int = 1,
) -> torch.Tensor:
    """Measure each item in float64 at the rate `target`, the others apart."""
    check_pair(reference, estimate)

    def one(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        check_not_silent(x, "reference")
        check_not_silent(y, "estimate")
        pair = [
            (each if rate == target else resample(each, rate, target)).numpy() for each in (x, y)
        ]
        return torch.tensor(measure(pair[0], pair[1]), dtype=torch.float64)

    first, second = (each.detach().to("cpu", torch.float64) for each in (reference, estimate))
    return each_item(one, first, second, lengths).to(reference.device, reference.dtype)
