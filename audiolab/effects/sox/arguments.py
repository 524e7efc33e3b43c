"""A cursor over the words of one effect; each of its errors points at one word."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from audiolab.effects.sox.errors import EffectSyntaxError

__all__ = ["Arguments"]

T = TypeVar("T")


class Arguments:
    """The words after an effect's name, read from left to right.

    Parameters
    ----------
    words : sequence of str
        The effect as it was written, its name first.
    usage : str
        The usage line that every error shows.
    """

    def __init__(self, words: Sequence[str], usage: str = "") -> None:
        self.words = tuple(words)
        self.usage = usage
        self.position = 1

    def __len__(self) -> int:
        return len(self.words) - self.position

    def peek(self) -> str | None:
        """Return the next word without taking it, None at the end."""
        return self.words[self.position] if self.position < len(self.words) else None

    def take(self) -> str:
        """Return the next word."""
        word = self.peek()
        if word is None:
            raise self.error(f"{self.words[0]} needs another argument")
        self.position += 1
        return word

    def rest(self) -> list[str]:
        """Return all words that are left."""
        words = list(self.words[self.position :])
        self.position = len(self.words)
        return words

    def error(self, message: str, position: int | None = None) -> EffectSyntaxError:
        """Return an error that points at a word: by default the one that would be read next."""
        at = self.position if position is None else position
        usage = f"{self.words[0]} {self.usage}".rstrip()
        return EffectSyntaxError(message, self.words, at, usage)

    def options(self, flags: str, valued: str = "") -> dict[str, str | bool]:
        """Read options as getopt does: ``-w``, ``-qs`` together, ``-n 100`` or ``-n100``.

        A word that begins with a minus and is none of the known letters ends the options, so that
        ``gain -3`` and ``vol -0.5`` are numbers.
        """
        found: dict[str, str | bool] = {}
        while (word := self.peek()) is not None and len(word) > 1 and word[0] == "-":
            if word == "--":
                self.position += 1
                break
            if word[1] not in flags + valued:
                break
            letters = word[1:]
            self.position += 1
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in valued:
                    found[letter] = letters or self._option_value(letter)
                    break
                if letter not in flags:
                    known = ", ".join("-" + each for each in flags + valued)
                    raise self.error(
                        f"{self.words[0]} has no option -{letter}; it takes {known}",
                        self.position - 1,
                    )
                found[letter] = True
        return found

    def _option_value(self, letter: str) -> str:
        if self.peek() is None:
            raise self.error(f"{self.words[0]}: option -{letter} needs a value", self.position - 1)
        return self.take()

    def read(self, name: str, convert: Callable[[str], T]) -> T:
        """Read the next word by `convert`, whose ``ValueError`` becomes one that points at it."""
        if self.peek() is None:
            raise self.error(f"{self.words[0]} needs {name}")
        word = self.take()
        try:
            return convert(word)
        except EffectSyntaxError:
            raise
        except ValueError as error:
            raise self.error(f"{self.words[0]}: {name}: {error}", self.position - 1) from None

    def read_or(self, name: str, convert: Callable[[str], T], default: T) -> T:
        """Read the next word where there is one."""
        return default if self.peek() is None else self.read(name, convert)

    def number(
        self,
        name: str,
        default: float | None = None,
        *,
        low: float = -math.inf,
        high: float = math.inf,
        convert: Callable[[str], float] = float,
    ) -> float:
        """Read a number in [`low`, `high`]; without a default it must be there."""
        if self.peek() is None and default is not None:
            return default

        def bounded(word: str) -> float:
            value = convert(word)
            if not low <= value <= high:
                raise ValueError(f"{word} is outside {_range(low, high)}")
            return value

        return self.read(name, bounded)

    def finish(self) -> None:
        """Complain about words that are left."""
        if self.peek() is not None:
            raise self.error(f"{self.words[0]} takes no further argument: {self.peek()!r}")


def _range(low: float, high: float) -> str:
    if math.isinf(high):
        return f"{low:g} and more"
    if math.isinf(low):
        return f"{high:g} and less"
    return f"{low:g} to {high:g}"
