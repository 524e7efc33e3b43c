"""What all transforms share stands last: in their signatures, and in their documentation."""

from __future__ import annotations

import inspect
import re
from typing import Any, TypeVar

__all__ = ["shared_last"]

C = TypeVar("C")

_SHARED = ("mode", "on_clean", "p")
_TITLE = "Parameters\n----------\n"
_TEXT = """\
mode : {{{modes}}}, default: "per_example"
    Whether items draw for themselves, or all as the first one{channels}.
on_clean : bool, optional
    Whether the clean twin changes too; by default it does where level, pitch or time change.
p : float, default: 1.0
    Probability that it is applied to an item.
"""


def shared_last(cls: type[C]) -> type[C]:
    """Document the shared parameters of a dataclass, and move them to the end of its signature."""
    described: Any = cls
    signature = inspect.signature(described.__init__)
    own = [each for name, each in signature.parameters.items() if name not in ("self", *_SHARED)]
    shared = [signature.parameters[name] for name in _SHARED if name in signature.parameters]
    described.__signature__ = inspect.Signature([*own, *shared])
    text = inspect.cleandoc(cls.__doc__ or "")
    if "mode" in signature.parameters:
        text = _with_shared(text, channelwise=described.channelwise)
    cls.__doc__ = re.sub(r"\n{3,}", "\n\n", text.rstrip()) + "\n"
    return cls


def _with_shared(text: str, *, channelwise: bool) -> str:
    modes = '"per_example", "per_batch"' + (', "per_channel"' if channelwise else "")
    shared = _TEXT.format(modes=modes, channels=", or channels" if channelwise else "")
    head, title, tail = text.partition(_TITLE)
    if title:
        own, _, rest = tail.partition("\n\n")
        return f"{head}{title}{own.rstrip()}\n{shared}\n{rest}"
    # The section stands before the first other one.
    other = re.search(r"\n\n\w[\w ]*\n-{4,}\n", text)
    at = other.start() if other else len(text)
    return f"{text[:at]}\n\n{_TITLE}{shared}{text[at:]}"
