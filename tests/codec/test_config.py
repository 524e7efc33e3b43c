"""The numbers behind a model, and what they say about lengths."""

import json
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiolab.codec.config import PRESETS, EncodecConfig, preset


@pytest.mark.parametrize("name", PRESETS)
def test_dictionaries_and_json_come_back(name: str) -> None:
    config = preset(name)
    assert EncodecConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("name", ["encodec_24khz", "encodec_48khz"])
def test_transformers_names_come_back(name: str) -> None:
    config = preset(name)
    theirs = json.loads(json.dumps(config.to_transformers()))
    assert EncodecConfig.from_transformers(theirs) == config
    # A config.json of the hub says nothing of us: the name is found by the numbers.
    del theirs["audiolab"]
    assert EncodecConfig.from_transformers(theirs) == config


def test_derived_numbers() -> None:
    mono, stereo = preset("encodec_24khz"), preset("encodec_48khz")
    assert (mono.frame_rate, mono.hop_length, mono.num_codebooks) == (75, 320, 32)
    assert (stereo.frame_rate, stereo.hop_length, stereo.num_codebooks) == (150, 320, 16)
    assert (stereo.segment_length, stereo.segment_stride) == (48_000, 47_520)
    assert mono.num_codebooks_for(None) == 32
    assert mono.bits_per_codebook == 10


@given(st.integers(0, 10**7))
def test_frames_are_counted_in_integers(num_samples: int) -> None:
    assert preset("encodec_24khz").num_frames(num_samples) == math.ceil(num_samples / 320)
    cuts = preset("encodec_48khz").segments(num_samples)
    assert len(cuts) == math.ceil(num_samples / 47_520)
    assert all(0 < stop - start <= 48_000 for start, stop in cuts)
    assert all(b - a == 47_520 for (a, _), (b, _) in pairwise(cuts))
    assert not cuts or cuts[-1][1] == num_samples


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 3}, "channels must be 1 or 2"),
        ({"norm": "layer_norm"}, "norm must be one of"),
        ({"norm": "time_group_norm"}, "causal must be False"),
        ({"ratios": ()}, "at least one stride"),
        ({"ratios": (0, 2)}, "ratios must be a whole number"),
        ({"num_filters": 1}, "compress must not exceed num_filters=1"),
        ({"num_filters": 0}, "num_filters must be a whole number"),
        ({"sample_rate": 24_000.5}, "sample_rate must be a whole number"),
        ({"codebook_size": 1000}, "power of two"),
        ({"target_bandwidths": (3.0, 1.5)}, "positive and rising"),
        ({"target_bandwidths": ()}, "positive and rising"),
        ({"target_bandwidths": (0.5,)}, "one codebook takes 0.75 kbps"),
        ({"overlap": 1.0}, "overlap must lie"),
        ({"segment_s": 0.0}, "at least one sample"),
    ],
)
def test_impossible_numbers_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EncodecConfig(**changes)


def test_other_models_are_refused() -> None:
    theirs = preset("encodec_24khz").to_transformers()
    for key, value in (("model_type", "mimi"), ("pad_mode", "zeros"), ("trim_right_ratio", 0.5)):
        with pytest.raises(ValueError, match=key):
            EncodecConfig.from_transformers({**theirs, key: value})
    with pytest.raises(ValueError, match="codebook_dim must equal hidden_size 128, got 64"):
        EncodecConfig.from_transformers({**theirs, "codebook_dim": 64})
    with pytest.raises(ValueError, match="unknown field"):
        EncodecConfig.from_dict({"sample_rte": 1})
    with pytest.raises(ValueError, match="transformers knows no EnCodec"):
        EncodecConfig(norm="none").to_transformers()
    with pytest.raises(
        ValueError, match="encodec_24khz, encodec_48khz, audiolab_24khz, got 'encodec'"
    ):
        preset("encodec")
