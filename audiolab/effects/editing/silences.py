"""Finding silence by a short-time level, and the state machine that cuts it out.

A moment is *above* a threshold when the RMS of the last 20 ms, itself included, exceeds it: for
sound to begin in any channel, for it to go on in all of them. Three states:

- *trim*: drop, until `above_samples` moments in a row are above; they are kept. Of several such
  periods, all but the last are dropped too.
- *copy*: keep, until `below_samples` moments in a row are not above; they are dropped, at the first
  or a later such period. Moments that might turn out to be dropped are held back.
- *done*: drop all the rest, unless the machine is asked to start again with *trim*.

The window of the level starts with zeros, and again after each new start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab._validation import check_positive, check_range, check_waveform
from audiolab.units import db_to_amplitude, seconds_to_samples

__all__ = ["SilenceCutter", "SilenceRule", "remove_silence"]

_TRIM, _COPY, _DONE = 0, 1, 2


@dataclass(frozen=True)
class SilenceRule:
    """What counts as silence, and which silences go.

    Parameters
    ----------
    above_periods : int
        Period of sound with which copying begins; 0 begins at once.
    above_samples : int
        Length of such a period.
    above_threshold : float
        Level that it exceeds, as an amplitude.
    below_periods : int
        Silence that ends the copying; 0 for none.
    below_samples : int
        Length of such a silence.
    below_threshold : float
        Level that it does not exceed.
    restart : bool
        Whether all starts anew after that silence.
    leave : bool
        Keep the `below_samples` moments of each silence; sounds within don't restart their count.
    """

    above_periods: int = 1
    above_samples: int = 0
    above_threshold: float = 0.0
    below_periods: int = 0
    below_samples: int = 0
    below_threshold: float = 0.0
    restart: bool = False
    leave: bool = False


class SilenceCutter:
    """Cut silences out of one item, block by block.

    Parameters
    ----------
    rule : SilenceRule
        What to cut.
    num_channels : int
        Channels of the item.
    window : int
        Samples over which the level is measured.
    """

    def __init__(self, rule: SilenceRule, num_channels: int, window: int) -> None:
        self._rule = rule
        self._window = np.zeros(max(window, 1) * num_channels)
        # Its sum, and the thresholds.
        self._levels = np.array([0.0, rule.above_threshold, rule.below_threshold])
        start = _TRIM if rule.above_periods else _COPY
        # State, place in the window, moments counted, periods left of both kinds.
        self._counts = np.array([start, 0, 0, rule.above_periods, rule.below_periods])
        self._fixed = np.array(
            [
                *(rule.above_periods, rule.above_samples, rule.below_periods, rule.below_samples),
                *(int(rule.restart), int(rule.leave)),
            ]
        )
        self._held: torch.Tensor | None = None

    @property
    def done(self) -> bool:
        """Whether nothing more will be kept."""
        return bool(self._counts[0] == _DONE)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Return what of the next block ``(channels, time)``, and of what was held, is kept."""
        held = block[:, :0] if self._held is None else self._held
        samples = block.detach().double().cpu().contiguous().numpy()
        # A moment is kept once at most, and the held ones can come out.
        kept = np.empty(samples.shape[1] + held.shape[1], dtype=np.int64)
        count, hold = _cut(
            samples, held.shape[1], self._window, self._levels, self._counts, self._fixed, kept
        )
        both = torch.cat([held, block], dim=-1)
        self._held = both[:, both.shape[1] - hold :].clone()
        places = torch.from_numpy(kept[:count]).to(block.device)
        return both.index_select(-1, places)

    def finish(self) -> torch.Tensor | None:
        """Return what is held at the end: a silence that stayed too short to be cut."""
        return self._held if self._counts[0] == _COPY else None


def remove_silence(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    threshold_db: float = -40.0,
    sound_s: float = 0.05,
    silence_s: float = 0.3,
) -> torch.Tensor:
    """Cut silence at the start, and every pause in the middle that is long enough.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(channels, time)`` or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    threshold_db : float, default: -40.0
        Level of silence, the RMS over 20 ms in dB relative to full scale, below 0.
    sound_s : float, default: 0.05
        Duration of sound that ends a silence, in seconds; shorter bursts are cut with it.
    silence_s : float, default: 0.3
        Duration of a pause that is cut, in seconds.

    Returns
    -------
    Tensor
        What is left, as short as it may be.

    Raises
    ------
    ValueError
        If a value is out of range, or the waveform has more than two dimensions.

    Examples
    --------
    >>> import torch
    >>> waveform = torch.cat([torch.zeros(8000), torch.full((800,), 0.5), torch.zeros(8000)])
    >>> remove_silence(waveform, 8000, sound_s=0.01).shape
    torch.Size([959])
    """
    check_waveform(waveform)
    if waveform.ndim > 2:
        raise ValueError(
            f"waveform must be (channels, time) or (time,), got {tuple(waveform.shape)}: what is "
            "left of the items of a batch differs in length"
        )
    rate = check_positive(sample_rate, "sample_rate", unit="Hz")
    level = db_to_amplitude(check_range(threshold_db, "threshold_db", -200.0, 0.0, unit="dB"))
    sound = seconds_to_samples(check_range(sound_s, "sound_s", 0.0, unit="s"), rate)
    pause = seconds_to_samples(check_range(silence_s, "silence_s", 0.0, unit="s"), rate)
    rule = SilenceRule(1, sound, level, 1, pause, level, restart=True)
    rows = waveform if waveform.ndim == 2 else waveform[None]
    cutter = SilenceCutter(rule, rows.shape[0], int(rate / 50))
    parts = [cutter.push(rows), cutter.finish()]
    left = torch.cat([part for part in parts if part is not None], dim=-1)
    return left if waveform.ndim == 2 else left[0]


@njit(cache=True, nogil=True)
def _cut(
    samples: NDArray[np.float64],
    held: int,
    window: NDArray[np.float64],
    levels: NDArray[np.float64],
    counts: NDArray[np.int64],
    fixed: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> tuple[int, int]:
    """Write the places kept, the held moments counted first; return how many, and how many wait."""
    state, place, count, above_left, below_left = counts
    above_periods, above_samples, below_periods, below_samples, restart, leave = fixed
    total, above_threshold, below_threshold = levels
    channels, time = samples.shape
    size = window.size
    hold = held
    written = 0
    for n in range(time):
        if state == _DONE:
            break
        here = held + n
        if state == _COPY and below_periods == 0:
            kept[written] = here
            written += 1
            continue
        threshold = above_threshold if state == _TRIM else below_threshold
        limit = threshold * threshold * size
        loud = 0
        for k in range(channels):
            square = samples[k, n] * samples[k, n]
            power = max(total - window[place] + square, 0.0)
            # The root is taken only where rounding could decide.
            if abs(power - limit) <= 1e-12 * limit:
                loud += np.sqrt(power / size) > threshold
            else:
                loud += power > limit
        above = loud > 0 if state == _TRIM else loud == channels
        for k in range(channels):
            square = samples[k, n] * samples[k, n]
            total += square - window[place]
            window[place] = square
            place = place + 1 if place + 1 < size else 0
        if state == _TRIM:
            if not above:
                hold = 0
                count = 0
                continue
            hold += 1
            count += 1
            if count >= above_samples:
                above_left -= 1
                if above_left <= 0:
                    state = _COPY
                    for k in range(hold):
                        kept[written] = here - hold + 1 + k
                        written += 1
                hold = 0
                count = 0
        elif above:
            for k in range(hold + 1):
                kept[written] = here - hold + k
                written += 1
            hold = 0
            if not leave:
                count = 0
        else:
            count += 1
            if leave:
                kept[written] = here
                written += 1
            else:
                hold += 1
            if count >= below_samples:
                below_left -= 1
                if below_left == 0:
                    state = _DONE
                    if restart:
                        state = _TRIM
                        above_left, below_left = above_periods, below_periods
                        window[:] = 0.0
                        total = 0.0
                else:
                    for k in range(hold):
                        kept[written] = here - hold + 1 + k
                        written += 1
                hold = 0
                count = 0
    counts[0], counts[1], counts[2], counts[3], counts[4] = (
        state,
        place,
        count,
        above_left,
        below_left,
    )
    levels[0] = total
    return written, (hold if state != _DONE else 0)
