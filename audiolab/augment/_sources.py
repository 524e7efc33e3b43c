"""Where transforms take recordings from: a folder, one file, or a `NoiseBank`.

Recipes name folders and files; a bank is made when it is needed, at the sample rate of the batch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import torch

from audiolab.augment.bank import NoiseBank
from audiolab.augment.seeds import uniform
from audiolab.io import load

__all__ = ["Source"]

#: Prepared recordings that stay in memory.
_KEPT = 256


class Source:
    """Recordings by name, at any rate.

    Parameters
    ----------
    content : str, Path or NoiseBank
        A folder, a file, or a bank that is there already.
    name : str
        The parameter's name, for messages.
    """

    def __init__(self, content: Any, name: str) -> None:
        self._banks: dict[int, NoiseBank] = {}
        self._kept: OrderedDict[Hashable, torch.Tensor] = OrderedDict()
        self._content: Path | NoiseBank
        if isinstance(content, NoiseBank):
            self._content = content
        elif isinstance(content, str | Path):
            self._content = Path(content)
            if not self._content.exists():
                raise ValueError(
                    f"{name} must be a folder of audio files or one file: "
                    f"there is no {str(content)!r}"
                )
        else:
            raise TypeError(
                f"{name} must be a folder, a file or a NoiseBank, got {type(content).__name__}"
            )

    def __repr__(self) -> str:
        return repr(self.to_data()) if isinstance(self._content, Path) else repr(self._content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_banks": {}, "_kept": OrderedDict()}

    def pick(self, seed: int, name: str) -> dict[str, Any]:
        """Return which recording and where in it, as plain data."""
        names = self._any().names
        index = min(int(uniform(seed, f"{name} name") * len(names)), len(names) - 1)
        return {"name": names[index], "position": uniform(seed, f"{name} position")}

    def bank(self, sample_rate: int) -> NoiseBank:
        """Return the recordings at a sample rate."""
        if isinstance(self._content, NoiseBank):
            if self._content.sample_rate != sample_rate:
                raise ValueError(
                    f"the bank has {self._content.sample_rate} Hz and the waveform {sample_rate} "
                    "Hz: resample one of them, or name a folder, which is read at any rate"
                )
            return self._content
        if sample_rate not in self._banks:
            self._banks[sample_rate] = self._read(self._content, sample_rate)
        return self._banks[sample_rate]

    def _any(self) -> NoiseBank:
        """Return the recordings at whatever rate: their names are the same."""
        if isinstance(self._content, NoiseBank):
            return self._content
        for bank in self._banks.values():
            return bank
        return self.bank(16_000)

    @staticmethod
    def _read(path: Path, sample_rate: int) -> NoiseBank:
        if path.is_dir():
            return NoiseBank.from_folder(path, sample_rate)
        waveform, rate = load(path, sample_rate=sample_rate, num_channels=1)
        return NoiseBank({path.name: waveform}, rate)

    def kept(self, key: Hashable, make: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return what was made of a recording, made once as long as few others are asked for."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def to_data(self) -> str:
        """Return the path.

        Raises
        ------
        ValueError
            If there is none.
        """
        if isinstance(self._content, Path):
            return str(self._content)
        raise ValueError(
            f"{self._content!r} is held in memory and can't be saved: name a folder instead"
        )
