"""What the training of a language model of codes is made of, read from YAML."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audiolab._documents import DocumentError, check_fields, read_document
from audiolab._typing import FilePath
from audiolab.codec.language_model_config import LanguageModelConfig
from audiolab.codec.training._reading import plain, read_section
from audiolab.codec.training.sections import CheckpointConfig, OptimizerConfig, check_bounds

__all__ = ["LanguageTrainingConfig"]


@dataclass(frozen=True)
class LanguageTrainingConfig:
    """The training run of a language model.

    Parameters
    ----------
    codec : str
        Name, folder or file of the codec whose codes are guessed.
    language_model : LanguageModelConfig
        The language model; its name becomes the codec's.
    seed : int
        Whatever is drawn follows from it and the step's number.
    steps : int
        Length of the run.
    budget_minutes : float or None
        Length in minutes of training instead.
    batch_size : int
        Items in a batch.
    segment_s : float
        Length of an item in seconds.
    codebooks : tuple of int
        Numbers of leading codebooks, of which each step draws one: a frame's embedding is the sum
        over those that are used, so the model has to know them all.
    efforts : tuple of int
        Efforts of the encoder, of which each step draws one.
    counted_batches : int
        Batches whose frequencies the heads' biases start from.
    farthest_position : int
        Position of an item's first frame is drawn up to here, every other time; else it is 0.
    precision : {"float32", "bfloat16"}
        Type of the networks' products; the loss stays in float32.
    log_every : int
        Steps between two lines of the log.
    data : mapping
        The recipe of the data, for `audiolab.codec.training.data`.
    optimizer : OptimizerConfig
        Steps and their size.
    checkpoints : CheckpointConfig
        When to save.

    Examples
    --------
    >>> LanguageTrainingConfig.from_dict({"steps": 10}).language_model.num_codebooks
    16
    """

    codec: str = "audiolab_24khz"
    language_model: LanguageModelConfig = field(
        default_factory=lambda: LanguageModelConfig(
            num_codebooks=16, dim=64, num_heads=4, num_layers=3, hidden_dim=256, past_context=150
        )
    )
    seed: int = 0
    steps: int = 2000
    budget_minutes: float | None = None
    batch_size: int = 8
    segment_s: float = 4.0
    codebooks: tuple[int, ...] = (2, 4, 8, 8, 16)
    efforts: tuple[int, ...] = (1,)
    counted_batches: int = 8
    farthest_position: int = 20_000
    precision: str = "float32"
    log_every: int = 20
    data: Mapping[str, Any] = field(default_factory=dict)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            learning_rate=3e-3, betas=(0.9, 0.98), clip_norm=1.0
        )
    )
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every"):
            check_bounds(getattr(self, name), name, 1)
        for name in ("counted_batches", "farthest_position"):
            check_bounds(getattr(self, name), name, 0)
        check_bounds(self.seed, "seed", 0, 2**63 - 1)
        for name in ("segment_s", "budget_minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be float32 or bfloat16, got {self.precision!r}")
        most = self.language_model.num_codebooks
        if not self.codebooks or not all(1 <= each <= most for each in self.codebooks):
            raise ValueError(f"codebooks must be from 1 to {most}, got {self.codebooks}")
        if not self.efforts or not all(1 <= each <= 1024 for each in self.efforts):
            raise ValueError(f"efforts must be from 1 to 1024, got {self.efforts}")

    @classmethod
    def load(cls, path: FilePath) -> LanguageTrainingConfig:
        """Read a configuration from a YAML or JSON file.

        Parameters
        ----------
        path : str or path
            The document.

        Returns
        -------
        LanguageTrainingConfig
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
    def from_dict(cls, content: Any) -> LanguageTrainingConfig:
        """Build a configuration from plain data.

        Parameters
        ----------
        content : mapping
            Fields by name; missing ones take their default.

        Returns
        -------
        LanguageTrainingConfig
            The checked configuration.

        Raises
        ------
        DocumentError
            A field is unknown or wrong; names it.
        """
        known = [each.name for each in dataclasses.fields(cls)]
        values = check_fields(content, "the configuration", known=known)
        built: LanguageTrainingConfig = read_section(cls, values, "")
        return built

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` takes back.

        Returns
        -------
        dict
            All fields, for JSON or YAML.
        """
        content: dict[str, Any] = plain(dataclasses.asdict(self))
        return content
