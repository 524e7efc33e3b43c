"""The EnCodec neural codec: model, tokens, streams, files.

The names below load torch when they are first used; `audiolab.codec.bitstream` and
`audiolab.codec.entropy` work without it.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audiolab.codec.checkpoint import CheckpointError
    from audiolab.codec.config import PRESETS, EncodecConfig, preset
    from audiolab.codec.model import EncodecModel, EncodedSegment, Reconstruction
    from audiolab.codec.quantizer import ResidualVectorQuantizer
    from audiolab.codec.streaming import StreamingDecoder, StreamingEncoder
    from audiolab.codec.transformers_api import TransformersEncodec

_HOMES = {
    "CheckpointError": "checkpoint",
    "PRESETS": "config",
    "EncodecConfig": "config",
    "preset": "config",
    "EncodecModel": "model",
    "EncodedSegment": "model",
    "Reconstruction": "model",
    "ResidualVectorQuantizer": "quantizer",
    "StreamingDecoder": "streaming",
    "StreamingEncoder": "streaming",
    "TransformersEncodec": "transformers_api",
}

__all__ = [
    "PRESETS",
    "CheckpointError",
    "EncodecConfig",
    "EncodecModel",
    "EncodedSegment",
    "Reconstruction",
    "ResidualVectorQuantizer",
    "StreamingDecoder",
    "StreamingEncoder",
    "TransformersEncodec",
    "preset",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(_import_module(f"audiolab.codec.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'audiolab.codec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
