"""Rendered sets: the same anywhere and in any number of processes, resumable, sane to the ear."""

from __future__ import annotations

import hashlib
import itertools
import json

import numpy as np
import pytest

from audiolab.codec.training.data import rendering, voices
from audiolab.codec.training.data.__main__ import main
from audiolab.codec.training.data.pieces import KINDS, make_piece

RATE = 24_000
SHARES = {"texture": 2, "formants": 1}


def digests(folder) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*-*"))
    }


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered")
    manifest = rendering.render(folder, 3, seed=3, shares=SHARES)
    return folder, manifest


def test_shards_hold_what_the_manifest_says(rendered) -> None:
    folder, manifest = rendered
    assert manifest["minutes"] == {"texture": 2.0, "formants": 1.0}
    assert manifest["minutes_by_source"] == {"audiolab": pytest.approx(3.0, abs=0.01)}
    assert set(manifest["licences"]) == {"audiolab"}
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    for path in folder.glob("*.npy"):
        samples = np.load(path)
        assert samples.dtype == np.int16
        assert samples.shape == (60 * RATE,)
        pieces = json.loads(path.with_suffix(".json").read_text())["pieces"]
        assert pieces[0]["start"] == 0
        assert pieces[-1]["stop"] == samples.size
        assert all(a["stop"] == b["start"] for a, b in itertools.pairwise(pieces))


def test_other_processes_render_the_same(rendered, tmp_path) -> None:
    folder, _ = rendered
    rendering.render(tmp_path, 3, seed=3, shares=dict(reversed(SHARES.items())), jobs=2)
    assert digests(tmp_path) == digests(folder)


def test_a_stopped_run_goes_on(rendered, tmp_path) -> None:
    folder, _ = rendered

    class Stopped(Exception):
        pass

    def stop(done: int, count: int) -> None:
        if done == 1:
            raise Stopped

    with pytest.raises(Stopped):
        rendering.render(tmp_path, 3, seed=3, shares=SHARES, progress=stop)
    assert 1 <= len(list(tmp_path.glob("*.json"))) < 3
    (tmp_path / "texture-0001.npy").write_bytes(b"half a shard")  # killed before its JSON
    finished = next(tmp_path.glob("*.json")).with_suffix(".npy")
    before = finished.stat().st_mtime_ns
    rendering.render(tmp_path, 3, seed=3, shares=SHARES)
    assert digests(tmp_path) == digests(folder)
    assert finished.stat().st_mtime_ns == before  # what was done is not done again


def test_a_folder_keeps_one_seed(rendered) -> None:
    folder, _ = rendered
    with pytest.raises(ValueError, match="holds shards of seed 3, not 4"):
        rendering.render(folder, 3, seed=4)
    with pytest.raises(ValueError, match="sample_rate 24000, not 16000"):
        rendering.render(folder, 3, seed=3, sample_rate=16_000)


def test_seeds_differ(rendered, tmp_path) -> None:
    folder, _ = rendered
    rendering.render_shard(tmp_path, "texture", 0, seed=4, sample_rate=RATE)
    first, second = (np.load(each / "texture-0000.npy") for each in (folder, tmp_path))
    overlap = np.corrcoef(first.astype(float), second.astype(float))[0, 1]
    assert abs(overlap) < 0.02  # 1.4 million samples: 0.001 would be chance for white noise


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "speech"])
def test_pieces_are_sane(kind: str) -> None:
    for seed in range(3):
        samples, source = make_piece(kind, np.random.default_rng([seed, 7]), RATE)
        check_sane(samples)
        assert source.startswith("audiolab:")


def check_sane(samples) -> None:
    assert samples.size > RATE // 4
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 0.9501
    assert np.sqrt(np.square(samples).mean()) > 0.01
    assert abs(samples.mean()) < 2e-3  # no DC
    assert np.abs(samples[:3]).max() < 0.01  # ends that don't click
    assert np.abs(samples[-3:]).max() < 0.01
    # No run of samples at the peak: not clipped.
    at_peak = np.abs(samples) > 0.999 * np.abs(samples).max()
    assert not (at_peak[:-3] & at_peak[1:-2] & at_peak[2:-1] & at_peak[3:]).any() or (
        np.abs(samples).max() < 0.9  # slow waves have flat tops
    )


@pytest.mark.parametrize("program", ["flite", "espeak-ng"])
def test_programs_speak_the_same_words_again(program: str) -> None:
    if program not in voices.installed_voices():
        with pytest.raises(OSError, match="No such file"):
            getattr(voices, f"speak_{program.split('-')[0]}")(np.random.default_rng(0), RATE)
        return
    speak = getattr(voices, f"speak_{program.split('-')[0]}")
    first, voice = speak(np.random.default_rng(5), RATE)
    second, _ = speak(np.random.default_rng(5), RATE)
    assert voice.startswith(f"{program}:")
    assert np.array_equal(first, second)
    assert 0.3 < first.size / RATE < 20.0
    assert program in voices.program_versions()


def test_without_programs_speech_is_made_by_formants(monkeypatch) -> None:
    monkeypatch.setattr(voices, "installed_voices", lambda: ())
    with pytest.raises(FileNotFoundError, match="apt install flite espeak-ng"):
        voices.speak(np.random.default_rng(0), RATE)
    samples, source = make_piece("speech", np.random.default_rng(0), RATE)
    assert source == "audiolab:formants"
    check_sane(samples)


def test_the_command_renders_and_says_what_is_wrong(tmp_path, capsys) -> None:
    words = ["--minutes", "1", "--out", str(tmp_path / "set"), "--shares"]
    assert main([*words, "texture=1"]) == 0
    assert "1 of 1 shards" in capsys.readouterr().err
    assert main([*words, "texture"]) == 1
    assert "KIND=SHARE" in capsys.readouterr().err
    assert main([*words, "opera=1"]) == 1
    assert "kind must be one of 'speech'" in capsys.readouterr().err
    assert main([*words, "texture=1", "--seed", "9"]) == 1
    assert "holds shards of seed 0, not 9" in capsys.readouterr().err
