"""Documents are plain data or an error that says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiolab._documents import DocumentError, check_fields, read_document, write_document

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf")), max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("abcxyz_", min_size=1, max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@given(content=PLAIN)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, suffix, content):
    path = tmp_path_factory.mktemp("doc") / f"a{suffix}"
    write_document(path, content)
    assert read_document(path) == content


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.yaml", b"a: [1, 2", "line 1"),
        ("a.yaml", b"ok: 1\nb: *x\n", "line 2: aliases"),
        ("a.yaml", b"a: &x 1\nb: *x\n", "aliases"),
        ("a.yaml", b"!!python/object/apply:os.system ['true']", "could not determine"),
        ("a.json", b'{"a": 1,\n}', "line 2"),
        ("a.yaml", b"\xff\xfe", "not UTF-8"),
        ("a.toml", b"", "ends in .yaml"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b" " * (1 << 20) + b"1", "larger than"),
    ],
)
def test_a_bad_document_is_named(tmp_path: Path, name: str, data: bytes, says: str):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DocumentError, match=says) as caught:
        read_document(path)
    assert name in str(caught.value)


def test_fields_are_checked_by_name():
    assert check_fields({"a": 1}, "recipe", known=("a", "b")) == {"a": 1}
    with pytest.raises(DocumentError, match=r"recipe must be a mapping .* got 3"):
        check_fields(3, "recipe", known=())
    with pytest.raises(DocumentError, match="unknown field 'snr'; did you mean 'snr_db'"):
        check_fields({"snr": 3}, "transforms[0]", known=("snr_db",))
    with pytest.raises(DocumentError, match=r"transforms\[0\] lacks the field 'noise'"):
        check_fields({}, "transforms[0]", known=("noise",), needed=("noise",))


def test_nothing_is_half_written(tmp_path: Path):
    with pytest.raises(ValueError, match="Out of range"):
        write_document(tmp_path / "a.json", {"a": float("nan")})
    with pytest.raises(DocumentError, match="ends in"):
        write_document(tmp_path / "a.txt", {})
    assert list(tmp_path.iterdir()) == []
