"""What a caller asks of a file to be written, checked against what the format can hold."""

from __future__ import annotations

from dataclasses import dataclass

from audiolab._typing import FilePath
from audiolab._validation import check_choice, check_sample_rate
from audiolab.io._clipping import ON_CLIP
from audiolab.io._formats import Format, bit_rate_limits, find_format

__all__ = ["Settings", "settle"]


@dataclass(frozen=True)
class Settings:
    """A format with everything decided."""

    format: Format
    sample_rate: int
    num_channels: int
    encoding: str | None
    bit_rate: int | None
    on_clip: str

    @property
    def clips(self) -> bool:
        """Whether values beyond full scale are lost."""
        return self.encoding != "float32"

    @property
    def min_samples(self) -> int:
        """Fewest samples that come back: an m4a index counts in milliseconds."""
        if self.format.name == "wav":
            return 0
        return -(-self.sample_rate // 1000) if self.format.name == "m4a" else 1

    def check_length(self, num_samples: int) -> None:
        """Raise if the format cannot hold so few samples."""
        if num_samples < self.min_samples:
            raise ValueError(
                f"waveform has {num_samples} samples, and {self.format.name} holds at least "
                f"{self.min_samples} at {self.sample_rate} Hz; wav holds any number"
            )


def settle(
    *,
    path: FilePath | None,
    format: str | None,
    sample_rate: int,
    num_channels: int,
    encoding: str | None,
    bit_rate: int | None,
    on_clip: str,
) -> Settings:
    """Return the settings for a file, or say which of them the format cannot hold."""
    chosen = find_format(format, path)
    rate = check_sample_rate(sample_rate)
    _check_rate(chosen, rate)
    _check_channels(chosen, num_channels)
    check_choice(on_clip, "on_clip", ON_CLIP)
    if encoding is None:
        encoding = chosen.encodings[0] if chosen.encodings else None
    elif not chosen.encodings:
        raise ValueError(
            f"encoding={encoding!r} has no meaning for {chosen.name}, which is lossy: set bit_rate"
        )
    elif encoding not in chosen.encodings:
        known = ", ".join(map(repr, chosen.encodings))
        raise ValueError(f"encoding for {chosen.name} must be one of {known}, got {encoding!r}")
    return Settings(
        format=chosen,
        sample_rate=rate,
        num_channels=num_channels,
        encoding=encoding,
        bit_rate=_check_bit_rate(chosen, bit_rate, rate, num_channels),
        on_clip=on_clip,
    )


def _check_rate(format: Format, rate: int) -> None:
    rates = format.sample_rates
    if rate not in rates:
        raise ValueError(
            f"sample_rate for {format.name} must be one of {rates} Hz, got {rate}: resample first, "
            f"for instance to {rates.at_least(rate)}"
        )


def _check_channels(format: Format, num_channels: int) -> None:
    if num_channels in format.num_channels:
        return
    few = format.num_channels[:8]
    known = ", ".join(map(str, few)) + ("" if len(format.num_channels) <= 8 else ", ...")
    known += f" {format.num_channels[-1]}" if len(format.num_channels) > 8 else ""
    raise ValueError(f"num_channels for {format.name} must be one of {known}, got {num_channels}")


def _check_bit_rate(
    format: Format, bit_rate: int | None, sample_rate: int, num_channels: int
) -> int | None:
    if bit_rate is None:
        return None
    if format.bit_rates is None:
        raise ValueError(
            f"bit_rate={bit_rate} has no meaning for {format.name}, which is lossless: set encoding"
        )
    if isinstance(bit_rate, bool) or not isinstance(bit_rate, (int, float)):
        raise TypeError(f"bit_rate must be a number of bit/s, got {type(bit_rate).__name__}")
    low, high = bit_rate_limits(format, sample_rate, num_channels)
    if not low <= bit_rate <= high:
        hint = f"; did you mean {bit_rate * 1000:g}?" if low <= bit_rate * 1000 <= high else ""
        raise ValueError(
            f"bit_rate for {format.name} with {num_channels} channel(s) at {sample_rate} Hz must "
            f"be between {low} and {high} bit/s, got {bit_rate}{hint}"
        )
    return int(bit_rate)
