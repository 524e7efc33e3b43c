"""The container, byte by byte, and what it says to damaged files."""

import io
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiolab.codec.bitstream import (
    BitPacker,
    BitstreamError,
    BitUnpacker,
    ChecksumReader,
    ChecksumWriter,
    Header,
    pack_bits,
    read_header,
    unpack_bits,
)

HEADER = Header("encodec_24khz", num_samples=640, num_codebooks=2)
WORKED = b'ECDC\x00\x00\x00\x00\x37{"m": "encodec_24khz", "al": 640, "nc": 2, "lm": false}'


def test_header_has_the_reference_bytes() -> None:
    assert HEADER.to_bytes() == WORKED


headers = st.builds(
    Header,
    model=st.text(max_size=40),
    num_samples=st.integers(0, 2**48),
    num_codebooks=st.integers(1, 1024),
    use_lm=st.booleans(),
    version=st.sampled_from([0, 1]),
)


@given(headers, st.binary(max_size=9))
def test_headers_come_back_and_leave_the_file_at_the_payload(header: Header, rest: bytes) -> None:
    file = io.BytesIO(header.to_bytes() + rest)
    assert read_header(file) == header
    assert file.read() == rest


class Dribble(io.RawIOBase):
    """A pipe that hands over a byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(size, 1))


def test_short_reads_are_completed() -> None:
    assert read_header(Dribble(WORKED)) == HEADER


@pytest.mark.parametrize("length", range(len(WORKED)))
def test_headers_cut_short_are_named(length: int) -> None:
    with pytest.raises(BitstreamError, match="ends within the header"):
        read_header(io.BytesIO(WORKED[:length]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF" + WORKED[4:], "not an .ecdc file"),
        (WORKED[:4] + b"\x02" + WORKED[5:], "version 2"),
        (WORKED[:5] + b"\xff\xff\xff\xff" + WORKED[9:], "4294967295 bytes of JSON"),
        (WORKED.replace(b"640", b"-64"), "'al' must be 0 to"),
        (WORKED.replace(b"640", b'"6"'), "'al' must be of type int"),
        (WORKED.replace(b"640", b"6.4"), "'al' must be of type int"),
        (WORKED.replace(b"false", b"12345"), "'lm' must be of type bool"),
        (WORKED.replace(b'"nc"', b'"xx"'), "'nc' must be of type int, got None"),
        (WORKED.replace(b'"nc": 2', b'"nc": 0'), "'nc' must be 1 to"),
        (WORKED.replace(b'{"m"', b"\xff\xfe\xfd\xfc"), "JSON can't be read"),
        (b"ECDC\x00\x00\x00\x00\x02[]", "a JSON object was expected"),
        (b"ECDC\x00\x00\x00\x0f\xa0" + b"[" * 4000, "JSON can't be read"),
        (b"ECDC\x00\x00\x00\x0f\xa0" + b"9" * 4000, "damaged header"),
    ],
)
def test_damaged_headers_are_named(data: bytes, message: str) -> None:
    with pytest.raises(BitstreamError, match=message):
        read_header(io.BytesIO(data))


def test_mutated_headers_are_read_or_named() -> None:
    rng = random.Random(20)
    outcomes = {"read": 0, "named": 0}
    for _ in range(20_000):
        data = bytearray(WORKED)
        for _ in range(rng.randint(1, 6)):
            match rng.randrange(3):
                case 0:
                    data[rng.randrange(len(data))] = rng.randrange(256)
                case 1:
                    del data[rng.randrange(len(data)) :][: rng.randint(1, 4)]
                    data = data or bytearray(b"E")
                case _:
                    data.insert(rng.randrange(len(data)), rng.randrange(256))
        try:
            header = read_header(io.BytesIO(bytes(data)))
        except BitstreamError:
            outcomes["named"] += 1
        else:
            assert 0 <= header.num_samples <= 2**48
            outcomes["read"] += 1
    assert min(outcomes.values()) > 100


@pytest.mark.parametrize(
    ("values", "packed"),
    [([1, 2, 1023, 512], "0108f03f80"), ([5, 1000, 3], "05a03f00"), ([], "")],
)
def test_packing_has_the_reference_bytes(values: list[int], packed: str) -> None:
    assert pack_bits(values) == bytes.fromhex(packed)
    assert unpack_bits(bytes.fromhex(packed), len(values)).tolist() == values


@given(st.integers(1, 32), st.data())
def test_integers_come_back_however_they_are_cut(bits: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=50))
    cut = data.draw(st.integers(0, len(values)))
    packer = BitPacker(bits)
    stream = packer.push(values[:cut]) + packer.push(values[cut:]) + packer.finish()
    assert stream == pack_bits(values, bits)
    assert len(stream) == -(-len(values) * bits // 8)
    unpacker = BitUnpacker(io.BytesIO(stream), bits)
    assert [*unpacker.pull(cut), *unpacker.pull(len(values) - cut)] == values


def test_what_does_not_fit_or_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"0\.\.1023 to take 10 bits, got 0\.\.1024"):
        pack_bits([0, 1024])
    with pytest.raises(ValueError, match="bits must be 1 to 32"):
        pack_bits([1], bits=0)
    with pytest.raises(BitstreamError, match="4 codes of 10 bits take 5 bytes, got 4"):
        unpack_bits(b"1234", 4)
    with pytest.raises(BitstreamError, match="ends within the codes"):
        BitUnpacker(io.BytesIO(b"1234")).pull(4)


def written(payload: bytes) -> bytes:
    file = io.BytesIO()
    writer = ChecksumWriter(file)
    writer.write(payload[:3])
    writer.write(payload[3:])
    writer.write_trailer()
    return file.getvalue()


def test_checksum_finds_every_flipped_bit() -> None:
    payload = np.random.default_rng(0).bytes(40)
    good = written(payload)
    for position in range(8 * len(good)):
        data = bytearray(good)
        data[position // 8] ^= 1 << position % 8
        reader = ChecksumReader(io.BytesIO(bytes(data)))
        reader.read(40)
        with pytest.raises(BitstreamError, match="checksum"):
            reader.check_trailer(required=True)


def test_checksum_may_be_absent_where_it_is_optional() -> None:
    reader = ChecksumReader(io.BytesIO(written(b"payload")))
    assert reader.read(7) == b"payload"
    assert reader.check_trailer(required=True)
    bare = ChecksumReader(io.BytesIO(b"payload"))
    bare.read(7)
    assert not bare.check_trailer(required=False)
    with pytest.raises(BitstreamError, match="missing"):
        bare.check_trailer(required=True)


def test_a_checksum_elsewhere_is_found() -> None:
    """A header with a wrong length leaves the trailer further on, or takes it for codes."""
    for length in (3, 9, 15):
        reader = ChecksumReader(io.BytesIO(written(b"payload")))
        reader.read(length)
        with pytest.raises(BitstreamError, match="elsewhere"):
            reader.check_trailer(required=False)


def test_the_language_models_hash_goes_along() -> None:
    header = Header("m", 5, 2, use_lm=True, version=1, lm_digest="0123456789abcdef")
    assert read_header(io.BytesIO(header.to_bytes())) == header
    with pytest.raises(BitstreamError, match="'lh'"):
        read_header(
            io.BytesIO(header.to_bytes().replace(b'"0123456789abcdef"', b"123456789012345678"))
        )


def test_peeked_bytes_are_still_to_be_read_and_summed_up() -> None:
    data = written(b"payload")
    reader = ChecksumReader(Dribble(data))
    assert reader.peek(3) == b"pay"
    assert reader.read(2) == b"pa"
    assert reader.peek(100) == data[2:]
    assert reader.read(5) == b"yload"
    assert reader.check_trailer(required=True)
    assert reader.read() == data[7:]
