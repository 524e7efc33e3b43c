"""The arithmetic coder: the reference's bytes, Shannon's price, and every symbol back."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.codec.entropy import (
    ArithmeticDecoder,
    ArithmeticEncoder,
    CorruptStreamError,
    quantize_pdf,
)


def reference_coder(symbols: list[int], rows: list[list[int]]) -> bytes:
    """The same coder with Python's unlimited integers, written as plainly as it can be."""
    low = high = 0
    top = -1
    bits: list[int] = []
    for symbol, row in zip(symbols, rows, strict=True):
        while high - low + 1 < 1 << 24:
            low, high, top = low * 2, high * 2 + 1, top + 1
        width = high - low + 1
        start = row[symbol - 1] if symbol else 0
        low, high = low + -(-start * width // 2**24), low + (row[symbol] - 1) * width // 2**24
        while top >= 0 and low >> top == high >> top:
            bits.append(low >> top)
            low, high, top = low & ~(1 << top), high & ~(1 << top), top - 1
    bits += [low >> i & 1 for i in range(top, -1, -1)]
    return np.packbits(np.array(bits, dtype=np.uint8), bitorder="little").tobytes()


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[int], np.ndarray]:
    cardinality = draw(st.integers(1, 40))
    count = draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    peaky = rng.dirichlet(np.full(cardinality, draw(st.sampled_from([0.02, 0.3, 5.0]))), size=count)
    cdf = quantize_pdf(peaky.astype(np.float32)).reshape(count, cardinality)
    return draw(st.lists(st.integers(0, cardinality - 1), min_size=count, max_size=count)), cdf


def encode(symbols: list[int], cdf: np.ndarray) -> bytes:
    encoder = ArithmeticEncoder()
    encoder.encode(symbols, cdf)
    return encoder.finish()


@settings(deadline=None, max_examples=200)
@given(messages(), st.integers(0, 60))
def test_any_symbols_under_any_probabilities_come_back(
    message: tuple[list[int], np.ndarray], cut: int
) -> None:
    symbols, cdf = message
    encoder = ArithmeticEncoder()
    encoder.encode(symbols[:cut], cdf[:cut])
    encoder.encode(symbols[cut:], cdf[cut:])
    stream = encoder.finish()
    assert stream == reference_coder(symbols, cdf.tolist())
    decoder = ArithmeticDecoder(stream)
    first = decoder.decode(cdf[:cut])
    assert [*first, *decoder.decode(cdf[cut:])] == symbols


def test_worked_example_of_four_symbols() -> None:
    cdf = quantize_pdf([0.5, 0.25, 0.125, 0.125])
    assert cdf.tolist() == [8388606, 12582910, 14680063, 16777216]
    assert encode([0, 2, 1, 3, 0, 0], cdf) == bytes.fromhex("d6febf5600")


def test_worked_example_of_a_uniform_codebook() -> None:
    cdf = quantize_pdf(np.full(1024, 1 / 1024))
    assert set(np.diff(cdf, prepend=0)) == {16383}
    assert encode([0, 1, 512, 1023], cdf) == bytes.fromhex("000018c0781558")


def test_frequencies_equal_those_of_float32_tensors() -> None:
    pdf = torch.softmax(3 * torch.randn(50, 1024, generator=torch.Generator().manual_seed(0)), -1)
    rounded = torch.floor(pdf / 1e-8) * 1e-8
    widths = torch.floor((2**24 - 2 * 1024) * rounded).long() + 2
    assert np.array_equal(quantize_pdf(pdf.numpy()), widths.cumsum(-1).numpy())


def test_straddling_forever_costs_no_more_than_it_should() -> None:
    # The middle third of the middle third ...: the ends never share their first bit.
    cdf = np.array([2**24 // 3, 2 * 2**24 // 3, 2**24])
    symbols = [1] * 1000
    stream = encode(symbols, cdf)
    assert stream == reference_coder(symbols, [cdf.tolist()] * 1000)
    assert abs(8 * len(stream) - 1000 * math.log2(3)) < 40
    assert ArithmeticDecoder(stream).decode(cdf, 1000).tolist() == symbols


@pytest.mark.parametrize("concentration", [0.01, 0.1, 1.0, 100.0])
def test_cost_is_within_one_percent_of_the_entropy(concentration: float) -> None:
    rng = np.random.default_rng(7)
    pdf = rng.dirichlet(np.full(1024, concentration), size=4000)
    cdf = quantize_pdf(pdf)
    share = np.diff(cdf, axis=-1, prepend=0) / cdf[:, -1:]
    symbols = np.array([rng.choice(1024, p=row) for row in share])
    ideal = -np.log2(share[np.arange(4000), symbols]).sum()
    bits = 8 * len(encode(symbols.tolist(), cdf))
    assert bits <= 1.01 * ideal + 32


def test_streams_that_end_too_soon_are_named() -> None:
    cdf = quantize_pdf(np.full(1024, 1 / 1024))
    stream = encode(list(range(100)), cdf)
    for length in range(len(stream) - 5):
        with pytest.raises(CorruptStreamError, match="too soon"):
            ArithmeticDecoder(stream[:length]).decode(cdf, 100)


def test_bits_that_name_no_symbol_are_named() -> None:
    cdf = np.array([2, 4, 6])  # nearly all of the range is unused
    with pytest.raises(CorruptStreamError, match="no symbol, at symbol 0"):
        ArithmeticDecoder(b"\xff" * 8).decode(cdf, 1)


@pytest.mark.parametrize(
    ("symbols", "cdf", "message"),
    [
        ([4], [2, 4, 6, 8], "0..3"),
        ([-1], [2, 4, 6, 8], "0..3"),
        ([0], [2, 2], "increase"),
        ([0], [0, 2], "increase"),
        ([0], [5, 2**24 + 1], "increase"),
        ([0, 1], [[2, 4]] * 3, "shape"),
        ([0], [], "shape"),
    ],
)
def test_wrong_arguments_are_explained(symbols: list[int], cdf: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ArithmeticEncoder().encode(symbols, cdf)


@pytest.mark.parametrize("pdf", [[-0.1, 1.1], [float("nan"), 0.5], [0.9, 0.9], []])
def test_wrong_probabilities_are_explained(pdf: list[float]) -> None:
    with pytest.raises(ValueError, match="pdf"):
        quantize_pdf(pdf)


@settings(deadline=None, max_examples=60)
@given(messages(), st.lists(st.integers(0, 60), max_size=4))
def test_drained_and_fed_in_pieces(message: tuple[list[int], np.ndarray], cuts: list[int]) -> None:
    symbols, cdf = message
    whole = encode(symbols, cdf)
    encoder, parts = ArithmeticEncoder(), []
    bounds = [0, *sorted(min(cut, len(symbols)) for cut in cuts), len(symbols)]
    for start, stop in itertools.pairwise(bounds):
        encoder.encode(symbols[start:stop], cdf[start:stop])
        parts.append(encoder.drain())
    assert b"".join(parts) + encoder.finish() == whole
    decoder, found, fed = ArithmeticDecoder(b""), [], 0
    for start, stop in itertools.pairwise(bounds):
        # No more than these symbols can need.
        more = whole[fed : fed + (25 * (stop - start) + 64) // 8]
        fed += len(more)
        decoder.feed(more)
        found += decoder.decode(cdf[start:stop]).tolist()
        assert decoder.bytes_read + decoder.bytes_ahead == fed
    assert found == symbols
    assert decoder.bytes_read == (len(whole) if symbols else 0)


def test_intervals_are_symbols_by_another_name() -> None:
    cdf = quantize_pdf([0.5, 0.25, 0.125, 0.125])
    starts = np.concatenate([[0], cdf[:-1]])
    encoder = ArithmeticEncoder()
    encoder.encode_intervals([(starts[s], cdf[s]) for s in (0, 2, 1, 3, 0, 0)])
    assert encoder.finish() == bytes.fromhex("d6febf5600")


@pytest.mark.parametrize("interval", [(5, 5), (5, 6), (-1, 3), (9, 2**24 + 1), (7, 3)])
def test_intervals_that_leave_nothing_are_refused(interval: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="intervals"):
        ArithmeticEncoder().encode_intervals([interval])


def test_a_width_of_one_is_refused() -> None:
    """Rounding inwards can leave nothing of it: the coder would never end."""
    with pytest.raises(ValueError, match="at least 2"):
        encode([1], np.array([100, 101, 2**24]))
    with pytest.raises(ValueError, match="min_width"):
        quantize_pdf([0.5, 0.5], min_width=1)


def test_a_width_of_two_always_decodes() -> None:
    generator = np.random.default_rng(0)
    for _ in range(300):
        start = int(generator.integers(1, 2**24 - 3))
        cdf = np.array([start, start + 2, 2**24])
        symbols = generator.choice([0, 1, 2], size=20, p=[0.2, 0.6, 0.2]).tolist()
        assert ArithmeticDecoder(encode(symbols, cdf)).decode(cdf, 20).tolist() == symbols
