"""Files are written whole or not at all, and never replaced unasked."""

import os
import stat
from pathlib import Path

import pytest

from audiolab._files import atomic_path, check_writable


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_a_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "sound.tar.wav"
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == tmp_path  # the same disk, or it could not be renamed
        assert temporary.suffix == ".wav"
        assert temporary.name.startswith(".")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["sound.tar.wav"]


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_block_that_raises_changes_nothing(tmp_path, before):
    target = tmp_path / "sound.wav"
    if before:
        target.write_bytes(before)

    def interrupted():
        with atomic_path(target, overwrite=True) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == (["sound.wav"] if before else [])
    assert not before or target.read_bytes() == before


def test_nothing_is_replaced_unasked(tmp_path):
    target = tmp_path / "sound.wav"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"exists already: pass overwrite=True \(-f\)"):
        check_writable(target, overwrite=False)
    with pytest.raises(FileExistsError, match="exists already"), atomic_path(target):
        pytest.fail("the block must not run")
    assert target.read_bytes() == b"old"
    with atomic_path(target, overwrite=True) as temporary:
        temporary.write_bytes(b"new")
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["sound.wav"]


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_appears_meanwhile_is_respected(tmp_path, monkeypatch, links):
    if not links:

        def no_links(*args):
            raise OSError("this file system has no hard links")

        monkeypatch.setattr(os, "link", no_links)
    target = tmp_path / "sound.wav"

    def race():
        with atomic_path(target) as temporary:
            temporary.write_bytes(b"mine")
            target.write_bytes(b"theirs")

    with pytest.raises(FileExistsError, match="appeared while it was being written"):
        race()
    assert target.read_bytes() == b"theirs"
    assert names(tmp_path) == ["sound.wav"]


def test_without_hard_links_it_is_renamed(tmp_path, monkeypatch):
    def no_links(*args):
        raise OSError("this file system has no hard links")

    monkeypatch.setattr(os, "link", no_links)
    with atomic_path(tmp_path / "sound.wav") as temporary:
        temporary.write_bytes(b"new")
    assert (tmp_path / "sound.wav").read_bytes() == b"new"


def test_permissions_are_those_of_any_new_file(tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    with atomic_path(tmp_path / "sound.wav") as temporary:
        temporary.write_bytes(b"new")
    expected = stat.S_IMODE(plain.stat().st_mode)
    assert stat.S_IMODE((tmp_path / "sound.wav").stat().st_mode) == expected


def test_permissions_of_a_replaced_file_stay(tmp_path):
    target = tmp_path / "sound.wav"
    target.write_bytes(b"old")
    target.chmod(0o640)
    with atomic_path(target, overwrite=True) as temporary:
        temporary.write_bytes(b"new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_the_target_of_a_link_is_replaced(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    target, link = folder / "sound.wav", tmp_path / "link.wav"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with atomic_path(link, overwrite=True) as temporary:
        assert temporary.parent == folder
        temporary.write_bytes(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_dangling_link_is_something_that_exists(tmp_path):
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "nowhere.wav")
    with pytest.raises(FileExistsError, match="exists already"):
        check_writable(link, overwrite=False)


def test_folders_are_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder: name a file in it"):
        check_writable(tmp_path, overwrite=True)
    with pytest.raises(FileNotFoundError, match=r"the folder .*missing does not exist: create it"):
        check_writable(tmp_path / "missing" / "sound.wav", overwrite=True)


def test_strings_and_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_writable("sound.wav", overwrite=False) == Path("sound.wav")
    with atomic_path("sound.wav") as temporary:
        temporary.write_bytes(b"new")
    assert names(tmp_path) == ["sound.wav"]


def test_a_device_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a file that could be replaced"):
        check_writable(pipe, overwrite=True)
    with pytest.raises(OSError, match="not a file"), atomic_path("/dev/null", overwrite=True):
        pass
    assert Path("/dev/null").is_char_device()
