"""Weights in few bytes, and those that come with the package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from audiolab import metrics, signals
from audiolab.codec import (
    CheckpointError,
    EncodecConfig,
    EncodecModel,
    LanguageModel,
    LanguageModelConfig,
    _models,
    checkpoint,
    compact,
    compress,
    decompress,
    preset,
)

NAME = "audiolab_24khz"


def random_model(seed: int = 0) -> EncodecModel:
    model = EncodecModel(preset(NAME), generator=seed)
    random = torch.Generator().manual_seed(seed)
    for codebook in model.quantizer.codebooks:
        codebook.start(torch.randn(2000, 64, generator=random), random)
    return model


# ----------------------------------------------------------------------------------------- compact
def test_whole_numbers_are_the_nearest_ones() -> None:
    weight = torch.randn(300, 320, generator=torch.Generator().manual_seed(0))
    weight[7] = 0
    small = compact.shrink({"a.weight": weight})
    scale = weight.abs().amax(dim=1) / 127
    expected = (weight / scale.clamp(min=1e-12)[:, None]).round()
    assert torch.equal(small["a.weight"].float(), expected)
    error = (compact.expand(small)["a.weight"] - weight).abs()
    # Half a step, and what float32 rounds of it.
    assert bool((error <= 0.5001 * scale[:, None]).all())
    assert not compact.expand(small)["a.weight"][7].any()


def test_small_matrices_vectors_and_codebooks() -> None:
    state = random_model().state_dict()
    small = compact.shrink(state)
    assert small["encoder.skip.weight"].dtype == torch.float16
    assert small["encoder.blocks.0.norm.weight"].dtype == torch.float32
    assert small["encoder.latent_norm.num_batches_tracked"].dtype == torch.int64
    assert small["decoder.blocks.4.expand.weight"].dtype == torch.int8
    stem = "quantizer.layers.3.codebook."
    assert [n for n in small if n.startswith(stem)] == [f"{stem}embed"]
    whole = compact.expand(small)
    assert whole.keys() == state.keys()
    for name, tensor in whole.items():
        assert (tensor.shape, tensor.dtype) == (state[name].shape, state[name].dtype), name
    # The averages belong to the entries: one more step of training does not throw them.
    ratio = whole[f"{stem}embed_avg"] / whole[f"{stem}cluster_size"][:, None]
    assert torch.equal(ratio, whole[f"{stem}embed"])
    assert bool((whole[f"{stem}cluster_size"] >= 2).all())


def test_expanding_what_was_not_shrunk_changes_nothing() -> None:
    state = random_model().state_dict()
    again = compact.expand(state)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], state[name]) for name in state)


def test_a_compact_file_stands_alone(tmp_path: Path) -> None:
    model, path = random_model(), tmp_path / "small.safetensors"
    compact.write_compact(model, path)
    assert path.stat().st_size < 5.2e6
    again = EncodecModel.from_pretrained(path)
    assert again.config == model.config
    expected = compact.expand(compact.shrink(model.state_dict()))
    assert all(torch.equal(again.state_dict()[name], expected[name]) for name in expected)
    # What is stored is exact: a second round changes nothing.
    compact.write_compact(again, tmp_path / "again.safetensors")
    first, second = load_file(path), load_file(tmp_path / "again.safetensors")
    assert all(torch.equal(first[n], second[n]) for n in first if first[n].dtype != torch.float32)
    with pytest.raises(FileExistsError):
        compact.write_compact(model, path)
    compact.write_compact(model, path, overwrite=True)


def test_any_backbone_may_be_compact(tmp_path: Path) -> None:
    config = EncodecConfig(
        name="tiny", sample_rate=1000, target_bandwidths=(1.0, 2.0), num_filters=4, dimension=8,
        ratios=(4, 2), codebook_size=16,
    )  # fmt: skip
    compact.write_compact(EncodecModel(config, generator=0), tmp_path / "tiny.safetensors")
    assert EncodecModel.from_pretrained(tmp_path / "tiny.safetensors").config == config


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    state = compact.shrink(random_model().state_dict())
    for text in ("{", "[]", json.dumps({"sample_rate": -1}), json.dumps({"mdct": 3})):
        save_file(state, path, metadata={"audiolab": text})
        with pytest.raises(CheckpointError, match=r"bad\.safetensors can't be used"):
            EncodecModel.from_pretrained(path)
    config = {"audiolab": json.dumps(preset(NAME).to_dict())}
    save_file({**state, "extra": torch.zeros(1)}, path, metadata=config)
    with pytest.raises(CheckpointError, match=r"1 tensor\(s\) not known \(extra\)"):
        EncodecModel.from_pretrained(path)
    name = "encoder.blocks.0.expand.weight"
    spoilt = {**state, f"{name}.scale": state[f"{name}.scale"] * torch.nan}
    save_file(spoilt, path, metadata=config)
    with pytest.raises(CheckpointError, match=f"{name} is not finite"):
        EncodecModel.from_pretrained(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"bad\.safetensors can't be read"):
        EncodecModel.from_pretrained(path)


def test_a_copy_without_the_weights_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Path("nowhere.safetensors")
    monkeypatch.setattr(checkpoint, "bundled_path", lambda name: nowhere)
    with pytest.raises(CheckpointError, match=r"lacks the weights of audiolab_24khz: nowhere"):
        EncodecModel.from_pretrained(NAME)


def test_the_language_model_lies_beside_the_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = random_model()
    sizes = LanguageModelConfig(
        name=NAME, num_codebooks=16, dim=16, num_heads=2, num_layers=1, past_context=20
    )
    monkeypatch.setattr(_models, "bundled_path", lambda name: tmp_path / f"{name}.safetensors")
    _models._named_lm.cache_clear()
    x = 0.1 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    with pytest.raises(CheckpointError, match="language model of audiolab_24khz: this copy of"):
        compress(x, 24_000, model=model, bandwidth=1.5, lm=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LanguageModel(sizes).save(tmp_path / f"{NAME}_lm.safetensors")
    data = compress(x, 24_000, model=model, bandwidth=1.5, lm=True)
    plain = compress(x, 24_000, model=model, bandwidth=1.5)
    assert data != plain
    assert torch.equal(decompress(data, model=model)[0], decompress(plain, model=model)[0])
    _models._named_lm.cache_clear()


# ------------------------------------------------------------------------------- the bundled model
@cache
def bundled() -> EncodecModel:
    return EncodecModel.from_pretrained(NAME)


def sound(name: str) -> torch.Tensor:
    waveform, rate = signals.clip(name)
    from audiolab import resample

    return resample.resample(waveform.mean(dim=0, keepdim=True), rate, 24_000)[:, : 3 * 24_000]


def test_the_bundled_model_is_small_and_whole() -> None:
    files = list(checkpoint.bundled_path(NAME).parent.glob("*.safetensors"))
    assert checkpoint.bundled_path(NAME) in files
    assert sum(file.stat().st_size for file in files) <= 8e6
    assert compact.configuration(checkpoint.bundled_path(NAME)) == preset(NAME)
    assert bundled().config == preset(NAME)


@pytest.mark.parametrize("name", ["speech_female", "speech_male", "music"])
def test_more_bits_are_nearer_and_6_kbps_is_waveform_true(name: str) -> None:
    codec, x = bundled(), sound(name)
    nearness = []
    for bandwidth in codec.target_bandwidths:
        y = codec.decode(codec.encode(x[None], bandwidth=bandwidth))[0, :, : x.shape[-1]]
        nearness.append(float(metrics.si_sdr_db(x, y).mean()))
    assert nearness == sorted(nearness)
    assert nearness[2] > 4  # a vocoder, or a model with its phases lost, is below 0
    better = codec.decode(codec.encode(x[None], bandwidth=6.0, effort=8))[0, :, : x.shape[-1]]
    assert float(metrics.si_sdr_db(x, better).mean()) > nearness[2]


def test_compress_uses_it_where_no_model_is_named() -> None:
    x = sound("speech_female")
    data = compress(x, 24_000)
    assert b"audiolab_24khz" in data[:80]
    assert 8 * len(data) / 3 < 6500  # 6 kbps and a header
    y, rate = decompress(data)
    assert (y.shape, rate) == (x.shape, 24_000)
    assert float(metrics.si_sdr_db(x, y).mean()) > 4
