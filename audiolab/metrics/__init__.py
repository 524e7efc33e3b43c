"""Numbers about waveforms: levels, loudness, delay, bandwidth, distortion, perceived quality.

Each function takes ``(..., time)`` tensors and returns one value an item; `loudness_lufs` takes
channels too, since loudness adds them up. Those that make sense as a loss are differentiable.
"""

from audiolab.metrics.alignment import align, delay_samples
from audiolab.metrics.distortion import log_spectral_distance_db, si_sdr_db, snr_db
from audiolab.metrics.levels import crest_db, peak_db, rms_db, true_peak_db
from audiolab.metrics.loudness import loudness_lufs
from audiolab.metrics.panel import PANEL, Measure, quality_panel
from audiolab.metrics.perceptual import pesq, stoi, visqol
from audiolab.metrics.spectral_distance import mel_distance_db, multi_resolution_stft_distance
from audiolab.metrics.spectrum import bandwidth_hz
from audiolab.metrics.speech_level import ActiveLevel, a_weighted_db, a_weighting, active_level_db

__all__ = [
    "PANEL",
    "ActiveLevel",
    "Measure",
    "a_weighted_db",
    "a_weighting",
    "active_level_db",
    "align",
    "bandwidth_hz",
    "crest_db",
    "delay_samples",
    "log_spectral_distance_db",
    "loudness_lufs",
    "mel_distance_db",
    "multi_resolution_stft_distance",
    "peak_db",
    "pesq",
    "quality_panel",
    "rms_db",
    "si_sdr_db",
    "snr_db",
    "stoi",
    "true_peak_db",
    "visqol",
]
