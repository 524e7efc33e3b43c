"""The numbers of the `mdct` backbone, which go to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["MDCTConfig"]


@dataclass(frozen=True)
class MDCTConfig:
    """The size and the reach of the networks around the MDCT; defaults are the bundled model's.

    Parameters
    ----------
    width : int
        Channels of the blocks.
    hidden : int
        Channels in the middle of a block.
    encoder_blocks : int
        Blocks of the encoder.
    decoder_blocks : int
        Blocks of the decoder.
    kernel_size : int
        Frames that a block sees.
    encoder_lookahead : int
        How many of them lie ahead, in each block of the encoder. 0 is causal.
    decoder_lookahead : int
        The same for the decoder, whose first convolution looks as far ahead as a block.
    analysis_windows : tuple of int
        Window lengths in samples of the magnitude spectra that the encoder sees beside the MDCT.
    analysis_bins : tuple of int
        How many bins of each it sees, from 0 Hz up.
    whitening : float
        How far the latent's channels are brought to one variance, from 0, which keeps their
        proportions, to 1. The quantiser spends its bits where the variance is.

    Examples
    --------
    >>> MDCTConfig.from_dict({"width": 8}).width
    8
    """

    width: int = 256
    hidden: int = 512
    encoder_blocks: int = 3
    decoder_blocks: int = 5
    kernel_size: int = 7
    encoder_lookahead: int = 1
    decoder_lookahead: int = 1
    analysis_windows: tuple[int, ...] = (960, 1920)
    analysis_bins: tuple[int, ...] = (481, 320)
    whitening: float = 0.25

    def __post_init__(self) -> None:
        least = {"encoder_lookahead": 0, "decoder_lookahead": 0}
        for name in (
            "width", "hidden", "encoder_blocks", "decoder_blocks", "kernel_size",
            "encoder_lookahead", "decoder_lookahead",
        ):  # fmt: skip
            _check_int(getattr(self, name), name, least.get(name, 1))
        for name in least:
            if getattr(self, name) >= self.kernel_size:
                raise ValueError(
                    f"{name} must be below kernel_size={self.kernel_size}, "
                    f"got {getattr(self, name)}"
                )
        if not 0 <= self.whitening <= 1:
            raise ValueError(f"whitening must lie from 0 to 1, got {self.whitening}")
        if len(self.analysis_windows) != len(self.analysis_bins):
            raise ValueError(
                f"analysis_bins must be as many as analysis_windows, {len(self.analysis_windows)}, "
                f"got {len(self.analysis_bins)}"
            )
        for window, bins in zip(self.analysis_windows, self.analysis_bins, strict=True):
            _check_int(window, "analysis_windows", 2)
            _check_int(bins, "analysis_bins", 1)
            if bins > window // 2 + 1:
                raise ValueError(
                    f"analysis_bins must be at most {window // 2 + 1} for a window of {window}, "
                    f"got {bins}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary that JSON can hold.

        Returns
        -------
        dict
            One entry per field.
        """
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MDCTConfig:
        """Build a configuration from `to_dict`'s dictionary.

        Parameters
        ----------
        values : mapping
            Fields by name; missing ones take their default.

        Returns
        -------
        MDCTConfig
            The checked configuration.

        Raises
        ------
        ValueError
            A name is unknown or a value impossible.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown field(s) of MDCTConfig: {', '.join(unknown)}")
        fitting: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**fitting)


def _check_int(value: object, name: str, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
