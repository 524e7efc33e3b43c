r"""Where something begins, and a map of times that keeps beginnings as they were.

An onset shows as magnitudes that were not there 16 ms before: the share of new magnitude in a short
spectrum,

.. math:: \frac{\sum_b \max(0, A_k[b] - A_{k-4}[b])}{\sum_b A_k[b]}

is 0 for a steady tone, 0.29 for steady noise (two independent Rayleigh values) and 1 for a click
out of silence. Above 0.6 it counts as an onset, which lies where the energy of 3 ms exceeds that
of the 3 ms before by most.

A stretched attack is a smeared attack. So time passes at its normal speed within half a window of
an onset, and makes up for it between onsets; the onset itself lies where the rate puts it. As in
J. Bonada, "Automatic technique in frequency domain for near-lossless time-scale modification of
audio", ICMC 2000.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

__all__ = ["find_onsets", "map_times"]

#: From one spectrum to the next, and the length of one in these steps.
_STEP_S, _STEPS = 0.004, 4

#: Share of new magnitude from which on something begins.
_NEW = 0.6

#: What is this much below the loudest spectrum begins unheard.
_SILENT_DB = -50.0

#: Length of the two stretches whose energies are compared, and how far around to look.
_BESIDE_S, _AROUND_S = 0.003, 0.012

# Sums may be taken in any order, or there are no vectors; NaN and infinity stay what they are.
_MATHS = {"reassoc", "contract", "nsz"}


def find_onsets(x: torch.Tensor, sample_rate: float) -> NDArray[np.int64]:
    """Return where something begins in ``(channels, time)``, in samples, the strongest first."""
    step = max(1, round(_STEP_S * sample_rate))
    size = _STEPS * step
    if x.shape[-1] < 2 * size:
        return np.zeros(0, np.int64)
    window = torch.hann_window(size, dtype=x.dtype, device=x.device)
    padded = torch.nn.functional.pad(x.detach(), (size, size))
    spectra = torch.fft.rfft(padded.unfold(-1, size, step) * window)
    news, level = _novelty(torch.view_as_real(spectra).cpu().numpy())
    energy = _energy(x.detach().cpu().numpy())
    beside, around = max(1, round(_BESIDE_S * sample_rate)), round(_AROUND_S * sample_rate)
    floor = level.max() * 10 ** (_SILENT_DB / 20)
    begins = (news > _NEW * level) & (level > floor)
    found: dict[int, float] = {}
    frame = 0
    while frame < len(begins):
        if not begins[frame]:
            frame += 1
            continue
        end = frame
        while end < len(begins) and begins[end] and end - frame < 2 * _STEPS:
            end += 1
        loudest = frame + int(np.argmax(news[frame:end]))
        centre = loudest * step - size // 2
        place = _steepest(energy, centre - around, centre + around, beside)
        found[place] = max(found.get(place, 0.0), float(news[loudest]))
        frame = end
    strongest = sorted(found, key=lambda place: (-found[place], place))
    return np.array(strongest, np.int64)


def _steepest(energy: NDArray[np.float64], first: int, last: int, beside: int) -> int:
    """Return the place from which on there is most more energy than before it."""
    count = len(energy) - 1
    places = np.arange(max(0, first), min(last, count - 1) + 1)
    after = energy[np.minimum(places + beside, count)] - energy[places]
    before = energy[places] - energy[np.maximum(places - beside, 0)]
    more = after - before
    # the last of those that are nearly best: a click is in all of the 3 ms that reach it
    return int(places[np.flatnonzero(more >= 0.98 * more.max())[-1]])


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def _novelty(spectra: Any) -> Any:
    """Return the new magnitude of each frame, and all of it."""
    channels, frames, bins, _ = spectra.shape
    news, level = np.zeros(frames), np.zeros(frames)
    ring = np.zeros((_STEPS, bins), spectra.dtype)
    for k in range(frames):
        then = ring[k % _STEPS]
        total = new = spectra.dtype.type(0.0)
        for b in range(bins):
            power = spectra.dtype.type(0.0)
            for c in range(channels):
                real, imag = spectra[c, k, b, 0], spectra[c, k, b, 1]
                power += real * real + imag * imag
            now = np.sqrt(power)
            total += now
            new += max(now - then[b], spectra.dtype.type(0.0))
            then[b] = now
        level[k], news[k] = total, new
    return news, level


@njit(error_model="numpy", nogil=True, cache=True)
def _energy(x: Any) -> Any:
    """Return the energy before each sample, over all channels."""
    channels, count = x.shape
    energy = np.zeros(count + 1)
    total = 0.0
    for i in range(count):
        for c in range(channels):
            total += np.float64(x[c, i]) * np.float64(x[c, i])
        energy[i + 1] = total
    return energy


def map_times(
    times: NDArray[np.float64],
    rate: float,
    length: int,
    onsets: NDArray[np.int64],
    half_window: int,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return where output times are read, and which of them lie near an onset.

    Parameters
    ----------
    times : array
        Output times in samples.
    rate : float
        Speed on average.
    length : int
        Samples of the output.
    onsets : array
        Input times of onsets, the strongest first.
    half_window : int
        How far around an onset time passes normally. Of two onsets too close for that the stronger
        one is kept as it was.
    """
    least = 2.25 * half_window * max(1.0, rate)
    kept: list[int] = []
    for onset in onsets.tolist():
        if all(abs(onset - other) >= least for other in kept):
            kept.append(onset)
    knots: list[tuple[float, float]] = []
    for onset in sorted(kept):
        centre = onset / rate
        knots += [
            (centre - half_window, float(onset - half_window)),
            (centre + half_window, float(onset + half_window)),
        ]
    room = 1.25 * half_window
    if not knots or min(knots[0]) > room:
        knots.insert(0, (0.0, 0.0))
    if min(length - knots[-1][0], length * rate - knots[-1][1]) > room:
        knots.append((float(length), length * rate))
    far = max(math.ceil(float(np.max(np.abs(times)))) * 2, 1)
    knots.insert(0, (knots[0][0] - far, knots[0][1] - far))
    knots.append((knots[-1][0] + far, knots[-1][1] + far))
    written, read = np.array(knots).T
    beside = np.zeros(len(times), bool)
    for onset in onsets.tolist():
        beside |= np.abs(times - onset / rate) <= half_window
    return np.interp(times, written, read), beside
