"""Augmentation: noise, rooms, channels, stretch and pitch, at random and reproducibly."""

from audiolab.augment._looping import fit_noise
from audiolab.augment.bank import NoiseBank, NoisePick
from audiolab.augment.channels.air import air_absorption, air_attenuation_db
from audiolab.augment.channels.clipping import alias, clip_amplitude, tanh_distortion
from audiolab.augment.channels.clocks import clock_drift
from audiolab.augment.channels.codecs import codec_round_trip
from audiolab.augment.channels.microphones import MICROPHONES, apply_microphone, microphone_response
from audiolab.augment.channels.packets import draw_packet_loss, num_packets, packet_loss
from audiolab.augment.channels.quantization import reduce_bit_depth
from audiolab.augment.channels.speakers import small_speaker
from audiolab.augment.channels.telephone import compand_bits, telephone
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
from audiolab.augment.levels import (
    apply_gain,
    dc_offset,
    gain_transition,
    invert_polarity,
    normalize_loudness,
    normalize_peak,
    normalize_rms,
)
from audiolab.augment.masks import (
    SpectrogramMasks,
    draw_spectrogram_masks,
    mask_frequency,
    mask_spectrogram,
    mask_time,
    spec_augment,
)
from audiolab.augment.noise import Mixture, add_noise, mix_noise
from audiolab.augment.pitch_shift import pitch_shift
from audiolab.augment.recipe import (
    load_recipe,
    recipe_from_data,
    recipe_schema,
    recipe_to_data,
    save_recipe,
)
from audiolab.augment.seeds import item_seed
from audiolab.augment.short_noises import ShortNoise, add_short_noises
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
    "MICROPHONES",
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
    "ShortNoise",
    "SomeOf",
    "Sometimes",
    "SpectrogramMasks",
    "SpliceOut",
    "Targets",
    "TimeMap",
    "TimeTransform",
    "Transform",
    "Uniform",
    "WaveformTransform",
    "add_noise",
    "add_short_noises",
    "air_absorption",
    "air_attenuation_db",
    "alias",
    "apply_gain",
    "apply_microphone",
    "clip_amplitude",
    "clock_drift",
    "codec_round_trip",
    "colored_noise",
    "compand_bits",
    "dc_offset",
    "draw_packet_loss",
    "draw_spectrogram_masks",
    "fit_noise",
    "gain_transition",
    "invert_polarity",
    "item_seed",
    "load_recipe",
    "mask_frequency",
    "mask_spectrogram",
    "mask_time",
    "microphone_response",
    "mix_noise",
    "normalize_loudness",
    "normalize_peak",
    "normalize_rms",
    "num_packets",
    "packet_loss",
    "pitch_shift",
    "recipe_from_data",
    "recipe_schema",
    "recipe_to_data",
    "reduce_bit_depth",
    "save_recipe",
    "small_speaker",
    "spec_augment",
    "stretched_length",
    "stretched_time_s",
    "tanh_distortion",
    "telephone",
    "time_stretch",
]
