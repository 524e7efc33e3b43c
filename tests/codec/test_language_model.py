"""The language model: the reference's floats, and integers that are the same everywhere."""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.codec import CheckpointError
from audiolab.codec import _exact_tables as tables
from audiolab.codec._exact_kernels import _floor_sqrt
from audiolab.codec.entropy import CorruptStreamError
from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.language_model import LANGUAGE_MODELS, LanguageModel, LanguageModelConfig
from audiolab.codec.legacy_lm import LegacyDecoder, LegacyEncoder, StepwiseEvaluation

SMALL = LanguageModelConfig(
    num_codebooks=4, codebook_size=64, dim=40, num_heads=4, num_layers=3, hidden_dim=96,
    past_context=9,
)  # fmt: skip


def sharpened(config: LanguageModelConfig, seed: int = 0) -> LanguageModel:
    """Random weights with heads large enough to have an opinion, as trained ones have."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LanguageModel(config).eval()
        with torch.no_grad():
            for head in model.linears:
                head.weight.mul_(6)
            # Norms and biases that are not what they are initialised to.
            for name, value in model.named_parameters():
                if "norm" in name or name.endswith("bias"):
                    value.add_(0.2 * torch.randn_like(value))
    return model


@cache
def small() -> tuple[LanguageModel, ExactLanguageModel]:
    model = sharpened(SMALL)
    return model, ExactLanguageModel.from_float(model)


def codes_of(
    config: LanguageModelConfig, frames: int, seed: int = 0, count: int = 0
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (count or config.num_codebooks, frames)
    return torch.randint(0, config.codebook_size, shape, generator=generator)


@cache
def reference(preset: str) -> tuple[Any, LanguageModel]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from encodec.model import LMModel
    ours = sharpened(LANGUAGE_MODELS[preset])
    config = ours.config
    theirs = LMModel(
        config.num_codebooks, config.codebook_size, dim=config.dim, past_context=config.past_context
    )
    theirs.load_state_dict(ours.state_dict())
    return theirs.eval(), ours


# ------------------------------------------------------------------------------------- float model
def test_sizes_are_those_of_the_published_models():
    for preset, total in (("encodec_24khz", 15_559_768), ("encodec_48khz", 8_986_584)):
        with torch.device("meta"):
            model = LanguageModel(LANGUAGE_MODELS[preset])
        assert sum(p.numel() for p in model.parameters()) == total


def test_all_frames_at_once_are_the_references_steps():
    theirs, ours = reference("encodec_24khz")
    # Longer than the window, so that the step of zeros leaves it.
    codes = codes_of(ours.config, 280, count=2)
    states, offset = None, 0
    known = torch.zeros(1, 2, 1, dtype=torch.long)
    with torch.no_grad():
        found = torch.softmax(ours(codes[None]), -1)[0]
        for t in range(codes.shape[1]):
            expected, states, offset = theirs(known, states, offset)
            known = 1 + codes[None, :, t : t + 1]
            # float32 sums in another order: 2e-6 of probability.
            torch.testing.assert_close(found[:, t], expected[0, :, :, 0].T, rtol=0, atol=1e-5)


def test_a_frame_depends_on_those_before_only():
    model, _ = small()
    codes = codes_of(SMALL, 30)
    with torch.no_grad():
        before = model(codes[None])
        codes[:, 17] = (codes[:, 17] + 1) % 64
        after = model(codes[None])
    assert torch.equal(before[:, :, :18], after[:, :, :18])
    assert not torch.allclose(before[:, :, 18], after[:, :, 18])


def test_loss_trains():
    torch.manual_seed(0)
    model = LanguageModel(SMALL)
    # Each code follows from the one before it.
    start = torch.randint(0, 64, (8, 4, 1))
    codes = (start + torch.arange(12) * 5) % 64
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    first = float(model.loss(codes).detach())
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.loss(codes, first_position=7)
        loss.backward()
        optimizer.step()
    assert first > 0.9 * math.log(64)
    assert float(loss.detach()) < 0.5 * first


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        (torch.zeros(1, 5, 3, dtype=torch.long), "1 to 4 codebooks"),
        (torch.zeros(1, 4, 3), "int64"),
        (torch.full((1, 4, 3), 64), "0..63"),
        (torch.full((1, 4, 3), -1), "0..63"),
    ],
)
def test_wrong_codes_are_named(codes: torch.Tensor, word: str):
    with pytest.raises(ValueError, match=word):
        small()[0](codes)


def test_saving_and_loading(tmp_path: Path):
    model, exact = small()
    model.save(tmp_path / "lm.safetensors")
    again = LanguageModel.from_pretrained(tmp_path / "lm.safetensors")
    assert again.config == SMALL
    assert ExactLanguageModel.from_float(again).digest == exact.digest
    exact.save(tmp_path / "exact.safetensors")
    loaded = ExactLanguageModel.load(tmp_path / "exact.safetensors")
    assert (loaded.digest, loaded.config) == (exact.digest, exact.config)
    with pytest.raises(ValueError, match=r"lm\.safetensors does not hold an exact"):
        ExactLanguageModel.load(tmp_path / "lm.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ValueError, match="does not hold an exact"):
        ExactLanguageModel.load(tmp_path / "bad.safetensors")
    with pytest.raises(CheckpointError, match=r"bad\.safetensors"):
        LanguageModel.from_pretrained(tmp_path / "bad.safetensors")
    with pytest.raises(CheckpointError, match="no language model"):
        LanguageModel.from_pretrained("encodec_16khz")


def test_a_checkpoint_of_the_published_kind_loads(tmp_path: Path):
    theirs, ours = reference("encodec_48khz")
    torch.save(theirs.state_dict(), tmp_path / "lm.th")
    loaded = LanguageModel.from_pretrained(tmp_path / "lm.th")
    assert loaded.config == ours.config


# --------------------------------------------------------------------- the reference's own streams
@pytest.mark.parametrize(("preset", "frames"), [("encodec_24khz", 270), ("encodec_48khz", 20)])
def test_legacy_streams_are_the_references_bytes(preset: str, frames: int):
    from encodec.quantization.ac import ArithmeticCoder, build_stable_quantized_cdf

    theirs, ours = reference(preset)
    codes = codes_of(ours.config, frames, count=2)
    file = io.BytesIO()
    coder = ArithmeticCoder(file)
    states, offset = None, 0
    known = torch.zeros(1, 2, 1, dtype=torch.long)
    for t in range(frames):
        with torch.no_grad():
            probabilities, states, offset = theirs(known, states, offset)
        known = 1 + codes[None, :, t : t + 1]
        for k in range(2):
            cdf = build_stable_quantized_cdf(probabilities[0, :, k, 0], 24, check=False)
            coder.push(int(codes[k, t]), cdf)
    coder.flush()
    encoder = LegacyEncoder(ours, 2)
    stream = encoder.push(codes[:, :7]) + encoder.push(codes[:, 7:]) + encoder.finish()
    assert stream == file.getvalue()
    decoder = LegacyDecoder(ours, 2, stream)
    assert torch.equal(torch.cat([decoder.pull(3), decoder.pull(frames - 3)], -1), codes)
    assert decoder.coder.bytes_read == len(stream)


def test_stepwise_probabilities_sum_to_one():
    steps = StepwiseEvaluation(small()[0], 3)
    found = steps.probabilities()
    assert found.shape == (3, 64)
    torch.testing.assert_close(found.sum(-1), torch.ones(3))
    with pytest.raises(ValueError, match="1 to 4 codebooks"):
        StepwiseEvaluation(small()[0], 5)


# ------------------------------------------------------------------------------------- exact model
def test_tables_are_what_they_say():
    exact = tables.exp2_table().astype(np.float64)
    assert np.abs(exact - 2.0 ** (30 - np.arange(4096) / 4096)).max() <= 0.5 + 1e-6
    turn = 2 * np.pi * np.arange(1 << 14) / (1 << 14)
    assert np.abs(tables.cosine_table() - 65536 * np.cos(turn)).max() <= 0.5 + 1e-6
    u = np.arange(8192) / 1024
    taken = np.array([each * 0.5 * math.erfc(each / math.sqrt(2)) for each in u])
    assert np.abs(tables.gelu_table() - 65536 * taken).max() <= 0.5 + 1e-6
    rates = tables.turns_per_frame(100, 10_000).astype(np.float64) / 2**64 * 2 * np.pi
    np.testing.assert_allclose(rates, 10_000 ** (-np.arange(100) / 99), rtol=1e-14)


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 2**53 - 1))
def test_integer_square_root(value: int):
    assert _floor_sqrt(value) == math.isqrt(value)


def price_bits(frequencies: np.ndarray, codes: torch.Tensor) -> float:
    chosen = np.take_along_axis(frequencies, codes.T.numpy()[..., None], -1)
    return float(-np.log2(chosen / 2**24).mean())


@pytest.mark.parametrize("seed", range(4))
def test_rounding_costs_less_than_a_percent(seed: int):
    model = sharpened(SMALL, seed)
    exact = ExactLanguageModel.from_float(model)
    codes = codes_of(SMALL, 60, seed)
    frequencies = exact.frequencies(codes)
    assert frequencies.min() >= 2
    assert frequencies.sum(-1).max() <= 2**24
    assert frequencies.sum(-1).min() > 2**24 - 2 * 64
    with torch.no_grad():
        wanted = torch.softmax(model(codes[None])[0].double(), -1).transpose(0, 1).numpy()
    found = frequencies / 2**24
    # What coding costs over the float model's own entropy, if its own opinion were true.
    excess = (wanted * np.log2(wanted / found)).sum(-1).mean()
    entropy = -(wanted * np.log2(wanted)).sum(-1).mean()
    assert 0 <= excess < 0.01 * entropy


def test_stream_costs_what_the_frequencies_say():
    _, exact = small()
    codes = codes_of(SMALL, 500)
    # The coder cuts its interval with rounding inwards, which unlikely codes feel most.
    bits = 8 * len(exact.encode(codes)) / codes.numel()
    assert bits == pytest.approx(price_bits(exact.frequencies(codes), codes), rel=5e-3)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(0, 700), st.integers(0, 2**30), st.data())
def test_any_pieces_any_threads_one_stream(count: int, frames: int, seed: int, data: st.DataObject):
    _, exact = small()
    codes = codes_of(SMALL, frames, seed, count)
    whole = exact.encode(codes, num_threads=1)
    assert whole == exact.encode(codes, num_threads=data.draw(st.integers(2, 5)))
    cuts = sorted(data.draw(st.lists(st.integers(0, frames), max_size=4)))
    encoder = exact.encoder(count, num_threads=1)
    bounds = [0, *cuts, frames]
    parts = [encoder.push(codes[:, a:b]) for a, b in itertools.pairwise(bounds)]
    assert b"".join(parts) + encoder.finish() == whole
    decoder = exact.decoder(count, whole)
    pulled = [decoder.pull(b - a) for a, b in itertools.pairwise(bounds)]
    assert torch.equal(torch.cat(pulled, -1), codes)
    assert decoder.coder.bytes_read == len(whole)


def test_frame_by_frame_is_all_at_once_past_the_window():
    """The window slides, the buffer moves to its front: 1,500 frames with a context of 9."""
    _, exact = small()
    codes = codes_of(SMALL, 1500)
    stream = exact.encode(codes)
    assert torch.equal(exact.decode(stream, num_codebooks=4, num_frames=1500), codes)


def test_published_size_forth_and_back():
    model = sharpened(LANGUAGE_MODELS["encodec_24khz"])
    exact = ExactLanguageModel.from_float(model)
    codes = codes_of(model.config, 300, count=8)
    stream = exact.encode(codes, num_threads=2)
    assert stream == exact.encode(codes, num_threads=1)
    assert torch.equal(exact.decode(stream, num_codebooks=8, num_frames=300), codes)
    with torch.no_grad():
        float_bits = float(model.loss(codes[None])) / math.log(2)
    assert price_bits(exact.frequencies(codes), codes) < 1.01 * float_bits


CHILD = """
import sys, torch
sys.path.insert(0, {folder!r})
torch.set_num_threads({threads})
from test_language_model import SMALL, codes_of, small
from audiolab.codec.legacy_lm import LegacyEncoder
exact = small()[1]
print(exact.digest, exact.encode(codes_of(SMALL, 200)).hex())
"""


def test_another_process_other_threads_other_instructions_same_bytes():
    """Compiled for the oldest processor instead of this one, with one thread or two."""
    _, exact = small()
    expected = f"{exact.digest} {exact.encode(codes_of(SMALL, 200)).hex()}"
    folder = str(Path(__file__).parent)
    for threads, processor in ((1, "generic"), (2, "generic")):
        environment = {**os.environ, "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
        environment["OMP_NUM_THREADS"] = str(threads)
        done = subprocess.run(
            [sys.executable, "-c", CHILD.format(folder=folder, threads=threads)],
            capture_output=True, text=True, check=True, env=environment, timeout=250,
        )  # fmt: skip
        assert done.stdout.strip() == expected


def test_pinned_bytes():
    """The arithmetic is a file format: these bytes may never change."""
    config = LanguageModelConfig(
        num_codebooks=2, codebook_size=16, dim=8, num_heads=2, num_layers=2, hidden_dim=16,
        past_context=5,
    )  # fmt: skip
    model = LanguageModel(config)
    with torch.no_grad():
        for i, value in enumerate(model.parameters()):
            # Weights without a random generator, which could change.
            steps = torch.arange(value.numel()).reshape(value.shape)
            value.copy_(((steps * 37 + i * 11) % 101 - 50) / 64)
    exact = ExactLanguageModel.from_float(model)
    codes = (torch.arange(24).reshape(2, 12) * 7) % 16
    assert (exact.digest, exact.encode(codes).hex()) == PINNED


PINNED = ("f1f8eff06f8e6a3b", "00b4950e25b9ebc581250790a13e978280")


def test_a_model_that_differs_in_one_weight_is_another():
    model = sharpened(SMALL)
    with torch.no_grad():
        model.linears[3].weight[5, 7] += 1.0
    assert ExactLanguageModel.from_float(model).digest != small()[1].digest


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 30.0])
def test_extreme_weights_still_come_back(scale: float):
    model = sharpened(SMALL)
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(scale)
    exact = ExactLanguageModel.from_float(model)
    codes = codes_of(SMALL, 40)
    stream = exact.encode(codes)
    assert torch.equal(exact.decode(stream, num_codebooks=4, num_frames=40), codes)


def test_zero_weights_are_a_uniform_guess():
    model = LanguageModel(SMALL)
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()
    frequencies = ExactLanguageModel.from_float(model).frequencies(codes_of(SMALL, 5))
    assert len(np.unique(frequencies)) == 1


def test_not_finite_weights_are_refused():
    model = sharpened(SMALL)
    with torch.no_grad():
        model.emb[0].weight[3, 3] = math.nan
    with pytest.raises(ValueError, match=r"emb\.0\.weight"):
        ExactLanguageModel.from_float(model)


def test_damaged_streams_end_in_an_error_or_in_codes():
    _, exact = small()
    codes = codes_of(SMALL, 60)
    stream = exact.encode(codes)
    generator = np.random.default_rng(0)
    failed = 0
    for _ in range(300):
        data = bytearray(stream[: generator.integers(0, len(stream) + 1)])
        for _ in range(generator.integers(0, 4)):
            if data:
                data[generator.integers(0, len(data))] = generator.integers(0, 256)
        try:
            found = exact.decode(bytes(data), num_codebooks=4, num_frames=60)
            assert found.shape == (4, 60)
        except CorruptStreamError:
            failed += 1
    assert failed > 100


@pytest.mark.parametrize("codes", [[[0.5]], [[64]], [[-1]], [0, 1], [[0]] * 5])
def test_wrong_codes_are_refused(codes: object):
    with pytest.raises(ValueError, match=r"codes|codebooks"):
        small()[1].encode(codes)


def test_metadata_of_another_kind_is_refused(tmp_path: Path):
    from safetensors.numpy import save_file

    _, exact = small()
    arrays = dict(exact._arrays)
    about = {"audiolab.exact_lm": json.dumps(SMALL.to_dict())}
    arrays["up.shift"] = np.full_like(arrays["up.shift"], 80)
    save_file(arrays, tmp_path / "a.safetensors", about)
    with pytest.raises(ValueError, match=r"up\.shift"):
        ExactLanguageModel.load(tmp_path / "a.safetensors")
    arrays.pop("up.shift")
    save_file(arrays, tmp_path / "b.safetensors", about)
    with pytest.raises(ValueError, match=r"up\.shift"):
        ExactLanguageModel.load(tmp_path / "b.safetensors")
