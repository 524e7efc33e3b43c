"""Weights of three namings, from folders, files and a server, whole or damaged."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import codec_references as references
import pytest
import torch

from audiolab.codec import CheckpointError, EncodecConfig, EncodecModel, _download, checkpoint

PRESETS = references.PRESETS


def same(a: EncodecModel, b: EncodecModel) -> bool:
    ours, other = a.state_dict(), b.state_dict()
    return ours.keys() == other.keys() and all(torch.equal(ours[k], other[k]) for k in ours)


def small(**changes: Any) -> EncodecModel:
    values: dict[str, Any] = {
        "sample_rate": 1000, "target_bandwidths": (1.0, 2.0), "num_filters": 4, "dimension": 8,
        "ratios": (4, 2), "codebook_size": 16, **changes,
    }  # fmt: skip
    return EncodecModel.from_config(EncodecConfig(**values), generator=0)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_tensor_of_the_original_both_ways(preset: str) -> None:
    theirs = references.encodec_model(preset).state_dict()
    back = checkpoint.to_original(references.model(preset))
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[k], theirs[k]) for k in theirs)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_tensor_of_transformers_both_ways(preset: str) -> None:
    theirs = references.transformers_model(preset).state_dict()
    back = checkpoint.to_transformers(references.model(preset))
    assert back.keys() == theirs.keys()
    fresh = EncodecModel.from_preset(preset, generator=1)
    checkpoint.fill(fresh, theirs, "transformers")
    assert same(fresh, references.model(preset))


@pytest.mark.parametrize("preset", PRESETS)
def test_transformers_loads_what_we_save(preset: str, tmp_path: Path) -> None:
    from transformers import EncodecModel as Theirs

    model = references.model(preset)
    model.save_pretrained(tmp_path)
    theirs, report = Theirs.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    waveform = references.clip(0.3, preset)
    with torch.no_grad():
        codes = theirs.encode(waveform, bandwidth=6.0).audio_codes
    assert torch.equal(codes[0], model.encode(waveform, bandwidth=6.0)[0].codes)


@pytest.mark.parametrize("preset", PRESETS)
def test_we_load_what_transformers_and_we_save(preset: str, tmp_path: Path) -> None:
    model = references.model(preset)
    references.transformers_model(preset).save_pretrained(tmp_path / "theirs")
    model.save_pretrained(tmp_path / "ours")
    for folder in ("theirs", "ours"):
        loaded = EncodecModel.from_pretrained(tmp_path / folder)
        assert same(loaded, model)
        assert loaded.config == model.config
    with pytest.raises(FileExistsError):
        model.save_pretrained(tmp_path / "ours")
    model.save_pretrained(tmp_path / "ours", overwrite=True)


def test_a_file_of_the_original_package_is_recognised(tmp_path: Path) -> None:
    for preset in PRESETS:
        path = tmp_path / f"{preset}.th"
        torch.save(references.encodec_model(preset).state_dict(), path)
        loaded = EncodecModel.from_pretrained(path)
        assert same(loaded, references.model(preset))
        assert loaded.name == preset


def test_folded_weights_load_and_do_the_same(tmp_path: Path) -> None:
    model = small()
    state = model.state_dict()
    for name in [n for n in state if n.endswith("weight_g")]:
        gain, direction = state.pop(name), state.pop(f"{name[:-1]}v")
        norm = direction.norm(dim=(1, 2), keepdim=True)
        state[name[:-2]] = gain * direction / norm
    other = small()
    checkpoint.fill(other, state, "folded")
    waveform = torch.randn(1, 1, 300, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(other.encoder(waveform), model.encoder(waveform))


def test_a_small_model_of_ours_keeps_its_name_and_numbers(tmp_path: Path) -> None:
    model = small(name="tiny", conv_shortcut=False)
    model.save_pretrained(tmp_path)
    loaded = EncodecModel.from_pretrained(tmp_path)
    assert same(loaded, model)
    assert loaded.config == model.config


def test_the_hub_s_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    base = tmp_path / "models--someone--codec"
    model = small(name="tiny")
    model.save_pretrained(base / "snapshots" / "abc")
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text("abc")
    assert same(EncodecModel.from_pretrained("someone/codec"), model)
    with pytest.raises(CheckpointError, match="hf download someone/else"):
        EncodecModel.from_pretrained("someone/else")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("executed"),)


def test_a_malicious_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"encoder.model.0.conv.conv.bias": Evil()}, "evil.th")
    Path("evil.pkl").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.th", "evil.pkl"):
        with pytest.raises(CheckpointError, match="may run code"):
            EncodecModel.from_pretrained(name)
    assert not Path("executed").exists()


def test_damaged_files_are_named(tmp_path: Path) -> None:
    model = small()
    model.save_pretrained(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    whole, text = weights.read_bytes(), config.read_text()
    for size in (0, 7, 100, len(whole) - 1):
        weights.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"model\.safetensors can't be read"):
            EncodecModel.from_pretrained(tmp_path)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors"):
        EncodecModel.from_pretrained(tmp_path)
    weights.write_bytes(whole)
    for broken in ("{", "[]", '{"model_type": "bert"}', text.replace("1000", '"x"')):
        config.write_text(broken)
        with pytest.raises(CheckpointError, match=r"config\.json can't be used"):
            EncodecModel.from_pretrained(tmp_path)
    config.unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        EncodecModel.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="no checkpoint 'nothing'"):
        EncodecModel.from_pretrained("nothing")


def test_tensors_that_do_not_fit_are_named() -> None:
    model = small()
    state = model.state_dict()
    missing = {k: v for k, v in state.items() if k != "encoder.layers.0.conv.bias"}
    with pytest.raises(CheckpointError, match=r"1 tensor\(s\) missing \(encoder.layers.0"):
        checkpoint.fill(model, missing, "it")
    with pytest.raises(CheckpointError, match=r"1 tensor\(s\) not known \(more"):
        checkpoint.fill(model, {**state, "more": torch.zeros(1)}, "it")
    wrong = {**state, "encoder.layers.0.conv.bias": torch.zeros(3)}
    with pytest.raises(CheckpointError, match=r"has shape \(3,\), expected \(4,\)"):
        checkpoint.fill(model, wrong, "it")
    wrong["encoder.layers.0.conv.bias"] = torch.full((4,), float("nan"))
    with pytest.raises(CheckpointError, match="not finite"):
        checkpoint.fill(model, wrong, "it")


# ----------------------------------------------------------------------------------------- download
class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, understands ranges, and hangs up when told to."""

    hang_up_after: int | None = None
    asked: list[str | None] = []

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        span = self.headers.get("Range")
        Server.asked.append(span)
        start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : Server.hang_up_after])


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a checkpoint under a name with its hash, and return its file."""
    served, cache = tmp_path / "served", tmp_path / "cache"
    served.mkdir()
    plain = served / "plain.th"
    torch.save(checkpoint.to_original(references.model(PRESETS[0])), plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    file = plain.rename(served / f"encodec_24khz-{digest[:8]}.th")
    handler = functools.partial(Server, directory=str(served))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(_download, "BASE_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setitem(checkpoint.CHECKPOINTS, PRESETS[0], file.name)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(cache))
    monkeypatch.setattr(Server, "hang_up_after", None)
    monkeypatch.setattr(Server, "asked", [])
    try:
        yield file
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_download_is_resumed_checked_and_kept(published: Path) -> None:
    size = published.stat().st_size
    Server.hang_up_after = 3_000_000
    with pytest.raises(CheckpointError, match="put the file"):
        EncodecModel.from_pretrained(PRESETS[0])
    assert not checkpoint.cached_path(PRESETS[0]).exists()
    Server.hang_up_after = None
    seen: list[tuple[int, int]] = []
    checkpoint.download(PRESETS[0], progress=lambda done, total: seen.append((done, total)))
    assert Server.asked == [None, "bytes=3000000-"]
    assert seen[-1] == (size, size)
    assert same(EncodecModel.from_pretrained(PRESETS[0]), references.model(PRESETS[0]))
    assert len(Server.asked) == 2  # from the cache


def test_a_download_that_is_not_the_published_file_is_thrown_away(published: Path) -> None:
    published.write_bytes(published.read_bytes()[:-1] + b"\1")
    with pytest.raises(CheckpointError, match="came damaged"):
        EncodecModel.from_pretrained(PRESETS[0])
    assert not list(checkpoint.cached_path(PRESETS[0]).parent.iterdir())


def test_an_altered_file_in_the_cache_is_refused(published: Path) -> None:
    path = checkpoint.download(PRESETS[0])
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="not the published checkpoint"):
        EncodecModel.from_pretrained(PRESETS[0])


def test_without_the_file_or_a_network_the_message_says_where_to_put_it(published: Path) -> None:
    where = str(checkpoint.cached_path(PRESETS[0]))
    with pytest.raises(CheckpointError, match="Without a network") as caught:
        EncodecModel.from_pretrained(PRESETS[0], download=False)
    assert where in str(caught.value)
    published.unlink()
    with pytest.raises(CheckpointError, match="Not Found") as caught:
        EncodecModel.from_pretrained(PRESETS[0])
    assert where in str(caught.value)
    with pytest.raises(CheckpointError, match="known are"):
        checkpoint.download("other")


def test_config_json_is_plain(tmp_path: Path) -> None:
    small(name="tiny").save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    assert values["model_type"] == "encodec"
    assert values["upsampling_ratios"] == [4, 2]
