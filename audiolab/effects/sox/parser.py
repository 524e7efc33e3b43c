"""From words to effects: a line as on the SoX command line, a list of lists, a list of words.

Convention: an effect begins at the next word that is an effect's name, as in the program. Quoting
is that of a POSIX shell. Left out: SoX's own options and file names, which belong to the program,
and chains of chains (``:``, ``newfile``, ``restart``), refused with a sentence.

Reference: sox(1), "EFFECTS".
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from audiolab._sox_names import SOX_NAMES
from audiolab.effects.sox.effect import Effect
from audiolab.effects.sox.errors import EffectSyntaxError
from audiolab.effects.sox.registry import EFFECTS, parse_effect

__all__ = [
    "EffectLike",
    "EffectsLike",
    "parse_command",
    "parse_effects",
    "split_line",
    "split_words",
]

#: One effect: ready made, as its words, or as a piece of a SoX command line.
EffectLike: TypeAlias = Effect | str | Sequence[str]

#: Effects in any of the ways to write them.
EffectsLike: TypeAlias = str | Iterable[EffectLike]


def parse_effects(effects: EffectsLike) -> list[Effect]:
    """Return the effects that are described.

    Parameters
    ----------
    effects : str or sequence
        One string as on the SoX command line (``"lowpass -1 300 reverb -w"``); a list of lists, an
        effect each (``[["lowpass", "-1", "300"], ["reverb", "-w"]]``); a flat list of words
        (``["lowpass", "-1", "300", "reverb", "-w"]``); or a list that mixes strings, lists and
        `Effect` objects.

    Returns
    -------
    list of Effect
        The effects in their order; none of an empty string or list.

    Raises
    ------
    EffectSyntaxError
        There is no such effect, or it does not take these arguments.
    TypeError
        Something is neither a string nor a sequence of strings.
    """
    if isinstance(effects, str):
        return [parse_effect(words) for words in split_line(effects)]
    if isinstance(effects, Effect):
        return [effects]
    if not isinstance(effects, Iterable):
        raise TypeError(
            f"effects must be a string or a list, got {type(effects).__name__}: "
            'write "lowpass 300 reverb" or [["lowpass", "300"], ["reverb"]]'
        )
    items = list(effects)
    if items and all(isinstance(each, str) for each in items):
        lines = _split_strings([str(each) for each in items])
        return [parse_effect(words) for words in lines]
    parsed: list[Effect] = []
    for index, item in enumerate(items):
        if isinstance(item, Effect):
            parsed.append(item)
        elif isinstance(item, str):
            parsed += [parse_effect(words) for words in split_line(item)]
        else:
            parsed.append(parse_effect(_checked(item, f"effects[{index}]")))
    return parsed


def parse_command(line: str) -> list[Effect]:
    """Return the effects of a SoX command: ``sox in.wav out.wav reverb``, or the effects alone.

    Parameters
    ----------
    line : str
        The command. Its two files are passed over.

    Returns
    -------
    list of Effect
        The effects in their order.

    Raises
    ------
    EffectSyntaxError
        The line has options of the program, which would be lost, or its effects are wrong.
    """
    words = _shell_words(line)
    if words[:1] != ["sox"]:
        return [parse_effect(each) for each in split_words(words)]
    for index, word in enumerate(words[1:3], start=1):
        if word.startswith("-") and word != "-":
            hint = "EffectsChain.generate is its -n" if word == "-n" else "take it out"
            raise EffectSyntaxError(
                f"{word} is an option of the program and no part of a chain: {hint}", words, index
            )
    if len(words) < 3:
        raise EffectSyntaxError("a sox command names an input and an output", words, len(words))
    return [parse_effect(each) for each in split_words(words[3:])]


def split_line(line: str) -> list[list[str]]:
    """Return the effects of one line, each as its words.

    Raises
    ------
    EffectSyntaxError
        If a quotation is not closed, or the line does not begin with an effect.
    """
    return split_words(_shell_words(line))


def _shell_words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise EffectSyntaxError(f"{line!r}: {str(error)[:1].lower()}{str(error)[1:]}") from None


def split_words(words: Sequence[str]) -> list[list[str]]:
    """Return the effects that words make up: each begins with a name, and ends before the next."""
    found: list[list[str]] = []
    for word in words:
        if word in _known() or not found:
            found.append([word])
        else:
            found[-1].append(word)
    return found


def _split_strings(strings: list[str]) -> list[list[str]]:
    """Split words among which there may be whole lines, where an effect's name is due."""
    found: list[list[str]] = []
    open_words = False
    for text in strings:
        pieces = split_line(text) if any(c.isspace() for c in text) else []
        if pieces and pieces[0][0] in _known():
            # "lowpass 300" cannot be an argument and is no name: it is a line of its own.
            found += pieces
            open_words = False
        elif text in _known() or not found:
            found.append([text])
            open_words = True
        elif open_words:
            found[-1].append(text)
        else:
            raise EffectSyntaxError(
                f"{text!r} stands alone after a string that is whole: write one string, or a list "
                "of words"
            )
    return found


def _known() -> frozenset[str]:
    return SOX_NAMES | frozenset(EFFECTS)


def _checked(item: object, place: str) -> list[str]:
    if not isinstance(item, Sequence) or isinstance(item, bytes):
        raise TypeError(
            f"{place} must be an effect as a list of strings, got {type(item).__name__}"
        )
    if not item:
        raise EffectSyntaxError(f"{place} is an empty list: an effect begins with its name")
    for index, word in enumerate(item):
        if not isinstance(word, str):
            raise TypeError(
                f"{place}[{index}] must be a string, got {type(word).__name__}: write {str(word)!r}"
            )
    return list(item)
