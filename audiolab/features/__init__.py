"""Spectral features: functions, module twins, and the conventions by which libraries differ.

Every function takes ``convention="librosa" | "torchaudio" | "kaldi" | "whisper"``, which reproduces
that library's output, and any single choice by keyword; `Convention` lists and explains them all.
Waveforms are (..., time), features (..., value, frame), and no item of a batch changes another.

=================== ============================================================================
spectrogram         `spectrogram`, `inverse_spectrogram`, `log_spectrogram`, `log_compress`,
                    `log_expand`
mel                 `mel_spectrogram`, `log_mel_spectrogram`, `mel_filterbank`, `inverse_mel`
cepstra             `mfcc`, `lfcc`, `deltas`, `dct_matrix`
shape and pitch     `spectral_centroid`, `spectral_bandwidth`, `spectral_rolloff`,
                    `spectral_flatness`, `spectral_descriptors`, `chroma`
phase               `phase_vocoder`, `griffin_lim`
conventions         `convention`, `differences`
=================== ============================================================================

Each has a module twin (`Spectrogram`, `MFCC`, `GriffinLim` ...). The constant-Q transform is left
to ``librosa.cqt``.
"""

from audiolab.features.cepstral import LFCC, MFCC, dct_matrix, lfcc, mfcc
from audiolab.features.chroma import Chroma, chroma, chroma_filterbank
from audiolab.features.conventions import (
    Convention,
    Settings,
    convention,
    differences,
)
from audiolab.features.degenerate import (
    DegenerateFilterWarning,
    FilterbankReport,
    filterbank_report,
)
from audiolab.features.deltas import Deltas, deltas
from audiolab.features.descriptors import (
    SpectralDescriptors,
    SpectralShape,
    spectral_bandwidth,
    spectral_centroid,
    spectral_descriptors,
    spectral_flatness,
    spectral_rolloff,
)
from audiolab.features.filterbank import linear_filterbank, mel_filterbank, mel_frequencies
from audiolab.features.griffin_lim import Acceleration, GriffinLim, griffin_lim
from audiolab.features.inverse import InverseMel, inverse_mel
from audiolab.features.logarithm import LogSpectrogram, log_compress, log_expand, log_spectrogram
from audiolab.features.mel import (
    LogMelSpectrogram,
    MelSpectrogram,
    log_mel_spectrogram,
    mel_spectrogram,
)
from audiolab.features.mel_scale import hz_to_mel, mel_to_hz
from audiolab.features.phase_vocoder import PhaseVocoder, phase_vocoder
from audiolab.features.spectrogram import (
    InverseSpectrogram,
    Spectrogram,
    inverse_spectrogram,
    spectrogram,
)

__all__ = [
    "LFCC",
    "MFCC",
    "Acceleration",
    "Chroma",
    "Convention",
    "DegenerateFilterWarning",
    "Deltas",
    "FilterbankReport",
    "GriffinLim",
    "InverseMel",
    "InverseSpectrogram",
    "LogMelSpectrogram",
    "LogSpectrogram",
    "MelSpectrogram",
    "PhaseVocoder",
    "Settings",
    "SpectralDescriptors",
    "SpectralShape",
    "Spectrogram",
    "chroma",
    "chroma_filterbank",
    "convention",
    "dct_matrix",
    "deltas",
    "differences",
    "filterbank_report",
    "griffin_lim",
    "hz_to_mel",
    "inverse_mel",
    "inverse_spectrogram",
    "lfcc",
    "linear_filterbank",
    "log_compress",
    "log_expand",
    "log_mel_spectrogram",
    "log_spectrogram",
    "mel_filterbank",
    "mel_frequencies",
    "mel_spectrogram",
    "mel_to_hz",
    "mfcc",
    "phase_vocoder",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_descriptors",
    "spectral_flatness",
    "spectral_rolloff",
    "spectrogram",
]
