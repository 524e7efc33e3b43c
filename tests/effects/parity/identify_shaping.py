"""Find the coefficients of the program's noise-shaping filters from what it does.

``python tests/effects/parity/identify_shaping.py`` prints the table that
`audiolab.effects.synthesis.shaping` holds for the filters whose coefficients no paper gives.

The input ``x``, the output ``y`` and the dither ``d`` (its generator is known) are known exactly.
With ``t = y - x`` in steps of the grid and error feedback ``C(z) = sum c[k] z^-(k+1)``, the error
``e = t / (1 - C)`` equals ``d`` plus the rounding, which is white and uniform on half a step each
way. The coefficients that make ``e - d`` smallest are found by Gauss-Newton steps (the
prediction-error method, L. Ljung, "System Identification", 1999, chapter 7), starting from a
regression of ``t - d`` on past dither. Variances of 1/12 tell that nothing is left to explain.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from sox_binary import SoxError, run

from audiolab.effects.synthesis.generator import draw_uniform

__all__ = ["identify"]

#: State of the first channel's generator: one step from zero.
FIRST_STATE = 1013904223


def identify(
    name: str, sample_rate: int, taps: int, *, num_samples: int = 300_000, precision: int = 16
) -> tuple[NDArray[np.float64], float]:
    """Return the coefficients of a filter, and the variance that is left, times 12.

    Parameters
    ----------
    name : str
        Name of the filter for ``dither -f``.
    sample_rate : int
        Rate in Hz.
    taps : int
        Coefficients to look for.
    num_samples : int, default: 300_000
        Samples to look at.
    precision : int, default: 16
        Bits to dither to.
    """
    generator = np.random.default_rng(0)
    waveform = torch.from_numpy(generator.uniform(-0.3, 0.3, (1, num_samples)))
    waveform = (waveform * 2**31).round() / 2**31
    words = ["dither", "-f", name, "-p", str(precision)]
    output = run(waveform, sample_rate, words).waveform
    step = 2.0 ** (32 - precision)
    uniform = draw_uniform(torch.tensor([FIRST_STATE]), 1, 2 * num_samples)[0, 0].numpy()
    words32 = (uniform * 2**31).astype(np.int64) >> precision
    noise = (words32[::2] + words32[1::2]) / step
    total = ((output - waveform)[0] * 2**31 / step).numpy()

    def past(values: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = [np.r_[np.zeros(k + 1), values[: -k - 1]] for k in range(taps)]
        return np.stack(columns, axis=1)

    def residual(c: NDArray[np.float64]) -> NDArray[np.float64]:
        return lfilter([1.0], np.r_[1.0, -c], total) - noise

    settled = slice(1000, None)
    found = np.linalg.lstsq(past(noise)[settled], (noise - total)[settled], rcond=None)[0]
    found = _stable(found, 0.98)
    for _ in range(40):
        left = residual(found)
        slope = past(lfilter([1.0], np.r_[1.0, -found], left + noise))
        move = np.linalg.lstsq(slope[settled], -left[settled], rcond=None)[0]
        size = 1.0
        while size > 1e-4:
            tried = _stable(found + size * move, 0.9995)
            if np.mean(residual(tried)[settled] ** 2) < np.mean(left[settled] ** 2):
                break
            size /= 2
        else:
            break
        found = tried
    return found, float(12 * np.mean(residual(found)[settled] ** 2))


def _stable(c: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return coefficients whose ``1 - C`` has its zeros within a radius."""
    roots = np.roots(np.r_[1.0, -c])
    outside = np.abs(roots) > radius
    roots = np.where(outside, roots / np.maximum(np.abs(roots), 1e-12) * radius, roots)
    return -np.real(np.poly(roots))[1:]


def main() -> None:
    """Print what is found for every filter and rate that the program has."""
    for name in ("shibata", "low-shibata", "high-shibata", "gesemann"):
        for rate in (8000, 11_025, 16_000, 22_050, 32_000, 37_800, 44_100, 48_000):
            try:
                if "no `" in run(torch.zeros(1, 10), rate, ["dither", "-f", name]).text:
                    continue
            except SoxError:
                continue
            coefficients, left = identify(name, rate, 24 if "g" in name else 20)
            row = ", ".join(f"{value:.4f}" for value in coefficients)
            sys.stdout.write(f'("{name}", {rate}): # {left:.4f}\n    {row}\n')


if __name__ == "__main__":
    main()
