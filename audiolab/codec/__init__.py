"""Neural codecs of EnCodec's kind: models, tokens, streams, files.

The names below load torch when they are first used; `audiolab.codec.bitstream` and
`audiolab.codec.entropy` work without it.

On a CPU, `torch.set_num_threads` says on how many threads a model encodes and decodes; the result
is the same to the bit. `EncodecModel.set_precision` trades some codes for speed.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audiolab.codec._models import load_language_model
    from audiolab.codec.bitstream import BitstreamError
    from audiolab.codec.checkpoint import CheckpointError
    from audiolab.codec.compression import compress, compress_file, write_codes
    from audiolab.codec.config import DEFAULT_MODEL, PRESETS, EncodecConfig, preset
    from audiolab.codec.decompression import (
        LegacyStreamWarning,
        decompress,
        decompress_blocks,
        decompress_file,
        read_codes,
    )
    from audiolab.codec.exact_lm import ExactLanguageModel
    from audiolab.codec.language_model import LanguageModel, LanguageModelConfig
    from audiolab.codec.mdct_config import MDCTConfig
    from audiolab.codec.model import EncodecModel, EncodedSegment, Reconstruction
    from audiolab.codec.quantizer import ResidualVectorQuantizer
    from audiolab.codec.streaming import StreamingDecoder, StreamingEncoder
    from audiolab.codec.tokens import TokenInfo, load_tokens, save_tokens
    from audiolab.codec.transformers_api import TransformersEncodec

_HOMES = {
    "BitstreamError": "bitstream",
    "LegacyStreamWarning": "decompression",
    "compress": "compression",
    "compress_file": "compression",
    "decompress": "decompression",
    "decompress_blocks": "decompression",
    "decompress_file": "decompression",
    "load_language_model": "_models",
    "read_codes": "decompression",
    "write_codes": "compression",
    "ExactLanguageModel": "exact_lm",
    "LanguageModel": "language_model",
    "LanguageModelConfig": "language_model",
    "TokenInfo": "tokens",
    "load_tokens": "tokens",
    "save_tokens": "tokens",
    "CheckpointError": "checkpoint",
    "DEFAULT_MODEL": "config",
    "PRESETS": "config",
    "EncodecConfig": "config",
    "preset": "config",
    "EncodecModel": "model",
    "MDCTConfig": "mdct_config",
    "EncodedSegment": "model",
    "Reconstruction": "model",
    "ResidualVectorQuantizer": "quantizer",
    "StreamingDecoder": "streaming",
    "StreamingEncoder": "streaming",
    "TransformersEncodec": "transformers_api",
}

__all__ = [
    "DEFAULT_MODEL",
    "PRESETS",
    "BitstreamError",
    "CheckpointError",
    "EncodecConfig",
    "EncodecModel",
    "EncodedSegment",
    "ExactLanguageModel",
    "LanguageModel",
    "LanguageModelConfig",
    "LegacyStreamWarning",
    "MDCTConfig",
    "Reconstruction",
    "ResidualVectorQuantizer",
    "StreamingDecoder",
    "StreamingEncoder",
    "TokenInfo",
    "TransformersEncodec",
    "compress",
    "compress_file",
    "decompress",
    "decompress_blocks",
    "decompress_file",
    "load_language_model",
    "load_tokens",
    "preset",
    "read_codes",
    "save_tokens",
    "write_codes",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(_import_module(f"audiolab.codec.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'audiolab.codec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
