"""Codes and sound as they come: the causal model on a stream, and files of any length.

The concatenation of what a stream returns is what one call would have returned: the same codes, and
the same sound up to rounding.

*Latency.* A causal convolution is padded on its left by reflection, so the first frames depend
on what comes after them. With the published model, frames 0 to 6 are determined when 2,240
samples (93 ms) are in; from then on, each 320 samples (13 ms) determine one more. The decoder
likewise needs seven frames of codes before the first sample, then one for each 320 samples. The
networks around an MDCT look ahead all the time: with the bundled model, codes are four frames
behind the samples, and samples seven frames behind the codes, so that sound comes out 160 ms after
it went in, and `finish` returns the last frames.

At the end the last samples, if they don't fill a frame, are reflected (by SEANet) or followed by
zeros; only `StreamingEncoder.finish` can do that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from audiolab._validation import check_waveform
from audiolab.codec._batches import check_segment
from audiolab.codec._beam_search import check_effort
from audiolab.codec.engine import Network, Stream
from audiolab.codec.mdct_engine import MDCTNetwork, MDCTStream
from audiolab.codec.model import Compat, EncodecModel, EncodedSegment
from audiolab.codec.segments import OverlapAdder

__all__ = ["StreamingDecoder", "StreamingEncoder", "decode_blocks", "encode_blocks"]

# Of a model without segments, so much is collected before it is encoded or decoded: 10 s at 75 Hz,
# long enough for the LSTM to pay for its packed weights.
_FRAMES_AT_ONCE = 760
_SEGMENTS_AT_ONCE = 16


class _Feed:
    """What has come in and not yet gone through, and the first part held back."""

    def __init__(self, network: Network | MDCTNetwork, batch: int) -> None:
        self.network, self.batch = network, batch
        self.stream: Stream | MDCTStream | None = None
        self.waiting: list[torch.Tensor] = []
        self.length = 0

    def take(self, x: torch.Tensor) -> torch.Tensor | None:
        """Append ``(batch, channels, time)`` and return the output that is now determined."""
        self.waiting.append(x)
        self.length += x.shape[-1]
        unit = self.network.samples_in
        ready = self.length // unit * unit
        if ready == 0 or (self.stream is None and ready < self.network.held_back * unit):
            return None
        whole = self._join()
        part, rest = whole[..., :ready], whole[..., ready:]
        # Only what is left is kept, not a view of all that came.
        self.waiting, self.length = [rest.clone()], rest.shape[-1]
        if self.stream is None:
            self.stream = self.network.stream(self.batch)
        return self.stream.push(part, last=False)

    def finish(self) -> torch.Tensor | None:
        """Return what the end determines, and start anew."""
        stream, self.stream = self.stream, None
        holds = stream is not None and stream.holds_frames
        whole = self._join() if self.length or holds else None
        self.waiting, self.length = [], 0
        if whole is None:
            return None
        return self.network.run(whole) if stream is None else stream.push(whole, last=True)

    def _join(self) -> torch.Tensor:
        return self.waiting[0] if len(self.waiting) == 1 else torch.cat(self.waiting, dim=-1)


def _check_causal(model: EncodecModel) -> None:
    if not model.config.causal or model.segment_length is not None or model.normalize:
        raise ValueError(
            f"{model.name} looks ahead, so it can't stream; encode_blocks and decode_blocks "
            "go through it segment by segment"
        )


class StreamingEncoder:
    """Waveform in pieces of any size to codes, as soon as they are determined.

    Parameters
    ----------
    model : EncodecModel
        A causal model. Its weights must not change while a signal is under way.
    batch : int, default: 1
        Signals side by side.
    bandwidth : float, optional
        In kbps; the model's by default.
    effort : int, default: 1
        Beams that the search for codes keeps, as in `EncodecModel.encode`.

    Examples
    --------
    >>> model = EncodecModel.from_preset("encodec_24khz", generator=0)
    >>> encoder = model.streaming_encoder(bandwidth=1.5)
    >>> encoder.latency_samples
    2240
    >>> [encoder.push(torch.zeros(1, 1, n)).shape[-1] for n in (2000, 239, 1, 320)]
    [0, 0, 7, 1]
    >>> encoder.finish().shape
    torch.Size([1, 2, 0])
    """

    def __init__(
        self,
        model: EncodecModel,
        *,
        batch: int = 1,
        bandwidth: float | None = None,
        effort: int = 1,
    ) -> None:
        _check_causal(model)
        if batch < 1:
            raise ValueError(f"batch must be at least 1, got {batch}")
        self.model, self.batch, self.effort = model, batch, check_effort(effort)
        self.num_codebooks = model.num_codebooks_for(
            model.bandwidth if bandwidth is None else model.check_bandwidth(bandwidth)
        )
        self._feed = _Feed(model.encoder_network(), batch)

    @property
    def latency_samples(self) -> int:
        """Samples that must be in before the first codes come out."""
        return self._feed.network.held_back * self.model.hop_length

    @torch.no_grad()
    def push(self, waveform: torch.Tensor) -> torch.Tensor:
        """Take the next samples.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, channels, time)``, any time, also none.

        Returns
        -------
        Tensor
            Codes ``(batch, codebooks, frames)`` of the frames now determined, maybe none.

        Raises
        ------
        ValueError
            The shape does not fit, or a sample is not finite.
        """
        check_waveform(waveform, finite=True)
        expected = (self.batch, self.model.channels)
        if waveform.dim() != 3 or tuple(waveform.shape[:2]) != expected:
            raise ValueError(
                f"waveform must have shape ({expected[0]}, {expected[1]}, time), "
                f"got {tuple(waveform.shape)}"
            )
        return self._codes(self._feed.take(waveform), waveform.device)

    @torch.no_grad()
    def finish(self) -> torch.Tensor:
        """End the signal; the encoder is then ready for the next one.

        Returns
        -------
        Tensor
            Codes of the frames that were left.
        """
        device = self.model.quantizer.codebooks[0].embed.device
        return self._codes(self._feed.finish(), device)

    def _codes(self, latent: torch.Tensor | None, device: torch.device) -> torch.Tensor:
        if latent is None:
            return torch.zeros(self.batch, self.num_codebooks, 0, dtype=torch.int64, device=device)
        return self.model.quantizer.encode(latent, self.num_codebooks, effort=self.effort)


class StreamingDecoder:
    """Codes in pieces of any size to waveform, as soon as it is determined.

    Parameters
    ----------
    model : EncodecModel
        A causal model. Its weights must not change while a signal is under way.
    batch : int, default: 1
        Signals side by side.

    Examples
    --------
    >>> model = EncodecModel.from_preset("encodec_24khz", generator=0)
    >>> decoder = model.streaming_decoder()
    >>> codes = torch.zeros(1, 2, 8, dtype=torch.int64)
    >>> [decoder.push(codes[..., i : i + 1]).shape[-1] for i in range(8)]
    [0, 0, 0, 0, 0, 0, 2240, 320]
    """

    def __init__(self, model: EncodecModel, *, batch: int = 1) -> None:
        _check_causal(model)
        if batch < 1:
            raise ValueError(f"batch must be at least 1, got {batch}")
        self.model, self.batch = model, batch
        self._feed = _Feed(model.decoder_network(), batch)

    @property
    def latency_frames(self) -> int:
        """Frames of codes that must be in before the first samples come out."""
        return self._feed.network.held_back

    @torch.no_grad()
    def push(self, codes: torch.Tensor) -> torch.Tensor:
        """Take the next codes.

        Parameters
        ----------
        codes : Tensor
            ``(batch, codebooks, frames)``, any number of frames, also none.

        Returns
        -------
        Tensor
            The samples now determined ``(batch, channels, time)``, maybe none.
        """
        codes, _ = check_segment(self.model.config, codes, None)
        if len(codes) != self.batch:
            raise ValueError(f"codes must hold {self.batch} item(s), got {len(codes)}")
        latent = self.model.quantizer.decode(codes)
        return self._samples(self._feed.take(latent), latent)

    @torch.no_grad()
    def finish(self) -> torch.Tensor:
        """End the signal; the decoder is then ready for the next one.

        Returns
        -------
        Tensor
            The samples that were left: of a signal shorter than the latency, all of them.
        """
        like = self.model.quantizer.codebooks[0].embed
        return self._samples(self._feed.finish(), like)

    def _samples(self, waveform: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
        if waveform is None:
            return like.new_zeros(self.batch, self.model.channels, 0)
        return waveform


def encode_blocks(
    model: EncodecModel,
    blocks: Iterable[torch.Tensor],
    *,
    bandwidth: float | None = None,
    compat: Compat = "audiolab",
    effort: int = 1,
) -> Iterator[EncodedSegment]:
    """Encode a signal of any length in constant memory (see `EncodecModel.encode_blocks`)."""
    length, stride = model.segment_length, model.segment_stride
    if length is None or stride is None:
        yield from _encode_stream(model, blocks, bandwidth, effort)
        return
    waiting: torch.Tensor | None = None
    at_once = (_SEGMENTS_AT_ONCE - 1) * stride + length
    for block in blocks:
        block = _batched(block)
        waiting = block if waiting is None else torch.cat([waiting, block], dim=-1)
        while waiting.shape[-1] >= at_once:
            part = waiting[..., :at_once]
            # The segments that are whole; the one that begins after them starts the next part.
            done = model.encode(part, bandwidth=bandwidth, compat=compat, effort=effort)
            yield from done[:_SEGMENTS_AT_ONCE]
            waiting = waiting[..., _SEGMENTS_AT_ONCE * stride :].clone()
    if waiting is not None and waiting.shape[-1]:
        yield from model.encode(waiting, bandwidth=bandwidth, compat=compat, effort=effort)


def _encode_stream(
    model: EncodecModel, blocks: Iterable[torch.Tensor], bandwidth: float | None, effort: int
) -> Iterator[EncodedSegment]:
    encoder: StreamingEncoder | None = None
    waiting: list[torch.Tensor] = []
    collected = 0
    for block in blocks:
        block = _batched(block)
        if encoder is None:
            encoder = StreamingEncoder(model, batch=len(block), bandwidth=bandwidth, effort=effort)
        waiting.append(block)
        collected += block.shape[-1]
        if collected >= _FRAMES_AT_ONCE * model.hop_length:
            codes = encoder.push(torch.cat(waiting, dim=-1))
            waiting, collected = [], 0
            if codes.shape[-1]:
                yield EncodedSegment(codes, None)
    if encoder is None:
        return
    parts = [encoder.push(torch.cat(waiting, dim=-1))] if waiting else []
    codes = torch.cat([*parts, encoder.finish()], dim=-1)
    if codes.shape[-1]:
        yield EncodedSegment(codes, None)


def decode_blocks(
    model: EncodecModel, segments: Iterable[tuple[torch.Tensor, torch.Tensor | None]]
) -> Iterator[torch.Tensor]:
    """Decode a signal of any length in constant memory (see `EncodecModel.decode_blocks`)."""
    if model.segment_stride is None:
        yield from _decode_stream(model, segments)
        return
    adder = OverlapAdder(model.segment_stride)
    waiting: list[tuple[torch.Tensor, torch.Tensor | None]] = []
    empty = True
    for segment in segments:
        waiting.append(segment)
        if len(waiting) == _SEGMENTS_AT_ONCE:
            yield from _joined(model, waiting, adder)
            waiting, empty = [], False
    yield from _joined(model, waiting, adder)
    if waiting or not empty:
        yield adder.finish()


def _joined(
    model: EncodecModel,
    segments: list[tuple[torch.Tensor, torch.Tensor | None]],
    adder: OverlapAdder,
) -> Iterator[torch.Tensor]:
    for waveform in model.decode_segments(segments):
        part = adder.push(waveform)
        if part.shape[-1]:
            yield part


def _decode_stream(
    model: EncodecModel, segments: Iterable[tuple[torch.Tensor, torch.Tensor | None]]
) -> Iterator[torch.Tensor]:
    decoder: StreamingDecoder | None = None
    for codes, _ in segments:
        if decoder is None:
            decoder = StreamingDecoder(model, batch=len(codes))
        for part in torch.split(codes, _FRAMES_AT_ONCE, dim=-1):
            waveform = decoder.push(part)
            if waveform.shape[-1]:
                yield waveform
    if decoder is not None:
        waveform = decoder.finish()
        if waveform.shape[-1]:
            yield waveform


def _batched(block: torch.Tensor) -> torch.Tensor:
    return block[None] if block.dim() == 2 else block
