"""The names that three packages give to the same tensors.

- the original publisher's, ``encoder.model.0.conv.conv.weight_g``;
- the Hugging Face hub's, ``encoder.layers.0.conv.weight_g``, which is ours too;
- transformers' in memory, ``encoder.layers.0.conv.parametrizations.weight.original0``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import torch

from audiolab.codec.layers import TransposedConv

if TYPE_CHECKING:
    from audiolab.codec.model import EncodecModel

__all__ = ["State", "from_original", "to_original", "to_transformers"]

State: TypeAlias = dict[str, torch.Tensor]

_FROM_ORIGINAL = (
    (r"^(encoder|decoder)\.model\.", r"\1.layers."),
    (r"\.(conv|convtr)\.\1\.", ".conv."),
    (r"\.(conv|convtr)\.norm\.", ".norm."),
    (r"^quantizer\.vq\.layers\.", "quantizer.layers."),
    (r"\._codebook\.", ".codebook."),
    (r"\.parametrizations\.weight\.original0$", ".weight_g"),
    (r"\.parametrizations\.weight\.original1$", ".weight_v"),
)


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

    Raises
    ------
    ValueError
        The model's backbone is not the published ones'.
    """
    _check_seanet(model)
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

    Raises
    ------
    ValueError
        The model's backbone is not the published ones'.
    """
    _check_seanet(model)
    parts = {"_g": "original0", "_v": "original1"}
    return {
        re.sub(r"\.weight(_[gv])$", lambda m: f".parametrizations.weight.{parts[m[1]]}", n): t
        for n, t in model.state_dict().items()
    }


def _check_seanet(model: EncodecModel) -> None:
    if model.config.backbone != "seanet":
        raise ValueError(
            f"{model.name} has the backbone {model.config.backbone!r}: other packages have no "
            "names for its tensors"
        )
