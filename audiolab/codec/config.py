"""What an EnCodec model is made of, as plain numbers that go to JSON and back.

Two presets are the published models of Défossez et al., *High Fidelity Neural Audio Compression*
(2022, arXiv 2210.13438); the third is the bundled model. Others change the same numbers. The field
names are ours; `EncodecConfig.to_transformers` and `from_transformers` speak Hugging Face's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from audiolab.codec import _transformers_config
from audiolab.codec.mdct_config import MDCTConfig

__all__ = ["DEFAULT_MODEL", "PRESETS", "EncodecConfig", "preset"]

_BACKBONES = ("seanet", "mdct")
_NORMS = ("weight_norm", "time_group_norm", "none")


def _check_int(value: object, name: str, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


@dataclass(frozen=True)
class EncodecConfig:
    """The numbers behind a model; the defaults are ``encodec_24khz``.

    Parameters
    ----------
    name : str
        Name written to ``.ecdc`` files.
    sample_rate : int
        Rate in Hz.
    channels : int
        1 or 2.
    target_bandwidths : tuple of float
        Bandwidths in kbps that may be chosen, rising; the last one uses every codebook.
    causal : bool
        Whether convolutions see no future: needed to stream. The backbone "mdct" is taken to be so,
        though it sees a fixed number of frames ahead.
    norm : {"weight_norm", "time_group_norm", "none"}
        Weight normalisation, group normalisation over channels and time, or nothing.
    normalize : bool
        Whether each segment is divided by its level, which is then sent along.
    segment_s : float or None
        Length of independent segments in seconds, or None for one segment of any length.
    overlap : float
        Share of a segment that overlaps with the next, from 0 to below 1.
    num_filters : int
        Channels after the first convolution; they double with each stride.
    dimension : int
        Channels of the latent, and of a codebook's entries.
    ratios : tuple of int
        The decoder's strides; the encoder uses them in reverse.
    num_residual_layers : int
        Residual units before each stride.
    kernel_size : int
        Taps of the first convolution of each half.
    last_kernel_size : int
        Taps of the last convolution of each half.
    residual_kernel_size : int
        Taps of the first convolution of a residual unit.
    dilation_base : int
        Residual unit `j` of a stage is dilated by ``dilation_base ** j``.
    compress : int
        By how much a residual unit narrows its channels.
    conv_shortcut : bool
        Whether a residual unit's shortcut is a convolution, as in the published models.
    num_lstm_layers : int
        LSTM layers in each half; 0 for none.
    codebook_size : int
        Entries per codebook, a power of two.
    backbone : {"seanet", "mdct"}
        The networks around the quantiser: the published models' (`audiolab.codec.seanet`), or those
        around an MDCT (`audiolab.codec.mdct_backbone`). The latter take `mdct`, `dimension` and the
        product of `ratios`, and none of the numbers of filters, kernels and layers above.
    mdct : MDCTConfig or None
        The numbers of the backbone "mdct"; None for "seanet".

    Examples
    --------
    >>> config = preset("encodec_24khz")
    >>> config.hop_length, config.frame_rate, config.num_codebooks
    (320, 75, 32)
    >>> EncodecConfig.from_dict(config.to_dict()) == config
    True
    """

    name: str = "unset"
    sample_rate: int = 24_000
    channels: int = 1
    target_bandwidths: tuple[float, ...] = (1.5, 3.0, 6.0, 12.0, 24.0)
    causal: bool = True
    norm: str = "weight_norm"
    normalize: bool = False
    segment_s: float | None = None
    overlap: float = 0.01
    num_filters: int = 32
    dimension: int = 128
    ratios: tuple[int, ...] = (8, 5, 4, 2)
    num_residual_layers: int = 1
    kernel_size: int = 7
    last_kernel_size: int = 7
    residual_kernel_size: int = 3
    dilation_base: int = 2
    compress: int = 2
    conv_shortcut: bool = True
    num_lstm_layers: int = 2
    codebook_size: int = 1024
    backbone: str = "seanet"
    mdct: MDCTConfig | None = None

    def __post_init__(self) -> None:
        counts = (
            "sample_rate", "num_filters", "dimension", "num_residual_layers", "kernel_size",
            "last_kernel_size", "residual_kernel_size", "dilation_base", "compress",
        )  # fmt: skip
        for name in counts:
            _check_int(getattr(self, name), name, 1)
        _check_int(self.num_lstm_layers, "num_lstm_layers", 0)
        if self.compress > self.num_filters:
            raise ValueError(
                f"compress must not exceed num_filters={self.num_filters}, got {self.compress}"
            )
        if self.backbone not in _BACKBONES:
            raise ValueError(
                f"backbone must be one of {', '.join(_BACKBONES)}, got {self.backbone!r}"
            )
        if (self.backbone == "mdct") != (self.mdct is not None):
            raise ValueError("mdct must be given with backbone='mdct', and only with it")
        if self.mdct is not None:
            self._check_mdct(self.mdct)
        if self.channels not in (1, 2):
            raise ValueError(f"channels must be 1 or 2, got {self.channels}")
        if self.norm not in _NORMS:
            raise ValueError(f"norm must be one of {', '.join(_NORMS)}, got {self.norm!r}")
        if self.causal and self.norm == "time_group_norm":
            raise ValueError(
                "norm='time_group_norm' looks at the whole segment: causal must be False"
            )
        if not self.ratios:
            raise ValueError("ratios must hold at least one stride")
        for ratio in self.ratios:
            _check_int(ratio, "ratios", 1)
        size = self.codebook_size
        _check_int(size, "codebook_size", 2)
        if size & (size - 1):
            raise ValueError(f"codebook_size must be a power of two, got {size}")
        rising = sorted(set(self.target_bandwidths))
        if not rising or list(self.target_bandwidths) != rising or rising[0] <= 0:
            raise ValueError(
                f"target_bandwidths must be positive and rising, got {self.target_bandwidths}"
            )
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap must lie from 0 to below 1, got {self.overlap}")
        if self.segment_length is not None and self.segment_length < 1:
            raise ValueError(f"segment_s must be at least one sample long, got {self.segment_s}")
        if self.num_codebooks < 1:
            raise ValueError(
                f"target_bandwidths end at {rising[-1]} kbps: one codebook takes "
                f"{self.bits_per_codebook * self.frame_rate / 1000} kbps"
            )

    def _check_mdct(self, numbers: MDCTConfig) -> None:
        """Refuse what the backbone "mdct" can't do."""
        hop = self.hop_length
        if hop % 2:
            raise ValueError(f"the product of ratios must be even for an MDCT, got {hop}")
        if min(numbers.analysis_windows, default=2 * hop) < 2 * hop:
            raise ValueError(
                f"analysis_windows must be at least two hops, {2 * hop}, "
                f"got {numbers.analysis_windows}"
            )
        if self.channels != 1 or not self.causal or self.normalize or self.segment_s is not None:
            raise ValueError(
                "the backbone 'mdct' is for channels=1, causal=True, normalize=False and "
                "segment_s=None"
            )

    @property
    def hop_length(self) -> int:
        """Samples per frame of codes."""
        return math.prod(self.ratios)

    @property
    def frame_rate(self) -> int:
        """Frames of codes per second, rounded up."""
        return math.ceil(self.sample_rate / self.hop_length)

    @property
    def bits_per_codebook(self) -> int:
        """Bits for each code."""
        return self.codebook_size.bit_length() - 1

    @property
    def num_codebooks(self) -> int:
        """Codebooks of the highest bandwidth."""
        per_codebook = self.frame_rate * self.bits_per_codebook
        return int(1000 * self.target_bandwidths[-1] // per_codebook)

    @property
    def segment_length(self) -> int | None:
        """Samples per segment, or None if there is only one."""
        return None if self.segment_s is None else int(self.segment_s * self.sample_rate)

    @property
    def segment_stride(self) -> int | None:
        """Samples from the start of a segment to that of the next, or None."""
        length = self.segment_length
        return None if length is None else max(1, int((1 - self.overlap) * length))

    def num_codebooks_for(self, bandwidth: float | None) -> int:
        """Return how many codebooks a bandwidth pays for.

        Parameters
        ----------
        bandwidth : float or None
            Bandwidth in kbps; None or 0 for all codebooks.

        Returns
        -------
        int
            ``max(1, floor(1000 * bandwidth / (bits * frame_rate)))``, at most all.
        """
        if not bandwidth:
            return self.num_codebooks
        per_codebook = self.bits_per_codebook * self.frame_rate
        return min(max(1, math.floor(bandwidth * 1000 / per_codebook)), self.num_codebooks)

    def num_frames(self, num_samples: int) -> int:
        """Return how many frames of codes one segment of `num_samples` takes.

        Parameters
        ----------
        num_samples : int
            Samples per channel.

        Returns
        -------
        int
            ``ceil(num_samples / hop_length)``, counted in integers.
        """
        return -(-num_samples // self.hop_length)

    def segments(self, num_samples: int) -> list[tuple[int, int]]:
        """Return start and stop of every segment of a signal.

        Parameters
        ----------
        num_samples : int
            Samples per channel.

        Returns
        -------
        list of tuple of int
            Empty for an empty signal that would be cut into segments.

        Examples
        --------
        >>> preset("encodec_48khz").segments(48000)
        [(0, 48000), (47520, 48000)]
        """
        length, stride = self.segment_length, self.segment_stride
        if length is None or stride is None:
            return [(0, num_samples)]
        return [(s, min(s + length, num_samples)) for s in range(0, num_samples, stride)]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary that JSON can hold.

        Returns
        -------
        dict
            One entry per field.
        """
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {**values, "mdct": None if self.mdct is None else self.mdct.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EncodecConfig:
        """Build a configuration from `to_dict`'s dictionary.

        Parameters
        ----------
        values : mapping
            Fields by name; missing ones take their default.

        Returns
        -------
        EncodecConfig
            The checked configuration.

        Raises
        ------
        ValueError
            A name is unknown or a value impossible.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown field(s) of EncodecConfig: {', '.join(unknown)}")
        fitting: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        if isinstance(fitting.get("mdct"), Mapping):
            fitting["mdct"] = MDCTConfig.from_dict(fitting["mdct"])
        return cls(**fitting)

    def to_transformers(self) -> dict[str, Any]:
        """Return the content of a ``config.json`` that ``transformers.EncodecModel`` loads.

        Returns
        -------
        dict
            Hugging Face's names, and ours under ``"audiolab"``.

        Raises
        ------
        ValueError
            Transformers has no such model.
        """
        return _transformers_config.write(self.to_dict())

    @classmethod
    def from_transformers(cls, values: Mapping[str, Any]) -> EncodecConfig:
        """Build a configuration from a ``config.json`` of Hugging Face's layout.

        Parameters
        ----------
        values : mapping
            The file's content.

        Returns
        -------
        EncodecConfig
            The checked configuration; its name is a preset's if all numbers are that preset's.

        Raises
        ------
        ValueError
            Not an EnCodec model, or one that is built differently.
        """
        ours = _transformers_config.read(values)
        config = cls.from_dict(ours)
        if values.get("codebook_dim") not in (None, config.dimension):
            raise ValueError(
                f"codebook_dim must equal hidden_size {config.dimension}, "
                f"got {values['codebook_dim']}"
            )
        if "name" in ours:
            return config
        same = [each for each in PRESETS.values() if replace(each, name=config.name) == config]
        return same[0] if same else config


#: The model that is used where none is named.
DEFAULT_MODEL = "audiolab_24khz"
#: The published models, and the one that was trained here. ``audiolab_24khz`` looks ahead: 5 frames
#: of samples (67 ms) must be in before the first frame of codes comes out, and 8 frames of codes
#: before the first samples, so that a stream runs 12 frames (160 ms) behind. The published 24 kHz
#: model needs 7 frames (93 ms) each way at its start, and one from then on.
#: At 6 kbps it encodes and decodes 107 times as fast as real time, on one thread of an AMD Zen 5.
PRESETS: dict[str, EncodecConfig] = {
    "encodec_24khz": EncodecConfig(name="encodec_24khz"),
    "encodec_48khz": EncodecConfig(
        name="encodec_48khz",
        sample_rate=48_000,
        channels=2,
        target_bandwidths=(3.0, 6.0, 12.0, 24.0),
        causal=False,
        norm="time_group_norm",
        normalize=True,
        segment_s=1.0,
    ),
    "audiolab_24khz": EncodecConfig(
        name="audiolab_24khz",
        target_bandwidths=(1.5, 3.0, 6.0, 12.0),
        dimension=64,
        ratios=(320,),
        backbone="mdct",
        mdct=MDCTConfig(),
    ),
}


def preset(name: str) -> EncodecConfig:
    """Return a published model's configuration, or the bundled one's.

    Parameters
    ----------
    name : str
        ``"audiolab_24khz"``, ``"encodec_24khz"`` or ``"encodec_48khz"``.

    Returns
    -------
    EncodecConfig
        The preset.

    Raises
    ------
    ValueError
        No preset has that name.
    """
    if name not in PRESETS:
        raise ValueError(f"name must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]
