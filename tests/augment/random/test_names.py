"""The guide's table of names: what it says we have is there, and all that we have is in it."""

import re
from pathlib import Path

from audiolab import augment
from audiolab.augment.transform import REGISTRY

GUIDE = Path(__file__).parents[3] / "docs/guide/augmentation_names.rst"

#: All that `dir()` of both libraries shows, in the versions that the guide names.
THEIRS = """
AddBackgroundNoise AddColorNoise AddGaussianNoise AddGaussianSNR AddShortNoises AdjustDuration
AirAbsorption Aliasing ApplyImpulseResponse BandPassFilter BandStopFilter BitCrush Clip
ClippingDistortion Gain GainTransition HighPassFilter HighShelfFilter Lambda Limiter
LoudnessNormalization LowPassFilter LowShelfFilter Mp3Compression Normalize Padding PeakingFilter
PitchShift PolarityInversion RepeatPart Resample Reverse RoomSimulator SevenBandParametricEQ Shift
TanhDistortion TimeMask TimeStretch Trim Compose OneOf SomeOf AddColoredNoise Identity
PeakNormalization ShuffleChannels SpliceOut TimeInversion
"""


def test_none_of_theirs_is_missing():
    text = GUIDE.read_text()
    assert [name for name in THEIRS.split() if not re.search(rf"\b{name}\b", text)] == []


def test_ours_exist_and_all_are_named():
    code = " ".join(re.findall(r"``(.*?)``", GUIDE.read_text(), flags=re.S))
    named = set(re.findall(r"\b[A-Z][A-Za-z]+\b", code)) - {"Uniform"}
    assert [name for name in sorted(named) if not hasattr(augment, name)] == []
    own = {cls.__name__ for cls in REGISTRY.values() if cls.__module__.startswith("audiolab")}
    assert own - named == set()


def test_names_in_recipes_are_the_classes_names():
    for name, cls in REGISTRY.items():
        if cls.__module__.startswith("audiolab"):
            assert re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower() == name
            assert getattr(augment, cls.__name__) is cls
