"""The numbers of a model under Hugging Face's names: the ``config.json`` of ``EncodecModel``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["read", "write"]

#: Their name, and ours.
_NAMES = {
    "sampling_rate": "sample_rate",
    "audio_channels": "channels",
    "target_bandwidths": "target_bandwidths",
    "use_causal_conv": "causal",
    "norm_type": "norm",
    "normalize": "normalize",
    "chunk_length_s": "segment_s",
    "num_filters": "num_filters",
    "hidden_size": "dimension",
    "upsampling_ratios": "ratios",
    "num_residual_layers": "num_residual_layers",
    "kernel_size": "kernel_size",
    "last_kernel_size": "last_kernel_size",
    "residual_kernel_size": "residual_kernel_size",
    "dilation_growth_rate": "dilation_base",
    "compress": "compress",
    "use_conv_shortcut": "conv_shortcut",
    "num_lstm_layers": "num_lstm_layers",
    "codebook_size": "codebook_size",
}
# What they can choose and we can't.
_FIXED = {"pad_mode": "reflect", "trim_right_ratio": 1.0}


def write(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of the file for the fields of an `EncodecConfig`."""
    if fields["backbone"] != "seanet":
        raise ValueError(f"transformers knows no EnCodec with backbone={fields['backbone']!r}")
    if fields["norm"] not in ("weight_norm", "time_group_norm"):
        raise ValueError(f"transformers knows no EnCodec with norm={fields['norm']!r}")
    return {
        "architectures": ["EncodecModel"],
        "model_type": "encodec",
        **{theirs: fields[ours] for theirs, ours in _NAMES.items()},
        "overlap": None if fields["segment_s"] is None else fields["overlap"],
        "codebook_dim": fields["dimension"],
        **_FIXED,
        "audiolab": {"name": fields["name"]},
    }


def read(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an `EncodecConfig` for the content of the file."""
    kind = values.get("model_type")
    if kind != "encodec":
        raise ValueError(f"model_type must be 'encodec', got {kind!r}")
    for key, only in _FIXED.items():
        if values.get(key, only) != only:
            raise ValueError(f"{key} must be {only!r} here, got {values[key]!r}")
    fields = {ours: values[theirs] for theirs, ours in _NAMES.items() if theirs in values}
    if values.get("overlap") is not None:
        fields["overlap"] = values["overlap"]
    own = values.get("audiolab")
    if isinstance(own, Mapping) and isinstance(own.get("name"), str):
        fields["name"] = own["name"]
    return fields
