"""Formulas as MathML, written while the site is built.

Chromium, Firefox and Safari draw MathML themselves, so pages need no script, no font and no
network, and a screen reader gets the structure instead of a picture. docutils converts the LaTeX; a
formula that it does not understand is a warning, which stops the build.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def to_mathml(formula: str, *, block: bool) -> str:
    """Convert LaTeX to MathML.

    Parameters
    ----------
    formula : str
        LaTeX without delimiters.
    block : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str
        A ``<math>`` element.

    Raises
    ------
    MathError
        If the formula uses something that the converter doesn't know.
    """
    markup = latex2mathml.tex2mathml(formula.strip(), as_block=block)
    # The pretty-printer's indentation is a third of the bytes and means nothing.
    markup = re.sub(r">\s+<", "><", markup.strip())
    # The source goes along for whoever copies the formula.
    label = formula.strip().replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return markup.replace("<math ", f'<math data-tex="{" ".join(label.split())}" ', 1)


def _convert(translator: Any, node: nodes.Element, *, block: bool) -> str:
    try:
        return to_mathml(node.astext(), block=block)
    except MathError as error:
        logger.warning("formula %r: %s", node.astext(), error, location=node)
        return f"<code>{translator.encode(node.astext())}</code>"


def visit_inline(translator: Any, node: nodes.Element) -> None:
    """Write a formula within a line.

    Parameters
    ----------
    translator : sphinx.writers.html5.HTML5Translator
        The writer.
    node : docutils.nodes.math
        The formula.
    """
    translator.body.append(_convert(translator, node, block=False))
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.Element) -> None:
    """Write a formula on a line of its own.

    Parameters
    ----------
    translator : sphinx.writers.html5.HTML5Translator
        The writer.
    node : docutils.nodes.math_block
        The formula.
    """
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(_convert(translator, node, block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The build.

    Returns
    -------
    dict
        What Sphinx wants to know about an extension.
    """
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.setup_extension("audiolab_docs")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
