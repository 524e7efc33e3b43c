"""Weights: from whom they come, under which names, and how they are checked.

Three namings of the same tensors are read:

- the original publisher's, ``encoder.model.0.conv.conv.weight_g``;
- the Hugging Face hub's, ``encoder.layers.0.conv.weight_g``, which is ours too;
- transformers' in memory, ``encoder.layers.0.conv.parametrizations.weight.original0``,

and weights whose normalisation was folded, or that `audiolab.codec.compact` shrank. Files are read
with ``weights_only=True`` or as safetensors, so that no file can run code. A published checkpoint
carries the first eight digits of its SHA-256 in its name; they are compared at every load, not only
after a download.

Published weights are other people's; their licences are not this package's. Those of
``audiolab_24khz`` were trained here, and lie in the package.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab.codec import _download, compact
from audiolab.codec._download import CHECKPOINTS, CheckpointError, Progress, cached_path, download
from audiolab.codec._names import State, from_original, to_original, to_transformers
from audiolab.codec.config import PRESETS, EncodecConfig

if TYPE_CHECKING:
    from audiolab.codec.model import EncodecModel

__all__ = [
    "BUNDLED",
    "CHECKPOINTS",
    "CheckpointError",
    "bundled_path",
    "cached_path",
    "download",
    "fill",
    "from_original",
    "read",
    "to_original",
    "to_transformers",
    "write",
]

#: Models whose weights are part of the package.
BUNDLED = ("audiolab_24khz",)
_OWN_TYPE = "audiolab_codec"


def fill(model: EncodecModel, state: Mapping[str, torch.Tensor], source: str) -> None:
    """Put tensors of any naming into a model.

    Parameters
    ----------
    model : EncodecModel
        To be filled.
    state : mapping
        Tensors by name.
    source : str
        Where they come from, for messages.

    Raises
    ------
    CheckpointError
        Tensors are missing, too many, of another shape, or not finite.
    """
    own = model.state_dict()
    given = _unfold(from_original(compact.expand(state)), own)
    missing, unexpected = sorted(set(own) - set(given)), sorted(set(given) - set(own))
    if missing or unexpected:
        raise CheckpointError(
            f"{source} does not fit {model.name}: "
            f"{_some('missing', missing)}; {_some('not known', unexpected)}"
        )
    for name, tensor in given.items():
        if tensor.shape != own[name].shape:
            raise CheckpointError(
                f"{source} does not fit {model.name}: {name} has shape {tuple(tensor.shape)}, "
                f"expected {tuple(own[name].shape)}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{source} is damaged: {name} is not finite")
    model.load_state_dict(given)  # which converts to float32


def _unfold(state: State, own: Mapping[str, torch.Tensor]) -> State:
    """Split folded weights into gain and direction where the model wants them so."""
    for name in [n for n in state if n.endswith(".conv.weight") and f"{n}_g" in own]:
        weight = state.pop(name)
        state[f"{name}_g"] = torch.linalg.vector_norm(weight.float(), dim=(1, 2), keepdim=True)
        state[f"{name}_v"] = weight
    return state


def _some(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} tensor(s) {what}" + (f" ({shown})" if names else "")


def read(
    name_or_path: FilePath, *, download: bool = True, progress: Progress | None = None
) -> tuple[EncodecConfig, State]:
    """Find a checkpoint and read it.

    Parameters
    ----------
    name_or_path : str or path
        As in `EncodecModel.from_pretrained`.
    download : bool, default: True
        Whether a missing checkpoint of a published model may be downloaded.
    progress : callable, optional
        Called with the bytes that are there and the bytes in all.

    Returns
    -------
    config : EncodecConfig
        The model's numbers.
    state : dict
        Tensors by name, in the file's naming.

    Raises
    ------
    CheckpointError
        Nothing is found, or what is found can't be used.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return _read_folder(path)
    if path.is_file():
        state = _read_tensors(path)
        return _recognise(state, path), state
    name = os.fspath(name_or_path)
    if name in BUNDLED:
        found = bundled_path(name)
        if not found.is_file():
            raise CheckpointError(f"this copy of audiolab lacks the weights of {name}: {found}")
        return PRESETS[name], _read_tensors(found)
    if name in CHECKPOINTS:
        if not download and not cached_path(name).is_file():
            raise CheckpointError(_download.where_to_put(cached_path(name)))
        found = _download.download(name, progress=progress)
        state = _read_tensors(found)
        return PRESETS[name], state
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        snapshot = _hub_snapshot(name)
        if snapshot is not None:
            return _read_folder(snapshot)
        raise CheckpointError(
            f"{name} is neither a path nor in Hugging Face's cache: `hf download {name}` puts it "
            f"there, or pass one of {', '.join((*BUNDLED, *CHECKPOINTS))}"
        )
    known = ", ".join((*BUNDLED, *CHECKPOINTS))
    raise CheckpointError(f"no checkpoint {name!r}: pass a path or one of {known}")


def bundled_path(name: str) -> Path:
    """Return where a bundled file of weights lies.

    Parameters
    ----------
    name : str
        Without its suffix: a codec of `BUNDLED`, or such a name and ``"_lm"``.

    Returns
    -------
    Path
        In the installed package.
    """
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


def write(model: EncodecModel, folder: FilePath, *, overwrite: bool = False) -> None:
    """Write ``config.json`` and ``model.safetensors``.

    Models with the backbone "mdct" have a ``config.json`` of our own, which transformers refuses.

    Parameters
    ----------
    model : EncodecModel
        To be written.
    folder : str or path
        Where to; made if it is missing.
    overwrite : bool, default: False
        Whether files of those names may be replaced.
    """
    from safetensors.torch import save_file

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    tensors = {n: t.detach().cpu().contiguous() for n, t in model.state_dict().items()}
    config_values = (
        {"model_type": _OWN_TYPE, **model.config.to_dict()}
        if model.config.backbone == "mdct"
        else model.config.to_transformers()
    )
    content = json.dumps(config_values, indent=2) + "\n"
    with (
        atomic_path(target / "config.json", overwrite=overwrite) as config,
        atomic_path(target / "model.safetensors", overwrite=overwrite) as weights,
    ):
        config.write_text(content)
        save_file(tensors, weights, metadata={"format": "pt"})


def _read_folder(folder: Path) -> tuple[EncodecConfig, State]:
    config_path = folder / "config.json"
    if not config_path.is_file():
        raise CheckpointError(f"{folder} holds no config.json")
    try:
        values: Any = json.loads(config_path.read_text())
        config = _config(values)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{config_path} can't be used: {error}") from None
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return config, _read_tensors(folder / name)
    raise CheckpointError(f"{folder} holds neither model.safetensors nor pytorch_model.bin")


def _config(values: dict[str, Any]) -> EncodecConfig:
    if values.get("model_type") == _OWN_TYPE:
        return EncodecConfig.from_dict({k: v for k, v in values.items() if k != "model_type"})
    return EncodecConfig.from_transformers(values)


def _read_tensors(path: Path) -> State:
    state: object
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about pickle protocols; what counts is raised
                state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path} is not a plain table of tensors, so it was not opened: it may run code"
        ) from None
    except Exception as error:
        # What a damaged file makes the two readers raise is not theirs to promise.
        raise CheckpointError(
            f"{path} can't be read: it is cut short or damaged ({error})"
        ) from None
    if not isinstance(state, dict) or not all(
        isinstance(n, str) and isinstance(t, torch.Tensor) for n, t in state.items()
    ):
        raise CheckpointError(f"{path} is not a table of tensors by name")
    return state


def _recognise(state: State, path: Path) -> EncodecConfig:
    """Tell which architecture a bare file of tensors belongs to."""
    if path.suffix == ".safetensors":
        try:
            own = compact.configuration(path)
        except (ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path} can't be used: {error}") from None
        if own is not None:
            return own
    names = from_original(state)
    has_norm = "encoder.layers.0.norm.weight" in names
    config = PRESETS["encodec_48khz" if has_norm else "encodec_24khz"]
    if "encoder.layers.0.conv.bias" not in names:
        raise CheckpointError(f"{path} holds no EnCodec model; a folder needs its config.json too")
    return config


def _hub_snapshot(repository: str) -> Path | None:
    """Return the folder of a repository in Hugging Face's cache, the main revision's if known."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    base = cache / f"models--{repository.replace('/', '--')}"
    main = base / "refs" / "main"
    if main.is_file():
        snapshot = base / "snapshots" / main.read_text().strip()
        if snapshot.is_dir():
            return snapshot
    found = sorted((base / "snapshots").glob("*/config.json"))
    return found[-1].parent if found else None
