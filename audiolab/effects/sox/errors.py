"""The one error of the SoX language: a sentence, the culprit marked, the usage line."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["EffectSyntaxError"]


class EffectSyntaxError(ValueError, RuntimeError):
    """An effect that does not exist, or arguments that it does not take.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence.
    words : sequence of str, optional
        The effect as it was written, its name first.
    position : int, optional
        Which of `words` is wrong.
    usage : str, optional
        The arguments that the effect takes.

    Notes
    -----
    It is a ``RuntimeError`` too, because that is what ``torchaudio.sox_effects`` raised: old code
    that catches it goes on working.
    """

    def __init__(
        self,
        message: str,
        words: Sequence[str] = (),
        position: int | None = None,
        usage: str = "",
    ) -> None:
        lines = [message]
        if words and position is not None:
            before = " ".join(words[:position])
            start = len(before) + 1 if before else 0
            culprit = words[position] if position < len(words) else ""
            lines += ["  " + " ".join(words), "  " + " " * start + "^" * max(len(culprit), 1)]
        if usage:
            lines.append(f"usage: {usage}")
        super().__init__("\n".join(lines))
        self.reason = message
        self.words = tuple(words)
        self.position = position
        self.usage = usage
