"""What a training run is made of, read from YAML: every number that shapes the outcome.

A configuration says all that a run depends on except where its data and its results lie, so that
the file, the seed and the data's recipe give the same model again. Everything that changes along
the run is a function of its *progress*, the share of the run that is done, from 0 to 1: the run may
be made shorter or longer under way without touching anything else.

A field that is misspelt or out of range stops the run before it starts, and is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audiolab._documents import DocumentError, check_fields, read_document
from audiolab._typing import FilePath
from audiolab.codec.config import PRESETS, EncodecConfig
from audiolab.codec.training._reading import plain, read_section
from audiolab.codec.training.sections import (
    AdversaryConfig,
    AverageConfig,
    CheckpointConfig,
    LossConfig,
    OptimizerConfig,
    QuantizerConfig,
    check_bounds,
)

__all__ = ["TrainingConfig"]


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
    initialization : {"default", "unit_variance"}
        The networks' first weights: as the model draws them, or a SEANet's rescaled so that it
        neither shrinks nor swells the signal (`audiolab.codec.training.initialization`).
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
            check_bounds(getattr(self, name), name, 1)
        check_bounds(self.seed, "seed", 0, 2**63 - 1)
        if self.budget_minutes is not None and self.budget_minutes <= 0:
            raise ValueError(f"budget_minutes must be above 0, got {self.budget_minutes}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be float32 or bfloat16, got {self.precision!r}")
        if self.initialization not in ("default", "unit_variance"):
            raise ValueError(
                f"initialization must be default or unit_variance, got {self.initialization!r}"
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
        built: TrainingConfig = read_section(cls, values, "")
        return built

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` takes back.

        Returns
        -------
        dict
            All fields, for JSON or YAML.
        """
        content: dict[str, Any] = plain(dataclasses.asdict(self))
        content["model"] = plain(self.model.to_dict())
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
