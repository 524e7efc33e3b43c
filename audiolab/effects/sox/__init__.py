"""The SoX effects language: grammar, effects by name, and their words."""

from audiolab.effects.sox import effects, refused
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.errors import EffectSyntaxError
from audiolab.effects.sox.parser import parse_effects
from audiolab.effects.sox.registry import EFFECTS, REFUSED, parse_effect, register

__all__ = [
    "EFFECTS",
    "REFUSED",
    "Arguments",
    "Context",
    "Effect",
    "EffectSyntaxError",
    "Form",
    "Parameter",
    "Stage",
    "StreamedEffect",
    "effects",
    "parse_effect",
    "parse_effects",
    "refused",
    "register",
]
