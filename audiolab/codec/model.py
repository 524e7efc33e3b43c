"""The EnCodec model: waveform to codes and back.

This is the call of the original package: `EncodecModel.encode` returns a list of segments, each a
pair of codes and scale, and `EncodecModel.decode` takes it back. `EncodecModel.as_transformers` is
the same model under Hugging Face's call.

Codes are those of ``encodec`` 0.1.1, with these differences, none of which a decoder notices:

- stereo whose channels cancel is scaled by the level of both channels, not by that of their mix,
  which is near zero (`audiolab.codec.segments.segment_scale`);
- the number of frames is counted in integers, so no length fails to come back;
- items of a batch may have lengths of their own, and come out as if each had come alone.

On a CPU without gradients, `audiolab.codec.engine` evaluates the networks; everywhere else, their
modules do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import torch

from audiolab._typing import FilePath, Seed
from audiolab._validation import as_generator, check_choice
from audiolab.codec import _batches
from audiolab.codec._batches import by_key, by_length, check_input, check_lengths, slices
from audiolab.codec._networks import Networks
from audiolab.codec.config import EncodecConfig, preset
from audiolab.codec.quantizer import Quantized
from audiolab.codec.segments import overlap_add, segment_scale

if TYPE_CHECKING:
    from audiolab.codec.streaming import StreamingDecoder, StreamingEncoder
    from audiolab.codec.transformers_api import TransformersEncodec

__all__ = ["Compat", "EncodecModel", "EncodedSegment", "Reconstruction"]

#: Whose behaviour to follow where the reference is wrong: ours, or the reference's own.
Compat: TypeAlias = Literal["audiolab", "reference"]

# Segments evaluated together: enough to feed the LSTM, few enough to stay in memory.
_SEGMENTS_AT_ONCE = 16


class EncodedSegment(NamedTuple):
    """The codes of one segment.

    Parameters
    ----------
    codes : Tensor
        ``(batch, codebooks, frames)``, int64.
    scale : Tensor or None
        ``(batch, 1)`` where the model normalises, else None.
    """

    codes: torch.Tensor
    scale: torch.Tensor | None


class Reconstruction(NamedTuple):
    """What training needs of one pass through the model.

    Parameters
    ----------
    waveform : Tensor
        ``(batch, channels, time)``.
    codes : list of Tensor
        Codes of each segment, -1 in the codebooks that an item left out.
    commitment : Tensor
        Mean commitment loss, a scalar.
    """

    waveform: torch.Tensor
    codes: list[torch.Tensor]
    commitment: torch.Tensor


class EncodecModel(Networks):
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
        """Build a published model's architecture with random weights and empty codebooks.

        Parameters
        ----------
        name : str
            ``"encodec_24khz"`` or ``"encodec_48khz"``.
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
            A published model's name, whose checkpoint is looked for in torch's cache and downloaded
            if it is missing; a folder with ``config.json`` and ``model.safetensors``; a checkpoint
            file; or a repository that Hugging Face's cache holds, as ``"facebook/encodec_24khz"``.
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

        Parameters
        ----------
        folder : str or path
            Where to; made if it is missing.
        overwrite : bool, default: False
            Whether files of those names may be replaced.
        """
        from audiolab.codec import checkpoint

        checkpoint.write(self, folder, overwrite=overwrite)

    # -------------------------------------------------------------------------- encode and decode
    @torch.no_grad()
    def encode(
        self,
        waveform: torch.Tensor,
        *,
        lengths: Sequence[int] | torch.Tensor | None = None,
        bandwidth: float | None = None,
        compat: Compat = "audiolab",
    ) -> list[EncodedSegment]:
        """Turn a batch of waveforms into codes; no gradient is kept.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, channels, time)`` at the model's rate.
        lengths : sequence of int, optional
            Samples of each item, where they differ. Every item's codes are those it gets alone;
            what a shorter item lacks is filled with zeros.
        bandwidth : float, optional
            One of `target_bandwidths`; that of `set_target_bandwidth` by default, else all
            codebooks.
        compat : {"audiolab", "reference"}, default: "audiolab"
            "reference" keeps the reference's scale for channels that cancel.

        Returns
        -------
        list of EncodedSegment
            One for each segment: a single one unless the model cuts its input.

        Raises
        ------
        ValueError
            The shape or the bandwidth is not the model's, or a sample is not finite.
        """
        waveform = check_input(self.config, waveform)
        check_choice(compat, "compat", ("audiolab", "reference"))
        stages = self.config.num_codebooks_for(
            self.bandwidth if bandwidth is None else self.check_bandwidth(bandwidth)
        )
        sizes = check_lengths(lengths, waveform)
        cuts = [self.config.segments(size) for size in sizes]
        count = max(len(item) for item in cuts)
        frames = [
            max(self.config.num_frames(item[i][1] - item[i][0]) for item in cuts if i < len(item))
            for i in range(count)
        ]
        codes = [
            torch.zeros(len(sizes), stages, n, dtype=torch.int64, device=waveform.device)
            for n in frames
        ]
        scales = [waveform.new_zeros(len(sizes), 1) for _ in frames]
        for length, places in by_length(cuts).items():
            for some in slices(places, _SEGMENTS_AT_ONCE if self.segment_length else len(places)):
                batch = torch.stack(
                    [waveform[b, :, cuts[b][i][0] : cuts[b][i][1]] for b, i in some]
                )
                done, scale = self._encode_segments(batch, stages, compat)
                for row, (b, i) in enumerate(some):
                    codes[i][b, :, : self.config.num_frames(length)] = done[row]
                    if scale is not None:
                        scales[i][b] = scale[row]
        return [
            EncodedSegment(c, s if self.config.normalize else None)
            for c, s in zip(codes, scales, strict=True)
        ]

    @torch.no_grad()
    def decode(
        self,
        segments: Sequence[tuple[torch.Tensor, torch.Tensor | None]],
        *,
        lengths: Sequence[int] | torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Turn codes back into waveforms; no gradient is kept (`reconstruct` keeps it).

        Parameters
        ----------
        segments : sequence of EncodedSegment
            What `encode` returned, of any number of leading codebooks.
        lengths : sequence of int, optional
            Samples of each item, as given to `encode`. Items are then decoded as if alone, cut to
            their length and filled with zeros.

        Returns
        -------
        Tensor
            ``(batch, channels, time)``; without `lengths` up to a frame longer than what was
            encoded.

        Raises
        ------
        ValueError
            The segments don't fit the model or the lengths.
        """
        pairs = [self.check_segment(codes, scale) for codes, scale in segments]
        if lengths is None:
            return self._decode_whole(pairs)
        sizes = [int(n) for n in lengths]
        items = [self._decode_item(pairs, b, size) for b, size in enumerate(sizes)]
        out = items[0].new_zeros(len(items), self.channels, max(sizes))
        for row, item in zip(out, items, strict=True):
            row[:, : item.shape[-1]] = item
        return out

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

    def reconstruct(
        self,
        waveform: torch.Tensor,
        *,
        num_codebooks: int | torch.Tensor | None = None,
        generator: Seed = None,
    ) -> Reconstruction:
        """Go through the model with a gradient, straight through the quantiser.

        In training mode the codebooks are started, updated and renewed on the way.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, channels, time)``.
        num_codebooks : int or Tensor, optional
            Codebooks for all items, or for each as a tensor ``(batch,)`` (see
            `sample_num_codebooks`); by default those of `bandwidth`.
        generator : Generator, int or None, default: None
            Where the quantiser draws from.

        Returns
        -------
        Reconstruction
            Waveform, codes and commitment loss.
        """
        waveform = check_input(self.config, waveform)
        if num_codebooks is None:
            num_codebooks = self.config.num_codebooks_for(self.bandwidth)
        random = as_generator(generator, waveform.device) if self.training else None
        parts: list[torch.Tensor] = []
        passes: list[Quantized] = []
        for start, stop in self.config.segments(waveform.shape[-1]):
            segment = waveform[..., start:stop]
            scale = segment_scale(segment) if self.config.normalize else None
            latent = self.encoder(segment if scale is None else segment / scale)
            quantized = self.quantizer(latent, num_codebooks, generator=random)
            out = self.decoder(quantized.latent)[..., : stop - start]
            parts.append(out if scale is None else out * scale)
            passes.append(quantized)
        joined = (
            parts[0] if self.segment_stride is None else overlap_add(parts, self.segment_stride)
        )
        return Reconstruction(
            joined[..., : waveform.shape[-1]],
            [p.codes for p in passes],
            torch.stack([p.commitment for p in passes]).mean(),
        )

    def sample_num_codebooks(self, batch: int, *, generator: Seed = None) -> torch.Tensor:
        """Draw a bandwidth for each item, for `reconstruct`: quantiser dropout.

        Parameters
        ----------
        batch : int
            Number of items.
        generator : Generator, int or None, default: None
            Where to draw from.

        Returns
        -------
        Tensor
            Codebooks ``(batch,)``, each those of a target bandwidth, all equally likely.
        """
        counts = torch.tensor([self.num_codebooks_for(b) for b in self.config.target_bandwidths])
        return counts[torch.randint(len(counts), (batch,), generator=as_generator(generator))]

    # ---------------------------------------------------------------------- streams and other calls
    def streaming_encoder(
        self, *, batch: int = 1, bandwidth: float | None = None
    ) -> StreamingEncoder:
        """Return an encoder that takes a signal in pieces.

        Parameters
        ----------
        batch : int, default: 1
            Signals side by side.
        bandwidth : float, optional
            As in `encode`.

        Returns
        -------
        StreamingEncoder
            At the start of a signal.
        """
        from audiolab.codec.streaming import StreamingEncoder

        return StreamingEncoder(self, batch=batch, bandwidth=bandwidth)

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

        Returns
        -------
        iterator of EncodedSegment
            For a model that cuts its input, its segments; else the codes of the only segment in
            pieces, to be joined over frames. The codes are those of `encode`.
        """
        from audiolab.codec.streaming import encode_blocks

        return encode_blocks(self, blocks, bandwidth=bandwidth, compat=compat)

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

    # -------------------------------------------------------------------------------------- parts
    def _encode_segments(
        self, segments: torch.Tensor, stages: int, compat: str
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Encode segments of one length ``(batch, channels, time)``."""
        if segments.shape[-1] == 0:
            return segments.new_zeros(len(segments), stages, 0, dtype=torch.int64), None
        scale = None
        if self.config.normalize:
            scale = segment_scale(segments, mend=compat == "audiolab")
            segments = segments / scale
            scale = scale[:, :, 0]
        return self.quantizer.encode(self.latent(segments), stages), scale

    def _decode_segments(self, codes: torch.Tensor, scale: torch.Tensor | None) -> torch.Tensor:
        """Decode segments of one length ``(batch, codebooks, frames)``."""
        if codes.shape[-1] == 0:
            return torch.zeros(len(codes), self.channels, 0, device=codes.device)
        waveform = self.synthesize(self.quantizer.decode(codes))
        return waveform if scale is None else waveform * scale[:, :, None]

    def _decode_whole(
        self, pairs: Sequence[tuple[torch.Tensor, torch.Tensor | None]]
    ) -> torch.Tensor:
        if self.segment_stride is None:
            if len(pairs) != 1:
                raise ValueError(f"{self.name} has one segment, got {len(pairs)}")
            return self._decode_segments(*pairs[0])
        if not pairs:
            return torch.zeros(1, self.channels, 0, device=self.quantizer.codebooks[0].embed.device)
        return overlap_add(self.decode_segments(pairs), self.segment_stride)

    def check_segment(
        self, codes: torch.Tensor, scale: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return one segment's codes and scale if they fit the model.

        Parameters
        ----------
        codes : Tensor
            ``(batch, codebooks, frames)``.
        scale : Tensor or None
            One number per item where the model normalises.

        Returns
        -------
        codes : Tensor
            As int64.
        scale : Tensor or None
            As ``(batch, 1)``.

        Raises
        ------
        ValueError
            Shape, type or value don't fit.
        """
        return _batches.check_segment(self.config, codes, scale)

    @torch.no_grad()
    def decode_segments(
        self, pairs: Sequence[tuple[torch.Tensor, torch.Tensor | None]]
    ) -> list[torch.Tensor]:
        """Decode segments without joining them; those of one length go together.

        Parameters
        ----------
        pairs : sequence of EncodedSegment
            Codes and scales.

        Returns
        -------
        list of Tensor
            ``(batch, channels, time)`` for each.
        """
        parts: list[torch.Tensor | None] = [None] * len(pairs)
        for places in by_key([codes.shape for codes, _ in pairs]).values():
            for some in slices(places, max(1, _SEGMENTS_AT_ONCE // len(pairs[0][0]))):
                scales = [s for _, s in (pairs[i] for i in some) if s is not None]
                out = self._decode_segments(
                    torch.cat([pairs[i][0] for i in some]), torch.cat(scales) if scales else None
                )
                for i, part in zip(some, out.chunk(len(some)), strict=True):
                    parts[i] = part
        return [part for part in parts if part is not None]

    def _decode_item(
        self, pairs: Sequence[tuple[torch.Tensor, torch.Tensor | None]], item: int, size: int
    ) -> torch.Tensor:
        cuts = self.config.segments(size)
        if len(cuts) > len(pairs):
            raise ValueError(f"{size} samples take {len(cuts)} segments, got {len(pairs)}")
        own = []
        for (start, stop), (codes, scale) in zip(cuts, pairs, strict=False):
            frames = self.config.num_frames(stop - start)
            if frames > codes.shape[-1]:
                raise ValueError(
                    f"{stop - start} samples take {frames} frames, got {codes.shape[-1]}"
                )
            one = slice(item, item + 1)
            own.append((codes[one, :, :frames], None if scale is None else scale[one]))
        return self._decode_whole(own)[0, :, :size]
