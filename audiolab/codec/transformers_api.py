"""The same model under the call of Hugging Face's ``EncodecModel``.

Shapes and names are those of transformers 5: codes ``(chunks, batch, codebooks, frames)``, a list
of scales, and the number of zero frames that fill the last chunk. Without a bandwidth, the smallest
is taken, as there.

Where transformers is wrong, the default is right and ``compat="transformers"`` repeats it:

- its padding enters the level and the statistics of the last chunk at 48 kHz, so nearly every
  length gets other codes there than the original package gives; here the mask's lengths decide;
- its feature extractor pads for one more chunk, which holds nothing but silence;
- a shorter item of a batch gets another last frame than alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch.nn import functional

from audiolab._validation import check_choice
from audiolab.codec.config import EncodecConfig
from audiolab.codec.model import EncodecModel, EncodedSegment

__all__ = ["AudioCodes", "AudioValues", "ModelInputs", "ModelOutput", "TransformersEncodec"]


class ModelInputs(NamedTuple):
    """What `TransformersEncodec.prepare` returns.

    Attributes
    ----------
    input_values : Tensor
        ``(batch, channels, time)``.
    padding_mask : Tensor
        ``(batch, time)``, 1 where there is sound, 0 where there is padding.
    """

    input_values: torch.Tensor
    padding_mask: torch.Tensor


class AudioCodes(NamedTuple):
    """What `TransformersEncodec.encode` returns.

    Attributes
    ----------
    audio_codes : Tensor
        ``(chunks, batch, codebooks, frames)``.
    audio_scales : list of Tensor or None
        ``(batch, 1)`` for each chunk, None where the model does not normalise.
    last_frame_pad_length : int
        Frames that fill the last chunk up.
    """

    audio_codes: torch.Tensor
    audio_scales: list[torch.Tensor | None]
    last_frame_pad_length: int


class AudioValues(NamedTuple):
    """What `TransformersEncodec.decode` returns.

    Attributes
    ----------
    audio_values : Tensor
        ``(batch, channels, time)``.
    """

    audio_values: torch.Tensor


class ModelOutput(NamedTuple):
    """What calling `TransformersEncodec` returns.

    Attributes
    ----------
    audio_codes : Tensor
        ``(chunks, batch, codebooks, frames)``.
    audio_values : Tensor
        ``(batch, channels, time)``.
    """

    audio_codes: torch.Tensor
    audio_values: torch.Tensor


class TransformersEncodec:
    """A view of a model; it shares the weights.

    Parameters
    ----------
    model : EncodecModel
        The model.
    compat : {"audiolab", "transformers"}, default: "audiolab"
        "transformers" repeats what it does to padded input.

    Examples
    --------
    >>> model = EncodecModel.from_preset("encodec_24khz", generator=0).as_transformers()
    >>> inputs = model.prepare([torch.zeros(1, 24000), torch.zeros(1, 12000)])
    >>> output = model.encode(*inputs, bandwidth=6.0)
    >>> output.audio_codes.shape
    torch.Size([1, 2, 8, 75])
    >>> model.decode(*output[:2], inputs.padding_mask).audio_values.shape
    torch.Size([2, 1, 24000])
    """

    def __init__(
        self, model: EncodecModel, *, compat: Literal["audiolab", "transformers"] = "audiolab"
    ) -> None:
        check_choice(compat, "compat", ("audiolab", "transformers"))
        self.model, self.compat = model, compat

    @property
    def config(self) -> EncodecConfig:
        """The model's numbers."""
        return self.model.config

    def prepare(
        self, waveforms: Sequence[Any] | torch.Tensor, *, sampling_rate: int | None = None
    ) -> ModelInputs:
        """Put waveforms of any lengths into a batch, as the feature extractor does.

        Parameters
        ----------
        waveforms : sequence of Tensor or array
            ``(channels, time)`` each, or ``(time,)`` for a mono model.
        sampling_rate : int, optional
            Their rate in Hz; if given, it must be the model's.

        Returns
        -------
        ModelInputs
            Input and mask, padded on the right: to the longest, or with
            ``compat="transformers"`` to the length that transformers pads to.

        Raises
        ------
        ValueError
            Another rate, or another number of channels.
        """
        if sampling_rate not in (None, self.model.sample_rate):
            raise ValueError(
                f"sampling_rate must be {self.model.sample_rate} Hz, got {sampling_rate}: "
                "resample first"
            )
        items = [torch.as_tensor(w).to(torch.float32) for w in waveforms]
        items = [w[None] if w.dim() == 1 else w for w in items]
        for w in items:
            if w.dim() != 2 or len(w) != self.model.channels:
                raise ValueError(
                    f"each waveform must be ({self.model.channels}, time), got {tuple(w.shape)}"
                )
        longest = max(w.shape[-1] for w in items)
        length, stride = self.model.segment_length, self.model.segment_stride
        if self.compat == "transformers" and length is not None and stride is not None:
            longest = (-(-longest // stride) - 1) * stride + length
        values = torch.stack([functional.pad(w, (0, longest - w.shape[-1])) for w in items])
        mask = torch.stack([_ones_then_zeros(w.shape[-1], longest) for w in items])
        return ModelInputs(values, mask)

    def encode(
        self,
        input_values: torch.Tensor,
        padding_mask: torch.Tensor | None = None,
        bandwidth: float | None = None,
    ) -> AudioCodes:
        """Turn a batch into codes.

        Parameters
        ----------
        input_values : Tensor
            ``(batch, channels, time)``.
        padding_mask : Tensor, optional
            ``(batch, time)`` or ``(batch, channels, time)``, 0 where there is padding.
        bandwidth : float, optional
            In kbps; the smallest by default.

        Returns
        -------
        AudioCodes
            Codes, scales and the padding of the last chunk.
        """
        if bandwidth is None:
            bandwidth = self.config.target_bandwidths[0]
        if self.compat == "transformers":
            if padding_mask is not None:
                mask = padding_mask.reshape(len(padding_mask), -1, padding_mask.shape[-1])
                input_values = input_values * mask.bool()
            segments = self.model.encode(input_values, bandwidth=bandwidth, compat="reference")
        else:
            lengths = None if padding_mask is None else _lengths(padding_mask)
            segments = self.model.encode(input_values, lengths=lengths, bandwidth=bandwidth)
        if not segments:
            raise ValueError("input_values holds no samples")
        frames = segments[0].codes.shape[-1]
        codes = torch.stack([functional.pad(c, (0, frames - c.shape[-1])) for c, _ in segments])
        return AudioCodes(
            codes, [scale for _, scale in segments], frames - segments[-1].codes.shape[-1]
        )

    def decode(
        self,
        audio_codes: torch.Tensor,
        audio_scales: Sequence[torch.Tensor | None],
        padding_mask: torch.Tensor | None = None,
        last_frame_pad_length: int = 0,
    ) -> AudioValues:
        """Turn codes into a batch.

        Parameters
        ----------
        audio_codes : Tensor
            ``(chunks, batch, codebooks, frames)``.
        audio_scales : sequence of Tensor or None
            One entry for each chunk.
        padding_mask : Tensor, optional
            The mask given to `encode`: the result takes its length, zero where it is zero.
        last_frame_pad_length : int, default: 0
            As returned by `encode`.

        Returns
        -------
        AudioValues
            The waveforms.
        """
        if audio_codes.dim() != 4:
            raise ValueError(
                "audio_codes must have shape (chunks, batch, codebooks, frames), "
                f"got {tuple(audio_codes.shape)}"
            )
        if len(audio_scales) != len(audio_codes):
            raise ValueError(
                f"audio_scales must hold {len(audio_codes)} entries, got {len(audio_scales)}"
            )
        segments = [EncodedSegment(c, s) for c, s in zip(audio_codes, audio_scales, strict=True)]
        if last_frame_pad_length:
            codes, scale = segments[-1]
            segments[-1] = EncodedSegment(codes[..., :-last_frame_pad_length], scale)
        if padding_mask is None:
            return AudioValues(self.model.decode(segments))
        time = padding_mask.shape[-1]
        if self.compat == "transformers":
            return AudioValues(self.model.decode(segments)[..., :time])
        values = self.model.decode(segments, lengths=_lengths(padding_mask))
        return AudioValues(functional.pad(values, (0, time - values.shape[-1])))

    def __call__(
        self,
        input_values: torch.Tensor,
        padding_mask: torch.Tensor | None = None,
        bandwidth: float | None = None,
    ) -> ModelOutput:
        """Encode and decode.

        Parameters
        ----------
        input_values : Tensor
            ``(batch, channels, time)``.
        padding_mask : Tensor, optional
            As in `encode`.
        bandwidth : float, optional
            In kbps; the smallest by default.

        Returns
        -------
        ModelOutput
            Codes and waveforms.
        """
        codes, scales, padding = self.encode(input_values, padding_mask, bandwidth)
        mask = padding_mask
        if mask is None:
            mask = torch.ones_like(input_values[:, 0])
        return ModelOutput(codes, self.decode(codes, scales, mask, padding).audio_values)


def _lengths(padding_mask: torch.Tensor) -> list[int]:
    """Return how many samples of each item are not padding."""
    mask = padding_mask.bool()
    if mask.dim() == 3:
        mask = mask.any(dim=1)
    lengths = mask.sum(dim=-1)
    expected = torch.arange(mask.shape[-1], device=mask.device) < lengths[:, None]
    if not torch.equal(mask, expected):
        raise ValueError("padding_mask must be ones, then zeros: padding on the right only")
    return [int(n) for n in lengths]


def _ones_then_zeros(ones: int, length: int) -> torch.Tensor:
    return (torch.arange(length) < ones).to(torch.int64)
