"""Turn the prose of a gallery page from reST into Markdown for notebooks.

docutils parses the page, so what counts is reST's own grammar and not a pile of patterns; a writer
says the part of it that Markdown can say. Anything else (tables, figures, raw HTML, substitutions,
unknown roles) raises `ConversionError`: a notebook never shows half-converted markup. Sphinx's
roles become code spans or plain text, links to other pages become links to their notebooks.
"""

from __future__ import annotations

import io
import re
from typing import Any

import docutils.core
import docutils.utils
from docutils import nodes
from docutils.parsers.rst import Directive, directives, roles

CODE_ROLES = (
    "attr",
    "class",
    "data",
    "exc",
    "func",
    "meth",
    "mod",
    "obj",
    "option",
    "envvar",
    "file",
    "command",
)
TEXT_ROLES = ("ref", "doc", "term", "abbr", "kbd", "guilabel", "program")
ADMONITIONS = {
    "note": "Note", "tip": "Tip", "hint": "Hint", "important": "Important", "warning": "Warning",
    "caution": "Caution", "attention": "Attention", "danger": "Danger",
}  # fmt: skip


class ConversionError(ValueError):
    """The page uses something that has no Markdown form."""


class cell_break(nodes.General, nodes.Element):  # noqa: N801 - docutils names nodes in lower case
    """Where one text cell ends and the next begins."""


class sphinx_role(nodes.Inline, nodes.TextElement):  # noqa: N801
    """A Sphinx role: its name and its text, not resolved."""


class _CellBreak(Directive):
    has_content = False

    def run(self) -> list[nodes.Node]:
        return [cell_break()]


class _SeeAlso(Directive):
    has_content = True

    def run(self) -> list[nodes.Node]:
        admonition = nodes.admonition()
        admonition += nodes.title("", "See also")
        self.state.nested_parse(self.content, self.content_offset, admonition)
        return [admonition]


def _role(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Any,
    options: Any = None,
    content: Any = (),
) -> Any:
    return [sphinx_role(rawtext, docutils.utils.unescape(text), role=name)], []


def _register() -> dict[str, Any]:
    """Teach docutils our roles for one conversion, and hide those of a running Sphinx."""
    saved = {"roles": dict(roles._roles), "directives": dict(directives._directives)}
    roles._roles.clear()
    directives._directives.clear()
    directives.register_directive("audiolab-cell", _CellBreak)
    directives.register_directive("seealso", _SeeAlso)
    for name in CODE_ROLES + TEXT_ROLES:
        roles.register_local_role(name, _role)
        roles.register_local_role(f"py:{name}", _role)
    return saved


def convert_cells(cells: list[str]) -> list[str]:
    """Convert the text cells of one page.

    Parameters
    ----------
    cells : list of str
        reST, in the order of the page.

    Returns
    -------
    list of str
        Markdown, one for each cell.

    Raises
    ------
    ConversionError
        On anything that Markdown can't show, with docutils' own words or the kind of element.
    """
    separator = "\n\n.. audiolab-cell::\n\n"
    messages = io.StringIO()
    saved = _register()
    try:
        document = docutils.core.publish_doctree(
            separator.join(cells),
            settings_overrides={
                "doctitle_xform": False,
                "halt_level": 2,
                "report_level": 2,
                "raw_enabled": False,
                "file_insertion_enabled": False,
                "warning_stream": messages,
                "smart_quotes": False,
                "_disable_config": True,
            },
        )
    except docutils.utils.SystemMessage as error:
        raise ConversionError(str(error)) from error
    finally:
        roles._roles.clear()
        roles._roles.update(saved["roles"])
        directives._directives.clear()
        directives._directives.update(saved["directives"])
    writer = _Writer()
    writer.blocks(document, level=0)
    texts = ["\n\n".join(parts) for parts in writer.cells]
    if len(texts) != len(cells):
        raise ConversionError("a text cell ends inside a list or a quotation")
    return texts


class _Writer:
    """Walk over the document and collect Markdown blocks, one list for each cell."""

    def __init__(self) -> None:
        self.cells: list[list[str]] = [[]]

    # -------------------------------------------------------------------------------------- blocks
    def blocks(self, parent: nodes.Element, *, level: int) -> None:
        """Write the children of a document or a section."""
        for node in parent.children:
            if isinstance(node, cell_break):
                self.cells.append([])
            elif isinstance(node, nodes.section):
                self.blocks(node, level=level + 1)
            elif isinstance(node, nodes.title):
                self.cells[-1].append("#" * level + " " + self.inline(node))
            elif not isinstance(node, nodes.comment | nodes.target):
                self.cells[-1].append(self.block(node))

    def block(self, node: nodes.Node) -> str:
        """Return one block."""
        if isinstance(node, nodes.paragraph):
            return _guard_line_starts(self.inline(node))
        if isinstance(node, nodes.bullet_list):
            return self.items(node, ["- "] * len(node))
        if isinstance(node, nodes.enumerated_list):
            if node["enumtype"] != "arabic":  # reST reads "A. Author" as item A of a list
                raise ConversionError(
                    f"reST takes the initial before {node.astext()[:40]!r} for a lettered list: "
                    r"escape it (\J. Name)"
                )
            start = int(node.get("start", 1))
            return self.items(node, [f"{start + index}. " for index in range(len(node))])
        if isinstance(node, nodes.definition_list):
            return self.definitions(node)
        if isinstance(node, nodes.math_block):
            return f"$$\n{node.astext().strip()}\n$$"
        if isinstance(node, nodes.literal_block):
            language = next((name for name in node["classes"] if name != "code"), "")
            return f"```{language}\n{node.astext()}\n```"
        if isinstance(node, nodes.Admonition):
            return self.admonition(node)
        if isinstance(node, nodes.block_quote):
            return _quote(self.joined(node))
        if isinstance(node, nodes.footnote | nodes.citation):
            label, *rest = node.children
            return f"\\[{label.astext()}\\] " + "\n\n".join(self.block(child) for child in rest)
        if isinstance(node, nodes.rubric):
            return f"**{self.inline(node)}**"
        if isinstance(node, nodes.transition):
            return "---"
        raise ConversionError(f"no Markdown for {_kind(node)}")

    def joined(self, node: nodes.Element) -> str:
        """Return the blocks inside a block."""
        return "\n\n".join(self.block(child) for child in node.children)

    def items(self, node: nodes.Element, marks: list[str]) -> str:
        """Return a list; tight when every item is one paragraph."""
        tight = all(len(item.children) == 1 for item in node.children)
        made = [
            mark + self.joined(item).replace("\n", "\n" + " " * len(mark))
            for mark, item in zip(marks, node.children, strict=True)
        ]
        return re.sub(r"(?m)^ +$", "", ("\n" if tight else "\n\n").join(made))

    def definitions(self, node: nodes.Element) -> str:
        """Return a definition list as bullets that start with the term."""
        made = []
        for item in node.children:
            terms = ", ".join(
                self.inline(child) for child in item.children if isinstance(child, nodes.term)
            )
            body = "\n\n".join(
                self.joined(child) for child in item.children if isinstance(child, nodes.definition)
            )
            made.append("- **" + terms + "**: " + body.replace("\n", "\n  "))
        return re.sub(r"(?m)^ +$", "", "\n".join(made))

    def admonition(self, node: nodes.Element) -> str:
        """Return a note or warning as a quotation with its name."""
        children = list(node.children)
        if children and isinstance(children[0], nodes.title):
            name = self.inline(children.pop(0))
        else:
            name = ADMONITIONS[node.tagname]
        body = "\n\n".join(self.block(child) for child in children)
        return _quote(f"**{name}.** {body}")

    # -------------------------------------------------------------------------------------- inline
    def inline(self, parent: nodes.Element) -> str:
        """Return the text of a paragraph or a title."""
        return "".join(self.span(node) for node in parent.children)

    def span(self, node: nodes.Node) -> str:
        """Return one inline element."""
        if isinstance(node, nodes.Text):
            return _escape(node.astext())
        if isinstance(node, nodes.strong):
            return f"**{self.inline(node)}**"
        if isinstance(node, nodes.emphasis):
            return f"*{self.inline(node)}*"
        if isinstance(node, nodes.literal | nodes.title_reference):
            return _code(node.astext())
        if isinstance(node, nodes.math):
            return f"${node.astext()}$"
        if isinstance(node, nodes.subscript):
            return f"<sub>{self.inline(node)}</sub>"
        if isinstance(node, nodes.superscript):
            return f"<sup>{self.inline(node)}</sup>"
        if isinstance(node, nodes.footnote_reference | nodes.citation_reference):
            return f"\\[{node.astext()}\\]"
        if isinstance(node, nodes.reference) and "refuri" in node:
            text = self.inline(node)
            return (
                f"<{node['refuri']}>"
                if text == _escape(node["refuri"])
                else f"[{text}]({node['refuri']})"
            )
        if isinstance(node, nodes.reference):
            return self.inline(node)
        if isinstance(node, nodes.target):
            return ""
        if isinstance(node, sphinx_role):
            return _sphinx(node["role"].removeprefix("py:"), node.astext())
        raise ConversionError(f"no Markdown for {_kind(node)}")


def _sphinx(role: str, text: str) -> str:
    """Say what a Sphinx role says without Sphinx."""
    explicit = re.fullmatch(r"(?s)(?P<title>.+?)\s*<(?P<target>[^<>]+)>", text)
    title, target = (explicit["title"], explicit["target"]) if explicit else (None, text)
    if role in CODE_ROLES:
        if title is None:
            title = target.rsplit(".", 1)[-1] if target.startswith("~") else target.lstrip("!")
            title += "()" if role in {"func", "meth"} and not title.endswith("()") else ""
        return _code(title)
    if role in {"ref", "doc"}:
        page = re.fullmatch(
            r"(?:sphx_glr_auto_examples_|/auto_examples/)(?P<subject>[^_/]+)[_/](?P<page>\w+?)(?:\.py)?",
            target,
        )
        if title is None:
            raise ConversionError(
                f":{role}:`{text}` needs its own words: :{role}:`words <{target}>`"
            )
        return (
            f"[{_escape(title)}](../{page['subject']}/{page['page']}.ipynb)"
            if page
            else _escape(title)
        )
    if role == "abbr":
        return _escape(re.sub(r"(?s)\s*\(.*\)$", "", text))
    return (
        f"**{_escape(title or text)}**" if role in {"kbd", "guilabel"} else _escape(title or text)
    )


def _kind(node: nodes.Node) -> str:
    return f"{getattr(node, 'tagname', type(node).__name__)} {node.astext()[:60]!r}"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _escape(text: str) -> str:
    text = re.sub(r"([\\`*\[\]<$])", r"\\\1", text)
    # An underscore inside a word is harmless; at its edge it would start emphasis.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)


def _guard_line_starts(text: str) -> str:
    """Keep a wrapped line from turning into a heading, a list or a quotation."""
    text = re.sub(r"(?m)^(\s*)([#+>|=-])(?=\s|$|[=-])", r"\1\\\2", text)
    return re.sub(r"(?m)^(\s*\d+)([.)])(?=\s)", r"\1\\\2", text)


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
