"""Batches: pure in seed, step and item; alike in every process; levels and shares as stated."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from audiolab._documents import DocumentError
from audiolab.codec.training.data import open_source
from audiolab.codec.training.data.augmentation import Augmentation, Augmenter
from audiolab.codec.training.data.segments import HELD_OUT_STEP, TrainingAudio
from audiolab.codec.training.data.tracks import Library, ShardTrack, read_shards

RATE = 24_000
LENGTH = 12_000
NOTHING = dict.fromkeys(
    ("speed", "mix", "room", "equaliser", "low_pass", "pause", "silent", "quiet", "noise"), 0.0
)


def write_shard(folder, kind: str, number: int, samples) -> None:
    path = folder / f"{kind}-{number:04d}.npy"
    np.save(path, samples.astype(np.int16))
    record = {"kind": kind, "sample_rate": RATE, "num_samples": samples.size}
    path.with_suffix(".json").write_text(json.dumps(record))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Make 32 shards whose samples say which shard they are from, and 2 of another kind."""
    folder = tmp_path_factory.mktemp("shards")
    for number in range(32):
        write_shard(folder, "speech", number, np.full(2 * LENGTH, 100 + number))
    for number in range(2):
        write_shard(folder, "music", number, -np.full(4 * LENGTH, 100 + number))
    return folder


@pytest.fixture(scope="module")
def noise_shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    for number in range(16):
        write_shard(folder, "speech", number, 3_000 * rng.standard_normal(5 * RATE))
    return folder


def open_here(folder, **changes) -> TrainingAudio:
    recipe = {
        "augmentation": changes.pop("augmentation", {}),
        "shares": changes.pop("shares", None),
    }
    recipe = {key: value for key, value in recipe.items() if value is not None}
    return open_source(folder, recipe, sample_rate=RATE, num_samples=LENGTH, **changes)


def test_items_do_not_depend_on_who_asks(noise_shards) -> None:
    source, other = open_here(noise_shards), open_here(noise_shards)
    whole = source.batch(5, 8)
    assert whole.shape == (8, 1, LENGTH)
    assert whole.dtype == torch.float32
    for step in (900, 0, 4):  # another history
        other(step, range(3))
    parts = [other(5, range(6, 8)), other(5, range(6))]
    assert torch.equal(torch.cat(parts[::-1]), whole)


def test_seed_step_and_item_all_matter(noise_shards) -> None:
    source = open_here(noise_shards)
    first = source(5, range(1))
    assert not torch.equal(first, source(6, range(1)))
    assert not torch.equal(first, source(5, range(1, 2)))
    assert not torch.equal(first, open_here(noise_shards, seed=1)(5, range(1)))


def test_another_process_makes_the_same_batch(noise_shards) -> None:
    script = (
        "import hashlib, sys\n"
        "from audiolab.codec.training.data import open_source\n"
        f"source = open_source(sys.argv[1], sample_rate={RATE}, num_samples={LENGTH})\n"
        "print(hashlib.sha256(source.batch(12, 4).numpy().tobytes()).hexdigest())\n"
    )
    command = [sys.executable, "-c", script, str(noise_shards)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    mine = hashlib.sha256(open_here(noise_shards).batch(12, 4).numpy().tobytes()).hexdigest()
    assert told == [mine]


def test_held_out_shards_are_never_trained_on(shards) -> None:
    library = Library(read_shards(shards, RATE))
    rng = np.random.default_rng(0)

    def seen(held_out: bool) -> set[int]:
        draws = (library.pick(rng, "speech", 1, held_out=held_out) for _ in range(1_500))
        return {round(float(draw[0, 0]) * 32768) - 100 for draw in draws}

    training, held_out = seen(False), seen(True)
    assert held_out == {15, 31}
    assert training == set(range(32)) - held_out
    assert library.names == {False: ["music", "speech"], True: ["speech"]}


def test_steps_of_validation_draw_held_out_shards(shards, monkeypatch) -> None:
    source = open_here(shards, augmentation=NOTHING)
    pick, asked = source.library.pick, []

    def noted(*args, held_out: bool):
        asked.append(held_out)
        return pick(*args, held_out=held_out)

    monkeypatch.setattr(source.library, "pick", noted)
    source(0, range(2))
    source(HELD_OUT_STEP, range(2))
    assert asked == [False, False, True, True]


def test_each_second_is_as_likely_as_any_other(tmp_path) -> None:
    lengths = (1_000, 4_000, 5_000)
    for number, length in enumerate(lengths):
        write_shard(tmp_path, "speech", number, np.full(length, 100 + number))
    library = Library(read_shards(tmp_path, RATE))
    rng = np.random.default_rng(0)
    draws = [round(float(library.pick(rng, "speech", 8)[0, 0]) * 32768) for _ in range(3_000)]
    shares = [draws.count(100 + number) / 3_000 for number in range(3)]
    # Three standard deviations of a share of one half are 0.027.
    assert shares == pytest.approx([0.1, 0.4, 0.5], abs=0.03)


def test_shares_are_kept(shards) -> None:
    library = Library(read_shards(shards, RATE), {"speech": 1.0, "music": 3.0})
    rng = np.random.default_rng(0)
    draws = [library.pick_group(rng) for _ in range(2_000)]
    assert draws.count("music") / 2_000 == pytest.approx(0.75, abs=0.03)
    only = Library(read_shards(shards, RATE), {"music": 1.0})
    assert {only.pick_group(rng) for _ in range(20)} == {"music"}
    with pytest.raises(ValueError, match="shares name opera; there are music, speech"):
        Library(read_shards(shards, RATE), {"opera": 1.0})


def test_a_short_track_is_followed_by_silence(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.full(100, 16_384, np.int16))
    library = Library({"only": [ShardTrack(tmp_path / "a.npy", 100)]})
    found = library.pick(np.random.default_rng(0), "only", 150)
    assert found.shape == (1, 150)
    assert (found[0, :100] == 0.5).all()
    assert (found[0, 100:] == 0.0).all()


def test_levels_are_within_the_settings(noise_shards) -> None:
    settings = {**NOTHING, "level_db": [-30, -20]}
    batch = open_here(noise_shards, augmentation=settings)(0, range(64))
    level_db = 10 * torch.log10(batch.square().mean(-1)).flatten()
    assert float(level_db.min()) > -30.01
    assert float(level_db.max()) < -19.99
    assert float(level_db.max() - level_db.min()) > 7.0


def test_default_batches_are_sane(noise_shards) -> None:
    source = open_here(noise_shards)
    batch = torch.cat([source.batch(step, 16) for step in range(16)])
    assert torch.isfinite(batch).all()
    assert float(batch.abs().max()) <= 0.9801
    level_db = 10 * torch.log10(batch.square().mean(-1) + 1e-12).flatten()
    quiet = float((level_db < -34.5).float().mean())
    assert 0.03 < quiet < 0.22  # a tenth, and some with pauses
    assert abs(float(batch.sign().mean())) < 0.05


def test_pauses_are_digital_silence_with_soft_edges(noise_shards) -> None:
    settings = {**NOTHING, "pause": 1.0, "level_db": [-20, -20]}
    batch = open_here(noise_shards, augmentation=settings)(1, range(32))[:, 0]
    lengths = [(row == 0).sum().item() for row in batch]
    assert 0.3 < np.mean(lengths) / LENGTH < 0.6
    settings = {**NOTHING, "silent": 1.0}
    assert not open_here(noise_shards, augmentation=settings)(1, range(4)).any()


def test_noise_has_its_level(noise_shards) -> None:
    settings = {**NOTHING, "silent": 1.0, "noise": 1.0}
    settings |= {"level_db": [-20, -20], "noise_snr_db": [30, 30]}
    batch = open_here(noise_shards, augmentation=settings)(1, range(8))
    level_db = 10 * torch.log10(batch.square().mean(-1))
    assert level_db.flatten().tolist() == pytest.approx([-50.0] * 8, abs=0.01)


def test_a_low_pass_ends_the_band(noise_shards) -> None:
    settings = {**NOTHING, "low_pass": 1.0}
    batch = open_here(noise_shards, augmentation=settings)(1, range(24))[:, 0].double()
    power = torch.fft.rfft(batch * torch.hann_window(LENGTH)).abs().square()
    hertz = torch.fft.rfftfreq(LENGTH, 1 / RATE)
    ratio = power[:, hertz > 10_600].mean(1) / power[:, hertz < 3_000].mean(1)
    assert float(ratio.max()) < 1e-5  # 60 dB, less what leaks


def test_a_room_keeps_the_direct_sound_and_adds_a_tail() -> None:
    settings = Augmentation(**{**NOTHING, "room": 1.0, "level_db": (-20.0, -20.0)})
    augmenter = Augmenter(settings, RATE, LENGTH)
    click = np.zeros((1, LENGTH), np.float32)
    click[0, 1_000] = 1.0
    for seed in range(5):
        out = augmenter(click, None, np.random.default_rng(seed))[0]
        assert not np.abs(out[:999]).max() > 1e-5 * np.abs(out).max()
        assert np.argmax(np.abs(out)) == 1_000
        assert np.abs(out[2_000:3_000]).max() > 1e-4 * np.abs(out).max()


def test_speed_moves_the_pitch(tmp_path) -> None:
    tone = 8_000 * np.sin(2 * np.pi * 1_000 * np.arange(4 * RATE) / RATE)
    write_shard(tmp_path, "speech", 0, tone)
    settings = {**NOTHING, "speed": 1.0, "speed_range": [1.2, 1.2]}
    found = open_here(tmp_path, augmentation=settings)(0, range(1))[0, 0]
    peak = int(torch.fft.rfft(found * torch.hann_window(LENGTH)).abs().argmax())
    assert peak * RATE / LENGTH == pytest.approx(1_200.0, abs=2.0)
    # The stretch has no dead end where the resampler ran out of samples.
    assert float(found[-200:].square().mean()) == pytest.approx(
        float(found.square().mean()), rel=0.1
    )


def test_stereo(noise_shards) -> None:
    source = open_here(noise_shards, channels=2)
    batch = source.batch(0, 16)
    assert batch.shape == (16, 2, LENGTH)
    assert torch.equal(batch[:4], source(0, range(4)))
    assert not torch.equal(batch[:, 0], batch[:, 1])


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"augment": {}}, "unknown field 'augment'; did you mean 'augmentation'"),
        ({"augmentation": {"nosie": 0.5}}, "did you mean 'noise'"),
        ({"augmentation": {"noise": 45}}, "noise must be a share from 0 to 1, got 45"),
        ({"augmentation": {"level_db": [-10, -20]}}, "level_db must be a range"),
        ({"augmentation": {"noise": "often"}}, "data.augmentation"),
    ],
)
def test_recipes_are_checked(noise_shards, recipe, message) -> None:
    with pytest.raises(DocumentError, match=message):
        open_source(noise_shards, recipe, sample_rate=RATE, num_samples=LENGTH)


def test_a_set_of_another_rate_is_refused(noise_shards) -> None:
    with pytest.raises(ValueError, match="at 24000 Hz, not 48000 Hz"):
        open_source(noise_shards, sample_rate=48_000, num_samples=LENGTH)
