"""Bundled clips: what the list says is what the files hold, and the script makes them again."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from audiolab import metrics, signals
from audiolab.signals import render

NAMES = [info.name for info in signals.clips()]


@pytest.mark.parametrize("info", signals.clips(), ids=NAMES)
def test_list_tells_the_truth(info: signals.ClipInfo) -> None:
    path = signals.clip_path(info.name)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == info.sha256
    waveform, rate = signals.clip(info.name)
    assert rate == info.sample_rate
    assert waveform.dtype == torch.float32
    assert waveform.shape == (info.num_channels, round(info.duration_s * rate))
    assert waveform.shape[1] / rate == info.duration_s
    loudness = float(metrics.loudness_lufs(waveform, rate))
    # Gains are given to a tenth of a decibel.
    assert loudness == pytest.approx(info.loudness_lufs, abs=0.1)
    assert info.license
    assert info.source
    assert bool(info.transcript) == info.name.startswith("speech")


@pytest.mark.parametrize("name", NAMES)
def test_clips_are_clean(name: str) -> None:
    waveform, rate = signals.clip(name)
    assert float(metrics.true_peak_db(waveform).max()) < -1.0
    assert float(waveform.mean(-1).abs().max()) < 1e-4
    # Faded to the dither at both ends.
    edge = waveform[:, [0, -1]]
    assert float(edge.abs().max()) <= 2 / 32768
    # 16-bit values, all of them.
    assert torch.equal(waveform * 32768, (waveform * 32768).round())
    speech_ends = 11_000.0 if name.startswith("speech") else 16_000.0
    assert float(metrics.bandwidth_hz(waveform, rate).min()) > speech_ends


def test_promised_formats() -> None:
    assert NAMES == ["speech_female", "speech_male", "music"]
    for info in signals.clips()[:2]:
        assert (info.sample_rate, info.num_channels) == (24_000, 1)
        assert 4.0 <= info.duration_s <= 6.0
    music = signals.clips()[2]
    assert (music.sample_rate, music.num_channels, music.duration_s) == (44_100, 2, 8.0)
    total = sum(signals.clip_path(name).stat().st_size for name in NAMES)
    assert total < 1_500_000


def test_voices_differ_in_pitch() -> None:
    def median_pitch(name: str) -> float:
        waveform, rate = signals.clip(name)
        frames = waveform[0].double().unfold(0, 1200, 600)
        power = torch.fft.rfft(frames, n=4096).abs().square()
        correlation = torch.fft.irfft(power)
        low, high = rate // 350, rate // 70
        best = correlation[:, low:high].max(-1)
        voiced = best.values > 0.5 * correlation[:, 0]
        loud = correlation[:, 0] > 0.05 * correlation[:, 0].max()
        return rate / (float(best.indices[voiced & loud].double().median()) + low)

    assert 150.0 < median_pitch("speech_female") < 250.0
    assert 80.0 < median_pitch("speech_male") < 140.0


def test_alias_and_unknown_names() -> None:
    assert torch.equal(signals.clip("speech")[0], signals.clip("speech_female")[0])
    assert signals.clip_path("speech") == signals.clip_path("speech_female")
    with pytest.raises(ValueError, match=r"name must be one of 'speech', .*'music', got 'piano'"):
        signals.clip("piano")


def test_loading_twice_shares_nothing() -> None:
    first, _ = signals.clip("speech")
    first.zero_()
    assert bool(signals.clip("speech")[0].any())


def assert_same_samples(rendered: torch.Tensor, name: str) -> None:
    bundled = signals.clip(name)[0].double() * 32768
    difference = (rendered - bundled).abs()
    # The last bits of exp and sin differ between processors, and then dither may round the other
    # way.
    assert float(difference.max()) <= 1.0
    assert float((difference > 0).double().mean()) < 1e-3


def test_music_is_rendered_sample_for_sample() -> None:
    assert_same_samples(render.render_music(), "music")


@pytest.mark.parametrize("name", ["speech_female", "speech_male"])
def test_speech_is_rendered_sample_for_sample(name: str, program: Callable[[str], str]) -> None:
    program("flite")
    assert_same_samples(render.render_speech(name), name)


def test_script_writes_files_and_list(
    tmp_path: Path, program: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    program("flite")
    assert render.main(["--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("\n") == 3
    entries = json.loads((tmp_path / "clips.json").read_text(encoding="utf-8"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["clips.json", *(f"{name}.flac" for name in NAMES)]
    )
    for entry, info in zip(entries, signals.clips(), strict=True):
        data = (tmp_path / f"{info.name}.flac").read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert entry["transcript"] == info.transcript
