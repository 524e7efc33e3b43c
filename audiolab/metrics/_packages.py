"""Metrics that other packages compute: found when they are asked for, and named if they are not."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["import_package"]


def import_package(module: str, package: str, metric: str) -> Any:
    """Return a module of the extra ``metrics``, or raise with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"metrics.{metric} is computed by the package {package}, which can't be imported "
            f"({error}): pip install 'audiolab[metrics]'"
        ) from error
