"""What a language model of codes is made of, as plain numbers that go to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

__all__ = ["LANGUAGE_MODELS", "LanguageModelConfig"]


@dataclass(frozen=True)
class LanguageModelConfig:
    """What a language model is made of.

    Parameters
    ----------
    name : str
        Name of the codec whose codes it guesses.
    num_codebooks : int
        Most codebooks it knows; fewer may be used.
    codebook_size : int
        Entries of a codebook.
    dim : int
        Width of the transformer, even.
    num_heads : int
        Attention heads; they divide `dim`.
    num_layers : int
        Transformer layers.
    hidden_dim : int
        Width between the two linear maps of a layer.
    past_context : int
        Frames before the current one that attention sees.
    max_period : int
        Slowest turn of the position code, in frames over 2 pi.
    """

    name: str = "unset"
    num_codebooks: int = 32
    codebook_size: int = 1024
    dim: int = 200
    num_heads: int = 8
    num_layers: int = 5
    hidden_dim: int = 800
    past_context: int = 262
    max_period: int = 10_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "name":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{field.name} must be a whole number above 0, got {value!r}")
        if self.dim % 2 or self.dim % self.num_heads:
            raise ValueError(
                f"dim must be even and a multiple of num_heads={self.num_heads}, got {self.dim}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON.

        Returns
        -------
        dict
            Name to value.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` returned.

        Parameters
        ----------
        values : mapping
            Name to value; what is missing has its default.

        Returns
        -------
        LanguageModelConfig
            The configuration.

        Raises
        ------
        ValueError
            A name is unknown or a value makes no sense.
        """
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"a language model has no {', '.join(sorted(unknown))}")
        return cls(**values)


#: The two models of the EnCodec reference: 3.5 seconds of context each.
LANGUAGE_MODELS = {
    "encodec_24khz": LanguageModelConfig("encodec_24khz", num_codebooks=32, past_context=262),
    "encodec_48khz": LanguageModelConfig("encodec_48khz", num_codebooks=16, past_context=525),
}
