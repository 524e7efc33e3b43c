"""The music clip: eight seconds of strummed and picked strings, bass, hand percussion and a room.

Everything comes from this subpackage and one seed. Four bars of four beats at 120 beats a minute, a
chord a bar. The shaker reaches past 16 kHz, so that low-passes of codecs and resamplers show.
"""

from __future__ import annotations

import torch

from audiolab.signals._grid import sinusoid
from audiolab.signals._shaping import band_limit, fade_edges, pan
from audiolab.signals.music import chord_progression, pluck
from audiolab.signals.noise import gaussian
from audiolab.units import midi_to_hz

__all__ = ["DURATION_S", "make_piece"]

DURATION_S = 8.0
_BEAT_S = 0.5
_BAR_S = 4 * _BEAT_S

#: Bass notes as (beat within the bar, semitones above the chord's root, beats long).
_BASS = ((0.0, 0, 1.5), (1.5, 0, 0.5), (2.0, 7, 1.0), (3.0, 12, 0.5), (3.5, 7, 0.5))
_ROOTS = (45, 41, 48, 43)
#: Picked melody: (beat within the piece, MIDI note, level).
_MELODY = (
    (0.5, 76, 0.7), (1.0, 79, 0.6), (1.5, 81, 1.0), (2.5, 79, 0.7), (3.0, 76, 0.8), (3.5, 74, 0.6),
    (4.5, 72, 0.8), (5.5, 76, 0.9), (6.0, 77, 0.8), (6.5, 76, 0.6), (7.5, 72, 0.7),
    (8.5, 74, 0.7), (9.0, 76, 0.9), (9.5, 79, 1.0), (10.5, 84, 0.9), (11.0, 83, 0.7),
    (11.5, 79, 0.6), (12.5, 81, 0.8), (13.0, 79, 0.7), (13.5, 74, 0.9),
    (14.5, 71, 0.7), (15.0, 74, 0.8),
)  # fmt: skip


def make_piece(sample_rate: int, seed: int = 2) -> torch.Tensor:
    """Return the piece, float64, shape (2, time), with its peak at 1.0."""
    source = torch.Generator().manual_seed(seed)
    num_samples = round(DURATION_S * sample_rate)
    mix = torch.zeros(2, num_samples, dtype=torch.float64)

    def place(sound: torch.Tensor, at_s: float, gain: float) -> None:
        start = round(at_s * sample_rate)
        stop = min(start + sound.shape[-1], num_samples)
        mix[:, start:stop] += gain * sound[..., : stop - start]

    def note(midi: float, length_s: float, decay_s: float, bright: float) -> torch.Tensor:
        sound = pluck(
            midi_to_hz(midi),
            length_s,
            sample_rate,
            decay_s=decay_s,
            brightness=bright,
            amplitude=1.0,
            generator=source,
            dtype=torch.float64,
        )
        return fade_edges(sound, 0, round(0.02 * sample_rate))

    place(
        chord_progression(
            DURATION_S,
            sample_rate,
            strum_s=0.018,
            brightness=0.35,
            amplitude=1.0,
            generator=source,
            dtype=torch.float64,
        ),
        0.0,
        0.55,
    )
    for beat, midi, level in _MELODY:
        place(pan(note(midi, 1.2, 2.0, 0.75), 0.35), beat * _BEAT_S, 0.3 * level)
    for bar, root in enumerate(_ROOTS):
        for beat, step, beats in _BASS:
            sound = note(root - 12 + step, beats * _BEAT_S, 2.5, 0.2)
            place(pan(sound, 0.0), bar * _BAR_S + beat * _BEAT_S, 0.5 if beat == 0 else 0.38)
        for eighth in range(8):
            accent = 1.0 if eighth % 2 else 0.55  # off the beat, as shakers play
            at_s = bar * _BAR_S + eighth * 0.5 * _BEAT_S
            place(pan(_shaker(sample_rate, source), -0.45), at_s, 0.16 * accent)
        for beat in (0, 2):
            place(pan(_drum(sample_rate), 0.0), bar * _BAR_S + beat * _BEAT_S, 0.6)
        for beat in (1, 3):
            place(_brush(sample_rate, source), bar * _BAR_S + beat * _BEAT_S, 0.14)
    mix = mix + 0.12 * _room(mix, sample_rate, source)
    mix = fade_edges(mix, round(0.002 * sample_rate), round(0.6 * sample_rate))
    return mix / mix.abs().max()


def _envelope(num_samples: int, rate: int, attack_s: float, decay_s: float) -> torch.Tensor:
    time = torch.arange(num_samples, dtype=torch.float64) / rate
    return (1.0 - torch.exp(-time / attack_s)) * torch.exp(-time / decay_s)


def _shaker(rate: int, source: torch.Generator) -> torch.Tensor:
    num_samples = round(0.14 * rate)
    grains = band_limit(gaussian(num_samples, (), source), rate, 5500.0, 18_000.0)
    return fade_edges(0.4 * grains * _envelope(num_samples, rate, 0.012, 0.025), 8, 200)


def _drum(rate: int) -> torch.Tensor:
    """Return a soft low drum: a sine that falls from 130 to 52 Hz while it dies away."""
    num_samples = round(0.35 * rate)
    time = torch.arange(num_samples, dtype=torch.float64) / rate
    turns = 52.0 * time + (130.0 - 52.0) * 0.03 * (1.0 - torch.exp(-time / 0.03))
    return fade_edges(sinusoid(turns) * _envelope(num_samples, rate, 0.002, 0.09), 8, 400)


def _brush(rate: int, source: torch.Generator) -> torch.Tensor:
    """Return a brushed snare, a little different in each ear."""
    num_samples = round(0.22 * rate)
    both = gaussian(num_samples, (2,), source)
    both = both.mean(0) + 0.35 * (both - both.mean(0))
    sound = band_limit(both, rate, 900.0, 9000.0, edge_octaves=1.5)
    return fade_edges(0.5 * sound * _envelope(num_samples, rate, 0.006, 0.045), 8, 400)


def _room(dry: torch.Tensor, rate: int, source: torch.Generator) -> torch.Tensor:
    """Return the sound of a small bright room: exponentially dying noise, its highs dying first."""
    num_samples = round(0.7 * rate)
    time = torch.arange(num_samples, dtype=torch.float64) / rate
    noise = gaussian(num_samples, (2,), source)
    low = band_limit(noise, rate, 200.0, 2500.0) * torch.exp(-time / 0.11)
    high = band_limit(noise, rate, 2500.0, 9000.0) * torch.exp(-time / 0.06)
    delay = round(0.012 * rate)
    impulse = torch.nn.functional.pad(low + high, (delay, 0))
    impulse = impulse / impulse.square().sum(-1, keepdim=True).sqrt()
    size = dry.shape[-1] + impulse.shape[-1] - 1
    wet: torch.Tensor = torch.fft.irfft(
        torch.fft.rfft(dry, n=size) * torch.fft.rfft(impulse, n=size), n=size
    )
    return wet.narrow(-1, 0, dry.shape[-1])
