"""Numbers about waveforms: levels, loudness, delay, distortion, bandwidth.

Each function takes ``(..., time)`` tensors and returns one value an item; `loudness_lufs` takes
channels too, since loudness adds them up. Those that make sense as a loss are differentiable.
"""

from audiolab.metrics.alignment import align, delay_samples
from audiolab.metrics.distortion import log_spectral_distance_db, si_sdr_db, snr_db
from audiolab.metrics.levels import crest_db, peak_db, rms_db, true_peak_db
from audiolab.metrics.loudness import loudness_lufs
from audiolab.metrics.spectrum import bandwidth_hz

__all__ = [
    "align",
    "bandwidth_hz",
    "crest_db",
    "delay_samples",
    "log_spectral_distance_db",
    "loudness_lufs",
    "peak_db",
    "rms_db",
    "si_sdr_db",
    "snr_db",
    "true_peak_db",
]
