"""Frames, windows and overlap-add: the engine under every feature.

Work that needs no gradient runs on the CPU in blocks of frames that stay in the cache: the block is
cut, windowed, transformed, reduced to power and multiplied into its filter bank before the next one
is touched, so that neither all frames nor the complex spectrum ever lie in memory as a whole. With
gradients, and on other devices, the same steps take all frames at once.

Kernels (windows, filter banks, cosine tables) are computed in float64 once for each setting, dtype
and device, and kept in a small cache; they are never written to.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch.nn.functional import pad

from audiolab._validation import check_waveform
from audiolab.features._choices import Settled

__all__ = [
    "check_signal",
    "check_spectrum",
    "cut_frames",
    "frame_length",
    "kernel",
    "log_energy",
    "map_frames",
    "num_frames",
    "overlap_add",
    "pad_signal",
    "power_of",
    "window_of",
]

#: Bytes of frames that one block may take: frames, spectrum and power together fit a 2 MiB cache.
_BLOCK_BYTES = 512 * 1024


def kernel(build: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Cache a function ``build(*hashable, dtype=, device=)`` that returns a float64 CPU tensor."""

    @functools.lru_cache(maxsize=32)
    def cached(*arguments: object, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        # A tensor made in inference mode could not take part in a later backward pass.
        with torch.inference_mode(False), torch.no_grad():
            return build(*arguments).to(device=device, dtype=dtype)

    return functools.wraps(build)(cached)


def window_of(settled: Settled, like: torch.Tensor) -> torch.Tensor:
    """Return the analysis window, as long as a frame, of the dtype and device of `like`."""
    real = like.dtype.to_real()
    shape = (settled.win_length, frame_length(settled))
    return _window(settled.window, settled.periodic, *shape, dtype=real, device=like.device)


@kernel
def _window(name: str, periodic: bool, length: int, frame: int) -> torch.Tensor:
    if length == 1 or name == "rectangular":
        window = torch.ones(length, dtype=torch.float64)
    else:
        turn = 2.0 * math.pi / (length if periodic else length - 1)
        phase = turn * torch.arange(length, dtype=torch.float64)
        if name == "hamming":
            window = 0.54 - 0.46 * torch.cos(phase)
        elif name == "blackman":
            window = 0.42 - 0.5 * torch.cos(phase) + 0.08 * torch.cos(2.0 * phase)
        else:
            window = 0.5 - 0.5 * torch.cos(phase)
            if name == "povey":
                window = window.pow(0.85)
    left = (frame - length) // 2
    return pad(window, (left, frame - length - left))


def frame_length(settled: Settled) -> int:
    """Return how many samples are cut for a frame; the transform adds zeros at the end."""
    return settled.win_length if settled.window_at_start else settled.n_fft


def check_signal(waveform: torch.Tensor, settled: Settled) -> torch.Tensor:
    """Return `waveform` as ``(items, time)`` if features can be taken of it, else raise."""
    check_waveform(waveform, allow_empty=False, finite=True)
    if waveform.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"waveform must be float32 or float64, got {waveform.dtype}: convert it with .float()"
        )
    num_samples = waveform.shape[-1]
    needed = settled.win_length if settled.center else frame_length(settled)
    if needed > num_samples:
        named = "n_fft" if needed == settled.n_fft else "win_length"
        raise ValueError(
            f"{named}={needed} is longer than the signal of {num_samples} samples: "
            f"choose {named} of at most {num_samples}, or pad the signal with zeros first"
        )
    if settled.center and settled.pad_mode != "constant" and settled.n_fft // 2 >= num_samples:
        raise ValueError(
            f"n_fft={settled.n_fft} asks for {settled.n_fft // 2} samples of {settled.pad_mode} "
            f"padding, which needs a signal longer than that, got {num_samples}: lower n_fft, or "
            "pass pad_mode='constant'"
        )
    return waveform.reshape(-1, num_samples)


def check_spectrum(spectrum: torch.Tensor, num_bins: int, name: str, *, real: bool) -> torch.Tensor:
    """Return `spectrum` as ``(items, frame, bin)`` if it is ``(..., bin, frame)``, else raise."""
    if not isinstance(spectrum, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(spectrum).__name__}")
    if real:
        good = spectrum.dtype in (torch.float32, torch.float64)
    else:
        good = spectrum.dtype in (torch.complex64, torch.complex128)
    if not good:
        kinds = "float32 or float64" if real else "complex64 or complex128"
        raise TypeError(f"{name} must be {kinds}, got {spectrum.dtype}")
    if spectrum.dim() < 2 or spectrum.shape[-2] != num_bins:
        raise ValueError(
            f"{name} must be of shape (..., {num_bins}, frame), got {tuple(spectrum.shape)}: the "
            "settings must be those of the analysis"
        )
    if spectrum.numel() == 0:
        raise ValueError(f"{name} is empty: its shape is {tuple(spectrum.shape)}")
    if not bool(torch.isfinite(spectrum).all()):
        raise ValueError(f"{name} holds NaN or infinite values")
    return spectrum.reshape(-1, *spectrum.shape[-2:]).transpose(-1, -2)


def pad_signal(signal: torch.Tensor, settled: Settled) -> torch.Tensor:
    """Add to ``(items, time)`` what the convention assumes beyond the ends."""
    if settled.center:
        half = settled.n_fft // 2
        return pad(signal, (half, half), mode=settled.pad_mode)
    if settled.snip_edges:
        return signal
    # Kaldi's mirror repeats the end samples, and one frame starts in every whole hop.
    num_samples = signal.shape[-1]
    left = settled.win_length // 2 - settled.hop_length // 2
    last_start = (num_frames(num_samples, settled) - 1) * settled.hop_length
    right = max(last_start + frame_length(settled) - left - num_samples, 0)
    if max(left, right) > num_samples:
        raise ValueError(
            f"snip_edges=False mirrors {max(left, right)} samples, but the signal has "
            f"{num_samples}: pad the signal, or choose shorter windows"
        )
    mirrored = signal[:, num_samples - right :].flip(-1)
    if left < 0:
        return torch.cat((signal[:, -left:], mirrored), dim=-1)
    return torch.cat((signal[:, :left].flip(-1), signal, mirrored), dim=-1)


def num_frames(num_samples: int, settled: Settled) -> int:
    """Return how many frames a signal has, the one that Whisper drops included."""
    if settled.center:
        return 1 + (num_samples + 2 * (settled.n_fft // 2) - settled.n_fft) // settled.hop_length
    if settled.snip_edges:
        return 1 + (num_samples - frame_length(settled)) // settled.hop_length
    return (num_samples + settled.hop_length // 2) // settled.hop_length


def cut_frames(signal: torch.Tensor, settled: Settled) -> torch.Tensor:
    """Return a view ``(items, frame, sample)`` of a padded ``(items, time)``."""
    frames: torch.Tensor = signal.unfold(-1, frame_length(settled), settled.hop_length)
    return frames[:, :-1] if settled.drop_last_frame else frames


def _condition(frames: torch.Tensor, settled: Settled) -> torch.Tensor:
    """Take the mean off each frame, where the convention says so."""
    return frames - frames.mean(-1, keepdim=True) if settled.remove_dc else frames


def _emphasise(frames: torch.Tensor, settled: Settled) -> torch.Tensor:
    """Apply pre-emphasis within each frame, whose first sample is its own predecessor."""
    if settled.preemphasis == 0.0:
        return frames
    before = torch.cat((frames[..., :1], frames[..., :-1]), dim=-1)
    return frames - settled.preemphasis * before


def map_frames(
    waveform: torch.Tensor,
    settled: Settled,
    reduce: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Return ``(..., value, frame)`` where `reduce` turns spectra ``(frame, bin)`` into values."""
    items = check_signal(waveform, settled)
    window = window_of(settled, waveform)
    signal = pad_signal(items, settled)
    frames = cut_frames(signal, settled)
    if frames.shape[1] == 0:
        raise ValueError(
            f"the signal of {waveform.shape[-1]} samples gives no frame at n_fft={settled.n_fft}, "
            f"hop_length={settled.hop_length}: pad the signal with zeros first"
        )

    def spectra(block: torch.Tensor) -> torch.Tensor:
        shaped = _emphasise(_condition(block, settled), settled) * window
        spectrum: torch.Tensor = torch.fft.rfft(shaped, n=settled.n_fft)
        return spectrum

    plain = waveform.device.type == "cpu" and not (
        torch.is_grad_enabled() and waveform.requires_grad
    )
    size = max(_BLOCK_BYTES // (settled.n_fft * frames.element_size()), 1)
    if plain and frames.shape[0] * frames.shape[1] > size:
        values = _in_blocks(frames, size, lambda block: reduce(spectra(block)))
    else:
        values = reduce(spectra(frames))
    count, size = values.shape[-2:]
    return values.transpose(-1, -2).reshape(*waveform.shape[:-1], size, count)


def _in_blocks(
    frames: torch.Tensor, size: int, values_of: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Fill the result `size` frames at a time."""
    num_items, count = frames.shape[:2]
    out = frames.new_empty(0)
    for item in range(num_items):
        for start in range(0, count, size):
            values = values_of(frames[item, start : start + size])
            if item == start == 0:
                out = values.new_empty((num_items, count, values.shape[-1]))
            out[item, start : start + size] = values
    return out


def power_of(spectrum: torch.Tensor, power: float | None) -> torch.Tensor:
    """Return the magnitude of a complex spectrum to some power, or the spectrum itself for None.

    The square takes no root, so that its gradient at zero is zero and not undefined.
    """
    if power is None:
        return spectrum
    if power != 2.0:
        magnitude = spectrum.abs()
        return magnitude if power == 1.0 else magnitude.pow(power)
    parts = torch.view_as_real(spectrum)
    return parts[..., 0].square().addcmul(parts[..., 1], parts[..., 1])


def log_energy(waveform: torch.Tensor, settled: Settled) -> torch.Tensor:
    """Return each frame's natural log energy ``(..., 1, frame)``, as Kaldi counts it."""
    items = check_signal(waveform, settled)
    frames = _condition(cut_frames(pad_signal(items, settled), settled), settled)
    if not settled.raw_energy:
        window = window_of(settled, waveform)
        frames = _emphasise(frames, settled) * window
    floor = max(settled.log_floor, settled.energy_floor)
    energy = frames.square().sum(-1).clamp_min(floor).log()
    return energy.reshape(*waveform.shape[:-1], 1, -1)


def overlap_add(frames: torch.Tensor, hop_length: int, out: torch.Tensor) -> torch.Tensor:
    """Add ``(items, frame, sample)`` at multiples of the hop into ``(items, time)``.

    `out` must hold zeros and ``(frame + ceil(sample / hop)) * hop`` samples. All frames add their
    first hop at once, then their second, and so on: a few long additions for any number of frames.
    """
    num_items, count, length = frames.shape
    grid = out.view(num_items, -1, hop_length)
    for index, start in enumerate(range(0, length, hop_length)):
        stop = min(start + hop_length, length)
        grid[:, index : index + count, : stop - start] += frames[..., start:stop]
    return out
