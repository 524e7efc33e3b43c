"""Reading and writing of words that several families share."""

from __future__ import annotations

import re
from typing import TypeVar

from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.grammar import parse_number

__all__ = ["abbreviated", "number_if_there"]

Choice = TypeVar("Choice", bound=str)

_BEGINS_A_NUMBER = re.compile(r"[+-]?\.?\d")


def number_if_there(
    arguments: Arguments, name: str, default: float, low: float, high: float
) -> float:
    """Read a number where the next word is one, else leave the word to what comes after."""
    word = arguments.peek()
    if word is None or not _BEGINS_A_NUMBER.match(word):
        return default
    return arguments.number(name, low=low, high=high, convert=parse_number)


def abbreviated(word: str, choices: tuple[Choice, ...]) -> Choice:
    """Return the choice that a word begins, in any case of letters.

    Raises
    ------
    ValueError
        If it begins none.
    """
    for choice in choices:
        if word and choice.lower().startswith(word.lower()):
            return choice
    raise ValueError(f"{word!r} is none of {', '.join(choices)}")
