"""Which effects there are, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import TypeVar

from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.effect import Effect
from audiolab.effects.sox.errors import EffectSyntaxError

__all__ = ["EFFECTS", "REFUSED", "parse_effect", "register"]

_EFFECTS: dict[str, type[Effect]] = {}

#: Every effect that works, by its SoX name.
EFFECTS: Mapping[str, type[Effect]] = MappingProxyType(_EFFECTS)

#: Names that SoX knows and that are refused, with the reason and what to use.
REFUSED: dict[str, str] = {}

E = TypeVar("E", bound=Effect)


def register(cls: type[E]) -> type[E]:
    """Add an effect to the language; a class decorator."""
    if cls.name in _EFFECTS:
        raise ValueError(f"two effects are called {cls.name!r}")
    _EFFECTS[cls.name] = cls
    return cls


def parse_effect(words: Sequence[str]) -> Effect:
    """Return the effect that `words`, its name first, describe.

    Raises
    ------
    EffectSyntaxError
        If there is no such effect, or it does not take these arguments.
    """
    name = words[0]
    if name in REFUSED:
        raise EffectSyntaxError(f"{name} is not available: {REFUSED[name]}", words, 0)
    if name not in _EFFECTS:
        near = get_close_matches(name, _EFFECTS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise EffectSyntaxError(f"Unsupported effect: {name}{hint}", words, 0)
    effect = _EFFECTS[name]
    arguments = Arguments(words, effect.usage)
    try:
        parsed = effect.parse(arguments)
        arguments.finish()
    except EffectSyntaxError as error:
        # A misspelt name is read as an argument of the effect before it.
        place = error.position or 0
        near = get_close_matches(words[place], _EFFECTS, 1, 0.75) if 0 < place < len(words) else []
        if not near or not words[place].isalpha():
            raise
        hint = f"{error.reason} (did you mean the effect {near[0]}?)"
        raise EffectSyntaxError(hint, error.words, error.position, error.usage) from None
    except ValueError as error:
        raise arguments.error(f"{name}: {error}", max(arguments.position - 1, 1)) from None
    return parsed
