"""Weights: from whom they come, under which names, and how they are checked.

Three namings of the same tensors are read:

- the original publisher's, ``encoder.model.0.conv.conv.weight_g``;
- the Hugging Face hub's, ``encoder.layers.0.conv.weight_g``, which is ours too;
- transformers' in memory, ``encoder.layers.0.conv.parametrizations.weight.original0``,

and weights whose normalisation was folded. Files are read with ``weights_only=True`` or as
safetensors, so that no file can run code. A published checkpoint carries the first eight digits of
its SHA-256 in its name; they are compared at every load, not only after a download.

The weights are other people's; their licences are not this package's.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab.codec.config import PRESETS, EncodecConfig
from audiolab.codec.layers import TransposedConv

if TYPE_CHECKING:
    from audiolab.codec.model import EncodecModel

__all__ = [
    "CHECKPOINTS",
    "CheckpointError",
    "cached_path",
    "download",
    "fill",
    "from_original",
    "read",
    "to_original",
    "to_transformers",
    "write",
]

State: TypeAlias = dict[str, torch.Tensor]
#: Called with the bytes that are there and the bytes in all.
Progress: TypeAlias = Callable[[int, int], None]

BASE_URL = "https://dl.fbaipublicfiles.com/encodec/v0/"
#: The published checkpoints.
CHECKPOINTS = {
    "encodec_24khz": "encodec_24khz-d7cc33bc.th",
    "encodec_48khz": "encodec_48khz-7e698e3e.th",
}
_FROM_ORIGINAL = (
    (r"^(encoder|decoder)\.model\.", r"\1.layers."),
    (r"\.(conv|convtr)\.\1\.", ".conv."),
    (r"\.(conv|convtr)\.norm\.", ".norm."),
    (r"^quantizer\.vq\.layers\.", "quantizer.layers."),
    (r"\._codebook\.", ".codebook."),
    (r"\.parametrizations\.weight\.original0$", ".weight_g"),
    (r"\.parametrizations\.weight\.original1$", ".weight_v"),
)
_CHUNK = 1 << 20


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or another model's."""


# -------------------------------------------------------------------------------------------- names
def from_original(state: Mapping[str, torch.Tensor]) -> State:
    """Rename tensors of any of the three namings to ours.

    Parameters
    ----------
    state : mapping
        Tensors by name.

    Returns
    -------
    dict
        The same tensors.

    Examples
    --------
    >>> list(from_original({"decoder.model.3.convtr.convtr.weight_v": torch.zeros(1)}))
    ['decoder.layers.3.conv.weight_v']
    """
    renamed = {}
    for name, tensor in state.items():
        for pattern, replacement in _FROM_ORIGINAL:
            name = re.sub(pattern, replacement, name)
        renamed[name] = tensor
    return renamed


def to_original(model: EncodecModel) -> State:
    """Return a model's tensors under the names of the original package.

    Parameters
    ----------
    model : EncodecModel
        Any.

    Returns
    -------
    dict
        What ``encodec.EncodecModel.load_state_dict`` takes.
    """
    transposed = {
        f"{half}.layers.{place}."
        for half in ("encoder", "decoder")
        for place, layer in enumerate(getattr(model, half).layers)
        if isinstance(layer, TransposedConv)
    }
    renamed = {}
    for name, tensor in model.state_dict().items():
        kind = "convtr" if name.startswith(tuple(transposed)) else "conv"
        name = re.sub(r"\.conv\.", f".{kind}.{kind}.", name)
        name = re.sub(r"\.norm\.", f".{kind}.norm.", name)
        name = re.sub(r"^(encoder|decoder)\.layers\.", r"\1.model.", name)
        name = re.sub(r"^quantizer\.layers\.", "quantizer.vq.layers.", name)
        renamed[name.replace(".codebook.", "._codebook.")] = tensor
    return renamed


def to_transformers(model: EncodecModel) -> State:
    """Return a model's tensors under the names of transformers' model in memory.

    Parameters
    ----------
    model : EncodecModel
        Any.

    Returns
    -------
    dict
        What ``transformers.EncodecModel.load_state_dict`` takes.
    """
    parts = {"_g": "original0", "_v": "original1"}
    return {
        re.sub(r"\.weight(_[gv])$", lambda m: f".parametrizations.weight.{parts[m[1]]}", n): t
        for n, t in model.state_dict().items()
    }


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
    given = _unfold(from_original(state), own)
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
    model.load_state_dict({name: tensor.float() for name, tensor in given.items()})


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


# -------------------------------------------------------------------------------------------- files
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
    if name in CHECKPOINTS:
        found = cached_path(name)
        if not found.is_file():
            if not download:
                raise CheckpointError(_where_to_put(found))
            _download(BASE_URL + found.name, found, progress)
        _check_hash(found)
        state = _read_tensors(found)
        return PRESETS[name], state
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        snapshot = _hub_snapshot(name)
        if snapshot is not None:
            return _read_folder(snapshot)
        raise CheckpointError(
            f"{name} is neither a path nor in Hugging Face's cache: `hf download {name}` puts it "
            f"there, or pass one of {', '.join(CHECKPOINTS)}"
        )
    raise CheckpointError(f"no checkpoint {name!r}: pass a path or one of {', '.join(CHECKPOINTS)}")


def write(model: EncodecModel, folder: FilePath, *, overwrite: bool = False) -> None:
    """Write ``config.json`` and ``model.safetensors``.

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
    content = json.dumps(model.config.to_transformers(), indent=2) + "\n"
    with (
        atomic_path(target / "config.json", overwrite=overwrite) as config,
        atomic_path(target / "model.safetensors", overwrite=overwrite) as weights,
    ):
        config.write_text(content)
        save_file(tensors, weights, metadata={"format": "pt"})


def cached_path(name: str) -> Path:
    """Return where a published model's checkpoint lies, or would.

    Parameters
    ----------
    name : str
        A published model's name.

    Returns
    -------
    Path
        In torch's cache, as the original package has it.
    """
    return Path(torch.hub.get_dir()) / "checkpoints" / CHECKPOINTS[name]


def download(name: str, *, progress: Progress | None = None) -> Path:
    """Download a published checkpoint, unless it is there.

    Parameters
    ----------
    name : str
        A published model's name.
    progress : callable, optional
        Called with the bytes that are there and the bytes in all.

    Returns
    -------
    Path
        The file, its hash checked.

    Raises
    ------
    CheckpointError
        It can't be had.
    """
    if name not in CHECKPOINTS:
        raise CheckpointError(f"no checkpoint {name!r}: known are {', '.join(CHECKPOINTS)}")
    target = cached_path(name)
    if not target.is_file():
        _download(BASE_URL + target.name, target, progress)
    _check_hash(target)
    return target


def published(file_name: str, *, may_download: bool = True) -> Path:
    """Return a file of the original publisher in torch's cache, its hash checked.

    Parameters
    ----------
    file_name : str
        Its published name, which ends in the first digits of its SHA-256.
    may_download : bool, default: True
        Whether a missing file may be downloaded.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CheckpointError
        It can't be had, or is another file.
    """
    target = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if not target.is_file():
        if not may_download:
            raise CheckpointError(_where_to_put(target))
        _download(BASE_URL + file_name, target, None)
    _check_hash(target)
    return target


def read_tensors(path: Path) -> State:
    """Read a table of tensors, running none of the file's code.

    Parameters
    ----------
    path : Path
        A safetensors file, or one of torch's.

    Returns
    -------
    dict
        Tensors by name.

    Raises
    ------
    CheckpointError
        The file holds something else.
    """
    return _read_tensors(path)


def _download(url: str, target: Path, progress: Progress | None) -> None:
    """Fetch `url`, going on where an earlier attempt stopped; the hash decides before it counts."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        _fetch(url, part, progress)
    except OSError as error:  # URLError and HTTPError are ones
        reason = getattr(error, "reason", error)
        raise CheckpointError(f"can't download {url} ({reason}). {_where_to_put(target)}") from None
    found, wanted = _sha256(part), _hash_in_name(target)
    if not found.startswith(wanted):
        part.unlink()
        raise CheckpointError(
            f"{url} came damaged: its SHA-256 starts with {found[:8]}, not {wanted}. Try again"
        )
    part.replace(target)


def _fetch(url: str, part: Path, progress: Progress | None) -> None:
    have = part.stat().st_size if part.exists() else 0
    # The address is this module's own, so its scheme needs no checking.
    request = urllib.request.Request(  # noqa: S310
        url, headers={"Range": f"bytes={have}-"} if have else {}
    )
    try:
        response = urllib.request.urlopen(request, timeout=30)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # all of it is there already
            return
        raise
    with response:
        if response.status != 206:
            have = 0  # the server does not resume
        total = have + int(response.headers.get("Content-Length") or 0)
        with part.open("ab" if have else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                if progress is not None:
                    progress(have, total)
    if have < total:
        raise OSError(f"the connection ended after {have} of {total} bytes; try again to go on")


def _check_hash(path: Path) -> None:
    found, wanted = _sha256(path), _hash_in_name(path)
    if not found.startswith(wanted):
        raise CheckpointError(
            f"{path} is not the published checkpoint: its SHA-256 starts with {found[:8]}, not "
            f"{wanted}. Delete it to have it downloaded; load your own weights by their path"
        )


def _hash_in_name(path: Path) -> str:
    return path.stem.rsplit("-", 1)[1]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _where_to_put(path: Path) -> str:
    return f"Without a network, put the file {BASE_URL}{path.name} at {path}"


def _read_folder(folder: Path) -> tuple[EncodecConfig, State]:
    config_path = folder / "config.json"
    if not config_path.is_file():
        raise CheckpointError(f"{folder} holds no config.json")
    try:
        values: Any = json.loads(config_path.read_text())
        config = EncodecConfig.from_transformers(values)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{config_path} can't be used: {error}") from None
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return config, _read_tensors(folder / name)
    raise CheckpointError(f"{folder} holds neither model.safetensors nor pytorch_model.bin")


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
    """Tell which published architecture a bare file of tensors belongs to."""
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
