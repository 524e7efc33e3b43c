"""``audiolab codec``: directions, suffixes, many files, refusals; and that it stays EnCodec's."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from audiolab import codec, io, signals
from audiolab.cli import codec as command
from audiolab.cli import main
from audiolab.codec import EncodecConfig, EncodecModel, engine
from audiolab.codec.language_model import LanguageModel, LanguageModelConfig

RATE = 8_000
CONFIGS = {
    "mono": EncodecConfig(
        name="mono", sample_rate=RATE, target_bandwidths=(1.5, 3.0, 6.0), num_filters=4,
        dimension=8, ratios=(5, 4, 2), num_lstm_layers=1, codebook_size=64,
    ),
    "stereo": EncodecConfig(
        name="stereo", sample_rate=RATE, channels=2, target_bandwidths=(3.0, 6.0), causal=False,
        norm="time_group_norm", normalize=True, segment_s=0.2, num_filters=4, dimension=8,
        ratios=(5, 4, 2), num_lstm_layers=1, codebook_size=64,
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two small models with random codebooks in folders, with a language model in one."""
    folders = {}
    for name, config in CONFIGS.items():
        model = EncodecModel.from_config(config, generator=3)
        random = torch.Generator().manual_seed(5)
        for layer in model.quantizer.layers:
            book = layer.codebook.embed
            book.copy_(0.3 * torch.randn(book.shape, generator=random))
        folders[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(folders[name])
    sizes = LanguageModelConfig(
        num_codebooks=12, codebook_size=64, dim=16, num_heads=2, num_layers=2, hidden_dim=32,
        past_context=20,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        LanguageModel(sizes).save(folders["mono"] / "language_model.safetensors")
    return folders


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    io.save(path, signals.chirp(100, 3000, 1.3, RATE, amplitude=0.5)[None], RATE)
    return path


def test_the_precision_is_the_models(run, sound: Path, models, monkeypatch: pytest.MonkeyPatch):
    there = engine._products.has_bfloat16
    line = ("codec", "compress", "--model", models["mono"], "--precision", "bfloat16", sound)
    if there:
        run(*line).succeeded()
        model = EncodecModel.from_pretrained(models["mono"])
        model.set_precision("bfloat16")
        expected = codec.compress(io.load(sound)[0], RATE, model=model, bandwidth=6.0)
        assert sound.with_suffix(".ecdc").read_bytes() == expected
    monkeypatch.setattr(engine._products, "has_bfloat16", False)
    run(*line, "-f").failed(1, "--precision", "float32")


def test_the_direction_follows_the_suffix(run, sound: Path, models):
    assert run("codec", "--model", models["mono"], sound).succeeded().out == ""
    coded = sound.with_suffix(".ecdc")
    waveform, _ = io.load(sound)
    model = EncodecModel.from_pretrained(models["mono"])
    assert coded.read_bytes() == codec.compress(waveform, RATE, model=model, bandwidth=6.0)
    run("codec", "--model", models["mono"], coded, "-r").succeeded()
    decoded, rate = io.load(sound.with_name("sound_decompressed.wav"))
    assert rate == RATE
    expected, _ = codec.decompress(coded.read_bytes(), model=model)
    expected = expected * min(1.0, 0.99 / float(expected.abs().max()))
    # 16-bit samples.
    torch.testing.assert_close(decoded, expected, rtol=0, atol=1 / 32768)


def test_effort_finds_other_codes_of_the_same_size(run, sound: Path, tmp_path: Path, models):
    plain, sought = tmp_path / "plain.ecdc", tmp_path / "sought.ecdc"
    options = ("--model", models["mono"], "-b", 6)
    run("codec", sound, plain, *options).succeeded()
    run("codec", sound, sought, *options, "--effort", 8).succeeded()
    assert len(plain.read_bytes()) == len(sought.read_bytes())
    waveform, _ = io.load(sound, sample_rate=RATE, num_channels=1)
    model = EncodecModel.from_pretrained(models["mono"])
    assert sought.read_bytes() == codec.compress(
        waveform, RATE, model=model, bandwidth=6.0, effort=8
    )
    bad = run("codec", sound, tmp_path / "no.ecdc", *options, "--effort", 0)
    bad.failed(2, "--effort must be from 1 to 1024")


def test_wav_to_wav_goes_both_ways_and_keeps_nothing(run, sound: Path, tmp_path: Path, models):
    run("codec", "--model", models["mono"], "-r", sound, tmp_path / "out.wav").succeeded()
    assert io.info(tmp_path / "out.wav").num_samples == io.info(sound).num_samples
    assert {each.name for each in tmp_path.iterdir()} == {"sound.wav", "out.wav"}
    run("codec", "roundtrip", "--model", models["mono"], "-r", sound, "-o", tmp_path / "b.flac")
    torch.testing.assert_close(
        io.load(tmp_path / "b.flac")[0], io.load(tmp_path / "out.wav")[0], rtol=0, atol=0
    )


@pytest.mark.parametrize("options", [[], ["--lm"], ["--lm", "--lm-version", "0"]])
def test_tokens_and_back_are_the_same_file(run, sound: Path, tmp_path: Path, models, options):
    model = ["--model", models["mono"], "-b", "3"]
    for name in ("direct.npy", "direct.safetensors"):
        run("codec", "tokens", *model, sound, "-o", tmp_path / name, "-f").succeeded()
        again = tmp_path / f"{name}.ecdc"
        run("codec", "tokens", *model, *options, tmp_path / name, "-o", again).succeeded()
        run("codec", "compress", *model, *options, sound, "-f").succeeded()
        assert again.read_bytes() == sound.with_suffix(".ecdc").read_bytes()
        result = run("codec", "tokens", *model, again, "-o", tmp_path / "back.npy", "-f")
        assert result.status == 0
        assert ("floating point" in result.err) == ("0" in options)
        np.testing.assert_array_equal(
            np.load(tmp_path / "back.npy"), np.load(tmp_path / "direct.npy")
        )


def test_stereo_segments_resampling_and_tokens(run, sound: Path, tmp_path: Path, models):
    high = tmp_path / "high.flac"
    io.save(high, signals.tone(700, 0.9, 22_050).expand(2, -1) * 0.4, 22_050)
    run("codec", "compress", "--model", models["stereo"], "-b", "3", high, sound).succeeded()
    for each in (high, sound):
        coded = each.with_suffix(".ecdc")
        run("codec", "tokens", "--model", models["stereo"], coded).succeeded()
        tokens = each.with_suffix(".safetensors")
        again = tmp_path / "again.ecdc"
        run("codec", "tokens", "--model", models["stereo"], tokens, "-o", again, "-f").succeeded()
        assert again.read_bytes() == coded.read_bytes()
    # A folder that is the wrong model's names both.
    run("codec", "decompress", "--model", models["mono"], high.with_suffix(".ecdc")).failed(
        1, "high.ecdc", "'stereo'", "'mono'"
    )


@pytest.mark.parametrize("jobs", [1, 3])
def test_many_files(run, sound: Path, tmp_path: Path, models, jobs: int):
    inputs = []
    for i in range(5):
        inputs.append(tmp_path / f"in{i}.wav")
        io.save(inputs[-1], signals.tone(200 + 90 * i, 0.3, RATE)[None] * 0.4, RATE)
    out = tmp_path / "out"
    out.mkdir()
    options = ["--model", models["mono"], "--output-dir", out, "--jobs", jobs]
    run("codec", "compress", *options, *inputs).succeeded()
    model = EncodecModel.from_pretrained(models["mono"])
    for each in inputs:
        expected = codec.compress(*io.load(each), model=model, bandwidth=6.0)
        assert (out / f"{each.stem}.ecdc").read_bytes() == expected
    (out / "in3.ecdc").write_bytes(b"no file of ours")
    coded = [out / f"{each.stem}.ecdc" for each in inputs]
    result = run("codec", "decompress", *options, "-r", *coded)
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert "in3.ecdc: not an .ecdc file" in result.err
    assert sorted(each.stem for each in out.glob("*.wav")) == [
        f"in{i}_decompressed" for i in (0, 1, 2, 4)
    ]


def test_info(run, sound: Path, models):
    run("codec", "--model", models["mono"], sound).succeeded()
    coded = sound.with_suffix(".ecdc")
    assert "right" in run("codec", "info", coded).succeeded().out
    [about] = json.loads(run("codec", "info", "--json", coded).succeeded().out)
    assert about["model"] == "mono"
    assert about["num_samples"] == round(1.3 * RATE)
    assert about["checksum"] == "right"
    assert about["duration_s"] is None  # no published model: its rate is not in the file
    data = bytearray(coded.read_bytes())
    data[100] ^= 1
    coded.write_bytes(bytes(data))
    [about] = json.loads(run("codec", "info", "--json", coded).succeeded().out)
    assert about["checksum"] == "wrong"
    run("codec", "info", sound).failed(1, "sound.wav", "not an .ecdc file")


def test_info_of_a_published_model(run, tmp_path: Path):
    from audiolab.codec.bitstream import Header

    path = tmp_path / "a.ecdc"
    path.write_bytes(Header("encodec_24khz", 48_000, 8).to_bytes() + bytes(1500))
    [about] = json.loads(run("codec", "info", "--json", path).succeeded().out)
    assert about["duration_s"] == 2.0
    assert about["bandwidth_kbps"] == 6.0
    assert about["used_kbps"] == 6.0
    assert about["checksum"] == "none"


def test_clipping_is_one_line_and_rescaling_none(run, sound: Path, tmp_path: Path, models):
    model = EncodecModel.from_pretrained(models["mono"])
    with torch.no_grad():
        model.decoder.layers[-1].conv.bias.fill_(3.0)
    model.save_pretrained(tmp_path / "loud")
    run("codec", "--model", tmp_path / "loud", sound).succeeded()
    coded = sound.with_suffix(".ecdc")
    result = run("codec", "--model", tmp_path / "loud", coded)
    assert result.status == 0
    assert result.err.count("\n") == 1
    assert "clipped" in result.err
    assert "-r" in result.err
    run("codec", "--model", tmp_path / "loud", "-f", "-r", coded).succeeded()
    peak = float(io.load(sound.with_name("sound_decompressed.wav"))[0].abs().max())
    assert peak == pytest.approx(0.99, abs=1e-4)


def test_refusals_leave_everything_as_it_was(run, sound: Path, tmp_path: Path, models):
    model = ["--model", models["mono"]]
    coded = sound.with_suffix(".ecdc")
    run("codec", *model, tmp_path / "none.wav").failed(1, "none.wav", "no such file")
    run("codec", *model, tmp_path).failed(1, "folder")
    run("codec", *model, sound, tmp_path / "no" / "a.ecdc").failed(1, "does not exist")
    run("codec", *model, "-b", "5", sound).failed(1, "Bandwidth 5", "1.5, 3, 6")
    run("codec", *model, "-b", "six", sound).failed(2, "six")
    run("codec", *model, sound, tmp_path / "a.xyz").failed(1, "xyz")
    run("codec", "compress", *model, sound, "-o", tmp_path / "a.wav").failed(1, ".ecdc")
    run("codec", "compress").failed(2, "name a file")
    run("codec", sound, sound, sound).failed(2, "decompress")
    run("codec", "compress", "-o", coded, sound, sound).failed(2, "--output-dir")
    run("codec", "compress", "-j", "0", sound).failed(2, "--jobs")
    run("codec", "compress", sound, sound).failed(2, "sound.ecdc")
    run("codec", "--json", sound).failed(2, "info")
    run("codec", "--model", tmp_path, sound).failed(1, "config.json")
    coded.write_bytes(b"keep me")
    run("codec", *model, sound).failed(1, "sound.ecdc", "-f")
    assert coded.read_bytes() == b"keep me"
    run("codec", *model, coded).failed(1, "sound.ecdc", "ends within the header")
    run("codec", *model, coded, tmp_path / "x.ecdc").failed(1, ".wav")
    assert {each.name for each in tmp_path.iterdir()} == {"sound.wav", "sound.ecdc"}


def test_a_published_model_that_is_missing_says_where_to_put_it(
    run, sound: Path, tmp_path: Path, monkeypatch
):
    import urllib.request

    def offline(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    model = ("--model", "encodec_24khz")
    run("codec", *model, sound).failed(1, "encodec_24khz-d7cc33bc.th", "no network")
    run("codec", "-q", sound).failed(1, "encodec_48khz-7e698e3e.th")


def test_the_options_of_encodec_are_all_there():
    from audiolab.cli import build_parser

    parsed = build_parser("codec").parse_args(
        ["-b", "12", "-q", "-l", "-f", "-s", "_x", "-r", "in.wav", "out.ecdc"]
    )
    assert (parsed.bandwidth, parsed.hq, parsed.lm, parsed.force) == (12.0, True, True, True)
    assert (parsed.suffix, parsed.rescale, parsed.words) == ("_x", True, ["in.wav", "out.ecdc"])
    long = build_parser("codec").parse_args(
        [
            "--bandwidth",
            "3",
            "--hq",
            "--lm",
            "--force",
            "--decompress_suffix",
            "_y",
            "--rescale",
            "a",
        ]
    )
    assert (long.bandwidth, long.suffix) == (3.0, "_y")
    assert command.BANDWIDTH_KBPS == 6.0


# --------------------------------------------------------------------------------------- one device
def test_a_device_that_is_there(run, sound: Path, models):
    run("codec", "--model", models["mono"], "--device", "cpu", sound).succeeded()
    named = sound.with_suffix(".ecdc").read_bytes()
    run("codec", "--model", models["mono"], "-f", sound).succeeded()
    assert sound.with_suffix(".ecdc").read_bytes() == named


@pytest.mark.parametrize("name", ["meta", "cuda:99", "gpu", ""])
def test_a_device_that_is_not_there(run, sound: Path, models, name: str):
    result = run("codec", "--model", models["mono"], "--device", name, sound)
    result.failed(1, f"--device {name}: this machine has cpu")
    assert not sound.with_suffix(".ecdc").exists()


# -------------------------------------------------------------------------------------------- pipes
@dataclass
class Piped:
    status: int
    out: bytes
    err: str


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command in this process, with bytes for stdin and stdout."""

    def call(*words: object, data: bytes = b"") -> Piped:
        out = BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", TextIOWrapper(BytesIO(data)))
            patch.setattr("sys.stdout", TextIOWrapper(out))
            status = main(["codec", *map(str, words)])
            sent = out.getvalue()
        return Piped(status, sent, capsys.readouterr().err)

    return call


def test_pipes_infer_the_direction_from_the_content(piped, run, sound: Path, models):
    model = ["--model", models["mono"], "-r"]
    run("codec", *model, sound).succeeded()
    coded = sound.with_suffix(".ecdc").read_bytes()
    run("codec", *model, sound.with_suffix(".ecdc")).succeeded()
    decoded = sound.with_name("sound_decompressed.wav").read_bytes()
    for words in (["-", "-"], ["-"], ["compress", "-"]):
        assert piped(*model, *words, data=sound.read_bytes()) == Piped(0, coded, "")
    for words in (["-", "-"], ["-"], ["decompress", "-", "-o", "-"]):
        assert piped(*model, *words, data=coded) == Piped(0, decoded, "")
    assert piped(*model, sound, "-") == Piped(0, coded, "")
    assert piped(*model, sound.with_suffix(".ecdc"), "-") == Piped(0, decoded, "")
    assert piped(*model, "roundtrip", "-", data=sound.read_bytes()) == Piped(0, decoded, "")


def test_a_pipe_on_one_side(piped, sound: Path, tmp_path: Path, models):
    model = ["--model", models["mono"], "-r"]
    flac = io.encode(*io.load(sound), format="flac")
    assert piped(*model, "-", tmp_path / "a.ecdc", data=flac) == Piped(0, b"", "")
    expected = codec.compress(
        *io.load(sound), model=EncodecModel.from_pretrained(models["mono"]), bandwidth=6.0
    )
    assert (tmp_path / "a.ecdc").read_bytes() == expected
    assert piped(*model, "-", tmp_path / "b.flac", data=expected).status == 0
    assert piped(*model, "-", tmp_path / "c.flac", data=flac).status == 0
    assert torch.equal(io.load(tmp_path / "b.flac")[0], io.load(tmp_path / "c.flac")[0])
    # What is there stays, unless -f is given.
    again = piped(*model, "-", tmp_path / "a.ecdc", data=flac[:2000])
    assert (again.status, again.out) == (1, b"")
    assert "exists already" in again.err


def test_what_a_pipe_cannot_do(piped, run, sound: Path, tmp_path: Path, models, monkeypatch):
    model = ["--model", models["mono"]]
    for status, word, words, data in (
        (1, "stdin is empty", ["-"], b""),
        (1, "stdin", ["-"], b"neither sound nor codes"),
        (1, "stdin: the file ends within", ["-"], b"ECDC\0"),
        (1, "no such file", [tmp_path / "none.wav", "-"], b""),
        (1, "must be .ecdc", ["compress", "-", "-o", tmp_path / "a.wav"], sound.read_bytes()),
        (1, "must be one of", ["-", tmp_path / "a.xyz"], sound.read_bytes()),
        (2, "one input and one output", ["compress", "-", sound], b""),
        (2, "works on files", ["tokens", "-"], b""),
    ):
        done = piped(*model, *words, data=data)
        assert (done.status, done.out, done.err.count("\n")) == (status, b"", 1), done
        assert word in done.err
        assert "audiolab-" not in done.err  # no name of a file that stands in
    assert {each.name for each in tmp_path.iterdir()} == {"sound.wav"}
    coded = piped(*model, "-", data=sound.read_bytes()).out
    sent = piped(*model, "-", data=coded[:-20])
    assert (sent.status, sent.out) == (1, b"")

    class Terminal:
        buffer = SimpleNamespace(isatty=lambda: True)

    monkeypatch.setattr("sys.stdin", Terminal())
    run("codec", *model, "-", tmp_path / "a.ecdc").failed(2, "stdin is a terminal")


def test_clipping_in_a_pipe_is_told_on_stderr(piped, sound: Path, tmp_path: Path, models):
    model = EncodecModel.from_pretrained(models["mono"])
    with torch.no_grad():
        model.decoder.layers[-1].conv.bias.fill_(3.0)
    model.save_pretrained(tmp_path / "loud")
    coded = piped("--model", tmp_path / "loud", "-", data=sound.read_bytes()).out
    done = piped("--model", tmp_path / "loud", "-", data=coded)
    assert done.status == 0
    assert done.out[:4] == b"RIFF"
    assert done.err.count("\n") == 1
    assert "warning: stdout: " in done.err
    assert "clipped" in done.err


def test_pipes_of_a_shell(sound: Path, models):
    command = [sys.executable, "-m", "audiolab", "codec", "--model", str(models["mono"]), "-", "-"]
    settings = {"capture_output": True, "timeout": 120, "check": False}
    coded = subprocess.run(command, input=sound.read_bytes(), **settings)
    assert (coded.returncode, coded.stderr) == (0, b"")
    model = EncodecModel.from_pretrained(models["mono"])
    assert coded.stdout == codec.compress(*io.load(sound), model=model, bandwidth=6.0)
