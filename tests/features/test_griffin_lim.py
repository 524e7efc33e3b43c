"""Griffin-Lim: what it converges to, how fast, and beside torchaudio and librosa."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchaudio import functional

from audiolab.features import (
    Acceleration,
    GriffinLim,
    griffin_lim,
    inverse_spectrogram,
    spectrogram,
)

SIZE = {"n_fft": 1024, "hop_length": 256, "pad_mode": "reflect"}


def convergence_db(waveform: torch.Tensor, power: torch.Tensor, **options: object) -> float:
    """Return the spectral convergence, measured apart from the algorithm."""
    magnitude = power.sqrt()
    again = spectrogram(waveform, power=1.0, **options)
    return 20 * math.log10(float((again - magnitude).norm() / magnitude.norm()))


# ------------------------------------------------------------------------------------- closed forms
@pytest.mark.parametrize("method", ["classic", "fast", "accelerated"])
def test_the_true_phases_are_a_fixed_point(speech, method):
    spectrum = spectrogram(speech, power=None, **SIZE)
    waveform, trace = griffin_lim(
        spectrum.abs().square(),
        n_iter=5,
        method=method,
        initial_phase=spectrum.angle(),
        length=len(speech),
        return_convergence=True,
        **SIZE,
    )
    assert float(trace.max()) < -280
    torch.testing.assert_close(waveform, speech, rtol=0, atol=1e-12)


def test_no_iterations_invert_the_initial_phase(speech):
    power = spectrogram(speech, **SIZE)
    phase = torch.rand(power.shape, dtype=torch.float64) * 6
    expected = inverse_spectrogram(torch.polar(power.sqrt(), phase), **SIZE)
    result = griffin_lim(power, n_iter=0, initial_phase=phase, **SIZE)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)


def test_the_classic_method_never_gets_worse(speech):
    """Griffin and Lim's theorem: the distance falls with every iteration."""
    power = spectrogram(speech, pad_mode="constant", n_fft=512, center=False)
    _, trace = griffin_lim(
        power,
        n_iter=30,
        method="classic",
        initial_phase="random",
        generator=0,
        return_convergence=True,
        n_fft=512,
        center=False,
    )
    assert (trace.diff() <= 1e-9).all()
    assert float(trace[-1]) < float(trace[0]) - 8


def test_the_trace_is_the_convergence_of_the_waveform(speech):
    power = spectrogram(speech, **SIZE)
    for n_iter in (0, 1, 7):
        waveform, trace = griffin_lim(
            power, n_iter=n_iter, length=len(speech), return_convergence=True, **SIZE
        )
        assert trace.shape == (n_iter + 1,)
        assert float(trace[-1]) == pytest.approx(convergence_db(waveform, power, **SIZE), abs=1e-6)


def test_a_tone_is_found_with_its_frequency_and_level():
    time_s = torch.arange(16_000, dtype=torch.float64) / 16_000
    tone = 0.3 * torch.sin(2 * math.pi * 1234.5 * time_s)
    result = griffin_lim(spectrogram(tone, **SIZE), length=16_000, **SIZE)
    middle = result[4000:12_000]
    assert float(middle.square().mean().sqrt()) == pytest.approx(0.3 / math.sqrt(2), rel=0.01)
    peak = int(spectrogram(middle, n_fft=4096)[:, 4].argmax()) * 16_000 / 4096
    assert abs(peak - 1234.5) < 16_000 / 4096


def test_silence_gives_silence():
    for start in ("peaks", "random", "zero"):
        assert not griffin_lim(torch.zeros(257, 9), n_fft=512, initial_phase=start).any()


# ------------------------------------------------------------------------------------------- parity
@pytest.mark.parametrize("momentum", [0.0, 0.99])
@pytest.mark.parametrize("length", [None, 32_123])
def test_equal_to_torchaudio_from_the_same_phases(speech, momentum, length):
    """From zero phases torchaudio's 8 iterations and ours are the same computation."""
    power = spectrogram(speech, **SIZE)
    window = torch.hann_window(1024, dtype=torch.float64)
    # torchaudio divides its momentum by 1 + momentum and multiplies by one frame less: the same
    # recurrence, up to a factor that the projection takes away.
    expected = functional.griffinlim(
        power, window, 1024, 256, 1024, 2.0, 8, momentum, length, rand_init=False
    )
    result = griffin_lim(
        power,
        n_iter=8,
        method=Acceleration(momentum),
        initial_phase="zero",
        length=length,
        **SIZE,
    )
    assert result.shape == expected.shape
    # torchaudio adds 1e-16 to magnitudes and starts its momentum from an iterate of zero.
    assert convergence_db(result, power, **SIZE) == pytest.approx(
        convergence_db(expected, power, **SIZE), abs=0.5
    )
    if momentum == 0.0:
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-9)


def test_as_good_as_librosa_from_the_same_phases(speech):
    options = {"n_fft": 1024, "hop_length": 256}
    power = spectrogram(speech, **options)
    theirs = librosa.griffinlim(
        power.sqrt().numpy(), n_iter=16, hop_length=256, init=None, dtype=np.float64
    )
    ours = griffin_lim(power, n_iter=16, method="fast", initial_phase="zero", **options)
    assert convergence_db(ours, power, **options) == pytest.approx(
        convergence_db(torch.from_numpy(theirs), power, **options), abs=1.0
    )


@pytest.mark.parametrize("hop", [128, 256, 512])
def test_a_third_of_the_iterations_for_torchaudios_quality(speech, hop):
    """The claim: 11 iterations from the peaks are as good as torchaudio's 32 from random phases."""
    options = SIZE | {"hop_length": hop}
    signal = speech.float()
    power = spectrogram(signal, **options)
    window = torch.hann_window(1024)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = functional.griffinlim(
            power, window, 1024, hop, 1024, 2.0, 32, 0.99, len(signal), rand_init=True
        )
    ours = griffin_lim(power, n_iter=11, length=len(signal), **options)
    assert convergence_db(ours, power, **options) < convergence_db(theirs, power, **options)


def test_the_order_of_methods_and_starts(speech):
    power = spectrogram(speech, **SIZE)

    def after(n_iter: int, method: str, start: str) -> float:
        options = {"method": method, "initial_phase": start, "generator": 3, **SIZE}
        return float(griffin_lim(power, n_iter=n_iter, return_convergence=True, **options)[1][-1])

    for start, lead_db in (("random", 3.0), ("peaks", 0.5)):
        classic, fast, accelerated = (
            after(32, method, start) for method in ("classic", "fast", "accelerated")
        )
        assert accelerated < fast < classic - lead_db
    assert after(0, "fast", "peaks") < after(0, "fast", "random") - 8
    assert after(16, "accelerated", "peaks") < after(16, "accelerated", "random") - 4


# --------------------------------------------------------------------------- batches and randomness
def test_items_of_a_batch_are_those_of_single_calls(three):
    power = spectrogram(three, **SIZE)
    waveform, trace = griffin_lim(power, n_iter=6, return_convergence=True, **SIZE)
    assert trace.shape == (3, 7)
    for item, alone, own_trace in zip(waveform, power, trace, strict=True):
        result, own = griffin_lim(alone, n_iter=6, return_convergence=True, **SIZE)
        assert torch.equal(item, result)
        assert torch.equal(own_trace, own)
    stacked = griffin_lim(power.reshape(3, 1, *power.shape[1:]), n_iter=6, **SIZE)
    assert torch.equal(stacked[:, 0], waveform)


def test_random_phases_come_from_the_generator_alone(three):
    power = spectrogram(three, **SIZE)
    options = {"n_iter": 2, "initial_phase": "random", **SIZE}
    state = torch.random.get_rng_state()
    all_three = griffin_lim(power, generator=7, **options)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(griffin_lim(power[:2], generator=7, **options), all_three[:2])
    assert not torch.equal(griffin_lim(power, generator=8, **options), all_three)
    source = torch.Generator().manual_seed(7)
    in_turn = torch.stack([griffin_lim(item, generator=source, **options) for item in power])
    assert torch.equal(in_turn, all_three)


def test_float32_and_the_input_are_left_as_they_are(speech):
    power = spectrogram(speech.float(), **SIZE).requires_grad_()
    before = power.detach().clone()
    result = griffin_lim(power, n_iter=4, **SIZE)
    assert result.dtype == torch.float32
    assert not result.requires_grad
    assert torch.equal(power.detach(), before)
    double = griffin_lim(before.double(), n_iter=4, **SIZE)
    assert float((result - double).norm() / double.norm()) < 1e-2


def test_whispers_spectrum_can_be_inverted_if_it_keeps_its_last_frame(speech):
    options = {"convention": "whisper", "drop_last_frame": False}
    power = spectrogram(speech, 16_000, **options)
    waveform = griffin_lim(power, 16_000, **options)
    assert convergence_db(waveform, power, **options) < -18


@settings(max_examples=40, deadline=None)
@given(
    n_fft=st.integers(2, 300),
    hop_part=st.integers(2, 8),
    count=st.integers(1, 12),
    center=st.booleans(),
    extra=st.integers(0, 400),
)
def test_any_size(n_fft, hop_part, count, center, extra):
    hop = max(n_fft // hop_part, 1)
    generator = torch.Generator().manual_seed(n_fft)
    power = torch.rand(n_fft // 2 + 1, count, dtype=torch.float64, generator=generator)
    options = {"n_fft": n_fft, "hop_length": hop, "center": center, "window": "hamming"}
    start = n_fft // 2 if center else 0
    span = (count - 1) * hop + n_fft - 2 * start
    if span < 1:
        with pytest.raises(ValueError, match=r"length=0 does not give the 1 frames"):
            griffin_lim(power, n_iter=1, **options)
    else:
        assert griffin_lim(power, n_iter=1, **options).shape == (span,)
    length = span + extra % hop
    if length >= 1:
        waveform = griffin_lim(power, n_iter=2, length=length, **options)
        assert waveform.shape == (length,)
        assert torch.isfinite(waveform).all()
    with pytest.raises(ValueError, match=r"does not give the"):
        griffin_lim(power, length=span + hop, **options)


# ---------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("power", "options", "error", "message"),
    [
        (torch.zeros(257, 9) + 0j, {}, TypeError, r"spectrogram must be float32 or float64"),
        (torch.full((257, 9), -1.0), {}, ValueError, r"must not be negative"),
        (torch.full((257, 9), math.nan), {}, ValueError, r"NaN or infinite"),
        (torch.zeros(513, 9), {}, ValueError, r"shape \(\.\.\., 257, frame\), got \(513, 9\)"),
        (torch.zeros(257, 0), {}, ValueError, r"spectrogram is empty"),
        (torch.zeros(257, 9), {"n_iter": -1}, ValueError, r"n_iter must be at least 0"),
        (torch.zeros(257, 9), {"n_iter": 1.5}, TypeError, r"n_iter must be an int"),
        (torch.zeros(257, 9), {"method": "slow"}, ValueError, r"method must be one of 'classic'"),
        (torch.zeros(257, 9), {"method": Acceleration(-1.0)}, ValueError, r"alpha must be at"),
        (torch.zeros(257, 9), {"initial_phase": "one"}, ValueError, r"initial_phase must be one"),
        (torch.zeros(257, 9), {"initial_phase": torch.zeros(9, 257)}, ValueError, r"of the spectr"),
        (torch.zeros(257, 9), {"length": 5000}, ValueError, r"give between 1024 and 1151 samples"),
        (torch.zeros(257, 9), {"length": 1024.0}, TypeError, r"length must be an int"),
        (torch.zeros(257, 9), {"power": None}, ValueError, r"griffin_lim needs a power"),
        (torch.zeros(257, 9), {"hop_length": 512}, ValueError, r"choose a hop of at most 256"),
        (torch.zeros(257, 2), {"pad_mode": "reflect"}, ValueError, r"too few for reflect padding"),
        (torch.zeros(257, 9), {"convention": "kaldi"}, ValueError, r"has no inverse"),
    ],
)
def test_bad_input_is_refused_by_name(power, options, error, message):
    rate = 16_000 if "convention" in options else None
    with pytest.raises(error, match=message):
        griffin_lim(power, rate, n_fft=512, **options)


def test_the_module_refuses_bad_settings_when_it_is_made():
    with pytest.raises(ValueError, match=r"choose a hop of at most 256"):
        GriffinLim(n_fft=512, hop_length=512)
    with pytest.raises(ValueError, match=r"n_iter must be at least 0"):
        GriffinLim(n_iter=-2)
