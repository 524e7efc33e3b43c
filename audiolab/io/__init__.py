"""Audio files: load, save, inspect and stream them, in every everyday format.

Samples are ``(channels, time)`` float32 tensors with full scale at 1.0, times are seconds, and
every range is sample-accurate. wav and flac go through soundfile and audiolab's own wav writer,
everything else through torchcodec (FFmpeg), which is imported when it is first needed.

============== ====================================================================================
load           a file, or a range of it, as a tensor
save           a tensor as a file, whole or not at all
encode, decode the same with bytes
info           length, rate, codec, bit depth, tags; nothing is decoded
blocks         a file block by block, in constant memory
BlockWriter    the same for writing
formats        what can be written, with rates, channels and bit rates
============== ====================================================================================
"""

from audiolab.io._block_writer import BlockWriter
from audiolab.io._blocks import Blocks, blocks
from audiolab.io._errors import AudioFileError, ClippingWarning
from audiolab.io._formats import Format, formats
from audiolab.io._info import AudioInfo, info
from audiolab.io._load import decode, load
from audiolab.io._round_trip import RoundTrip, measure_round_trip
from audiolab.io._save import encode, save

__all__ = [
    "AudioFileError",
    "AudioInfo",
    "BlockWriter",
    "Blocks",
    "ClippingWarning",
    "Format",
    "RoundTrip",
    "blocks",
    "decode",
    "encode",
    "formats",
    "info",
    "load",
    "measure_round_trip",
    "save",
]
