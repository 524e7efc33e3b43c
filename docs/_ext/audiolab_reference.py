"""Directives whose content is the package itself, so that the reference can't drift from the code.

``audiolab-module`` documents what a subpackage's ``__all__`` exports; ``audiolab-help`` shows a
command's ``--help``; ``audiolab-formats`` is the table of ``audiolab.io.formats()``;
``audiolab-waveform`` draws a bundled clip; single backticks link to public names.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any
from unittest import mock

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective, SphinxRole

import audiolab

SUBPACKAGES = [name for name in audiolab.__all__ if name != "__version__"]


def public_objects(module: ModuleType) -> dict[str, list[str]]:
    """Sort a subpackage's exports by what they are.

    Parameters
    ----------
    module : ModuleType
        A subpackage with ``__all__``.

    Returns
    -------
    dict
        Names under "function", "class", "exception" and "data", each in the order of ``__all__``.
    """
    kinds: dict[str, list[str]] = {"function": [], "class": [], "exception": [], "data": []}
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing):
            kinds["exception" if issubclass(thing, BaseException) else "class"].append(name)
        else:
            kinds["function" if callable(thing) else "data"].append(name)
    return kinds


def chosen_objects(name: str, options: dict[str, str]) -> dict[str, list[str]]:
    """Return what a page of the reference holds.

    Parameters
    ----------
    name : str
        A subpackage, ``audiolab.effects``.
    options : dict
        The directive's options, as far as they were given: ``kinds``; and ``parts`` or ``without``,
        the folders or files of the subpackage whose exports are on the page, or are not.

    Returns
    -------
    dict
        Names by kind, as `public_objects` has them.
    """
    module = importlib.import_module(name)
    kinds = public_objects(module)
    asked = options.get("kinds", " ".join(kinds)).split()

    def here(each: str) -> bool:
        home = getattr(getattr(module, each), "__module__", name)
        part = home.removeprefix(f"{name}.").split(".")[0]
        if "parts" in options:
            return part in options["parts"].split()
        return part not in options.get("without", "").split()

    return {kind: [each for each in kinds[kind] if here(each)] for kind in asked}


class ModuleReference(SphinxDirective):
    """``.. audiolab-module:: audiolab.io``: docstring, own words, summary, every export.

    A subpackage too large for one page is told in several: ``:kinds:`` names what a page holds
    (``function class exception data``), ``:parts:`` the parts of the subpackage, ``:without:``
    those that other pages have. One page has the docstring: that of the functions, or of the rest.
    """

    required_arguments = 1
    has_content = True
    option_spec = dict.fromkeys(("kinds", "parts", "without"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """Return the parsed reference."""
        name = self.arguments[0]
        kinds = chosen_objects(name, self.options)
        first = "function" in kinds and "parts" not in self.options
        lines = [f".. automodule:: {name}", ""] if first else []
        lines += [*self.content, "", f".. currentmodule:: {name}", ""]
        everything = [each for names in kinds.values() for each in names]
        lines += (
            [".. autosummary::", "   :nosignatures:", ""]
            + [f"   {each}" for each in everything]
            + [""]
        )
        for kind, names in kinds.items():
            for each in names:
                lines += [f".. auto{kind}:: {name}.{each}"]
                lines += class_options(getattr(importlib.import_module(name), each), kind)
                lines += [""]
        return self.parse_text_to_nodes("\n".join(lines))


def class_options(value: object, kind: str) -> list[str]:
    """Return the options of an ``autoclass``: members, also those of the package's own bases.

    Parameters
    ----------
    value : object
        What is documented.
    kind : str
        ``"class"``, or what has no members.

    Returns
    -------
    list of str
        Lines of reStructuredText.
    """
    if kind != "class" or not isinstance(value, type):
        return []
    # Members of bases that are told elsewhere, by us or by torch, stay out.
    told = ", ".join(each.__name__ for each in value.__mro__[1:] if _is_told(each))
    return [
        "   :members:",
        f"   :inherited-members: {told}",
        "   :exclude-members: extra_repr",
    ]


def _is_told(base: type) -> bool:
    """Tell whether a base class has a place of its own: another package's, or exported by us."""
    package, _, rest = base.__module__.partition(".")
    if package != "audiolab":
        return True
    home = importlib.import_module(f"audiolab.{rest.partition('.')[0]}")
    return base.__name__ in getattr(home, "__all__", ())


class CommandHelp(SphinxDirective):
    """``.. audiolab-help:: convert``: what ``audiolab convert --help`` prints."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the command line and its help."""
        command = self.arguments[:1]
        return [_terminal(help_text(command), f"audiolab {' '.join([*command, '--help'])}")]


def help_text(command: list[str]) -> str:
    """Return a command's help, as the parser prints it on a terminal of 88 columns.

    Parameters
    ----------
    command : list of str
        A sub-command, or nothing for the whole program.

    Returns
    -------
    str
        The help.
    """
    from audiolab.cli import build_parser

    with mock.patch.dict(os.environ, {"COLUMNS": "88", "NO_COLOR": "1", "PYTHON_COLORS": "0"}):
        return build_parser(*command).format_help().rstrip()


def _terminal(text: str, caption: str) -> nodes.Node:
    block = nodes.literal_block(text, text, language="text", classes=["terminal"])
    block["aria-label"] = caption
    return block


class FormatTable(SphinxDirective):
    """``.. audiolab-formats::``: what a format holds, and what a round trip does."""

    def run(self) -> list[nodes.Node]:
        """Return a table with one row a format."""
        from audiolab import io as audio_io

        head = ["Format", "Samples", "Sample rates", "Channels", "Delay", "Extra"]
        rows = []
        for each in audio_io.formats():
            trip = audio_io.measure_round_trip(each.name, sample_rate=48_000, num_channels=1)
            names = " ".join(f"``{extension}``" for extension in each.extensions)
            rows.append(
                [
                    f"**{each.name}** {names}",
                    ", ".join(f"``{encoding}``" for encoding in each.encodings)
                    or f"{each.codec}, {_span(each.bit_rates, 1000)} kbit/s",
                    f"{each.sample_rates} Hz",
                    _span(each.num_channels, 1),
                    str(trip.delay_samples),
                    str(trip.extra_samples),
                ]
            )
        lines = [".. list-table::", "   :header-rows: 1", "   :class: formats", ""]
        for row in [head, *rows]:
            lines += [f"   {' ' if index else '*'} - {text}" for index, text in enumerate(row)]
        return self.parse_text_to_nodes("\n".join(lines))


def _span(values: Sequence[int], unit: int) -> str:
    """Write ascending values: up to six one by one, more (wav takes 2 ** 31 rates) as a range."""
    if 2 < len(values) <= 6:
        return ", ".join(f"{value // unit:,}" for value in values)
    return f"{values[0] // unit:,} to {values[-1] // unit:,}"


class ClipWaveform(SphinxDirective):
    """``.. audiolab-waveform:: speech``: the envelope of a bundled clip as a drawing."""

    required_arguments = 1
    option_spec = {"bars": directives.positive_int}  # noqa: RUF012 - docutils' own spelling

    def run(self) -> list[nodes.Node]:
        """Return an inline SVG with one bar for each slice of time."""
        from audiolab import signals

        name = self.arguments[0]
        count = self.options.get("bars", 96)
        waveform, sample_rate = signals.clip(name)
        mono = waveform.mean(dim=0)
        peaks = [float(part.abs().max()) for part in mono.tensor_split(count)]
        duration_s = waveform.shape[-1] / sample_rate
        bars = "".join(
            f'<rect x="{10 * index + 2}" y="{60 - height:.1f}" '
            f'width="6" height="{2 * height:.1f}" rx="3"/>'
            for index, height in enumerate(max(3.0, 58 * peak / max(peaks)) for peak in peaks)
        )
        label = f"Waveform of the bundled clip “{name}”, {duration_s:.1f} seconds"
        svg = (
            f'<svg class="clip-waveform" viewBox="0 0 {10 * count} 120" role="img" '
            f'aria-label="{label}" preserveAspectRatio="none">{bars}</svg>'
        )
        return [nodes.raw("", svg, format="html")]


class NameRole(SphinxRole):
    """What single backticks mean: a link if it is a public name of audiolab, code otherwise."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return a reference or a literal."""
        here = self.env.ref_context.get("py:module") or ""
        candidates = (f"{here}.{self.text}", f"audiolab.{self.text}", self.text)
        full = next((each for each in candidates if _is_public(each)), None)
        code = nodes.literal(self.rawtext, self.text, classes=["xref", "py", "py-obj"])
        if full is None:
            return [nodes.literal(self.rawtext, self.text)], []
        link = addnodes.pending_xref(
            self.rawtext,
            code,
            refdomain="py",
            reftype="obj",
            reftarget=full,
            refdoc=self.env.docname,
        )
        return [link], []


def _is_public(name: str) -> bool:
    package, _, last = name.rpartition(".")
    if not re.fullmatch(r"audiolab\.\w+", package):
        return name in {f"audiolab.{each}" for each in SUBPACKAGES}
    if package.removeprefix("audiolab.") not in SUBPACKAGES:
        return False
    return last in importlib.import_module(package).__all__


def setup(app: Any) -> dict[str, Any]:
    """Register the directives.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The build.

    Returns
    -------
    dict
        What Sphinx wants to know about an extension.
    """
    app.add_role("name", NameRole())
    app.add_directive("audiolab-module", ModuleReference)
    app.add_directive("audiolab-help", CommandHelp)
    app.add_directive("audiolab-formats", FormatTable)
    app.add_directive("audiolab-waveform", ClipWaveform)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
