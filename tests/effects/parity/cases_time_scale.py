"""Time-domain stretching: the same splices as SoX, and its single-precision cross-fades."""

from __future__ import annotations

import torch
from cases import Case, error_db, grid


def _nearly(ours: torch.Tensor, reference: torch.Tensor, sample_rate: float) -> None:
    """SoX sums phases in single precision, which drifts: compare what is left out of the sums."""
    half = ours.shape[-1] // 2
    largest, _ = error_db(ours[..., :half], reference[..., :half])
    assert largest < -30.0, largest

    def magnitudes(x: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(512, dtype=x.dtype)
        return torch.stft(x, 512, window=window, return_complex=True).abs()

    _, rms = error_db(magnitudes(ours), magnitudes(reference))
    assert rms < -35.0, rms


CASES: list[Case] = [
    *(
        Case(f"bend {w}", rate, channels, check=_nearly, note="phases drift in SoX's floats")
        for w, rate, channels in (
            ("0.2,300,0.5", 16_000, 1),
            ("-f 50 0.1,-500,0.3", 44_100, 2),
            ("-o 4 0.2,70,0.5", 16_000, 1),
            ("-o 32 .35,180,.25 0.1,-180,.1", 8000, 1),
            ("=0.2,300,=0.5", 48_000, 4),
            ("-f 12 0.1,1200,0.4 0.1,-1200,0.2", 16_000, 2),
        )
    ),
    *grid(
        "tempo",
        [
            "0.8",
            "1.3",
            "-m 0.7",
            "-m 2",
            "-s 1.5",
            "-s 0.5",
            "-l 1.1",
            "-q 0.9",
            "-q -s 1.7 40 20",
            "3 30 10 5",
            "1.1 10 0 0",
            "0.1",
            "100",
            "1",
            "1.0001 120 30 30",
        ],
        bar_db=-110.0,
        duration_s=1.5,
    ),
    *grid("tempo", ["0.8", "-s 1.25"], every=True, bar_db=-110.0, duration_s=0.7),
    Case("tempo -s 0.9", 16_000, 1, signal="speech", duration_s=4.0, bar_db=-110.0),
    Case("tempo 0.1", 16_000, 1, signal="speech", duration_s=2.0, bar_db=-110.0),
    Case("tempo 1.7", 44_100, 2, signal="noise", duration_s=2.0, bar_db=-110.0),
    Case("tempo 0.9", 8000, 1, duration_s=0.01, bar_db=-110.0, note="shorter than a segment"),
    *(
        Case(f"pitch {cents}", rate, channels, duration_s=2.0, restore=True)
        for cents, rate, channels in (
            ("200", 44_100, 1),
            ("-300", 16_000, 2),
            ("1200", 8000, 1),
            ("-1.5", 48_000, 1),
            ("-q 533", 44_100, 2),
            ("700 40 10 8", 8000, 1),
            ("-3300", 16_000, 1),
            ("50", 44_100, 4),
        )
    ),
    *grid(
        "stretch",
        [
            "1.5",
            "0.7",
            "2 20",
            "1.5 30 lin 0.6",
            "1.5 30 lin 0.6 0.1",
            "0.5 20 lin 0.9 0.3",
            "3.3 13",
            "0.9 50",
            "1",
            "0.11",
            "7 200 lin 0.5",
        ],
    ),
    Case("stretch 2", 16_000, 1, duration_s=0.005, note="shorter than half a segment"),
]
