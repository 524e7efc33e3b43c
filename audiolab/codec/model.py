"""The EnCodec model: waveform to codes and back.

This is the call of the original package: `EncodecModel.encode` returns a list of segments, each a
pair of codes and scale, and `EncodecModel.decode` takes it back. `EncodecModel.as_transformers` is
the same model under Hugging Face's call.

Codes are those of ``encodec`` 0.1.1, with these differences, none of which a decoder notices:

- stereo whose channels cancel is scaled by the level of both channels, not by that of their mix,
  which is near zero (`audiolab.codec.segments.segment_scale`);
- the number of frames is counted in integers, so no length fails to come back;
- items of a batch may have lengths of their own, and come out as if each had come alone.

The networks around the quantiser are SEANet, as in that package, or those around an MDCT
(`EncodecConfig.backbone`). On a CPU without gradients, `audiolab.codec.engine` evaluates them;
everywhere else, their modules do.

``torch.export`` and ``torch.onnx.export`` take `encoder` and `decoder`. They unroll an LSTM over
time, so the published models are exported for the length of the example ("you marked ... as dynamic
but your code specialized it to be a constant"); a model without LSTM layers takes any length from
some frames on with ``dynamic_shapes=({2: Dim.AUTO},)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import torch

from audiolab._typing import FilePath, Seed
from audiolab.codec._coding import Coding, Compat, EncodedSegment
from audiolab.codec._training_pass import Reconstruction, TrainingPass
from audiolab.codec.config import EncodecConfig, preset

if TYPE_CHECKING:
    from audiolab.codec.streaming import StreamingDecoder, StreamingEncoder
    from audiolab.codec.transformers_api import TransformersEncodec

__all__ = ["Compat", "EncodecModel", "EncodedSegment", "Reconstruction"]


class EncodecModel(Coding, TrainingPass):
    """A neural codec.

    Parameters
    ----------
    config : EncodecConfig
        The model's numbers.
    generator : Generator, int or None, default: None
        Where the initial weights are drawn from.

    Attributes
    ----------
    config : EncodecConfig
        The model's numbers.
    bandwidth : float or None
        Bandwidth in kbps that `encode` uses; None for all codebooks.

    Examples
    --------
    >>> model = EncodecModel.from_preset("encodec_24khz", generator=0)
    >>> model.set_target_bandwidth(6.0)
    >>> [(codes, scale)] = model.encode(torch.zeros(1, 1, 24000))
    >>> codes.shape
    torch.Size([1, 8, 75])
    >>> model.decode([(codes, scale)]).shape
    torch.Size([1, 1, 24000])
    """

    # ------------------------------------------------------------------------------- construction
    @classmethod
    def from_config(cls, config: EncodecConfig, *, generator: Seed = None) -> EncodecModel:
        """Build a model with random weights and empty codebooks, ready to be trained or loaded.

        Parameters
        ----------
        config : EncodecConfig
            The model's numbers.
        generator : Generator, int or None, default: None
            Where the weights are drawn from.

        Returns
        -------
        EncodecModel
            In evaluation mode.
        """
        return cls(config, generator=generator)

    @classmethod
    def from_preset(cls, name: str, *, generator: Seed = None) -> EncodecModel:
        """Build a preset's architecture with random weights and empty codebooks.

        Parameters
        ----------
        name : str
            ``"audiolab_24khz"``, ``"encodec_24khz"`` or ``"encodec_48khz"``.
        generator : Generator, int or None, default: None
            Where the weights are drawn from.

        Returns
        -------
        EncodecModel
            In evaluation mode.
        """
        return cls(preset(name), generator=generator)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: FilePath,
        *,
        download: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> EncodecModel:
        """Load a model with its weights.

        Parameters
        ----------
        name_or_path : str or path
            ``"audiolab_24khz"``, whose weights are part of this package; a published model's name,
            whose checkpoint is looked for in torch's cache and downloaded if it is missing; a
            folder with ``config.json`` and ``model.safetensors``; a checkpoint file; or a
            repository that Hugging Face's cache holds, as ``"facebook/encodec_24khz"``.
        download : bool, default: True
            Whether a missing checkpoint may be downloaded.
        progress : callable, optional
            Called during a download with the bytes that are there and the bytes in all.

        Returns
        -------
        EncodecModel
            In evaluation mode.

        Raises
        ------
        CheckpointError
            Nothing is found, or what is found can't be used; the message says where to put a file.
        """
        from audiolab.codec import checkpoint

        config, state = checkpoint.read(name_or_path, download=download, progress=progress)
        model = cls(config, generator=0)
        checkpoint.fill(model, state, str(name_or_path))
        return model

    def save_pretrained(self, folder: FilePath, *, overwrite: bool = False) -> None:
        """Write ``config.json`` and ``model.safetensors``, which transformers loads too.

        It does not know the backbone "mdct". `audiolab.codec.compact` writes fewer bytes.

        Parameters
        ----------
        folder : str or path
            Where to; made if it is missing.
        overwrite : bool, default: False
            Whether files of those names may be replaced.
        """
        from audiolab.codec import checkpoint

        checkpoint.write(self, folder, overwrite=overwrite)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Encode and decode; in training mode with a gradient, learning the codebooks.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, channels, time)``.

        Returns
        -------
        Tensor
            The same shape.
        """
        if self.training:
            return self.reconstruct(waveform).waveform
        return self.decode(self.encode(waveform))[..., : waveform.shape[-1]]

    # ---------------------------------------------------------------------- streams and other calls
    def streaming_encoder(
        self, *, batch: int = 1, bandwidth: float | None = None, effort: int = 1
    ) -> StreamingEncoder:
        """Return an encoder that takes a signal in pieces.

        Parameters
        ----------
        batch : int, default: 1
            Signals side by side.
        bandwidth : float, optional
            As in `encode`.
        effort : int, default: 1
            As in `encode`.

        Returns
        -------
        StreamingEncoder
            At the start of a signal.
        """
        from audiolab.codec.streaming import StreamingEncoder

        return StreamingEncoder(self, batch=batch, bandwidth=bandwidth, effort=effort)

    def streaming_decoder(self, *, batch: int = 1) -> StreamingDecoder:
        """Return a decoder that takes codes in pieces.

        Parameters
        ----------
        batch : int, default: 1
            Signals side by side.

        Returns
        -------
        StreamingDecoder
            At the start of a signal.
        """
        from audiolab.codec.streaming import StreamingDecoder

        return StreamingDecoder(self, batch=batch)

    def encode_blocks(
        self,
        blocks: Iterable[torch.Tensor],
        *,
        bandwidth: float | None = None,
        compat: Compat = "audiolab",
        effort: int = 1,
    ) -> Iterator[EncodedSegment]:
        """Encode a signal of any length in constant memory.

        Parameters
        ----------
        blocks : iterable of Tensor
            The signal ``(batch, channels, time)`` or ``(channels, time)`` in pieces of any size.
        bandwidth : float, optional
            As in `encode`.
        compat : {"audiolab", "reference"}, default: "audiolab"
            As in `encode`.
        effort : int, default: 1
            As in `encode`.

        Returns
        -------
        iterator of EncodedSegment
            For a model that cuts its input, its segments; else the codes of the only segment in
            pieces, to be joined over frames. The codes are those of `encode`.
        """
        from audiolab.codec.streaming import encode_blocks

        return encode_blocks(self, blocks, bandwidth=bandwidth, compat=compat, effort=effort)

    def decode_blocks(
        self, segments: Iterable[tuple[torch.Tensor, torch.Tensor | None]]
    ) -> Iterator[torch.Tensor]:
        """Decode a signal of any length in constant memory.

        Parameters
        ----------
        segments : iterable of EncodedSegment
            What `encode_blocks` yields.

        Returns
        -------
        iterator of Tensor
            The waveform ``(batch, channels, time)`` in pieces, up to a frame longer in all than
            what was encoded.
        """
        from audiolab.codec.streaming import decode_blocks

        return decode_blocks(self, segments)

    def as_transformers(
        self, *, compat: Literal["audiolab", "transformers"] = "audiolab"
    ) -> TransformersEncodec:
        """Return this model under the call of Hugging Face's ``EncodecModel``.

        Parameters
        ----------
        compat : {"audiolab", "transformers"}, default: "audiolab"
            "transformers" repeats what it does to padded input, wrong codes included.

        Returns
        -------
        TransformersEncodec
            A view: it shares the weights.
        """
        from audiolab.codec.transformers_api import TransformersEncodec

        return TransformersEncodec(self, compat=compat)
