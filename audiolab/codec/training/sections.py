"""The sections of a training configuration: losses, optimiser, quantiser, average, adversary."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

__all__ = [
    "AdversaryConfig",
    "AverageConfig",
    "CheckpointConfig",
    "LossConfig",
    "OptimizerConfig",
    "QuantizerConfig",
    "check_bounds",
]


def check_bounds(value: float, name: str, low: float, high: float = math.inf) -> None:
    """Raise unless ``low <= value <= high``.

    Parameters
    ----------
    value : float
        The field's value.
    name : str
        The field.
    low, high : float
        Bounds.
    """
    if not low <= value <= high:  # a NaN fails too
        bounds = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{name} must be {bounds}, got {value}")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; one of weight 0 is not computed.

    Parameters
    ----------
    time : float
        Mean absolute difference of the samples.
    mel : float
        Mean absolute difference of mel magnitudes.
    log_mel : float
        The same of their logarithms, L1 and half of L2.
    log_stft : float
        Mean absolute difference of log magnitudes.
    convergence : float
        Spectral convergence: the energy of the magnitudes' difference against the reference's.
    complex_stft : float
        Mean distance of the compressed complex spectra.
    commitment : float
        The latent's distance from its codebook entries.
    waveform_first : float
        Share of the run in which the spectral losses are held back, so that the waveform comes
        first; they grow to full weight over as long a stretch again.
    windows : tuple of int
        Lengths of the STFT windows in samples.
    num_mels : tuple of int
        Mel bands at each of them.
    complex_windows : tuple of int
        Windows at which the complex spectra are compared.
    """

    time: float = 40.0
    mel: float = 10.0
    log_mel: float = 2.0
    log_stft: float = 0.4
    convergence: float = 0.5
    complex_stft: float = 6.0
    commitment: float = 0.25
    waveform_first: float = 0.05
    windows: tuple[int, ...] = (64, 256, 512, 1024, 2048)
    num_mels: tuple[int, ...] = (5, 20, 40, 64, 80)
    complex_windows: tuple[int, ...] = (512, 1024)

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self)[:7]:
            check_bounds(getattr(self, each.name), each.name, 0.0)
        check_bounds(self.waveform_first, "waveform_first", 0.0, 0.5)
        if not self.windows or len(self.windows) != len(self.num_mels):
            raise ValueError(
                f"num_mels must name one count for each of {len(self.windows)} windows, "
                f"got {self.num_mels}"
            )
        for window in self.windows:
            if window < 8 or window % 4:
                raise ValueError(f"windows must be multiples of 4 from 8 on, got {window}")
        for window in self.complex_windows:
            if window not in self.windows:
                raise ValueError(f"complex_windows must be among windows, got {window}")


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW and the path of its learning rate.

    Parameters
    ----------
    learning_rate : float
        Highest rate, at the end of the warm-up.
    final_learning_rate : float
        Where the cosine ends.
    warmup : float
        Share of the run in which the rate rises linearly.
    betas : tuple of float
        Decays of Adam's two averages.
    weight_decay : float
        Decoupled weight decay.
    clip_norm : float
        The gradient's norm is cut to this; 0 for never.
    """

    learning_rate: float = 1.2e-3
    final_learning_rate: float = 1e-5
    warmup: float = 0.02
    betas: tuple[float, ...] = (0.8, 0.99)
    weight_decay: float = 1e-4
    clip_norm: float = 5.0

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        check_bounds(self.final_learning_rate, "final_learning_rate", 0.0, self.learning_rate)
        check_bounds(self.warmup, "warmup", 0.0, 1.0)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be two numbers from 0 to below 1, got {self.betas}")
        check_bounds(self.weight_decay, "weight_decay", 0.0)
        check_bounds(self.clip_norm, "clip_norm", 0.0)


@dataclass(frozen=True)
class QuantizerConfig:
    """How the quantiser is eased in and kept alive.

    Parameters
    ----------
    bypass : float
        Share of the items that go around the quantiser at the start of the run.
    bypass_until : float
        Progress at which that share has come down to nothing.
    codebooks : tuple of int
        Numbers of codebooks to draw from, one for each item; empty for those of the model's
        bandwidths.
    dead_share : float
        Entries picked less often than this share of the average are replaced.
    freeze_statistics : float
        Progress from which the latent's normalisation keeps its statistics.
    """

    bypass: float = 0.6
    bypass_until: float = 0.25
    codebooks: tuple[int, ...] = ()
    dead_share: float = 0.05
    freeze_statistics: float = 0.25

    def __post_init__(self) -> None:
        check_bounds(self.bypass, "bypass", 0.0, 1.0)
        check_bounds(self.bypass_until, "bypass_until", 0.0, 1.0)
        check_bounds(self.dead_share, "dead_share", 0.0, 0.9)
        check_bounds(self.freeze_statistics, "freeze_statistics", 0.0, 1.0)
        for count in self.codebooks:
            if count < 1:
                raise ValueError(f"codebooks must be 1 or more, got {count}")


@dataclass(frozen=True)
class AverageConfig:
    """A moving average of weights and buffers together, over the end of the run.

    Parameters
    ----------
    start : float
        Progress at which it starts; 1 for never.
    decay : float
        Weight of the past at every step.
    """

    start: float = 0.8
    decay: float = 0.998

    def __post_init__(self) -> None:
        check_bounds(self.start, "start", 0.0, 1.0)
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must lie from 0 to below 1, got {self.decay}")


@dataclass(frozen=True)
class CheckpointConfig:
    """When the run is saved and judged.

    Parameters
    ----------
    every_minutes : float
        Minutes of training between two checkpoints.
    every_steps : int
        Steps between two checkpoints, whatever they last; 0 for by minutes only.
    keep : int
        Checkpoints to keep, beside the best.
    validation_batches : int
        Held-out batches that say which one is best; 0 for the last.
    samples : int
        Held-out items to write as sounds with each checkpoint, at every bandwidth.
    """

    every_minutes: float = 5.0
    every_steps: int = 0
    keep: int = 3
    validation_batches: int = 4
    samples: int = 2

    def __post_init__(self) -> None:
        if self.every_minutes <= 0:
            raise ValueError(f"every_minutes must be above 0, got {self.every_minutes}")
        check_bounds(self.every_steps, "every_steps", 0)
        check_bounds(self.keep, "keep", 1)
        check_bounds(self.validation_batches, "validation_batches", 0)
        check_bounds(self.samples, "samples", 0)


@dataclass(frozen=True)
class AdversaryConfig:
    """The multi-scale STFT discriminator and the gradient balancer.

    Parameters
    ----------
    start : float
        Progress at which it joins.
    warmup : float
        Share of the run over which its weight rises from nothing.
    windows : tuple of int
        STFT windows of the scales, in samples.
    num_filters : int
        Channels of its layers.
    learning_rate : float
        Of its own Adam; it follows the generator's cosine.
    betas : tuple of float
        Of its own Adam.
    update_share : float
        Share of the steps at which the discriminator learns.
    adversarial : float
        Share of the gradient that the adversarial loss is given.
    features : float
        Share of the gradient that feature matching is given.
    reconstruction : float
        Share of the gradient that all other losses on the waveform are given together.
    decay : float
        Of the balancer's average of gradient norms.
    """

    start: float = 0.3
    warmup: float = 0.02
    windows: tuple[int, ...] = (2048, 1024, 512, 256, 128)
    num_filters: int = 32
    learning_rate: float = 3e-4
    betas: tuple[float, ...] = (0.5, 0.9)
    update_share: float = 2 / 3
    adversarial: float = 1.0
    features: float = 2.0
    reconstruction: float = 2.0
    decay: float = 0.999

    def __post_init__(self) -> None:
        for name in ("start", "warmup", "update_share"):
            check_bounds(getattr(self, name), name, 0.0, 1.0)
        for name in ("adversarial", "features", "reconstruction"):
            check_bounds(getattr(self, name), name, 0.0)
        if not self.windows or any(window < 16 or window % 4 for window in self.windows):
            raise ValueError(f"windows must be multiples of 4 from 16 on, got {self.windows}")
        check_bounds(self.num_filters, "num_filters", 1)
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be two numbers from 0 to below 1, got {self.betas}")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must lie from 0 to below 1, got {self.decay}")
