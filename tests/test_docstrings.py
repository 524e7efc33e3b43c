"""Every public name has a whole numpydoc docstring, wherever its file lives.

numpydoc's own command checks files, and can't tell a private helper from a public function in a
private file; this walks what the subpackages export.
"""

import importlib
import inspect
from collections.abc import Iterator

import pytest
from numpydoc.validate import validate

import audiolab

# What is not asked for, and why.
IGNORED = {
    "GL01",  # text starts on the opening line
    "EX01",  # an example is asked for where it helps, and then it is run as a doctest
    "SA01",  # See Also stands where there is something to see,
    "SA04",  # and a name there may speak for itself
    "ES01",  # one line often says it all
    "PR02",  # keyword arguments that are passed on are documented by name
    "PR04",  # several parameters "as for load" have their types there
    "RT03",  # a return value may need no more than its type
    "YD01",
}


def public_names() -> Iterator[str]:
    for package in audiolab.__all__:
        if package.startswith("__"):
            continue
        module = importlib.import_module(f"audiolab.{package}")
        for name in module.__all__:
            value = getattr(module, name)
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            yield f"audiolab.{package}.{name}"
            if inspect.isclass(value):
                own = [base for base in value.__mro__ if base.__module__.startswith("audiolab")]
                methods = {method: member for base in own for method, member in vars(base).items()}
                for method, member in methods.items():
                    if inspect.isfunction(member) and method[0] != "_" and method != "extra_repr":
                        yield f"audiolab.{package}.{name}.{method}"


@pytest.mark.parametrize("name", sorted(public_names()))
def test_docstring_is_whole(name: str) -> None:
    problems = [f"{code} {text}" for code, text in validate(name)["errors"] if code not in IGNORED]
    assert not problems, "\n".join(problems)
