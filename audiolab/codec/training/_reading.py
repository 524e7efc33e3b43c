"""Plain data to nested dataclasses by their annotations, naming the field that is wrong."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

from audiolab._documents import DocumentError, check_fields

__all__ = ["plain", "read_section"]


def read_section(cls: type[Any], content: Any, where: str) -> Any:
    """Build a dataclass from plain data, naming the field that is wrong."""
    dot = f"{where}." if where else ""
    hints = get_type_hints(cls)
    names = [each.name for each in dataclasses.fields(cls)]
    given = check_fields(content, where or "the configuration", known=names)
    values = {name: _value(hints[name], value, f"{dot}{name}") for name, value in given.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise DocumentError(f"{dot}{error}") from None


def _value(hint: Any, value: Any, where: str) -> Any:
    """Return `value` as the annotation has it."""
    if get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        hint = next(each for each in get_args(hint) if each is not type(None))
    if dataclasses.is_dataclass(hint):
        return (
            value if dataclasses.is_dataclass(value) else read_section(_class(hint), value, where)
        )
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise DocumentError(f"{where} must be a list, got {value!r}")
        kind = get_args(hint)[0]
        return tuple(_value(kind, each, f"{where}[{i}]") for i, each in enumerate(value))
    if get_origin(hint) is not None:
        return dict(check_fields(value, where, known=value if isinstance(value, dict) else ()))
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        words = {float: "a number", int: "a whole number", str: "a word"}
        raise DocumentError(f"{where} must be {words.get(hint, hint.__name__)}, got {value!r}")
    return value


def _class(hint: Any) -> type[Any]:
    assert isinstance(hint, type)
    return hint


def plain(value: Any) -> Any:
    """Return lists for tuples, at any depth: what YAML and JSON can hold."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
