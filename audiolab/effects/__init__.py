"""Every SoX effect on tensors: functions in physical units, and chains in SoX's own words."""

from audiolab.effects import sox
from audiolab.effects.chain import EffectsChain
from audiolab.effects.sox import EffectSyntaxError

__all__ = ["EffectSyntaxError", "EffectsChain", "sox"]
