"""The run's log: a CSV file always, TensorBoard where it is installed.

Rows carry the step, so a run that is taken up again from an earlier checkpoint drops what was
logged after it and appends.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from audiolab._files import atomic_path

__all__ = ["CsvLog", "RunningMean", "TensorBoardLog"]


class RunningMean:
    """Means of named numbers since the last time they were asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor | float] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Mapping[str, torch.Tensor | float]) -> None:
        """Take in one step's numbers.

        Parameters
        ----------
        values : mapping
            Numbers or scalar tensors by name; these are not read before `take`, so that an
            accelerator need not be waited for.
        """
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """Return the means and start anew.

        Returns
        -------
        dict
            Means by name.
        """
        means = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return means


class CsvLog:
    """A CSV file with one row for each entry; new columns rewrite it.

    Parameters
    ----------
    path : Path
        The file.
    resume_at : int
        Rows of later steps are dropped; 0 starts anew.
    """

    def __init__(self, path: Path, resume_at: int = 0) -> None:
        self._path = path
        self._rows: list[dict[str, str]] = []
        self._names: list[str] = ["step"]
        if resume_at and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                self._names = list(reader.fieldnames or self._names)
                rows = [row for row in reader if None not in row and None not in row.values()]
            self._rows = [row for row in rows if int(row["step"]) <= resume_at]
        self._rewrite()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Append a row, which is on the disk when this returns.

        Parameters
        ----------
        step : int
            The step.
        values : mapping
            Numbers by name.
        """
        row = {"step": str(step), **{name: f"{value:.6g}" for name, value in values.items()}}
        self._rows.append(row)
        new = [name for name in row if name not in self._names]
        if new:
            self._names += new
            self._rewrite()
            return
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._names, restval="").writerow(row)

    def _rewrite(self) -> None:
        with (
            atomic_path(self._path, overwrite=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, self._names, restval="")
            writer.writeheader()
            writer.writerows(self._rows)


class TensorBoardLog:
    """The same numbers for TensorBoard, if it is installed.

    Parameters
    ----------
    folder : Path
        Where its event files go.
    """

    def __init__(self, folder: Path) -> None:
        self._writer: Any = None
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to every curve.

        Parameters
        ----------
        step : int
            The step.
        values : mapping
            Numbers by name.
        """
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
            self._writer.flush()
