"""Folders of files: everything mixed, bad files skipped and listed, held-out files kept apart."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from audiolab import io
from audiolab.codec.training.data import open_source
from audiolab.codec.training.data.folder import FileTrack, read_folder
from audiolab.codec.training.data.tracks import Library

RATE = 24_000


def tone(frequency_hz: float, duration_s: float, rate: int, channels: int = 1) -> torch.Tensor:
    time = torch.arange(round(duration_s * rate)) / rate
    wave = 0.4 * torch.sin(2 * torch.pi * frequency_hz * time)
    return wave.expand(channels, -1).contiguous()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("audio")
    (root / "speech" / "deep").mkdir(parents=True)
    (root / ".hidden").mkdir()
    io.save(root / "a.wav", tone(440, 3.0, 44_100, 2), 44_100)
    io.save(root / "b.flac", tone(440, 3.0, 16_000), 16_000)
    io.save(root / "speech" / "c.mp3", tone(440, 3.0, 44_100, 2), 44_100)
    io.save(root / "speech" / "deep" / "d.ogg", tone(440, 3.0, 48_000), 48_000)
    io.save(root / "short.wav", tone(440, 0.2, 24_000), 24_000)
    io.save(root / ".hidden" / "e.wav", tone(440, 3.0, 24_000), 24_000)
    (root / "noise.wav").write_bytes(np.random.default_rng(0).bytes(5_000))
    (root / "empty.mp3").write_bytes(b"")
    (root / "notes.txt").write_text("no audio")
    return root


@pytest.fixture
def found(folder, tmp_path):
    return read_folder(folder, RATE, min_samples=RATE, cache=tmp_path)


def test_what_can_be_used_is_found_and_the_rest_is_listed(found) -> None:
    names = {group: [track.name for track in tracks] for group, tracks in found.groups.items()}
    assert names == {"files": ["a.wav", "b.flac"], "speech": ["speech/c.mp3", "speech/deep/d.ogg"]}
    assert set(found.skipped) == {"short.wav", "noise.wav", "empty.mp3"}
    assert "too short: 0.20 s, 1.00 s are needed" in found.skipped["short.wav"]


def test_all_formats_come_at_one_rate(found) -> None:
    for tracks in found.groups.values():
        for track in tracks:
            # mp3 and vorbis round the length to their frames.
            assert track.num_samples == pytest.approx(3 * RATE, abs=30)
            samples = track.read(10_000, 22_000)
            assert samples.shape == (1, 12_000)
            assert samples.dtype == np.float32
            spectrum = np.abs(np.fft.rfft(samples[0] * np.hanning(12_000)))
            assert int(spectrum.argmax()) * RATE / 12_000 == pytest.approx(440.0)
            assert np.abs(samples).max() == pytest.approx(0.4, abs=0.03)


def test_a_stretch_is_a_slice_of_the_whole(folder) -> None:
    # Away from the stretch's ends, where the resampler meets silence instead of its neighbours.
    track = FileTrack(folder / "b.flac", "b", RATE, num_channels=1)
    whole, _ = io.load(folder / "b.flac", sample_rate=RATE)
    read = track.read(9_000, 15_000)
    inner = slice(600, 5_400)
    assert np.abs(read[0, inner] - whole[0, 9_000:15_000].numpy()[inner]).max() < 1e-3
    assert track.read(3 * RATE - 100, 3 * RATE).shape == (1, 100)


def test_compressed_files_are_decoded_once(folder, tmp_path, monkeypatch) -> None:
    first = read_folder(folder, RATE, cache=tmp_path)
    kept = sorted(tmp_path.glob("*.npy"))
    assert len(kept) == 2
    loads = []
    load = io.load
    monkeypatch.setattr(io, "load", lambda *args, **kw: loads.append(args) or load(*args, **kw))
    second = read_folder(folder, RATE, cache=tmp_path)
    assert not loads
    a, b = (each.groups["speech"][0].read(0, 1_000) for each in (first, second))
    assert np.array_equal(a, b)
    assert np.abs(a).max() > 0.1


def test_batches_from_a_folder(folder, tmp_path) -> None:
    recipe = {"cache": str(tmp_path), "shares": {"speech": 1.0}}
    source = open_source(folder, recipe, sample_rate=RATE, num_samples=RATE, channels=2)
    batch = source.batch(0, 4)
    assert batch.shape == (4, 2, RATE)
    assert torch.equal(source(0, range(2, 4)), batch[2:])


def test_damage_found_later_is_noted_and_drawn_anew(tmp_path) -> None:
    io.save(tmp_path / "good.flac", tone(440, 2.0, RATE), RATE)
    io.save(tmp_path / "bad.flac", tone(440, 6.0, RATE), RATE)
    data = bytearray((tmp_path / "bad.flac").read_bytes())
    data[2_000:] = bytes(len(data) - 2_000)  # the header promises six seconds
    (tmp_path / "bad.flac").write_bytes(data)
    found = read_folder(tmp_path, RATE, cache=tmp_path)
    library = Library(found.groups)
    rng, again = np.random.default_rng(1), np.random.default_rng(1)
    draws = [library.pick(rng, "files", RATE) for _ in range(12)]
    assert "bad.flac" in library.failed
    assert all(np.abs(draw).max() > 0.3 for draw in draws)
    repeated = [Library(found.groups).pick(again, "files", RATE) for _ in range(12)]
    assert all(np.array_equal(a, b) for a, b in zip(draws, repeated, strict=True))


def test_a_file_of_nan_is_damage(tmp_path) -> None:
    soundfile.write(tmp_path / "nan.wav", np.full(RATE, np.nan, np.float32), RATE, "FLOAT")
    library = Library(read_folder(tmp_path, RATE, cache=tmp_path).groups)
    with pytest.raises(io.AudioFileError, match="NaN or infinity"):
        library.pick(np.random.default_rng(0), "files", 100)


def test_held_out_files_stay_where_they_are(tmp_path) -> None:
    wave = tone(440, 0.5, RATE)

    def held_out() -> dict[str, bool]:
        groups = read_folder(tmp_path, RATE, cache=tmp_path).groups
        return {track.name: track.held_out for track in groups["files"]}

    for number in range(0, 80, 2):
        io.save(tmp_path / f"{number}.wav", wave, RATE)
    before = held_out()
    for number in range(1, 80, 2):
        io.save(tmp_path / f"{number}.wav", wave, RATE)
    after = held_out()
    assert {name: after[name] for name in before} == before
    assert 0 < sum(after.values()) < 16


def test_a_folder_of_nothing_says_why(tmp_path) -> None:
    with pytest.raises(ValueError, match="it holds no audio files"):
        read_folder(tmp_path, RATE)
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"can be trained on: .*x\.wav"):
        read_folder(tmp_path, RATE)
