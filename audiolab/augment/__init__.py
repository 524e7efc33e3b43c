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
from audiolab.augment.moving import shift
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
from audiolab.augment.transforms.channel_order import ChannelShuffle
from audiolab.augment.transforms.channels import (
    AirAbsorption,
    Aliasing,
    BitCrush,
    Clipping,
    DcOffset,
    LossyCodec,
    LowSampleRate,
    Microphone,
    PacketLoss,
    SmallSpeaker,
    TanhDistortion,
    Telephone,
)
from audiolab.augment.transforms.dynamics import Compressor, Limiter
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
    NormalizeLoudness,
    NormalizePeak,
    PolarityInversion,
)
from audiolab.augment.transforms.masks import FrequencyMask, TimeMask
from audiolab.augment.transforms.noise import (
    AddBackgroundNoise,
    AddColoredNoise,
    AddGaussianNoise,
    AddShortNoises,
    MixUp,
)
from audiolab.augment.transforms.rooms import ApplyImpulseResponse, RoomSimulation
from audiolab.augment.transforms.tempo import ClockDrift, PitchShift, Speed, TimeStretch
from audiolab.augment.transforms.timing import (
    AdjustDuration,
    Pad,
    RandomCrop,
    RepeatPart,
    Reverse,
    Shift,
    SpliceOut,
    TrimSilence,
)

__all__ = [
    "MICROPHONES",
    "AddBackgroundNoise",
    "AddColoredNoise",
    "AddGaussianNoise",
    "AddShortNoises",
    "AdjustDuration",
    "AirAbsorption",
    "Aliasing",
    "ApplyImpulseResponse",
    "Augmented",
    "BandPass",
    "BandStop",
    "BitCrush",
    "ChannelShuffle",
    "Choice",
    "Clipping",
    "ClockDrift",
    "Compose",
    "Compressor",
    "Constant",
    "DcOffset",
    "Distribution",
    "FrequencyMask",
    "Gain",
    "GainTransition",
    "HighPass",
    "HighShelf",
    "LevelTransform",
    "Limiter",
    "LogUniform",
    "LossyCodec",
    "LowPass",
    "LowSampleRate",
    "LowShelf",
    "Microphone",
    "MixUp",
    "Mixture",
    "NoiseBank",
    "NoisePick",
    "Normal",
    "NormalizeLoudness",
    "NormalizePeak",
    "OneOf",
    "PacketLoss",
    "Pad",
    "Peaking",
    "Piece",
    "PitchShift",
    "PolarityInversion",
    "RandomCrop",
    "RepeatPart",
    "Reverse",
    "RoomSimulation",
    "SevenBandEqualizer",
    "Shift",
    "ShortNoise",
    "SmallSpeaker",
    "SomeOf",
    "Sometimes",
    "SpectrogramMasks",
    "Speed",
    "SpliceOut",
    "TanhDistortion",
    "Targets",
    "Telephone",
    "TimeMap",
    "TimeMask",
    "TimeStretch",
    "TimeTransform",
    "Transform",
    "TrimSilence",
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
    "shift",
    "small_speaker",
    "spec_augment",
    "stretched_length",
    "stretched_time_s",
    "tanh_distortion",
    "telephone",
    "time_stretch",
]
