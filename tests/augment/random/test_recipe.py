"""Recipes: saved and loaded, random ones too; errors name the field; the schema agrees."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import augment
from audiolab.augment.transform import REGISTRY

from .conftest import RATE, speechlike

NUMBERS = st.floats(-20, 20, allow_nan=False).map(lambda value: round(value, 3))
PAIRS = st.tuples(NUMBERS, NUMBERS).map(sorted)
AMOUNTS = st.one_of(
    NUMBERS,
    PAIRS.map(lambda pair: augment.Uniform(*pair)),
    st.tuples(NUMBERS, st.floats(0.1, 5)).map(lambda pair: augment.Normal(*pair, low=-60, high=60)),
    st.lists(NUMBERS, min_size=1, max_size=4).map(augment.Choice),
)
CHANCES = st.sampled_from([0.0, 0.3, 1.0])
SINGLES = st.one_of(
    st.builds(augment.Gain, gain_db=AMOUNTS, p=CHANCES),
    st.builds(augment.Peaking, gain_db=AMOUNTS, p=CHANCES),
    st.builds(augment.AddColoredNoise, snr_db=AMOUNTS, p=CHANCES),
    st.builds(augment.Shift, shift=st.floats(-1, 1).map(augment.Constant), rollover=st.booleans()),
    st.builds(augment.RepeatPart, part_s=st.just(0.02), keep_length=st.booleans()),
    st.builds(augment.PolarityInversion, mode=st.sampled_from(["per_example", "per_channel"])),
)
RECIPES = st.recursive(
    SINGLES,
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda several: st.sampled_from(
            [
                augment.Compose(several),
                augment.Compose(several, shuffle=True, p=0.7),
                augment.OneOf(several, weights=list(range(1, len(several) + 1))),
                augment.SomeOf(several, k=(0, len(several))),
                augment.Sometimes(several, p=0.4),
            ]
        )
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(recipe=RECIPES, seed=st.integers(0, 2**63 - 1), suffix=st.sampled_from(["yaml", "json"]))
def test_a_saved_recipe_draws_and_sounds_the_same(
    tmp_path_factory: pytest.TempPathFactory, recipe: augment.Transform, seed: int, suffix: str
):
    path = tmp_path_factory.mktemp("recipes") / f"recipe.{suffix}"
    augment.save_recipe(path, recipe)
    loaded = augment.load_recipe(path)
    assert loaded == recipe
    seeds = [augment.item_seed(seed, item) for item in range(4)]
    drawn = recipe.draw_items(seeds, num_channels=2)
    assert loaded.draw_items(seeds, num_channels=2) == drawn
    assert json.loads(json.dumps(drawn)) == drawn
    x = speechlike(4, 2, 800)
    first = recipe(x, RATE, seeds=seeds)
    again = loaded.apply(x, RATE, first.params)
    assert first.params == drawn
    assert torch.equal(first.waveform, again.waveform)
    last = recipe(x[3], RATE, seeds=seeds[3])
    end = int(last.lengths[0])
    assert torch.equal(last.waveform, first.waveform[3, :, :end])


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_defaults_survive_a_file(name: str, tmp_path: Path, every: dict[str, augment.Transform]):
    if name not in every:
        return
    augment.save_recipe(tmp_path / "recipe.yaml", every[name])
    assert augment.load_recipe(tmp_path / "recipe.yaml") == every[name]


def test_every_default_is_in_the_schema(every: dict[str, augment.Transform]):
    jsonschema = pytest.importorskip("jsonschema")
    schema = augment.recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for transform in every.values():
        validator.validate(augment.recipe_to_data(transform))
    wrong = {"recipe": 1, "transforms": [{"transform": "gain", "gian_db": 3}]}
    assert not validator.is_valid(wrong)
    assert not validator.is_valid({"transforms": []})


def loaded(*transforms: object) -> augment.Transform:
    return augment.recipe_from_data({"recipe": 1, "transforms": list(transforms)})


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"transform": "gain", "gain_db": [1, 2]},
         r"transforms\[0\]\.gain_db: a range is written \{uniform: \[1, 2\]\}"),
        ({"transform": "gain", "gain_db": {"uniform": [2, 1]}},
         r"transforms\[0\]\.gain_db\.uniform: low must not be above high, got 2 and 1"),
        ({"transform": "gain", "gain_db": {"unifrom": [1, 2]}},
         r"transforms\[0\]\.gain_db has an unknown field 'unifrom'; did you mean 'uniform'"),
        ({"transform": "gain", "gain_db": 900},
         r"transforms\[0\]\.gain_db must be from -200 to 200, got 900"),
        ({"transform": "gain", "gain": 1},
         r"transforms\[0\] has an unknown field 'gain'; did you mean 'gain_db'"),
        ({"transform": "gain", "p": 2}, r"transforms\[0\]\.p must be from 0 to 1, got 2"),
        ({"transform": "gain", "p": "often"}, r"transforms\[0\]\.p must be a number"),
        ({"transform": "shift", "mode": "per_channel"}, r"transforms\[0\]\.mode: shift moves all"),
        ({"transform": "low_pass", "sections": 1.5},
         r"transforms\[0\]\.sections must be a whole number, got 1\.5"),
        ({"transform": "low_pass", "cutoff_hz": {"log_uniform": [0, 10]}},
         r"transforms\[0\]\.cutoff_hz\.log_uniform: low must be above 0, got 0"),
        ({"transform": "lossy_codec", "codec": "mp4"},
         r"transforms\[0\]\.codec must be one of 'mp3', 'opus', 'vorbis', 'aac', got 'mp4'"),
        ({"transform": "one_of", "transforms": []},
         r"transforms\[0\]\.transforms must hold at least one"),
        ({"transform": "one_of", "transforms": [{"transform": "gain"}], "weights": [1, 2]},
         r"transforms\[0\]\.weights must have 1 values, got 2"),
        ({"transform": "some_of", "transforms": [{"transform": "gain"}], "k": 2},
         r"transforms\[0\]\.k must lie between 0 and the 1 transforms"),
        ({"transform": "compose", "transforms": [{"transform": "gain", "gain_db": None}]},
         r"transforms\[0\]\.transforms\[0\]\.gain_db must be a number or a dist"),
        ({"transform": "add_background_noise"}, r"transforms\[0\] lacks the field 'source'"),
        ({"transform": "add_background_noise", "source": "/nowhere"},
         r"transforms\[0\]\.source must be a folder of audio files or one file"),
        ("gain", r"transforms\[0\] must be a mapping with the field 'transform', got 'gain'"),
        ({"transform": "normal"}, r"transforms\[0\]\.transform 'normal' is not known"),
    ],
)  # fmt: skip
def test_errors_name_the_field(transform: object, message: str):
    with pytest.raises(ValueError, match=message):
        loaded(transform)


def test_folders_are_beside_the_recipe(recordings: Path, tmp_path: Path):
    path = recordings.parent / "beside.yaml"
    path.write_text(f"recipe: 1\ntransforms:\n- {{transform: mix_up, source: {recordings.name}}}\n")
    result = augment.load_recipe(path)(speechlike(1), RATE, seeds=[1])
    assert result.params[0]["steps"][0]["other"]["name"].endswith(".wav")


def test_banks_in_memory_are_not_saved(tmp_path: Path):
    bank = augment.NoiseBank([torch.ones(10)], RATE)
    with pytest.raises(ValueError, match="held in memory and can't be saved"):
        augment.save_recipe(tmp_path / "r.yaml", augment.MixUp(source=bank))


def test_an_empty_folder_and_another_rate_are_told(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no audio files"):
        augment.AddBackgroundNoise(source=tmp_path / "empty")(speechlike(1), RATE)
    bank = augment.NoiseBank([torch.ones(10)], 8000)
    with pytest.raises(ValueError, match="the bank has 8000 Hz and the waveform 16000"):
        augment.AddBackgroundNoise(source=bank)(speechlike(1), RATE)
