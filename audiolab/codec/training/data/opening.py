"""Open whatever a training run is pointed at: a rendered set, or any folder of audio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audiolab._documents import DocumentError, check_fields
from audiolab._typing import FilePath
from audiolab.augment import recipe_from_data
from audiolab.codec.training.data.augmentation import Augmentation
from audiolab.codec.training.data.folder import read_folder
from audiolab.codec.training.data.segments import TrainingAudio
from audiolab.codec.training.data.tracks import Library, read_shards

__all__ = ["open_source"]

#: How often each kind of a rendered set is drawn.
_SHARES = {
    "speech": 0.62,
    "music": 0.28,
    "texture": 0.1,
    "formants": 0.05,
    "song": 0.09,
    "orchestra": 0.06,
}


def open_source(
    folder: FilePath,
    recipe: Mapping[str, Any] | None = None,
    *,
    sample_rate: int,
    num_samples: int,
    channels: int = 1,
    seed: int = 0,
) -> TrainingAudio:
    """Open a folder as batches for training.

    A folder that holds a ``manifest.json`` or shards of `rendering.render` is read as such; any
    other as a folder of audio files, which are searched for in its subfolders too.

    Parameters
    ----------
    folder : path-like
        Where the audio lies.
    recipe : mapping, optional
        The ``data`` of a training configuration: ``shares`` (how often each kind is drawn; for a
        folder of files, each of its subfolders), ``augmentation`` (fields of `Augmentation`),
        ``recipe`` (one of `audiolab.augment`, as in a recipe's file, applied after that) and
        ``cache`` (a folder for what compressed files decode to).
    sample_rate : int
        Sample rate in Hz.
    num_samples : int
        Length of an item.
    channels : int, default: 1
        Channels of an item.
    seed : int, default: 0
        Of all draws.

    Returns
    -------
    TrainingAudio
        Batches as a pure function of step and item.

    Raises
    ------
    DocumentError
        If the recipe has a field too many or a wrong one.
    ValueError
        If nothing in the folder can be trained on.
    """
    fields = check_fields(
        dict(recipe or {}), "data", known=("shares", "augmentation", "cache", "recipe")
    )
    try:
        augmentation = Augmentation.from_dict(fields.get("augmentation") or {})
    except (TypeError, ValueError) as error:
        raise DocumentError(f"data.augmentation: {error}") from None
    try:
        given = fields.get("recipe")
        transform = None if given is None else recipe_from_data(given)
    except ValueError as error:
        raise DocumentError(f"data.recipe: {error}") from None
    shares = fields.get("shares")
    skipped: Mapping[str, str] = {}
    if any(Path(folder).glob("*-[0-9][0-9][0-9][0-9].npy")):
        groups = read_shards(folder, sample_rate)
        if shares is None:
            shares = {kind: _SHARES[kind] for kind in groups}
    else:
        found = read_folder(
            folder,
            sample_rate,
            num_channels=channels,
            min_samples=num_samples,
            cache=fields.get("cache"),
        )
        groups, skipped = found.groups, found.skipped
    return TrainingAudio(
        Library(groups, shares),
        num_samples,
        sample_rate,
        num_channels=channels,
        seed=seed,
        augmentation=augmentation,
        skipped=skipped,
        recipe=transform,
    )
