"""Text to be spoken: sentences from templates, numbers, lists, and words that don't exist.

A codec needs to hear every sound of speech in every surrounding, not sense. English sentences come
from a small grammar; pseudo-words strung from a language's onsets, vowels and codas cover the
clusters that the grammar lacks, and let a synthesiser speak languages of which we have no text.

Left out: prosody marks, abbreviations, and any text that somebody else wrote.
"""

from __future__ import annotations

import numpy as np

from audiolab.codec.training.data._syllables import SYLLABLES

__all__ = ["LANGUAGES", "english", "pseudo_words"]


def _phrases(lines: str) -> tuple[str, ...]:
    return tuple(lines.split("|"))


_SUBJECTS = _phrases(
    "the old captain|my neighbour|a young violinist|the committee|our teacher|this machine|"
    "the quiet gardener|every student|nobody here|the baker's daughter|a tired judge|"
    "the whole village|his voice|the yellow submarine|professor jones|the weather forecast|"
    "she|he|they|we|both brothers|your cousin|that huge elephant|the fishermen|some visitors|"
    "my youngest sister|an honest lawyer|the thirsty traveller|who|the eighth passenger"
)
_VERBS = _phrases(
    "carefully measured|never understood|shouted at|quietly followed|bought|sold|"
    "has been watching|could not find|will probably fix|just forgot|whispered about|painted|"
    "borrowed|jumped over|asked for|threw away|is listening to|should have checked|wrote down|"
    "argued with|would rather choose|enjoyed|can't describe|hid|mixed up|gave us|touched|"
    "laughed at|weighed|pushed"
)
_OBJECTS = _phrases(
    "the broken bridge|six fresh fish|an orange umbrella|the judge's choice|"
    "a thousand tiny stars|those strange noises|the zoo by the river|a cup of hot chocolate|"
    "the shipping schedule|good advice|this new engine|thirty three thick thistles|"
    "a letter from france|the measure of pleasure|every single page|the azure vision|"
    "some very loud music|the jazz quartet|an early breakfast|the church choir|"
    "a box of mixed biscuits|the smooth wooden floor|four heavy suitcases|both halves of it|"
    "the village clock|a pair of woollen gloves|the usual excuses|her violet scarf|"
    "the oily rag|a rather thin soup"
)
_TAILS = _phrases(
    "before midnight|in nineteen eighty four|without a good reason|near the edge of town|"
    "for about twenty minutes|and nobody noticed|because it was raining|at half past eleven|"
    "under the kitchen table|while the children slept|with surprising speed|on a dusty road|"
    "again and again|but only on thursdays|as usual|if you ask me|despite the noise|"
    "over the telephone|in a low voice|all at once|after the thaw|on the seventh of june|"
    "through the thick fog|beyond the harbour wall|yes, really|with both hands|"
    "during the long winter|along the beach|for the first time|just in case"
)

LANGUAGES = tuple(SYLLABLES)


def english(rng: np.random.Generator) -> str:
    """Return one English utterance: a sentence, pseudo-words, numbers, or a list of phrases.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    str
        Text that ends in a punctuation mark.

    Examples
    --------
    >>> import numpy as np
    >>> english(np.random.default_rng(3))[-1] in ".?!"
    True
    """
    kind = rng.random()
    if kind < 0.55:
        words = " ".join(_pick(rng, part) for part in (_SUBJECTS, _VERBS, _OBJECTS, _TAILS))
    elif kind < 0.75:
        return pseudo_words(rng, "en-us")
    elif kind < 0.87:
        figures = (rng.integers(high) for high in (10_000, 100, 1_000_000))
        words = _pick(rng, _SUBJECTS) + ". " + ", ".join(str(number) for number in figures)
    else:
        words = ", ".join(_pick(rng, _TAILS) for _ in range(3))
    return words + _pick(rng, (".", ".", "?", "!"))


def pseudo_words(rng: np.random.Generator, language: str) -> str:
    """Return words that obey a language's syllables and mean nothing.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    language : str
        One of `LANGUAGES`.

    Returns
    -------
    str
        Four to eleven words in the language's script.

    Raises
    ------
    ValueError
        If the language has no inventory here.

    Examples
    --------
    >>> import numpy as np
    >>> len(pseudo_words(np.random.default_rng(0), "fi").split()) >= 4
    True
    """
    if language not in SYLLABLES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
    parts = [part.split() for part in SYLLABLES[language]]

    def word() -> str:
        syllables = ("".join(_pick(rng, part) for part in parts) for _ in range(rng.integers(1, 4)))
        return "".join(syllables).replace("-", "")

    words = [word() for _ in range(rng.integers(4, 12))]
    pause = int(rng.integers(1, len(words)))
    words[pause - 1] += ","
    return " ".join(words) + _pick(rng, (".", ".", "?", "!"))


def _pick(rng: np.random.Generator, items: list[str] | tuple[str, ...]) -> str:
    return items[int(rng.integers(len(items)))]
