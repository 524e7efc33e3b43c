"""Codes and sound beside the original package, with the same weights."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import codec_references as references
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.codec import EncodecConfig, EncodecModel
from audiolab.codec.segments import segment_scale

PRESETS = references.PRESETS
LENGTHS = {
    "encodec_24khz": (1, 2, 5, 6, 7, 319, 320, 321, 1921, 2239, 2240, 2241, 6720, 13440, 53760),
    "encodec_48khz": (1, 320, 479, 480, 481, 6720, 47520, 47521, 48000, 48001, 95040, 96000),
}


def reference_encode(preset: str, waveform: torch.Tensor, bandwidth: float | None) -> list:
    theirs = references.encodec_model(preset)
    theirs.bandwidth = bandwidth
    with torch.no_grad():
        return theirs.encode(waveform)


def frames_touched(ours: list, theirs: list) -> tuple[int, int]:
    """Return how many frames differ in any code, and how many there are."""
    assert [c.shape for c, _ in ours] == [c.shape for c, _ in theirs]
    pairs = list(zip(ours, theirs, strict=True))
    touched = sum(int((a != b).any(dim=1).sum()) for (a, _), (b, _) in pairs)
    return touched, sum(c.shape[0] * c.shape[2] for c, _ in ours)


def assert_ties(
    model: EncodecModel, waveform: torch.Tensor, ours: torch.Tensor, theirs: torch.Tensor
) -> None:
    """Where codes of the first segment differ first, both entries are equally near in float64."""
    if model.segment_length is not None:
        waveform = waveform[..., : model.segment_length]
    if model.normalize:
        waveform = waveform / segment_scale(waveform)
    with torch.no_grad():
        latent = copy.deepcopy(model.encoder).double()(waveform.double())
    different = ours != theirs
    for item, frame in different.any(1).nonzero().tolist():
        stage = int(different[item, :, frame].nonzero()[0])
        residual = latent[item, :, frame]
        for book, code in zip(model.quantizer.codebooks, ours[item, :stage, frame], strict=False):
            residual = residual - book.embed[code].double()
        entries = model.quantizer.codebooks[stage].embed.double()
        ways = [(entries[c[item, stage, frame]] - residual).square().sum() for c in (ours, theirs)]
        torch.testing.assert_close(*ways, rtol=1e-5, atol=0)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("preset", PRESETS)
def test_codes_at_every_bandwidth(preset: str, batch: int) -> None:
    model = references.model(preset)
    waveform = references.clip(1.3 * batch, preset)
    waveform = torch.cat(waveform.chunk(batch, dim=-1))
    full = reference_encode(preset, waveform, None)
    for bandwidth in model.target_bandwidths:
        ours = model.encode(waveform, bandwidth=bandwidth)
        # Stages don't look ahead, so fewer of them are the first of all.
        theirs = [(c[:, : model.num_codebooks_for(bandwidth)], s) for c, s in full]
        touched, total = frames_touched(ours, theirs)
        # Ties at late stages are decided by rounding: the reference's own change from one thread
        # to two flips 10 codes of 48,000.
        assert touched <= (0 if bandwidth <= 6 else 0.02 * total)
        if touched:
            assert_ties(model, waveform, ours[0].codes, theirs[0][0])
        for (_, a), (_, b) in zip(ours, theirs, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                torch.testing.assert_close(a, b, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("preset", "length"), [(p, n) for p, lengths in LENGTHS.items() for n in lengths]
)
def test_odd_lengths(preset: str, length: int) -> None:
    model = references.model(preset)
    waveform = references.clip(2.5, preset)[..., 5000 : 5000 + length]
    ours = model.encode(waveform, bandwidth=6.0)
    theirs = reference_encode(preset, waveform, 6.0)
    assert frames_touched(ours, theirs)[0] == 0
    with torch.no_grad():
        expected = references.encodec_model(preset).decode(theirs)
    decoded = model.decode(ours)
    # Float32 rounding through 15 layers, beside the loudest sample.
    peak = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(decoded, expected, rtol=0, atol=1e-5 * peak)
    assert decoded.shape[-1] >= length
    assert model(waveform).shape == waveform.shape


@pytest.mark.parametrize("preset", PRESETS)
def test_modules_give_the_bits_of_the_reference_and_the_engine_their_rounding(preset: str) -> None:
    model, theirs = references.model(preset), references.encodec_model(preset)
    waveform = references.clip(1.0, preset)
    with torch.no_grad():
        expected = theirs.encoder(waveform)
        latent = model.encoder(waveform)
        assert torch.equal(latent, expected)
        assert torch.equal(model.decoder(latent), theirs.decoder(latent))
        fast = model.latent(waveform)
        assert not torch.equal(fast, expected)  # it is the engine that ran
        torch.testing.assert_close(fast, expected, rtol=0, atol=2e-5)
        torch.testing.assert_close(
            model.synthesize(latent), theirs.decoder(latent), rtol=0, atol=2e-5
        )


@pytest.mark.parametrize("preset", PRESETS)
def test_batch_items_are_their_single_runs_lengths_included(preset: str) -> None:
    model = references.model(preset)
    rate = model.sample_rate
    waveform = references.clip(4.2, preset)
    waveform = torch.cat(waveform.chunk(3, dim=-1))
    lengths = [rate + 777, rate // 3 + 1, 100]
    segments = model.encode(waveform, lengths=lengths, bandwidth=6.0)
    decoded = model.decode(segments, lengths=lengths)
    assert decoded.shape[-1] == max(lengths)
    for b, length in enumerate(lengths):
        alone = model.encode(waveform[b : b + 1, :, :length], bandwidth=6.0)
        for i, (codes, scale) in enumerate(alone):
            frames = codes.shape[-1]
            assert torch.equal(segments[i].codes[b, :, :frames], codes[0])
            assert not segments[i].codes[b, :, frames:].any()
            if scale is not None:
                together = segments[i].scale
                assert together is not None
                torch.testing.assert_close(together[b], scale[0])
        expected = model.decode(alone)[0, :, :length]
        torch.testing.assert_close(decoded[b, :, :length], expected, rtol=0, atol=1e-5)
        assert not decoded[b, :, length:].any()


@pytest.mark.parametrize("preset", PRESETS)
def test_fewer_codebooks_are_the_first_of_more(preset: str) -> None:
    model = references.model(preset)
    waveform = references.clip(0.5, preset)
    full = model.encode(waveform)[0].codes
    for bandwidth in model.target_bandwidths:
        count = model.num_codebooks_for(bandwidth)
        [(codes, _)] = model.encode(waveform, bandwidth=bandwidth)
        assert torch.equal(codes, full[:, :count])


def test_numbers_of_codebooks() -> None:
    mono, stereo = (EncodecModel.from_preset(p, generator=0) for p in PRESETS)
    assert [mono.num_codebooks_for(b) for b in mono.target_bandwidths] == [2, 4, 8, 16, 32]
    assert [stereo.num_codebooks_for(b) for b in stereo.target_bandwidths] == [2, 4, 8, 16]
    assert (stereo.segment_length, stereo.segment_stride) == (48_000, 47_520)


def test_frames_of_the_48_khz_model() -> None:
    model = references.model("encodec_48khz")
    waveform = references.clip(3.0, "encodec_48khz")
    assert [c.shape[-1] for c, _ in model.encode(waveform[..., :48_000])] == [150, 2]
    assert [c.shape[-1] for c, _ in model.encode(waveform)] == [150, 150, 150, 5]


def test_channels_that_cancel_survive() -> None:
    model = references.model("encodec_48khz")
    left = references.clip(1.0, "encodec_48khz")[:, :1, :24_000]
    waveform = torch.cat([left, -left], dim=1)
    [(_, lost)] = model.encode(waveform, bandwidth=6.0, compat="reference")
    [(_, kept)] = model.encode(waveform, bandwidth=6.0)
    assert lost is not None
    assert kept is not None
    assert float(lost) < 1e-7
    assert float(kept) == pytest.approx(float(left.square().mean().sqrt()), rel=1e-4)


@pytest.mark.parametrize("preset", PRESETS)
def test_silence_direct_current_and_full_scale_stay_finite(preset: str) -> None:
    model = references.model(preset)
    quiet = torch.zeros(1, model.channels, 9600)
    for waveform in (quiet, quiet + 0.5, torch.ones_like(quiet), -torch.ones_like(quiet)):
        assert bool(torch.isfinite(model(waveform)).all())


def test_no_samples_give_no_frames() -> None:
    mono, stereo = (references.model(p) for p in PRESETS)
    [(codes, scale)] = mono.encode(torch.zeros(1, 1, 0), bandwidth=6.0)
    assert codes.shape == (1, 8, 0)
    assert scale is None
    assert mono.decode([(codes, None)]).shape == (1, 1, 0)
    assert stereo.encode(torch.zeros(1, 2, 0)) == []
    assert stereo.decode([]).shape == (1, 2, 0)


def test_what_does_not_fit_is_named() -> None:
    model = references.model("encodec_24khz")
    with pytest.raises(ValueError, match=r"one of 1\.5, 3, 6, 12, 24 kbps"):
        model.set_target_bandwidth(5.0)
    with pytest.raises(ValueError, match=r"takes 1 channel\(s\), got 2"):
        model.encode(torch.zeros(1, 2, 320))
    with pytest.raises(ValueError, match=r"\(batch, channels, time\)"):
        model.encode(torch.zeros(1, 320))
    with pytest.raises(ValueError, match="NaN"):
        model.encode(torch.full((1, 1, 320), float("nan")))
    with pytest.raises(TypeError, match="floating point"):
        model.encode(torch.zeros(1, 1, 320, dtype=torch.int16))
    with pytest.raises(ValueError, match=r"lie in 0\.\.1023, got 0\.\.1024"):
        model.decode([(torch.tensor([[[0, 1024]]]), None)])
    with pytest.raises(ValueError, match="1 to 32 codebooks"):
        model.decode([(torch.zeros(1, 33, 2, dtype=torch.int64), None)])
    with pytest.raises(ValueError, match="has no scale"):
        model.decode([(torch.zeros(1, 2, 2, dtype=torch.int64), torch.ones(1, 1))])
    with pytest.raises(ValueError, match="has one segment, got 2"):
        model.decode([(torch.zeros(1, 2, 2, dtype=torch.int64), None)] * 2)


def test_initial_weights_come_from_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    a, b = (EncodecModel.from_preset("encodec_24khz", generator=3) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    for x, y in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(x, y)
    other = EncodecModel.from_preset("encodec_24khz", generator=4)
    assert not torch.equal(next(a.parameters()), next(other.parameters()))


def small(**changes: Any) -> EncodecModel:
    values: dict[str, Any] = {
        "sample_rate": 1000,
        "target_bandwidths": (1.0, 2.0),
        "num_filters": 4,
        "dimension": 8,
        "ratios": (4, 2),
        "codebook_size": 16,
        **changes,
    }
    model = EncodecModel.from_config(EncodecConfig(**values), generator=0)
    generator = torch.Generator().manual_seed(1)
    for codebook in model.quantizer.codebooks:
        codebook.embed.copy_(0.1 * torch.randn(codebook.embed.shape, generator=generator))
    return model


@pytest.mark.parametrize(
    "changes",
    [
        {"norm": "none"},
        {"conv_shortcut": False, "num_residual_layers": 2},
        {"num_lstm_layers": 0},
        {"causal": False},
        {"causal": False, "norm": "time_group_norm", "channels": 2, "conv_shortcut": False},
        {"ratios": (3, 3), "residual_kernel_size": 5, "last_kernel_size": 3},
    ],
)
def test_the_engine_follows_the_modules_in_other_models(changes: dict[str, object]) -> None:
    model = small(**changes)
    generator = torch.Generator().manual_seed(2)
    waveform = torch.randn(2, model.channels, 1003, generator=generator)
    with torch.no_grad():
        torch.testing.assert_close(
            model.latent(waveform), model.encoder(waveform), rtol=0, atol=1e-5
        )
        latent = torch.randn(2, 8, 60, generator=generator)
        torch.testing.assert_close(
            model.synthesize(latent), model.decoder(latent), rtol=0, atol=1e-5
        )


def test_the_engine_sees_new_weights() -> None:
    model = small()
    waveform = torch.randn(1, 1, 500, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        model.latent(waveform)
        for parameter in model.parameters():
            parameter.mul_(1.5)
        torch.testing.assert_close(
            model.latent(waveform), model.encoder(waveform), rtol=0, atol=1e-5
        )


def test_copies_and_pickles_are_equal_and_apart() -> None:
    model = small()
    waveform = torch.randn(1, 1, 500, generator=torch.Generator().manual_seed(2))
    expected = model.encode(waveform)[0].codes
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other.encode(waveform)[0].codes, expected)
        with torch.no_grad():
            next(other.parameters()).zero_()
    assert torch.equal(model.encode(waveform)[0].codes, expected)


def test_float64_runs_on_the_modules() -> None:
    model = small().double()
    waveform = torch.randn(1, 1, 500, generator=torch.Generator().manual_seed(2))
    assert model(waveform.double()).dtype == torch.float64


@settings(max_examples=30, deadline=None)
@given(length=st.integers(0, 700), channels=st.sampled_from([1, 2]), causal=st.booleans())
def test_any_length_comes_back(length: int, channels: int, causal: bool) -> None:
    model = small(
        channels=channels, causal=causal, segment_s=None if causal else 0.1, overlap=0.1,
        normalize=not causal,
    )  # fmt: skip
    waveform = torch.randn(1, channels, length, generator=torch.Generator().manual_seed(length))
    decoded = model.decode(model.encode(waveform), lengths=[length])
    assert decoded.shape == waveform.shape
    assert bool(torch.isfinite(decoded).all())


@pytest.mark.parametrize("preset", PRESETS)
def test_networks_export(preset: str) -> None:
    model = references.model(preset)
    waveform = references.clip(0.5, preset)
    with torch.no_grad():
        latent = model.encoder(waveform)
        for module, example in ((model.encoder, waveform), (model.decoder, latent)):
            exported = torch.export.export(module, (example,)).module()
            assert torch.equal(exported(example), module(example))


def test_networks_export_to_onnx() -> None:
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = small()
    waveform = torch.randn(1, 1, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        latent = model.encoder(waveform)
        for module, example in ((model.encoder, waveform), (model.decoder, latent)):
            program = torch.onnx.export(module, (example,), dynamo=True, verbose=False)
            assert program is not None
            onnx.checker.check_model(program.model_proto)
            name = program.model_proto.graph.input[0].name
            [found] = ReferenceEvaluator(program.model_proto).run(None, {name: example.numpy()})
            torch.testing.assert_close(torch.from_numpy(found), module(example))
