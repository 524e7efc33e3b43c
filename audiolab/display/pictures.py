"""The player's spectrogram pictures: bare PNGs without axes, so that a cursor fits exactly.

Column x of a picture W wide shows the sound around (x + 1/2) / W of its duration. Rows reach from
0 Hz at the bottom to the highest half sample rate among the player's tracks, so that one height is
one frequency in all of them, and one range of levels holds for all tracks too. Levels are quantised
to 64 colours, 1.25 dB each: a few kilobytes a picture. Axis labels are the page's business.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from audiolab.display.spectrograms import level_spectrogram_db, power_mean_db, round_top_db
from audiolab.display.style import LEVEL_COLORS
from audiolab.display.tracks import Track

__all__ = ["Picture", "draw_pictures"]

WIDTH = 720
HEIGHT = 128
RANGE_DB = 80.0
COLORS = 64

BLOCK_FRAMES = 2_000

#: Window in seconds: pitch of a voice and its syllables both remain visible.
WINDOW_S = 0.032


@dataclass(frozen=True)
class Picture:
    """One track's picture.

    Attributes
    ----------
    png : bytes
        The file.
    width : int
        Width in pixels.
    height : int
        Height in pixels.
    """

    png: bytes
    width: int
    height: int


def draw_pictures(tracks: Sequence[Track]) -> tuple[list[Picture], float]:
    """Draw one picture for each track on a common scale.

    Parameters
    ----------
    tracks : sequence of Track
        What to draw.

    Returns
    -------
    pictures : list of Picture
        One for each track, as wide as its share of the longest duration.
    top_db : float
        Level of the brightest colour in dBFS; the darkest lies 80 dB lower.
    """
    longest_s = max(track.duration_s for track in tracks)
    top_hz = max(track.sample_rate for track in tracks) / 2
    grids = [
        _levels(track, max(8, round(WIDTH * track.duration_s / longest_s)), top_hz)
        for track in tracks
    ]
    top_db = round_top_db(max(float(grid.max()) for grid in grids))
    return [_encode(grid, top_db) for grid in grids], top_db


def _levels(track: Track, width: int, top_hz: float) -> torch.Tensor:
    """Return levels of shape (HEIGHT, width), the top row first."""
    n_fft = max(64, 2 * round(WINDOW_S * track.sample_rate / 2))
    num_samples = track.waveform.shape[-1]
    hop = max(1, min(n_fft // 4, num_samples // width))
    num_frames = 1 + num_samples // hop
    row_hz = torch.arange(n_fft // 2 + 1) * (track.sample_rate / n_fft)
    row = (row_hz / top_hz * HEIGHT).long().clamp(max=HEIGHT - 1)
    time_s = torch.arange(num_frames) * (hop / track.sample_rate)
    column = (time_s / track.duration_s * width).long().clamp(max=width - 1)

    # The loudest frame and bin of each cell: no click and no tone falls between pixels. Only so
    # many frames at once: a long file's spectrogram is larger than the file.
    grid = torch.full((HEIGHT, width), -torch.inf, dtype=track.waveform.dtype)
    padded = torch.nn.functional.pad(track.waveform, (n_fft // 2, n_fft // 2))
    for start in range(0, num_frames, BLOCK_FRAMES):
        stop = min(start + BLOCK_FRAMES, num_frames)
        block = padded[:, start * hop : (stop - 1) * hop + n_fft]
        levels = power_mean_db(level_spectrogram_db(block, n_fft=n_fft, hop=hop, center=False))
        index = row[:, None] * width + column[None, start:stop]
        grid.view(-1).scatter_reduce_(0, index.reshape(-1), levels.reshape(-1), "amax")

    _fill_gaps(grid, row, dim=0, stop=int(HEIGHT * track.sample_rate / 2 / top_hz))
    _fill_gaps(grid, column, dim=1, stop=width)
    return grid.flip(0)


def _fill_gaps(grid: torch.Tensor, seen: torch.Tensor, *, dim: int, stop: int) -> None:
    """Copy the next row or column that holds data into those before `stop` that hold none."""
    held = set(seen.tolist())
    missing = torch.tensor([index for index in range(stop) if index not in held], dtype=torch.long)
    if len(missing):
        nearest = seen[torch.searchsorted(seen, missing).clamp(max=len(seen) - 1)]
        grid.index_copy_(dim, missing, grid.index_select(dim, nearest))


def _encode(levels: torch.Tensor, top_db: float) -> Picture:
    from matplotlib import colormaps
    from PIL import Image

    share = ((levels - (top_db - RANGE_DB)) / RANGE_DB).clamp(0.0, 1.0)
    indices = (share * (COLORS - 1)).round().to(torch.uint8).numpy()
    palette = (colormaps[LEVEL_COLORS](np.linspace(0, 1, COLORS))[:, :3] * 255).round()
    height, width = indices.shape
    image = Image.frombytes("P", (width, height), indices.tobytes())
    image.putpalette(palette.astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return Picture(buffer.getvalue(), width, height)
