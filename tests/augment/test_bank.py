"""A bank of noises: what is found, what is refused, and that a pick means the same samples."""

import pickle
from pathlib import Path

import pytest
import torch

from audiolab import io
from audiolab.augment import NoiseBank
from audiolab.io import AudioFileError

RATE = 8000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    (tmp_path / "street").mkdir()
    for name, channels, rate, seconds in (
        ("b.wav", 1, 8000, 1.0),
        ("a.flac", 2, 16_000, 2.0),
        ("street/c.WAV", 1, 8000, 4.0),
    ):
        samples = 0.1 * torch.randn(channels, int(seconds * rate))
        io.save(tmp_path / name, samples, rate, format=name.rsplit(".")[-1].lower())
    (tmp_path / "readme.txt").write_text("not audio")
    (tmp_path / ".hidden.wav").write_bytes(b"nothing")
    return tmp_path


def test_folder(folder: Path) -> None:
    bank = NoiseBank.from_folder(folder, RATE)
    assert bank.names == ("a.flac", "b.wav", "street/c.WAV")
    assert len(bank) == 3
    assert bank.sample_rate == RATE
    assert [bank[i].shape for i in range(3)] == [(1, 16_000), (1, 8000), (1, 32_000)]
    assert torch.equal(bank["b.wav"], io.load(folder / "b.wav")[0])
    assert len(NoiseBank.from_folder(folder, RATE, recursive=False)) == 2
    assert NoiseBank.from_folder(folder, RATE, num_channels=None)[0].shape == (2, 16_000)


def test_picks_are_reproducible_and_cover_the_bank(folder: Path) -> None:
    bank = NoiseBank.from_folder(folder, RATE)
    assert bank.pick(generator=3) == bank.pick(generator=3)
    source = torch.Generator().manual_seed(0)
    picks = [bank.pick(source) for _ in range(60)]
    assert {pick.name for pick in picks} == set(bank.names)
    assert all(0.0 <= pick.position < 1.0 for pick in picks)
    assert bank.segments(picks[:4], 5000).shape == (4, 1, 5000)


@pytest.mark.parametrize("cache_mb", [512.0, 0.15, 1e-6])
def test_a_pick_gives_the_same_samples_whatever_was_read(folder: Path, cache_mb: float) -> None:
    picks = [("a.flac", 0.3), ("street/c.WAV", 0.9), ("b.wav", 0.0), ("a.flac", 1.0)]
    bank = NoiseBank.from_folder(folder, RATE, cache_mb=cache_mb)
    first = [bank.segment(pick, 3000) for pick in picks]
    again = [bank.segment(pick, 3000) for pick in reversed(picks)][::-1]
    copied = pickle.loads(pickle.dumps(bank))
    other = [copied.segment(pick, 3000) for pick in picks]
    for a, b, c in zip(first, again, other, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_long_files_are_read_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    load = io.load

    def spy(*args: object, **kwargs: object) -> tuple[torch.Tensor, int]:
        waveform, rate = load(*args, **kwargs)
        read.append(waveform.shape[-1])
        return waveform, rate

    monkeypatch.setattr("audiolab.augment.bank.load", spy)
    bank = NoiseBank.from_folder(folder, RATE, cache_mb=0.2)
    part = bank.segment(("street/c.WAV", 0.5), 4000)
    whole = load(folder / "street/c.WAV")[0]
    assert max(read) < 8000
    places = whole.unfold(-1, 4000, 1)[0]
    assert bool((places == part).all(dim=-1).any())  # a stretch of the file, to the sample


def test_a_short_noise_loops() -> None:
    bank = NoiseBank([torch.randn(100)], RATE)
    assert bank.segment(("0", 0.99), 1000).shape == (1, 1000)
    assert bank.segment(("0", 1.0), 100).equal(bank[0])
    assert bank.segment(("0", 0.0), 0).shape == (1, 0)


def test_tensors_of_unlike_channels() -> None:
    bank = NoiseBank({"mono": torch.ones(10), "stereo": torch.ones(2, 10)}, RATE)
    with pytest.raises(ValueError, match="equally many channels, got 1, 2"):
        bank.segments([("mono", 0.0), ("stereo", 0.0)], 5)
    with pytest.raises(ValueError, match="no picks"):
        bank.segments([], 5)


def test_corrupt_files_are_listed(folder: Path) -> None:
    (folder / "x.mp3").write_bytes(b"this is no mp3" * 100)
    (folder / "y.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioFileError, match="2 of 5 audio files") as raised:
        NoiseBank.from_folder(folder, RATE)
    assert "x.mp3" in str(raised.value)
    assert "y.wav" in str(raised.value)
    bank = NoiseBank.from_folder(folder, RATE, on_unreadable="skip")
    assert len(bank) == 3
    assert set(bank.unreadable) == {"x.mp3", "y.wav"}


def test_only_corrupt_files(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioFileError, match="1 of 1"):
        NoiseBank.from_folder(tmp_path, RATE, on_unreadable="skip")


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        NoiseBank.from_folder(tmp_path / "none", RATE)
    with pytest.raises(ValueError, match="holds no audio files"):
        NoiseBank.from_folder(tmp_path, RATE)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        NoiseBank.from_folder(tmp_path / "file", RATE)
    with pytest.raises(ValueError, match="at least one noise"):
        NoiseBank([], RATE)
    with pytest.raises(ValueError, match="NaN or infinite"):
        NoiseBank([torch.tensor([float("nan")])], RATE)
    with pytest.raises(ValueError, match=r"must be \(channels, time\)"):
        NoiseBank([torch.ones(1, 1, 5)], RATE)
    with pytest.raises(TypeError, match="floating-point"):
        NoiseBank([torch.ones(5, dtype=torch.int16)], RATE)
    bank = NoiseBank([torch.ones(5)], RATE)
    with pytest.raises(KeyError, match="no noise 'x'"):
        bank.segment(("x", 0.0), 3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        bank.segment(("0", 1.5), 3)
