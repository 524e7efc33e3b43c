"""Reduced precision: the same however the work is cut, and no more wrong than said.

Tests that need the instructions run with "float32" alone where the processor lacks them.
"""

from __future__ import annotations

import copy
from typing import cast

import codec_references as references
import numpy as np
import pytest
import torch

from audiolab.codec import EncodecModel, _products, engine

PRECISIONS: list[engine.Precision] = ["float32"]
if _products.has_bfloat16:
    PRECISIONS.append("bfloat16")


def prepared(preset: str, precision: engine.Precision) -> EncodecModel:
    model = copy.deepcopy(references.model(preset))  # the references' own stays as it is
    model.set_precision(precision)
    return model


def share_changed(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a != b).double().mean())


def snr_db(reference: torch.Tensor, estimate: torch.Tensor) -> float:
    error = (reference - estimate).double().square().sum()
    return float(10 * torch.log10(reference.double().square().sum() / error))


def bfloat16(x: np.ndarray) -> np.ndarray:
    return torch.from_numpy(x).bfloat16().float().numpy()


def test_rounding_is_torchs() -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 100_000, dtype=np.uint32)
    special = np.array(
        [0.0, -0.0, np.inf, -np.inf, np.nan, 3.4e38, 1e-45, 1 + 2**-8, 1 + 3 * 2**-8], np.float32
    )
    x = np.concatenate([bits.view(np.float32), special])
    rounded = np.empty(len(x), np.uint16)
    _products.round_to_bfloat16(x, rounded)
    ours = (rounded.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(ours, bfloat16(x))  # NaN equals NaN
    numbers = ~np.isnan(x)
    np.testing.assert_array_equal(np.signbit(ours[numbers]), np.signbit(bfloat16(x)[numbers]))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("outputs", [16, 32, 48, 64, 192])
@pytest.mark.parametrize("inputs", [2, 30, 512, 514])
def test_product(precision: engine.Precision, inputs: int, outputs: int) -> None:
    random = np.random.default_rng(inputs + outputs)
    rows, pitch = 29, 6
    a = random.standard_normal(pitch * (rows - 1) + inputs).astype(np.float32)
    matrix = random.standard_normal((inputs, outputs)).astype(np.float32)
    start = random.standard_normal(outputs).astype(np.float32)

    def multiply(first: int, count: int) -> np.ndarray:
        result = np.full(count * outputs, np.nan, np.float32)
        rest = start, 0, 0, result, 0, outputs, outputs, _products.DEPTH
        if precision == "bfloat16":
            rounded = np.empty(len(a), np.uint16)
            _products.round_to_bfloat16(a, rounded)
            packed, half = _products.pack_pairs(matrix), inputs // 2
            _products.product_of_pairs(
                rounded, first * pitch // 2, pitch // 2, count, half, packed, *rest
            )
        else:
            packed = _products.pack(matrix)
            _products.product(a, first * pitch, pitch, count, inputs, packed, *rest)
        return result.reshape(count, outputs)

    result = multiply(0, rows)
    if precision == "bfloat16":
        a, matrix = bfloat16(a), bfloat16(matrix)
    windows = np.lib.stride_tricks.sliding_window_view(a, inputs)[::pitch].astype(np.float64)
    exact = windows @ matrix.astype(np.float64) + start
    scale = np.abs(windows) @ np.abs(matrix).astype(np.float64) + np.abs(start)
    # What is summed is rounded, the sums are those of float32.
    assert np.all(np.abs(result - exact) <= (inputs + 2) * 2.0**-23 * scale)
    alone = np.concatenate([multiply(row, 1) for row in range(rows)])
    np.testing.assert_array_equal(result, alone)


@pytest.mark.parametrize("preset", references.PRESETS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_more_changes_than_said(preset: str, precision: engine.Precision) -> None:
    exact, model = references.model(preset), prepared(preset, precision)
    waveform = references.clip(2.0, preset)
    for bandwidth, most in ((6.0, 0.15), (24.0, 0.5)):
        expected = exact.encode(waveform, bandwidth=bandwidth)
        encoded = model.encode(waveform, bandwidth=bandwidth)
        share = max(share_changed(a, b) for (a, _), (b, _) in zip(expected, encoded, strict=True))
        decoded = snr_db(exact.decode(expected), model.decode(expected))
        if precision == "float32":
            assert share == 0
            assert decoded == float("inf")
        else:
            assert 0 < share < most
            assert 35 < decoded < 60


@torch.no_grad()
@pytest.mark.parametrize("precision", PRECISIONS)
def test_changed_codes_are_as_near(precision: engine.Precision) -> None:
    # A code changes where two entries are nearly as near: what is lost is far less than the share.
    exact, model = references.model("encodec_24khz"), prepared("encodec_24khz", precision)
    waveform = references.clip(2.0, "encodec_24khz")
    latent = exact.latent(waveform)

    def error(codes: torch.Tensor) -> float:
        return float((latent - exact.quantizer.decode(codes)).double().square().sum())

    [(expected, _)] = exact.encode(waveform, bandwidth=6.0)
    [(codes, _)] = model.encode(waveform, bandwidth=6.0)
    assert error(codes) < 1.02 * error(expected)


@pytest.mark.parametrize("preset", references.PRESETS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_neither_threads_nor_batch_change_a_bit(preset: str, precision: engine.Precision) -> None:
    model = prepared(preset, precision)
    waveform = references.clip(1.5, preset)
    both = torch.cat([waveform, waveform.flip(-1)])
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            encoded = model.encode(both, bandwidth=24.0)
            results.append((encoded, model.decode(encoded)))
    finally:
        torch.set_num_threads(before)
    encoded, decoded = results[0]
    for others, waveforms in results[1:]:
        assert all(torch.equal(a, b) for (a, _), (b, _) in zip(encoded, others, strict=True))
        assert torch.equal(decoded, waveforms)
    for item in range(2):
        alone = model.encode(both[item : item + 1], bandwidth=24.0)
        assert all(
            torch.equal(a[item : item + 1], b)
            for (a, _), (b, _) in zip(encoded, alone, strict=True)
        )
        assert torch.equal(decoded[item : item + 1], model.decode(alone))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("size", [320, 1000, 9999])
def test_a_stream_gives_what_one_call_gives(precision: engine.Precision, size: int) -> None:
    model = prepared("encodec_24khz", precision)
    waveform = references.clip(1.3, "encodec_24khz")
    [(codes, _)] = model.encode(waveform, bandwidth=24.0)
    encoder, decoder = model.streaming_encoder(bandwidth=24.0), model.streaming_decoder()
    pieces = [encoder.push(piece) for piece in waveform.split(size, dim=-1)]
    assert torch.equal(torch.cat([*pieces, encoder.finish()], dim=-1), codes)
    frames = -(-size // 320)
    parts = [decoder.push(piece) for piece in codes.split(frames, dim=-1)]
    decoded = torch.cat([*parts, decoder.finish()], dim=-1)
    assert torch.equal(decoded, model.decode([(codes, None)]))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_there_and_back(precision: engine.Precision) -> None:
    exact, model = references.model("encodec_24khz"), prepared("encodec_24khz", precision)
    waveform = references.clip(0.5, "encodec_24khz")
    model.encode(waveform)
    assert copy.deepcopy(model).precision == precision
    model.set_precision("float32")
    with torch.no_grad():
        assert torch.equal(model.latent(waveform), exact.latent(waveform))


def test_what_the_processor_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    model = prepared("encodec_24khz", "float32")
    monkeypatch.setattr(_products, "has_bfloat16", False)
    with pytest.raises(RuntimeError, match="avx512_bf16"):
        model.set_precision("bfloat16")
    assert model.precision == "float32"
    # A model that comes from a machine that has it is refused as well.
    model.precision = "bfloat16"
    with torch.no_grad(), pytest.raises(RuntimeError, match="avx512_bf16"):
        model.latent(references.clip(0.5, "encodec_24khz"))


def test_no_such_precision() -> None:
    with pytest.raises(ValueError, match="'float32' or 'bfloat16', got 'int4'"):
        references.model("encodec_24khz").set_precision(cast("engine.Precision", "int4"))
