"""The prose converter: what it says in Markdown, and what it refuses."""

import pytest
from rest_to_markdown import ConversionError, convert_cells


@pytest.mark.parametrize(
    ("rest", "markdown"),
    [
        ("plain **bold** *italic* ``code``", "plain **bold** *italic* `code`"),
        (r"energy :math:`\sum_n x^2`", r"energy $\sum_n x^2$"),
        (".. math::\n\n   x = y\n\nafter", "$$\nx = y\n$$\n\nafter"),
        (":func:`audiolab.io.load`", "`audiolab.io.load()`"),
        (":func:`~audiolab.io.load`", "`load()`"),
        (":class:`the tensor <torch.Tensor>`", "`the tensor`"),
        (":py:class:`torch.Tensor`", "`torch.Tensor`"),
        (":term:`sample rates <sample rate>` and :term:`SNR`", "sample rates and SNR"),
        (":kbd:`1`", "**1**"),
        (":doc:`the guide </guide/listening>`", "the guide"),
        (":doc:`next </auto_examples/a/b_c>`", "[next](../a/b_c.ipynb)"),
        (
            ":ref:`Next <sphx_glr_auto_examples_encoding_loading_anything.py>`",
            "[Next](../encoding/loading_anything.ipynb)",
        ),
        ("see `the site <https://example.org/a_b>`_", "see [the site](https://example.org/a_b)"),
        ("https://doi.org/10.1/x", "<https://doi.org/10.1/x>"),
        ("- one\n- two\n  lines", "- one\n- two\n  lines"),
        ("1. one\n2. two", "1. one\n2. two"),
        (".. note::\n\n   Mind this.\n\n   And that.", "> **Note.** Mind this.\n>\n> And that."),
        (".. admonition:: Your turn\n\n   Try.", "> **Your turn.** Try."),
        (".. seealso::\n\n   That.", "> **See also.** That."),
        (".. code-block:: bash\n\n   ls *.wav", "```bash\nls *.wav\n```"),
        ("said [1]_\n\n.. [1] Them, 1999.", "said \\[1\\]\n\n\\[1\\] Them, 1999."),
        ("term\n    meaning", "- **term**: meaning"),
        ("    quoted", "> quoted"),
    ],
)  # fmt: skip
def test_converts(rest: str, markdown: str) -> None:
    assert convert_cells([rest]) == [markdown]


@pytest.mark.parametrize(
    ("rest", "markdown"),
    [
        ("3 * 4 and x[0] < 5", r"3 \* 4 and x\[0\] \< 5"),
        ("costs $5 and $6", r"costs \$5 and \$6"),
        ("snr_db stays, _edge_ not", r"snr_db stays, \_edge\_ not"),
        ("a sum\n+ wrapped\n# twice\n1) thrice", "a sum\n\\+ wrapped\n\\# twice\n1\\) thrice"),
    ],
)
def test_text_stays_text(rest: str, markdown: str) -> None:
    assert convert_cells([rest.replace("_edge_", r"\_edge\_").replace(" * ", r" \* ")]) == [
        markdown
    ]


def test_headings_nest_and_notes_resolve_over_cells() -> None:
    cells = ["Title\n=====\n\nClaim [1]_.", "Part\n----\n\nText.", "Small\n~~~~~\n\n.. [1] Source."]
    assert convert_cells(cells) == [
        "# Title\n\nClaim \\[1\\].",
        "## Part\n\nText.",
        "### Small\n\n\\[1\\] Source.",
    ]


@pytest.mark.parametrize(
    "rest",
    [
        ".. raw:: html\n\n   <b>no</b>",
        "+---+---+\n| a | b |\n+---+---+",
        "=== ===\na   b\n=== ===",
        ".. list-table::\n\n   * - a",
        ".. image:: picture.png",
        ".. include:: /etc/hostname",
        ".. unheard:: of",
        ":unheard:`of`",
        ":ref:`somewhere`",
        "|substitution|",
        "`unfinished",
        "undefined_ link",
        "- J. Author, a book",
        "==\nTitle\n",
    ],
)
def test_refuses_what_markdown_cannot_say(rest: str) -> None:
    with pytest.raises(ConversionError):
        convert_cells([rest])


def test_leaves_docutils_as_it_found_it() -> None:
    from docutils.parsers.rst import directives, roles

    before = dict(roles._roles), dict(directives._directives)
    convert_cells([":func:`x`\n\n.. seealso::\n\n   y"])
    assert (dict(roles._roles), dict(directives._directives)) == before
