"""Recipes: transforms as YAML or JSON files that people write, keep and share.

A recipe is a list of transforms by name, with their parameters as numbers or distributions::

    recipe: 1
    transforms:
      - transform: add_background_noise
        source: noises/            # beside the recipe
        snr_db: {uniform: [5, 20]}
        p: 0.8
      - transform: one_of
        transforms:
          - transform: low_pass
            cutoff_hz: {log_uniform: [2000, 7000]}
          - transform: gain
            gain_db: {normal: {mean: -6, std: 3}}

The file is the whole of it: its name, its place and the order of its fields don't change a draw. An
error names the field, such as ``transforms[1].transforms[0].cutoff_hz``.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from audiolab._documents import DocumentError, check_fields, read_document, write_document
from audiolab._typing import FilePath
from audiolab.augment._fields import Field
from audiolab.augment._sources import Source
from audiolab.augment.compose import Compose
from audiolab.augment.distributions import Distribution, distribution_from_data
from audiolab.augment.transform import REGISTRY, Transform

__all__ = ["load_recipe", "recipe_from_data", "recipe_schema", "recipe_to_data", "save_recipe"]

VERSION = 1


def load_recipe(path: FilePath) -> Transform:
    """Read a recipe.

    Parameters
    ----------
    path : path
        A file ``.yaml``, ``.yml`` or ``.json``. Folders named in it are looked for beside it.

    Returns
    -------
    Transform
        A `Compose`, unless the recipe says another transform.

    Raises
    ------
    DocumentError
        If it can't be read or a field is wrong; a ``ValueError`` whose message names file and
        field.
    OSError
        If the file can't be opened.

    See Also
    --------
    save_recipe : The other way.
    recipe_schema : What may stand there, for editors.
    """
    data = read_document(path)
    try:
        return recipe_from_data(data, folder=Path(path).parent)
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from None


def save_recipe(path: FilePath, transform: Transform, *, overwrite: bool = False) -> None:
    """Write a recipe, whole or not at all.

    Parameters
    ----------
    path : path
        A name that ends in ``.yaml``, ``.yml`` or ``.json``.
    transform : Transform
        What to write.
    overwrite : bool, default: False
        Whether a file that is there may be replaced.

    Raises
    ------
    ValueError
        If recordings are held in memory, or the name has another suffix.
    FileExistsError
        If the file is there already.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from audiolab import augment
    >>> recipe = augment.Compose([augment.Gain(gain_db=augment.Uniform(-6, 0))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     augment.save_recipe(Path(folder) / "gain.yaml", recipe)
    ...     augment.load_recipe(Path(folder) / "gain.yaml") == recipe
    True
    """
    write_document(path, recipe_to_data(transform), overwrite=overwrite)


def recipe_to_data(transform: Transform) -> dict[str, Any]:
    """Return a recipe as plain data.

    Parameters
    ----------
    transform : Transform
        Any transform.

    Returns
    -------
    dict
        What `recipe_from_data` takes, and what `save_recipe` writes.

    Raises
    ------
    ValueError
        If recordings are held in memory.

    Examples
    --------
    >>> from audiolab import augment
    >>> augment.recipe_to_data(augment.Compose([augment.Gain(gain_db=-6.0)]))
    {'recipe': 1, 'transforms': [{'transform': 'gain', 'gain_db': -6.0}]}
    """
    data = _to_data(transform)
    if type(transform) is Compose:
        del data["transform"]
    return {"recipe": VERSION, **data}


def _to_data(transform: Transform) -> dict[str, Any]:
    if REGISTRY.get(transform.name) is not type(transform):
        raise ValueError(f"{type(transform).__name__} has no name in recipes: set `name`")
    data: dict[str, Any] = {"transform": transform.name}
    defaults = {each.name: each.default for each in dataclasses.fields(transform)}
    for name, described in type(transform)._fields():
        value = getattr(transform, name)
        if described.kind == "children":
            data[name] = [_to_data(each) for each in value]
        elif isinstance(value, Distribution | Source):
            data[name] = value.to_data()
        elif value != defaults[name]:
            data[name] = list(value) if isinstance(value, tuple) else value
    # children last, where one reads on
    return dict(sorted(data.items(), key=lambda item: item[0] == "transforms"))


def recipe_from_data(data: Any, *, folder: FilePath | None = None) -> Transform:
    """Make transforms from plain data.

    Parameters
    ----------
    data : dict
        What a recipe holds.
    folder : path, optional
        Where folders and files named in it are; the current folder by default.

    Returns
    -------
    Transform
        A `Compose`, unless the recipe says another transform.

    Raises
    ------
    DocumentError
        If a field is wrong; a ``ValueError`` whose message names it.

    Examples
    --------
    >>> from audiolab import augment
    >>> data = {"recipe": 1, "transforms": [{"transform": "gain", "gain_db": "loud"}]}
    >>> try:
    ...     augment.recipe_from_data(data)
    ... except ValueError as error:
    ...     print(error)
    transforms[0].gain_db must be a number, got 'loud'
    """
    if not isinstance(data, dict) or "recipe" not in data:
        raise DocumentError("a recipe must begin with the field `recipe: 1`")
    if data["recipe"] != VERSION:
        raise DocumentError(f"recipe must be {VERSION}, the only version, got {data['recipe']!r}")
    content = {name: value for name, value in data.items() if name != "recipe"}
    return _from_data({"transform": Compose.name, **content}, "", folder)


def _from_data(data: Any, where: str, folder: FilePath | None) -> Transform:
    if not isinstance(data, dict) or "transform" not in data:
        raise DocumentError(f"{where} must be a mapping with the field 'transform', got {data!r}")
    kind = data["transform"]
    if not isinstance(kind, str) or kind not in REGISTRY:
        raise DocumentError(f"{_at(where, 'transform')} {_unknown(kind)}")
    cls = REGISTRY[kind]
    fields = dict(cls._fields())
    needed = [
        each.name
        for each in dataclasses.fields(cls)
        if each.name in fields and each.default is dataclasses.MISSING
    ]
    known = ("transform", *fields)
    content = check_fields(data, where or "the recipe", known=known, needed=needed)
    values = {
        name: _value(value, fields[name], _at(where, name), folder)
        for name, value in content.items()
        if name != "transform"
    }
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise DocumentError(_at(where, str(error))) from None


def _value(value: Any, described: Field, where: str, folder: FilePath | None) -> Any:
    if described.kind == "children":
        if not isinstance(value, list):
            raise DocumentError(f"{where} must be a list of transforms, got {value!r}")
        return [_from_data(each, f"{where}[{i}]", folder) for i, each in enumerate(value)]
    if described.kind == "amount" and value is not None:
        return distribution_from_data(value, where)
    if described.kind == "source" and isinstance(value, str) and folder is not None:
        return str(Path(folder) / value)
    return value


def _at(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _unknown(kind: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(kind), list(REGISTRY), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(REGISTRY))}"
    return f"{kind!r} is not known; {hint}"


def recipe_schema() -> dict[str, Any]:
    """Return the JSON schema of recipes, for editors that complete and check.

    Returns
    -------
    dict
        A schema after draft 2020-12. It knows names, types and ranges of numbers; that the ends of
        a distribution are in range is checked when the recipe is loaded.

    Examples
    --------
    >>> from audiolab import augment
    >>> sorted(augment.recipe_schema()["$defs"]["gain"]["properties"])
    ['gain_db', 'mode', 'on_clean', 'p', 'transform']
    """
    registered = {name: REGISTRY[name] for name in sorted(REGISTRY)}
    own = {name: _class_schema(name, cls) for name, cls in registered.items()}
    compose = own[Compose.name]
    root = {
        **compose,
        "properties": {"recipe": {"const": VERSION}, **compose["properties"]},
        "required": ["recipe", "transforms"],
    }
    others = {name: _rooted(each) for name, each in own.items() if name != Compose.name}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recipe of audiolab.augment",
        "anyOf": [root, *others.values()],
        "$defs": {
            "transform": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in own]},
            "distribution": _DISTRIBUTION,
            **own,
        },
    }


def _rooted(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        **schema,
        "properties": {"recipe": {"const": VERSION}, **schema["properties"]},
        "required": ["recipe", *schema["required"]],
    }


def _class_schema(name: str, cls: type[Transform]) -> dict[str, Any]:
    fields = {each.name: each for each in dataclasses.fields(cls)}
    described = dict(cls._fields())
    lacking = [key for key in described if fields[key].default is dataclasses.MISSING]
    return {
        "type": "object",
        "description": (cls.__doc__ or "").partition("\n")[0],
        "properties": {
            "transform": {"const": name},
            **{key: _field_schema(each) for key, each in described.items()},
        },
        "required": ["transform", *lacking],
        "additionalProperties": False,
    }


def _field_schema(described: Field) -> dict[str, Any]:
    if described.kind == "children":
        return {"type": "array", "items": {"$ref": "#/$defs/transform"}}
    if described.kind == "plain":
        return dict(described.schema)
    if described.kind == "source":
        return {"type": "string", "description": "a folder of audio files, or one file"}
    if described.choices:
        value: dict[str, Any] = {"enum": list(described.choices)}
    elif described.type is not None:
        value = {"type": {bool: "boolean", str: "string", int: "integer"}[described.type]}
    else:
        value = {"type": "integer" if described.whole else "number", **_limits(described)}
    wanted = [value]
    if described.kind == "amount":
        wanted.append({"$ref": "#/$defs/distribution"})
    if described.optional:
        wanted.append({"type": "null"})
    return value if len(wanted) == 1 else {"anyOf": wanted}


def _limits(described: Field) -> dict[str, float]:
    low = "exclusiveMinimum" if described.above else "minimum"
    limits = {low: described.low, "maximum": described.high}
    return {name: value for name, value in limits.items() if abs(value) != float("inf")}


_NUMBER = {"type": "number"}
_RANGE = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
_WORDS = {"type": "array", "minItems": 1}


def _only(name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: content},
        "required": [name],
        "additionalProperties": False,
    }


_DISTRIBUTION = {
    "oneOf": [
        _only("constant", {}),
        _only("uniform", _RANGE),
        _only("log_uniform", _RANGE),
        _only(
            "normal",
            {
                "type": "object",
                "properties": dict.fromkeys(("mean", "std", "low", "high"), _NUMBER),
                "required": ["mean", "std"],
                "additionalProperties": False,
            },
        ),
        _only(
            "choice",
            {
                "oneOf": [
                    _WORDS,
                    {
                        "type": "object",
                        "properties": {
                            "values": _WORDS,
                            "weights": {"type": "array", "items": _NUMBER},
                        },
                        "required": ["values", "weights"],
                        "additionalProperties": False,
                    },
                ]
            },
        ),
    ]
}
