"""The mdct backbone: what it computes, how far it sees, and the same in pieces to the bit."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from audiolab import signals
from audiolab.codec import EncodecConfig, EncodecModel, checkpoint, compress, decompress
from audiolab.codec.config import preset
from audiolab.codec.mdct_backbone import LatentNorm, MDCTDecoder, MDCTEncoder
from audiolab.codec.mdct_config import MDCTConfig
from audiolab.codec.training.distributed import share_statistics

NAME = "audiolab_24khz"


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def small_config(**numbers: Any) -> EncodecConfig:
    values: dict[str, Any] = {
        "width": 24, "hidden": 40, "encoder_blocks": 2, "decoder_blocks": 3, "kernel_size": 5,
        "analysis_windows": (32, 64), "analysis_bins": (17, 12), **numbers,
    }  # fmt: skip
    return EncodecConfig(
        name="small", sample_rate=1600, target_bandwidths=(0.8, 1.6), dimension=12, ratios=(16,),
        codebook_size=16, backbone="mdct", mdct=MDCTConfig(**values),
    )  # fmt: skip


def filled(config: EncodecConfig, seed: int = 0) -> EncodecModel:
    """Return a model with random codebooks and latent statistics, as a trained one has."""
    model = EncodecModel(config, generator=seed)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for stage, codebook in enumerate(model.quantizer.codebooks):
            entries = torch.randn(codebook.embed.shape, generator=random) * 0.8**stage
            codebook.embed.copy_(entries)
        assert isinstance(model.encoder, MDCTEncoder)
        norm = model.encoder.latent_norm
        norm.running_mean.normal_(0, 0.1, generator=random)
        norm.running_var.uniform_(0.3, 2.0, generator=random)
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    return model.requires_grad_(requires_grad=False)


@cache
def model(name: str = "small") -> EncodecModel:
    return filled(small_config() if name == "small" else preset(name))


# ------------------------------------------------------------------------------------ closed forms
def test_the_linear_path_alone_passes_the_low_band_and_nothing_else() -> None:
    codec = EncodecModel.from_preset(NAME, generator=0)
    assert isinstance(codec.encoder, MDCTEncoder)
    assert isinstance(codec.decoder, MDCTDecoder)
    for layer in (codec.encoder.output, codec.decoder.output):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    low, high = signals.tone(1000, 0.4, 24_000), signals.tone(5000, 0.4, 24_000)
    x = 0.3 * (low + high).reshape(1, 1, -1)
    with torch.no_grad():
        y = codec.decoder(codec.encoder(x))[..., : x.shape[-1]]
    inner = slice(960, -960)
    error = (y - 0.3 * low.reshape(1, 1, -1))[..., inner]
    # 64 bins are 2.4 kHz; the square root's floor and the squaring's slope cost about 1 %.
    assert error.square().mean() < 1e-3 * x.square().mean()


def test_full_whitening_is_batch_normalisation() -> None:
    ours, theirs = LatentNorm(5, 1.0), nn.BatchNorm1d(5, affine=False, momentum=0.02)
    x = noise(4, 5, 30) * torch.arange(1.0, 6.0)[:, None] + 2
    for _ in range(3):
        torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


@pytest.mark.parametrize("whitening", [0.0, 0.25])
def test_partial_whitening_keeps_proportions(whitening: float) -> None:
    norm = LatentNorm(3, whitening)
    x = torch.randn(8, 3, 4000, generator=torch.Generator().manual_seed(1))
    x = x * torch.tensor([0.5, 1.0, 4.0])[:, None]
    for _ in range(600):
        y = norm(x)
    spread = y.std(dim=(0, 2))
    expected = (x.std(dim=(0, 2)) / x[:, 1].std()) ** (1 - whitening)
    # The running variances are 0.98^600 short of their end.
    torch.testing.assert_close(spread / spread[1], expected, rtol=2e-3, atol=0)
    torch.testing.assert_close(y.square().mean(), torch.tensor(1.0), rtol=2e-3, atol=0)


def test_the_layer_that_processes_share_normalises_alike() -> None:
    ours, shared = LatentNorm(3, 0.25), nn.Sequential(LatentNorm(3, 0.25))
    for layer in (ours, shared[0]):
        assert isinstance(layer, LatentNorm)
        layer.running_mean.copy_(torch.tensor([0.1, -0.2, 1.0]))
        layer.running_var.copy_(torch.tensor([0.3, 1.0, 9.0]))
    share_statistics(shared)
    x = noise(4, 3, 30)
    torch.testing.assert_close(shared.eval()(x), ours.eval()(x))


def test_evaluation_mode_freezes_the_latent_statistics() -> None:
    codec = EncodecModel(small_config(), generator=0).train()
    assert isinstance(codec.encoder, MDCTEncoder)
    norm = codec.encoder.latent_norm
    before = norm.running_var.clone()
    codec.encoder(noise(2, 1, 320))
    moved = norm.running_var.clone()
    assert not torch.equal(moved, before)
    norm.eval()
    codec.encoder(noise(2, 1, 320, seed=1))
    assert torch.equal(norm.running_var, moved)


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_the_encoder_sees_just_as_far_as_it_says(ahead: int) -> None:
    codec = filled(small_config(encoder_lookahead=ahead))
    hop, frame = 16, 20
    reach = codec.encoder_network().held_back * hop
    assert reach == (2 + 2 * ahead) * hop
    x = noise(1, 1, 60 * hop)
    latent = codec.encoder(x)[..., frame]
    after = x.clone()
    after[..., frame * hop + reach :] += 1
    assert torch.equal(codec.encoder(after)[..., frame], latent)
    within = x.clone()
    within[..., frame * hop + reach - hop // 2 : frame * hop + reach] += 1
    assert not torch.equal(codec.encoder(within)[..., frame], latent)


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_the_decoder_sees_just_as_far_as_it_says(ahead: int) -> None:
    codec = filled(small_config(decoder_lookahead=ahead))
    hop, frame = 16, 20
    reach = codec.decoder_network().held_back
    assert reach == 2 + 4 * ahead
    z = noise(1, 12, 60)
    own = slice(frame * hop, (frame + 1) * hop)
    heard = codec.decoder(z)[..., own]
    z[..., frame + reach :] += 1
    assert torch.equal(codec.decoder(z)[..., own], heard)
    z[..., frame + reach - 1] += 1
    assert not torch.equal(codec.decoder(z)[..., own], heard)


# ------------------------------------------------------------------- the engine beside the modules
@pytest.mark.parametrize("name", ["small", NAME])
@pytest.mark.parametrize("frames", [1, 2, 4.3, 5, 7.99, 8, 9, 40.5, 300])
def test_the_engine_computes_what_the_modules_compute(name: str, frames: float) -> None:
    codec = model(name)
    x = noise(2, 1, max(1, int(frames * codec.hop_length)))
    with torch.no_grad():
        expected, found = codec.encoder(x), codec.latent(x)
        # Latents are of unit size; sums of a thousand float32 terms through eight layers.
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
        expected, found = codec.decoder(found), codec.synthesize(found)
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=0)


def test_silence_and_a_single_sample() -> None:
    codec = model()
    for x in (torch.zeros(1, 1, 100), torch.full((1, 1, 1), 0.5)):
        y = codec(x)
        assert y.shape == x.shape
        assert bool(torch.isfinite(y).all())
    [(codes, _)] = codec.encode(torch.zeros(2, 1, 0))
    assert codes.shape == (2, 4, 0)
    assert codec.decode([(codes, None)]).shape[-1] == 0


def test_double_precision_goes_through_torch_and_agrees() -> None:
    codec, exact = model(), filled(small_config()).double()
    x = noise(1, 1, 1000)
    with torch.no_grad():
        z = exact.latent(x.double())
        assert z.dtype == torch.float64
        torch.testing.assert_close(codec.latent(x).double(), z, atol=1e-4, rtol=0)
        y = exact.synthesize(z)
        assert y.dtype == torch.float64
        pieces = exact.encoder_network().stream(1)
        parts = [pieces.push(p.double(), last=False) for p in torch.split(x[..., :992], 48, dim=-1)]
        parts.append(pieces.push(x[..., 992:].double(), last=True))
    torch.testing.assert_close(torch.cat(parts, dim=-1), z, atol=1e-10, rtol=0)
    torch.testing.assert_close(codec.synthesize(z.float()).double(), y, atol=1e-5, rtol=0)


@pytest.mark.parametrize("threads", [1, 2])
def test_neither_batch_nor_threads_change_a_bit(threads: int) -> None:
    codec, x = model(NAME), noise(3, 1, 30_000)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        [(codes, _)] = codec.encode(x)
        y = codec.decode([(codes, None)])
    finally:
        torch.set_num_threads(before)
    for item in range(3):
        [(alone, _)] = codec.encode(x[item : item + 1])
        assert torch.equal(alone[0], codes[item])
        assert torch.equal(codec.decode([(alone, None)])[0], y[item])
        [(shorter, _)] = codec.encode(x, lengths=[30_000, 10_001, 7])
        [(cut, _)] = codec.encode(x[1:2, :, :10_001])
        assert torch.equal(shorter[1, :, :32], cut[0])


# ------------------------------------------------------------------------------------------ pieces
@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(0, 600),
    cuts=st.lists(st.integers(0, 90), max_size=30),
    ahead=st.integers(0, 2),
)
def test_a_stream_in_any_pieces_gives_the_same_bits(
    length: int, cuts: list[int], ahead: int
) -> None:
    codec = filled(small_config(encoder_lookahead=ahead, decoder_lookahead=ahead))
    x = noise(2, 1, length)
    [(whole, _)] = codec.encode(x, bandwidth=0.8)
    encoder = codec.streaming_encoder(batch=2, bandwidth=0.8)
    decoder = codec.streaming_decoder(batch=2)
    for _ in range(2):  # the second signal starts from nothing as well
        codes, start = [], 0
        for size in cuts:
            codes.append(encoder.push(x[..., start : start + size]))
            start += size
        codes += [encoder.push(x[..., start:]), encoder.finish()]
        assert torch.equal(torch.cat(codes, dim=-1), whole)
        sound, start = [], 0
        for size in cuts:
            sound.append(decoder.push(whole[..., start : start + size // 16]))
            start += size // 16
        sound += [decoder.push(whole[..., start:]), decoder.finish()]
        assert torch.equal(torch.cat(sound, dim=-1), codec.decode([(whole, None)]))


def test_each_frame_comes_as_soon_as_it_is_determined() -> None:
    codec = model(NAME)
    encoder, decoder = codec.streaming_encoder(), codec.streaming_decoder()
    assert encoder.latency_samples == 5 * 320
    assert decoder.latency_frames == 8
    x = noise(1, 1, 20 * 320)
    counts = [encoder.push(part).shape[-1] for part in torch.split(x, 320, dim=-1)]
    assert counts == [0] * 4 + [1] * 16
    assert encoder.finish().shape[-1] == 4
    codes = torch.zeros(1, 16, 20, dtype=torch.int64)
    counts = [decoder.push(part).shape[-1] for part in torch.split(codes, 1, dim=-1)]
    assert counts == [0] * 7 + [320] * 13
    assert decoder.finish().shape[-1] == 7 * 320


def test_blocks_of_a_long_signal_are_coded_as_one() -> None:
    codec, x = model(), noise(1, 1, 40_000)
    [(whole, _)] = codec.encode(x)
    parts = list(codec.encode_blocks(torch.split(x, 1234, dim=-1)))
    assert len(parts) > 2
    assert torch.equal(torch.cat([codes for codes, _ in parts], dim=-1), whole)
    sound = list(codec.decode_blocks(parts))
    assert len(sound) > 2
    assert torch.equal(torch.cat(sound, dim=-1), codec.decode([(whole, None)]))


def test_files_and_effort_take_the_backbone_as_any_other() -> None:
    codec = model()
    x = noise(1, 2000)
    data = compress(x, 1600, model=codec, bandwidth=1.6, effort=4)
    y, rate = decompress(data, model=codec)
    assert (y.shape, rate) == (x.shape, 1600)
    whole = codec.decode(codec.encode(x[None], bandwidth=1.6, effort=4))[0, :, :2000]
    assert torch.equal(y, whole)


# ---------------------------------------------------------------------------------------- training
@pytest.mark.parametrize("mixed", [False, True])
def test_every_weight_learns(mixed: bool) -> None:
    codec = EncodecModel(small_config(), generator=0).train()
    x = noise(4, 1, 640)
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        out = codec.reconstruct(x, generator=0)
    assert out.waveform.dtype == torch.float32
    torch.autograd.backward((out.waveform - x).square().mean() + out.commitment)
    for name, parameter in codec.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name
        assert parameter.grad.abs().max() > 0, name


def test_a_few_steps_bring_the_sound_nearer() -> None:
    codec = EncodecModel(small_config(), generator=0).train()
    x = noise(8, 1, 640)
    optimizer = torch.optim.Adam(codec.parameters(), 3e-3)
    errors = []
    for _ in range(60):
        out = codec.decoder(codec.encoder(x))
        error = (out - x).abs().mean()
        optimizer.zero_grad()
        torch.autograd.backward(error)
        optimizer.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.7 * errors[0]


# ------------------------------------------------------------------------- configuration, refusals
def test_the_configuration_goes_to_json_and_back() -> None:
    for config in (preset(NAME), small_config(whitening=0.5)):
        text = json.dumps(config.to_dict())
        assert EncodecConfig.from_dict(json.loads(text)) == config
    assert preset(NAME).num_codebooks == 16
    assert (preset(NAME).hop_length, preset(NAME).frame_rate) == (320, 75)
    assert preset("encodec_24khz").to_dict()["mdct"] is None


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"width": 0}, "width must be a whole number of at least 1, got 0"),
        ({"encoder_lookahead": -1}, "encoder_lookahead must be a whole number of at least 0"),
        ({"decoder_lookahead": 5}, "decoder_lookahead must be below kernel_size=5, got 5"),
        ({"analysis_bins": (17,)}, "analysis_bins must be as many as analysis_windows, 2, got 1"),
        ({"analysis_bins": (18, 3)}, "analysis_bins must be at most 17 for a window of 32"),
        ({"analysis_windows": (31, 64)}, "analysis_bins must be at most 16 for a window of 31"),
        ({"analysis_windows": (30, 64), "analysis_bins": (3, 3)}, "at least two hops, 32"),
        ({"whitening": 1.5}, "whitening must lie from 0 to 1, got 1.5"),
    ],
)
def test_impossible_numbers_are_named(numbers: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_config(**numbers)


def test_the_codec_names_what_the_backbone_lacks() -> None:
    config = small_config()
    changes: list[dict[str, Any]] = [
        {"channels": 2}, {"segment_s": 1.0}, {"normalize": True}, {"causal": False},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(ValueError, match="the backbone 'mdct' is for channels=1"):
            replace(config, **change)
    with pytest.raises(ValueError, match="must be even for an MDCT, got 15"):
        replace(config, ratios=(15,))
    with pytest.raises(ValueError, match="backbone must be one of seanet, mdct, got 'rnn'"):
        replace(config, backbone="rnn")
    with pytest.raises(ValueError, match="mdct must be given with backbone='mdct', and only"):
        replace(config, backbone="seanet")
    with pytest.raises(ValueError, match="mdct must be given"):
        EncodecConfig(backbone="mdct")
    with pytest.raises(ValueError, match=r"unknown field\(s\) of MDCTConfig: depth"):
        EncodecConfig.from_dict({"backbone": "mdct", "mdct": {"depth": 3}})
    with pytest.raises(ValueError, match="transformers knows no EnCodec with backbone='mdct'"):
        config.to_transformers()
    for rename in (checkpoint.to_original, checkpoint.to_transformers):
        with pytest.raises(ValueError, match="other packages have no names"):
            rename(model())
    with pytest.raises(ValueError, match="precision must be 'float32' with the backbone 'mdct'"):
        filled(config).set_precision("bfloat16")


def test_folders_keep_every_bit(tmp_path: Path) -> None:
    model().save_pretrained(tmp_path)
    again = EncodecModel.from_pretrained(tmp_path)
    ours, theirs = model().state_dict(), again.state_dict()
    assert again.config == model().config
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_engine_follows_weights_and_statistics() -> None:
    codec = filled(small_config())
    x = noise(1, 1, 400)
    before = codec.latent(x)
    assert isinstance(codec.encoder, MDCTEncoder)
    codec.encoder.latent_norm.running_mean += 1
    with torch.no_grad():
        torch.testing.assert_close(codec.latent(x), codec.encoder(x), atol=1e-4, rtol=0)
    assert not torch.allclose(codec.latent(x), before)


def test_export_takes_any_length() -> None:
    codec = filled(small_config())
    for half, example, other in (
        (codec.encoder, noise(1, 1, 320), noise(1, 1, 501)),
        (codec.decoder, noise(1, 12, 20), noise(1, 12, 33)),
    ):
        shapes = ({2: torch.export.Dim.AUTO},)
        exported = torch.export.export(half, (example,), dynamic_shapes=shapes)
        torch.testing.assert_close(exported.module()(other), half(other), atol=1e-6, rtol=0)
