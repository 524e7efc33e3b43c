"""Every SoX effect on tensors: functions in physical units, and chains in SoX's own words."""

from audiolab.effects import sox
from audiolab.effects.chain import EffectsChain
from audiolab.effects.compatibility import (
    apply_effects_file,
    apply_effects_tensor,
    available_effects,
    effect_names,
)
from audiolab.effects.files import EffectStream, process_file
from audiolab.effects.sox import EffectSyntaxError

__all__ = [
    "EffectStream",
    "EffectSyntaxError",
    "EffectsChain",
    "apply_effects_file",
    "apply_effects_tensor",
    "available_effects",
    "effect_names",
    "process_file",
    "sox",
]
