"""Augmentation: noise, rooms, channels, stretch and pitch, at random and reproducibly."""

from audiolab.augment._looping import fit_noise
from audiolab.augment.bank import NoiseBank, NoisePick
from audiolab.augment.colored import colored_noise
from audiolab.augment.compose import Compose, OneOf, SomeOf, Sometimes
from audiolab.augment.distributions import (
    Choice,
    Constant,
    Distribution,
    LogUniform,
    Normal,
    Uniform,
)
from audiolab.augment.noise import Mixture, add_noise, mix_noise
from audiolab.augment.pitch_shift import pitch_shift
from audiolab.augment.seeds import item_seed
from audiolab.augment.single import LevelTransform, TimeTransform, WaveformTransform
from audiolab.augment.targets import Piece, Targets, TimeMap
from audiolab.augment.time_stretch import stretched_length, stretched_time_s, time_stretch
from audiolab.augment.transform import Augmented, Transform
from audiolab.augment.transforms.filters import (
    BandPass,
    BandStop,
    HighPass,
    HighShelf,
    LowPass,
    LowShelf,
    Peaking,
    SevenBandEqualizer,
)
from audiolab.augment.transforms.levels import (
    Gain,
    GainTransition,
    NormalizePeak,
    PolarityInversion,
)
from audiolab.augment.transforms.timing import (
    AdjustDuration,
    Pad,
    RandomCrop,
    RepeatPart,
    Reverse,
    Shift,
    SpliceOut,
)

__all__ = [
    "AdjustDuration",
    "Augmented",
    "BandPass",
    "BandStop",
    "Choice",
    "Compose",
    "Constant",
    "Distribution",
    "Gain",
    "GainTransition",
    "HighPass",
    "HighShelf",
    "LevelTransform",
    "LogUniform",
    "LowPass",
    "LowShelf",
    "Mixture",
    "NoiseBank",
    "NoisePick",
    "Normal",
    "NormalizePeak",
    "OneOf",
    "Pad",
    "Peaking",
    "Piece",
    "PolarityInversion",
    "RandomCrop",
    "RepeatPart",
    "Reverse",
    "SevenBandEqualizer",
    "Shift",
    "SomeOf",
    "Sometimes",
    "SpliceOut",
    "Targets",
    "TimeMap",
    "TimeTransform",
    "Transform",
    "Uniform",
    "WaveformTransform",
    "add_noise",
    "colored_noise",
    "fit_noise",
    "item_seed",
    "mix_noise",
    "pitch_shift",
    "stretched_length",
    "stretched_time_s",
    "time_stretch",
]
