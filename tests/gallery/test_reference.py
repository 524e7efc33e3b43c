"""`__all__`, reference pages and docstrings agree; so do the command line and its page."""

import importlib
import inspect
import re
import zlib
from pathlib import Path

import audiolab_docs
import audiolab_reference
import make_inventories
import pytest

import audiolab
from audiolab.cli import COMMANDS

DOCS = Path(audiolab_docs.ROOT, "docs")
SUBPACKAGES = [name for name in audiolab.__all__ if name != "__version__"]


def test_every_export_of_every_subpackage_stands_on_one_page() -> None:
    shown: dict[str, list[str]] = {name: [] for name in SUBPACKAGES}
    pages = {path.stem: path.read_text() for path in (DOCS / "api").glob("*.rst")}
    index = pages.pop("index")
    for page, text in pages.items():
        ((name, given),) = re.findall(
            r"\.\. audiolab-module:: audiolab\.(\w+)\n((?:   :\w+: .*\n)*)", text
        )
        assert page.split("_")[0] == name
        options = dict(re.findall(r":(\w+): (.*)", given))
        found = audiolab_reference.chosen_objects(f"audiolab.{name}", options)
        assert any(found.values()), page
        shown[name] += [each for names in found.values() for each in names]
    for name, exports in shown.items():
        assert sorted(exports) == sorted(importlib.import_module(f"audiolab.{name}").__all__), name
    listed = re.findall(r"(?m)^   (\w+)$", index.split("toctree::")[1])
    assert sorted(listed) == sorted(pages)


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_exports_exist_are_documented_and_belong_here(name: str) -> None:
    module = importlib.import_module(f"audiolab.{name}")
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    kinds = audiolab_reference.public_objects(module)
    assert sorted(each for names in kinds.values() for each in names) == sorted(module.__all__)
    for kind in ("function", "class", "exception"):
        for each in kinds[kind]:
            thing = getattr(module, each)
            assert inspect.getdoc(thing), f"{name}.{each}"
            assert thing.__module__.startswith("audiolab."), (
                f"{name}.{each} is {thing.__module__}'s"
            )


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_parameters_are_documented_in_order(name: str) -> None:
    from numpydoc.docscrape import FunctionDoc

    module = importlib.import_module(f"audiolab.{name}")
    for each in audiolab_reference.public_objects(module)["function"]:
        function = getattr(module, each)
        documented = [
            part.strip().lstrip("*")
            for entry in FunctionDoc(function)["Parameters"]
            for part in entry.name.split(",")
        ]
        assert documented == list(inspect.signature(function).parameters), f"{name}.{each}"


def test_every_command_has_its_help_on_the_page() -> None:
    page = (DOCS / "cli.rst").read_text(encoding="utf-8")
    shown = re.findall(r"(?m)^\.\. audiolab-help:: (\S+)$", page)
    assert sorted(shown) == sorted(command.name for command in COMMANDS)
    for command in COMMANDS:
        text = audiolab_reference.help_text([command.name])
        assert text.startswith(f"usage: audiolab {command.name}")
        assert max(len(line) for line in text.split("\n")) <= 100


def test_glossary_entries_are_unique_and_say_something() -> None:
    glossary = (DOCS / "glossary.rst").read_text(encoding="utf-8")
    entries = re.findall(r"(?m)^   (\S.*)\n((?:      .*\n)+)", glossary)
    assert len(entries) >= 20
    assert len({term for term, _ in entries}) == len(entries)
    for term, text in entries:
        assert len(text.split()) >= 3, term


def test_inventories_are_what_names_txt_says() -> None:
    wanted = make_inventories.read_names((make_inventories.FOLDER / "names.txt").read_text("utf-8"))
    assert set(wanted) == set(audiolab_docs.INVENTORIES)
    for project, rows in wanted.items():
        head, packed = (
            (make_inventories.FOLDER / f"{project}.inv").read_bytes().split(b"zlib.\n", 1)
        )
        assert f"# Project: {project}\n".encode() in head
        assert zlib.decompress(packed).decode() == "".join(rows)
