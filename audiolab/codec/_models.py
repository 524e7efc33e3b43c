"""The models that a file is written or read with: given, named, or found by their path.

Published models are kept in memory for the next call, and the exact twin of a float language model
until the model is trained on.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import torch

from audiolab._typing import FilePath
from audiolab.codec._download import CheckpointError
from audiolab.codec._payload import AnyLanguageModel
from audiolab.codec.checkpoint import BUNDLED, bundled_path
from audiolab.codec.config import PRESETS, EncodecConfig
from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.language_model import LanguageModel
from audiolab.codec.model import EncodecModel

__all__ = [
    "LanguageModelLike",
    "ModelLike",
    "check_fit",
    "device_of",
    "exact_twin",
    "find_language_model",
    "find_model",
    "load_language_model",
]

#: A model, or what `EncodecModel.from_pretrained` takes.
ModelLike: TypeAlias = EncodecModel | FilePath
#: A language model, a path to one, True for that of the model, or False.
LanguageModelLike: TypeAlias = bool | AnyLanguageModel | FilePath


@lru_cache(maxsize=2)
def _published(name: str) -> EncodecModel:
    return EncodecModel.from_pretrained(name)


@lru_cache(maxsize=2)
def _named_lm(name: str) -> AnyLanguageModel:
    if name not in BUNDLED:
        return LanguageModel.from_pretrained(name)
    path = bundled_path(f"{name}_lm")
    if not path.is_file():
        raise CheckpointError(f"this copy of audiolab lacks it: {path}")
    return _read_lm(path)


# Float models, the state they were in, and their exact twins.
_twins: dict[int, tuple[LanguageModel, list[int], ExactLanguageModel]] = {}


def exact_twin(model: AnyLanguageModel) -> ExactLanguageModel:
    """Return the exact twin of a float model, made once and again when the model was trained."""
    if isinstance(model, ExactLanguageModel):
        return model
    versions = [0 if each.is_inference() else each._version for each in model.parameters()]
    found = _twins.get(id(model))
    if found is None or found[0] is not model or found[1] != versions:
        if len(_twins) >= 2:
            _twins.clear()
        found = _twins[id(model)] = (model, versions, ExactLanguageModel.from_float(model))
    return found[2]


def load_language_model(source: FilePath) -> AnyLanguageModel:
    """Load a language model, float or exact, whichever the file holds.

    Parameters
    ----------
    source : str or path
        A file that `LanguageModel.save` or `ExactLanguageModel.save` wrote, a published checkpoint,
        or a codec's name; that of ``"audiolab_24khz"`` is part of this package.

    Returns
    -------
    LanguageModel or ExactLanguageModel
        A published one is kept in memory for the next call.

    Raises
    ------
    CheckpointError
        Nothing is found, or what is found is not a language model.
    """
    path = Path(source)
    if not path.is_file():
        return _named_lm(str(source))
    return _read_lm(path)


def _read_lm(path: Path) -> AnyLanguageModel:
    try:
        return ExactLanguageModel.load(path)
    except ValueError:
        return LanguageModel.from_pretrained(path)


def find_model(model: ModelLike) -> EncodecModel:
    """Return the model that is meant."""
    if isinstance(model, EncodecModel):
        return model
    # A file or folder may change; a published checkpoint does not.
    return _published(str(model)) if model in PRESETS else EncodecModel.from_pretrained(model)


def find_language_model(lm: LanguageModelLike, name: str) -> AnyLanguageModel:
    """Return the language model that is meant."""
    if isinstance(lm, bool):
        try:
            return load_language_model(name)
        except CheckpointError as error:
            raise CheckpointError(f"the language model of {name}: {error}") from None
    return lm if isinstance(lm, LanguageModel | ExactLanguageModel) else load_language_model(lm)


def check_fit(lm: AnyLanguageModel, config: EncodecConfig, num_codebooks: int) -> None:
    """Refuse a language model that was made for other codes."""
    if lm.config.codebook_size != config.codebook_size or lm.config.num_codebooks < num_codebooks:
        raise ValueError(
            f"the language model is for {lm.config.num_codebooks} codebooks of "
            f"{lm.config.codebook_size} entries, {config.name} uses {num_codebooks} of "
            f"{config.codebook_size}"
        )


def device_of(model: EncodecModel) -> torch.device:
    """Return where a model's weights are."""
    return next(model.parameters()).device
