"""What all tests share: pinned threads, no network, and programs that may be missing.

A test that compares with a program asks for it through `program`; without the program it is
skipped, and named at the end of ``make test``. Under CI the same is a failure.
"""

import os
import shutil
import socket
from collections.abc import Callable
from typing import Any, NoReturn

import pytest


def pytest_configure() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Return a function from a program's name to its path, which skips where there is none."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing = f"needs the program {name!r}"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        return path

    return find


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing but loopback be reached."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            refuse(address)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def refuse(address: object) -> NoReturn:
    raise RuntimeError(f"a test tried to reach {address}: tests use no network")
