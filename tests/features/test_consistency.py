"""What holds for every feature: items apart, dtype kept, gradients, and the module twin."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch.autograd import gradcheck

import audiolab.features as features
from audiolab.features import (
    InverseSpectrogram,
    PhaseVocoder,
    inverse_mel,
    inverse_spectrogram,
    log_compress,
    log_expand,
    phase_vocoder,
    spectrogram,
)

RATE = 16_000
SMALL = {"n_fft": 512, "hop_length": 160}
MEL = SMALL | {"n_mels": 24}
PRESETS = ("librosa", "torchaudio", "kaldi", "whisper")

Feature = Callable[[torch.Tensor], torch.Tensor]

#: name: (function of a waveform, module twin)
TWINS: dict[str, tuple[Feature, torch.nn.Module]] = {
    "spectrogram": (lambda x: spectrogram(x, **SMALL), features.Spectrogram(**SMALL)),
    "magnitude": (
        lambda x: spectrogram(x, power=1.0, **SMALL),
        features.Spectrogram(power=1.0, **SMALL),
    ),
    "complex": (
        lambda x: spectrogram(x, power=None, **SMALL),
        features.Spectrogram(power=None, **SMALL),
    ),
    "log_spectrogram": (
        lambda x: features.log_spectrogram(x, **SMALL),
        features.LogSpectrogram(**SMALL),
    ),
    "mel_spectrogram": (
        lambda x: features.mel_spectrogram(x, RATE, **MEL),
        features.MelSpectrogram(RATE, **MEL),
    ),
    "mfcc": (lambda x: features.mfcc(x, RATE, **MEL), features.MFCC(RATE, **MEL)),
    "lfcc": (
        lambda x: features.lfcc(x, RATE, n_coefficients=13, **MEL),
        features.LFCC(RATE, n_coefficients=13, **MEL),
    ),
    "descriptors": (
        lambda x: torch.stack(features.spectral_descriptors(x, RATE, **SMALL), dim=-2),
        features.SpectralDescriptors(RATE, **SMALL),
    ),
    "chroma": (lambda x: features.chroma(x, RATE, **SMALL), features.Chroma(RATE, **SMALL)),
    "deltas": (
        lambda x: features.deltas(features.mfcc(x, RATE, **MEL), order=2),
        torch.nn.Sequential(features.MFCC(RATE, **MEL), features.Deltas(order=2)),
    ),
}
for preset in PRESETS:
    settings = {"convention": preset, "n_mels": 24}
    if preset == "librosa":  # so that the short signal of the gradients holds a frame
        settings |= {"n_fft": 1024}
    TWINS[f"log_mel_{preset}"] = (
        lambda x, s=settings: features.log_mel_spectrogram(x, RATE, **s),
        features.LogMelSpectrogram(RATE, **settings),
    )
TWINS["kaldi_energy"] = (
    lambda x: features.mfcc(x, RATE, convention="kaldi", use_energy=True, raw_energy=False),
    features.MFCC(RATE, convention="kaldi", use_energy=True, raw_energy=False),
)
EACH = pytest.mark.parametrize("name", TWINS)


@EACH
def test_items_of_a_batch_are_those_of_single_calls(name, three):
    """A quiet item beside a loud one: nothing is shared, neither clamp nor reference."""
    function, _ = TWINS[name]
    together = function(three)
    for item, alone in zip(together, three, strict=True):
        # Matrix products of other sizes add in another order.
        torch.testing.assert_close(item, function(alone), rtol=1e-9, atol=1e-10)
    stacked = function(three.reshape(3, 1, -1).expand(3, 2, -1))
    torch.testing.assert_close(stacked[:, 1], together, rtol=1e-9, atol=1e-10)


@EACH
def test_the_module_is_the_function(name, three):
    function, module = TWINS[name]
    for signal in (three, three.float()):
        assert torch.equal(module(signal), function(signal))
    assert not module.state_dict()
    assert str(module)
    assert torch.equal(module.double().half()(three), function(three))


@EACH
def test_dtypes_are_kept_and_agree(name, speech):
    function, _ = TWINS[name]
    double, single = function(speech), function(speech.float())
    if name == "complex":
        assert (double.dtype, single.dtype) == (torch.complex128, torch.complex64)
    else:
        assert (double.dtype, single.dtype) == (torch.float64, torch.float32)
    if name == "descriptors":  # a roll-off may move by a bin, where the sum is all but reached
        double, single = double[[0, 1, 3]], single[[0, 1, 3]]
    # Logarithms of cells near the clamp carry the rounding of the loud ones.
    scale = float(double.abs().max())
    assert float((double - single).abs().max()) < 2e-3 * scale


@EACH
def test_input_is_left_alone_whatever_its_layout(name, three):
    function, _ = TWINS[name]
    before = three.clone()
    expected = function(three)
    assert torch.equal(three, before)
    columns = three.T.contiguous().T
    assert not columns.is_contiguous()
    torch.testing.assert_close(function(columns), expected, rtol=1e-9, atol=1e-10)


GRADIENTS = {name: twin for name, twin in TWINS.items() if name != "chroma"} | {
    # Its norm takes the largest class, which has two slopes where two classes tie.
    "chroma": (lambda x: features.chroma(x, RATE, norm=2.0, **SMALL), None),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    function, _ = GRADIENTS[name]
    generator = torch.Generator().manual_seed(5)
    time_s = torch.arange(1600, dtype=torch.float64) / RATE
    noise = torch.randn(1600, dtype=torch.float64, generator=generator)
    signal = (torch.sin(3000.0 * time_s) + 0.3 * noise)[None].requires_grad_()
    if name == "deltas":
        signal = signal.detach().repeat(1, 2).requires_grad_()

    def differentiable(x: torch.Tensor) -> torch.Tensor:
        result = function(x)
        return result[:, [0, 1, 3]] if name == "descriptors" else result

    assert gradcheck(differentiable, signal, fast_mode=True, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("function", "complex_input"),
    [
        (lambda s: inverse_spectrogram(s, n_fft=32), True),
        (lambda s: inverse_spectrogram(s, n_fft=32, center=False, length=100), True),
        (lambda s: torch.view_as_real(phase_vocoder(s, 0.8, hop_length=8)), True),
        (lambda s: inverse_mel(s.abs()[:8] + 0.1, RATE, n_fft=32, n_mels=8, n_iter=4), False),
        (lambda s: log_expand(log_compress(s.abs() + 0.1)), False),
        (lambda s: features.deltas(s, order=2, convention="kaldi"), False),
        (lambda s: features.deltas(s, order=2, convention="torchaudio"), False),
        (lambda s: features.deltas(s), False),
    ],
)
@pytest.mark.filterwarnings("ignore::audiolab.features.DegenerateFilterWarning")
def test_gradients_of_what_takes_no_waveform(function, complex_input):
    generator = torch.Generator().manual_seed(5)
    kind = torch.complex128 if complex_input else torch.float64
    values = torch.randn(17, 10, dtype=kind, generator=generator)
    assert gradcheck(function, values.requires_grad_(), fast_mode=True, rtol=1e-3, atol=1e-6)


def test_silence_has_finite_gradients():
    """A root of a square would give NaN here."""
    for name, (function, _) in TWINS.items():
        silence = torch.zeros(1, 4000, requires_grad=True)
        result = function(silence)
        (torch.view_as_real(result) if result.is_complex() else result).sum().backward()
        assert torch.isfinite(silence.grad).all(), name


def test_kernels_first_made_in_inference_mode_can_be_differentiated():
    options = {"n_fft": 260, "n_mels": 7}  # of no other test, so that nothing is cached yet
    with torch.inference_mode():
        features.mfcc(torch.rand(800), RATE, n_coefficients=5, **options)
    signal = torch.rand(800, requires_grad=True)
    features.mfcc(signal, RATE, n_coefficients=5, **options).sum().backward()
    assert torch.isfinite(signal.grad).all()


def test_returned_kernels_can_be_written_to():
    signal = torch.rand(4000)
    before = features.mel_spectrogram(signal, RATE, n_mels=20)
    features.mel_filterbank(RATE, n_mels=20).zero_()
    features.dct_matrix(5, 20).zero_()
    assert torch.equal(features.mel_spectrogram(signal, RATE, n_mels=20), before)


@pytest.mark.parametrize("rate", [0.7, 1.0, 1.9])
def test_the_ways_back_keep_items_apart(rate, three):
    spectrum = spectrogram(three, power=None, **SMALL)
    stretched = phase_vocoder(spectrum, rate, hop_length=160)
    waveform = inverse_spectrogram(stretched, **SMALL)
    for index in range(3):
        alone = phase_vocoder(spectrum[index], rate, hop_length=160)
        torch.testing.assert_close(alone, stretched[index])
        torch.testing.assert_close(inverse_spectrogram(alone, **SMALL), waveform[index])
    assert torch.equal(InverseSpectrogram(**SMALL)(stretched), waveform)
    assert torch.equal(PhaseVocoder(160, rate)(spectrum), stretched)


def test_a_module_says_what_it_is():
    module = features.MFCC(RATE, convention="kaldi", n_mels=40)
    assert str(module) == "MFCC(sample_rate=16000, convention='kaldi', n_mels=40)"


def test_a_module_can_be_copied_and_pickled(speech):
    module = features.LogMelSpectrogram(RATE, convention="whisper")
    again = pickle.loads(pickle.dumps(copy.deepcopy(module)))
    assert torch.equal(again(speech), module(speech))
    assert again.convention == module.convention
