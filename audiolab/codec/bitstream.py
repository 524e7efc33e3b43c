"""The ``.ecdc`` container: header, packed codes, checksum. Bytes and integers, no tensors.

A file is the four bytes ``ECDC``, a version byte, the length of a JSON object (32 bits, big
endian), the object, then segments back to back: a 32-bit float scale where the model normalises,
and the codes. Nothing in the file tells a segment's length; it follows from the number of samples
and the model.

Version 0 is what the EnCodec reference writes and reads, byte for byte. A trailer of eight bytes,
``ecrc`` and the CRC-32 of all bytes before it, may follow; readers that do not know it stop before
it. Version 1 holds codes that were coded by the exact language model, and always has the trailer.

Packed codes take `bits` each, the lowest bit first, frame by frame and codebook by codebook; the
last byte of a segment is filled with zero bits.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TypeVar

from audiolab.codec._bytes import BitstreamError, Readable, read_exactly
from audiolab.codec.bit_packing import BitPacker, BitUnpacker, pack_bits, unpack_bits
from audiolab.codec.checksum import ChecksumReader, ChecksumWriter

__all__ = [
    "MAGIC",
    "BitPacker",
    "BitUnpacker",
    "BitstreamError",
    "ChecksumReader",
    "ChecksumWriter",
    "Header",
    "pack_bits",
    "read_header",
    "unpack_bits",
]

MAGIC = b"ECDC"
_VERSIONS = (0, 1)
# The reference's headers take 60 bytes. A header can't make a reader allocate more than this.
_MAX_HEADER_BYTES = 4096
_MAX_SAMPLES = 2**48
_MAX_CODEBOOKS = 1024

Value = TypeVar("Value", str, int, bool)


@dataclass(frozen=True)
class Header:
    """What an ``.ecdc`` file says about itself.

    Parameters
    ----------
    model : str
        Name of the model, such as ``"encodec_24khz"``.
    num_samples : int
        Samples per channel at the model's rate.
    num_codebooks : int
        Codebooks used, which sets the bandwidth.
    use_lm : bool
        Whether a language model and the arithmetic coder packed the codes.
    version : int
        0 for files that the reference reads, 1 for the exact language model.
    lm_digest : str or None
        Hash of the exact language model, in version 1.
    """

    model: str
    num_samples: int
    num_codebooks: int
    use_lm: bool = False
    version: int = 0
    lm_digest: str | None = None

    def to_bytes(self) -> bytes:
        r"""Write the header.

        Returns
        -------
        bytes
            Magic, version, length and JSON object.

        Examples
        --------
        >>> Header("encodec_24khz", num_samples=640, num_codebooks=2).to_bytes()[:13]
        b'ECDC\x00\x00\x00\x007{"m"'
        """
        fields: dict[str, object] = {
            "m": self.model,
            "al": self.num_samples,
            "nc": self.num_codebooks,
            "lm": self.use_lm,
        }
        if self.lm_digest is not None:
            fields["lh"] = self.lm_digest
        text = json.dumps(fields).encode()
        return MAGIC + struct.pack(">BI", self.version, len(text)) + text


def read_header(file: Readable) -> Header:
    """Read the header and leave `file` at the first segment.

    Parameters
    ----------
    file : binary file
        Open at the first byte.

    Returns
    -------
    Header
        Checked: every field is there, of its type and within sane bounds.

    Raises
    ------
    BitstreamError
        Not an ``.ecdc`` file, an unknown version, or a damaged header.
    """
    start = read_exactly(file, 9, "the header")
    if start[:4] != MAGIC:
        raise BitstreamError(f"not an .ecdc file: it starts with {start[:4]!r}, not {MAGIC!r}")
    version, length = struct.unpack(">BI", start[4:])
    if version not in _VERSIONS:
        raise BitstreamError(
            f"version {version} of .ecdc is not known here (known: 0, 1): a newer audiolab reads it"
        )
    if length > _MAX_HEADER_BYTES:
        raise BitstreamError(f"damaged header: it claims {length} bytes of JSON")
    try:
        fields = json.loads(read_exactly(file, length, "the header"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, BitstreamError):
            raise
        raise BitstreamError(f"damaged header: its JSON can't be read ({error})") from None
    if not isinstance(fields, dict):
        raise BitstreamError(f"damaged header: a JSON object was expected, got {fields!r:.40}")
    return Header(
        model=_field(fields, "m", str),
        num_samples=_field(fields, "al", int, 0, _MAX_SAMPLES),
        num_codebooks=_field(fields, "nc", int, 1, _MAX_CODEBOOKS),
        use_lm=_field(fields, "lm", bool),
        version=version,
        lm_digest=_field(fields, "lh", str) if "lh" in fields else None,
    )


def _field(
    fields: dict[str, object], key: str, kind: type[Value], low: int = 0, high: int = 0
) -> Value:
    value = fields.get(key)
    # bool is an int to Python, but not in a header.
    if type(value) is not kind:
        raise BitstreamError(
            f"damaged header: {key!r} must be of type {kind.__name__}, got {value!r:.40}"
        )
    if isinstance(value, int) and kind is int and not low <= value <= high:
        raise BitstreamError(f"damaged header: {key!r} must be {low} to {high}, got {value}")
    return value
