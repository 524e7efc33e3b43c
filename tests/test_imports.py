"""Starting costs nothing; every public name is there and says what it is."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import audiolab

HEAVY = ("torch", "torchaudio", "torchcodec", "numpy", "scipy", "soundfile", "soxr", "librosa")
DRAWING = ("matplotlib", "IPython")
SUBPACKAGES = [name for name in audiolab.__all__ if not name.startswith("_")]
HELP_LIMIT_S = 0.3


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after `code`."""
    script = (
        f"import sys\n{code}\nimport json\n"
        "print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_import_audiolab_is_light():
    assert loaded_by("import audiolab") & {*HEAVY, *DRAWING} == set()


@pytest.mark.parametrize(
    "option",
    ["--help", "--version", "info --help", "convert --help", "effects --help", "play-page --help"],
)
def test_help_and_version_are_light(option: str):
    code = f"from audiolab.cli import main\nassert main({option.split()!r}) == 0"
    assert loaded_by(code) & {*HEAVY, *DRAWING} == set()


@pytest.mark.parametrize("arguments", ["", "nonsense", "convert", "convert a b --rate x"])
def test_a_wrong_command_line_is_answered_without_torch(arguments: str):
    code = f"from audiolab.cli import main\nassert main({arguments.split()!r}) == 2"
    assert "torch" not in loaded_by(code)


def test_only_display_draws():
    others = [name for name in SUBPACKAGES if name != "display"]
    code = "\n".join(f"import audiolab.{name}" for name in others)
    assert loaded_by(code) & {*DRAWING, "librosa"} == set()


def best_of_5(*arguments: str) -> float:
    """Return the processor time of a child, which other work on the machine hardly changes."""

    def once() -> float:
        before = os.times()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True, timeout=60)
        after = os.times()
        user_s = after.children_user - before.children_user
        return user_s + after.children_system - before.children_system

    return min(once() for _ in range(5))


def test_help_is_quick(record_property):
    bare_s = best_of_5("-c", "pass")
    help_s = best_of_5("-m", "audiolab", "--help")
    record_property("help_ms", round(1000 * (help_s - bare_s)))
    assert help_s - bare_s < HELP_LIMIT_S


# ------------------------------------------------------------------------------------ public names
def modules() -> list[ModuleType]:
    """Return the package, its public subpackages, and the public modules in them."""
    found = [audiolab, *(importlib.import_module(f"audiolab.{name}") for name in SUBPACKAGES)]
    for package in found[1:]:
        found += [
            importlib.import_module(f"{package.__name__}.{each.name}")
            for each in pkgutil.iter_modules(getattr(package, "__path__", ()))
            if not each.name.startswith("_")
        ]
    return found


def test_all_is_the_subpackages_there_are():
    there = {
        each.name for each in pkgutil.iter_modules(audiolab.__path__) if each.name[0] != "_"
    } - {"cli"}
    assert set(SUBPACKAGES) == there
    assert audiolab.__all__ == sorted(audiolab.__all__)
    assert dir(audiolab) == sorted(audiolab.__all__)
    for name in SUBPACKAGES:
        assert getattr(audiolab, name) is importlib.import_module(f"audiolab.{name}")


def test_the_docstring_lists_the_subpackages():
    for name in SUBPACKAGES:
        assert f"\n{name} " in audiolab.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'audiolab' has no attribute 'nonsense'"):
        audiolab.nonsense  # noqa: B018


def test_public_names_resolve_and_are_documented():
    for module in modules():
        assert module.__doc__, module
        assert len(set(module.__all__)) == len(module.__all__), module
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
                assert inspect.getdoc(value), f"{module.__name__}.{name}"


def test_public_functions_and_classes_are_exported_by_their_subpackage():
    """What a reader copies from a page is ``audiolab.<subpackage>.<name>``."""
    for name in SUBPACKAGES:
        package = importlib.import_module(f"audiolab.{name}")
        for public in package.__all__:
            value = getattr(package, public)
            home = getattr(value, "__module__", package.__name__)
            if inspect.isfunction(value) or inspect.isclass(value):
                assert home.startswith(f"audiolab.{name}"), f"{public} lives in {home}"
