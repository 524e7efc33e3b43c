"""What a training run is made of, read from YAML: every number that shapes the outcome.

A configuration says all that a run depends on except where its data and its results lie, so that
the file, the seed and the data's recipe give the same model again. Everything that changes along
the run is a function of its *progress*, the share of the run that is done, from 0 to 1: the run may
be made shorter or longer under way without touching anything else.

A field that is misspelt or out of range stops the run before it starts, and is named.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union, get_args, get_origin, get_type_hints

from audiolab._documents import DocumentError, check_fields, read_document
from audiolab._typing import FilePath
from audiolab.codec.config import PRESETS, EncodecConfig

__all__ = [
    "AdversaryConfig",
    "AverageConfig",
    "CheckpointConfig",
    "LossConfig",
    "OptimizerConfig",
    "QuantizerConfig",
    "TrainingConfig",
]


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
            _check(getattr(self, each.name), each.name, 0.0)
        _check(self.waveform_first, "waveform_first", 0.0, 0.5)
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
        _check(self.final_learning_rate, "final_learning_rate", 0.0, self.learning_rate)
        _check(self.warmup, "warmup", 0.0, 1.0)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be two numbers from 0 to below 1, got {self.betas}")
        _check(self.weight_decay, "weight_decay", 0.0)
        _check(self.clip_norm, "clip_norm", 0.0)


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
        _check(self.bypass, "bypass", 0.0, 1.0)
        _check(self.bypass_until, "bypass_until", 0.0, 1.0)
        _check(self.dead_share, "dead_share", 0.0, 0.9)
        _check(self.freeze_statistics, "freeze_statistics", 0.0, 1.0)
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
        _check(self.start, "start", 0.0, 1.0)
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
    """

    every_minutes: float = 5.0
    every_steps: int = 0
    keep: int = 3
    validation_batches: int = 4

    def __post_init__(self) -> None:
        if self.every_minutes <= 0:
            raise ValueError(f"every_minutes must be above 0, got {self.every_minutes}")
        _check(self.every_steps, "every_steps", 0)
        _check(self.keep, "keep", 1)
        _check(self.validation_batches, "validation_batches", 0)


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
            _check(getattr(self, name), name, 0.0, 1.0)
        for name in ("adversarial", "features", "reconstruction"):
            _check(getattr(self, name), name, 0.0)
        if not self.windows or any(window < 16 or window % 4 for window in self.windows):
            raise ValueError(f"windows must be multiples of 4 from 16 on, got {self.windows}")
        _check(self.num_filters, "num_filters", 1)
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be two numbers from 0 to below 1, got {self.betas}")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must lie from 0 to below 1, got {self.decay}")


@dataclass(frozen=True)
class TrainingConfig:
    """A training run.

    Parameters
    ----------
    model : EncodecConfig
        The model; in a document, a preset's name or the fields that differ from a ``preset``.
    seed : int
        Whatever is drawn follows from it and the step's number.
    steps : int
        Length of the run.
    budget_minutes : float or None
        Length in minutes of training instead: progress is then the time spent, and no longer the
        same on every machine.
    batch_size : int
        Items in a batch, over all processes.
    segment_s : float
        Length of an item in seconds.
    precision : {"float32", "bfloat16"}
        Type of the networks' products; quantiser and losses stay in float32.
    log_every : int
        Steps between two lines of the log.
    initialization : {"default", "variance_preserving"}
        The networks' first weights: as the model draws them, or rescaled so that a SEANet neither
        shrinks nor swells the signal.
    data : mapping
        The recipe of the data, for `audiolab.codec.training.data`.
    losses : LossConfig
        The losses.
    optimizer : OptimizerConfig
        Steps and their size.
    quantizer : QuantizerConfig
        Codebooks.
    average : AverageConfig
        The average that is published.
    checkpoints : CheckpointConfig
        When to save.
    adversary : AdversaryConfig or None
        The discriminator, or none.

    Examples
    --------
    >>> config = TrainingConfig.from_dict({"model": "encodec_24khz", "steps": 100})
    >>> config.losses.time
    40.0
    """

    model: EncodecConfig
    seed: int = 0
    steps: int = 20_000
    budget_minutes: float | None = None
    batch_size: int = 8
    segment_s: float = 1.0
    precision: str = "float32"
    log_every: int = 50
    initialization: str = "default"
    data: Mapping[str, Any] = field(default_factory=dict)
    losses: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    quantizer: QuantizerConfig = field(default_factory=QuantizerConfig)
    average: AverageConfig = field(default_factory=AverageConfig)
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    adversary: AdversaryConfig | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every"):
            _check(getattr(self, name), name, 1)
        _check(self.seed, "seed", 0, 2**63 - 1)
        if self.budget_minutes is not None and self.budget_minutes <= 0:
            raise ValueError(f"budget_minutes must be above 0, got {self.budget_minutes}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be float32 or bfloat16, got {self.precision!r}")
        if self.initialization not in ("default", "variance_preserving"):
            raise ValueError(
                "initialization must be default or variance_preserving, "
                f"got {self.initialization!r}"
            )
        if self.num_samples < max(self.losses.windows):
            raise ValueError(
                f"segment_s must span the longest window of {max(self.losses.windows)} samples, "
                f"got {self.segment_s}"
            )
        for count in self.quantizer.codebooks:
            if count > self.model.num_codebooks:
                raise ValueError(
                    f"quantizer.codebooks must be at most the model's {self.model.num_codebooks}, "
                    f"got {count}"
                )

    @property
    def num_samples(self) -> int:
        """Samples of an item: whole frames of the model's."""
        hop = self.model.hop_length
        return max(1, round(self.segment_s * self.model.sample_rate / hop)) * hop

    @property
    def codebook_counts(self) -> tuple[int, ...]:
        """Numbers of codebooks to draw from."""
        counts = tuple(self.model.num_codebooks_for(b) for b in self.model.target_bandwidths)
        return self.quantizer.codebooks or counts

    @classmethod
    def load(cls, path: FilePath) -> TrainingConfig:
        """Read a configuration from a YAML or JSON file.

        Parameters
        ----------
        path : str or path
            The document.

        Returns
        -------
        TrainingConfig
            The checked configuration.

        Raises
        ------
        DocumentError
            The file can't be read, or a field of it is wrong; names both.
        """
        content = read_document(path)
        try:
            return cls.from_dict(content)
        except DocumentError as error:
            raise DocumentError(f"{path}: {error}") from None

    @classmethod
    def from_dict(cls, content: Any) -> TrainingConfig:
        """Build a configuration from plain data.

        Parameters
        ----------
        content : mapping
            Fields by name; missing ones take their default.

        Returns
        -------
        TrainingConfig
            The checked configuration.

        Raises
        ------
        DocumentError
            A field is unknown, missing or wrong; names it.
        """
        known = [each.name for each in dataclasses.fields(cls)]
        values = dict(check_fields(content, "the configuration", known=known, needed=["model"]))
        values["model"] = _model(values["model"])
        built: TrainingConfig = _section(cls, values, "")
        return built

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` takes back.

        Returns
        -------
        dict
            All fields, for JSON or YAML.
        """
        content: dict[str, Any] = _plain(dataclasses.asdict(self))
        content["model"] = _plain(self.model.to_dict())
        return content


def _model(content: Any) -> EncodecConfig:
    """Return the model's numbers: a preset, or one with some of its fields changed."""
    values = {"preset": content} if isinstance(content, str) else content
    if not isinstance(values, dict):
        raise DocumentError(f"model must be a preset's name or a mapping, got {content!r}")
    base = values.get("preset")
    if base is not None and base not in PRESETS:
        raise DocumentError(f"model.preset must be one of {', '.join(PRESETS)}, got {base!r}")
    start = {} if base is None else PRESETS[base].to_dict()
    changed = {name: value for name, value in values.items() if name != "preset"}
    try:
        return EncodecConfig.from_dict({**start, **changed})
    except (TypeError, ValueError) as error:
        raise DocumentError(f"model: {error}") from None


def _section(cls: type[Any], content: Any, where: str) -> Any:
    """Build a dataclass from plain data, naming the field that is wrong."""
    dot = f"{where}." if where else ""
    hints = get_type_hints(cls)
    names = [each.name for each in dataclasses.fields(cls)]
    given = check_fields(content, where or "the configuration", known=names)
    values = {name: _value(hints[name], value, f"{dot}{name}") for name, value in given.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise DocumentError(f"{dot}{error}") from None


def _value(hint: Any, value: Any, where: str) -> Any:
    """Return `value` as the annotation has it."""
    if get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        hint = next(each for each in get_args(hint) if each is not type(None))
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, EncodecConfig) else _section(_class(hint), value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise DocumentError(f"{where} must be a list, got {value!r}")
        kind = get_args(hint)[0]
        return tuple(_value(kind, each, f"{where}[{i}]") for i, each in enumerate(value))
    if get_origin(hint) is not None:
        return dict(check_fields(value, where, known=value if isinstance(value, dict) else ()))
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        words = {float: "a number", int: "a whole number", str: "a word"}
        raise DocumentError(f"{where} must be {words.get(hint, hint.__name__)}, got {value!r}")
    return value


def _class(hint: Any) -> type[Any]:
    assert isinstance(hint, type)
    return hint


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _check(value: float, name: str, low: float, high: float = float("inf")) -> None:
    if not low <= value <= high:  # a NaN fails too
        bounds = f"at least {low:g}" if high == float("inf") else f"from {low:g} to {high:g}"
        raise ValueError(f"{name} must be {bounds}, got {value}")
