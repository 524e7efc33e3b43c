"""Weights in a quarter of their size: how the bundled model is stored, and any model may be.

- A matrix of 65,536 numbers or more goes as whole numbers of 8 bits, ``round(w / s)`` with a scale
  ``s = max |w| / 127`` for each output: an error of at most 0.4 % of the output's largest weight.
- Smaller matrices and the codebooks' entries go as float16, vectors as float32.
- Of a codebook's training state only the entries are kept; counts and averages are made from them.

A file is a safetensors file with the configuration in its metadata, so that it stands alone. The
scales lie beside their matrices under ``<name>.scale``. The bundled weights are what became of
a training run's folder::

    model = EncodecModel.from_pretrained("RUN/model")
    write_compact(model, "audiolab/codec/weights/audiolab_24khz.safetensors", overwrite=True)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch

from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab.codec.config import EncodecConfig

if TYPE_CHECKING:
    from audiolab.codec.model import EncodecModel

__all__ = ["configuration", "expand", "shrink", "write_compact"]

_State: TypeAlias = dict[str, torch.Tensor]
_LEAST = 1 << 16
_SCALE = ".scale"
_EMBED = ".codebook.embed"


def shrink(state: Mapping[str, torch.Tensor]) -> _State:
    """Return a state in few bytes.

    Parameters
    ----------
    state : mapping
        Tensors by name, as `EncodecModel.state_dict` returns them.

    Returns
    -------
    dict
        Tensors by name, for `expand`.

    Examples
    --------
    >>> state = {"weight": torch.linspace(-1, 1, 1 << 16).view(256, 256)}
    >>> small = shrink(state)
    >>> {name: tensor.dtype for name, tensor in small.items()}
    {'weight': torch.int8, 'weight.scale': torch.float32}
    >>> float((expand(small)["weight"] - state["weight"]).abs().max()) < 0.004
    True
    """
    small: _State = {}
    for name, tensor in state.items():
        value = tensor.detach().cpu().contiguous()
        if ".codebook." in name and not name.endswith(_EMBED):
            continue
        if not value.is_floating_point() or value.dim() < 2:
            small[name] = value
        elif name.endswith(_EMBED) or value.numel() < _LEAST:
            small[name] = value.half()
        else:
            peak = value.flatten(1).abs().amax(dim=1).clamp(min=1e-12)
            scale = peak.float() / 127
            wide = scale.view(-1, *[1] * (value.dim() - 1))
            small[name] = (value / wide).round().to(torch.int8)
            small[name + _SCALE] = scale
    return small


def expand(state: Mapping[str, torch.Tensor]) -> _State:
    """Return what `shrink` took, up to rounding; other states as they are.

    Parameters
    ----------
    state : mapping
        Tensors by name.

    Returns
    -------
    dict
        Tensors by name, float32 where they were shrunk.
    """
    whole: _State = {}
    for name, value in state.items():
        if name.endswith(_SCALE) and name.removesuffix(_SCALE) in state:
            continue
        if value.dtype == torch.int8 and name + _SCALE in state:
            scale = state[name + _SCALE]
            value = value.float() * scale.view(-1, *[1] * (value.dim() - 1))
        whole[name] = value.float() if value.dtype == torch.float16 else value
        if name.endswith(_EMBED):
            stem = name.removesuffix("embed")
            if stem + "cluster_size" not in state:
                # An average over as many vectors as keep an entry from being replaced at once.
                whole[stem + "embed_avg"] = 4.0 * whole[name]
                whole[stem + "cluster_size"] = torch.full((len(value),), 4.0)
                whole[stem + "inited"] = torch.ones(1)
    return whole


def write_compact(model: EncodecModel, path: FilePath, *, overwrite: bool = False) -> None:
    """Write a model into a single small file, which `EncodecModel.from_pretrained` reads.

    Parameters
    ----------
    model : EncodecModel
        To be written.
    path : path-like
        Ends in ``.safetensors``.
    overwrite : bool, default: False
        Whether a file that is there may be replaced.
    """
    from safetensors.torch import save_file

    metadata = {"format": "pt", "audiolab": json.dumps(model.config.to_dict())}
    with atomic_path(path, overwrite=overwrite) as temporary:
        save_file(shrink(model.state_dict()), temporary, metadata=metadata)


def configuration(path: Path) -> EncodecConfig | None:
    """Return the configuration in a file's metadata.

    Parameters
    ----------
    path : Path
        A safetensors file.

    Returns
    -------
    EncodecConfig or None
        None where there is none.

    Raises
    ------
    ValueError
        There is one, but no model can be made of it.
    """
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        text = (file.metadata() or {}).get("audiolab")
    return None if text is None else EncodecConfig.from_dict(json.loads(text))
