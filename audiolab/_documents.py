"""YAML and JSON files of settings: plain data in, plain data out.

Recipes of `audiolab.augment` and runs of `audiolab.codec.training` are documents that people write
by hand. Reading one yields dictionaries, lists, strings, numbers, booleans and None, and nothing
else: YAML is read with its safe loader, aliases are refused because a few lines of them can stand
for gigabytes, and a file that is too large to have been written by hand is not read at all.

What the fields mean is said by who asks; `check_fields` finds those that are misspelt.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from audiolab._files import atomic_path
from audiolab._typing import FilePath

__all__ = ["DocumentError", "check_fields", "read_document", "write_document"]

_MAX_BYTES = 1 << 20
_YAML = (".yaml", ".yml")


class DocumentError(ValueError):
    """A document can't be read, or a field of it is wrong; the message says where."""


def read_document(path: FilePath) -> Any:
    """Return the content of a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises
    ------
    DocumentError
        Another suffix, too large, not UTF-8, or not what the suffix says; names file and line.
    OSError
        The file can't be opened.
    """
    source = Path(path)
    if source.suffix not in (*_YAML, ".json"):
        raise DocumentError(f"{source}: expected a name that ends in .yaml, .yml or .json")
    with source.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise DocumentError(f"{source} is larger than {_MAX_BYTES} bytes: not a settings file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(f"{source} is not UTF-8 text: {error}") from None
    try:
        return json.loads(text) if source.suffix == ".json" else _read_yaml(text)
    except json.JSONDecodeError as error:
        raise DocumentError(f"{source}, line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise DocumentError(f"{source} is nested too deeply") from None
    except DocumentError as error:
        raise DocumentError(f"{source}{error}") from None


def _read_yaml(text: str) -> Any:
    import yaml

    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken):
                raise DocumentError(
                    f", line {token.start_mark.line + 1}: aliases (*{token.value}) are not taken"
                )
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise DocumentError(f"{line}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f": {error}") from None


def write_document(path: FilePath, content: Any, *, overwrite: bool = False) -> None:
    """Write plain data as ``.yaml``, ``.yml`` or ``.json``, whole or not at all."""
    target = Path(path)
    if target.suffix == ".json":
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    elif target.suffix in _YAML:
        import yaml

        text = yaml.safe_dump(
            content, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
        )
    else:
        raise DocumentError(f"{target}: expected a name that ends in .yaml, .yml or .json")
    with atomic_path(target, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_fields(
    content: Any, where: str, *, known: Collection[str], needed: Collection[str] = ()
) -> dict[str, Any]:
    """Return `content` if it is a mapping with no unknown and no missing field, else raise.

    Parameters
    ----------
    content : object
        What `read_document` gave, or a part of it.
    where : str
        The part's place for messages, such as ``transforms[2].snr_db``.
    known, needed : collection of str
        Names that may stand there, and those that must.

    Raises
    ------
    DocumentError
        Not a mapping, or a name too many or too few.
    """
    import difflib

    if not isinstance(content, dict):
        raise DocumentError(f"{where} must be a mapping of names to values, got {content!r}")
    for name in content:
        if name not in known:
            close = difflib.get_close_matches(str(name), list(known), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
            raise DocumentError(f"{where} has an unknown field {name!r}; {hint}")
    for name in needed:
        if name not in content:
            raise DocumentError(f"{where} lacks the field {name!r}")
    return content
