"""Every SoX effect on tensors: functions in physical units, and chains in SoX's own words."""

from audiolab.effects import sox
from audiolab.effects.chain import EffectsChain
from audiolab.effects.compatibility import (
    apply_effects_file,
    apply_effects_tensor,
    available_effects,
    effect_names,
)
from audiolab.effects.dynamics import (
    CompandBand,
    compand,
    compressor,
    contrast,
    dcshift,
    expander,
    gain,
    limiter,
    mcompand,
    noise_gate,
    norm,
    overdrive,
    vol,
)
from audiolab.effects.files import EffectStream, process_file
from audiolab.effects.modulation import ChorusVoice, chorus, flanger, phaser, tremolo
from audiolab.effects.sox import EffectSyntaxError

__all__ = [
    "ChorusVoice",
    "CompandBand",
    "EffectStream",
    "EffectSyntaxError",
    "EffectsChain",
    "apply_effects_file",
    "apply_effects_tensor",
    "available_effects",
    "chorus",
    "compand",
    "compressor",
    "contrast",
    "dcshift",
    "effect_names",
    "expander",
    "flanger",
    "gain",
    "limiter",
    "mcompand",
    "noise_gate",
    "norm",
    "overdrive",
    "phaser",
    "process_file",
    "sox",
    "tremolo",
    "vol",
]
