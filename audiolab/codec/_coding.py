"""One call: batches of waveforms to codes and back, segment by segment where a model has segments.

Segments of one length are evaluated together, whichever item they belong to, and every item comes
out as if it had come alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch

from audiolab._validation import check_choice
from audiolab.codec import _batches
from audiolab.codec._batches import by_key, by_length, check_input, check_lengths, slices
from audiolab.codec._beam_search import check_effort
from audiolab.codec._networks import Networks
from audiolab.codec.segments import overlap_add, segment_scale

__all__ = ["Coding", "Compat", "EncodedSegment"]

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


class Coding(Networks):
    """How `audiolab.codec.EncodecModel` encodes and decodes whole signals.

    Parameters
    ----------
    config : EncodecConfig
        The model's numbers.
    generator : Generator, int or None, default: None
        Where the initial weights are drawn from.
    """

    @torch.no_grad()
    def encode(
        self,
        waveform: torch.Tensor,
        *,
        lengths: Sequence[int] | torch.Tensor | None = None,
        bandwidth: float | None = None,
        compat: Compat = "audiolab",
        effort: int = 1,
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
        effort : int, default: 1
            Beams that the search for codes keeps, 1 to 1024: 1 takes the nearest entry at every
            stage, as the reference does; 8 or more find better codes of the same size, at a cost
            that grows with them (see Notes).

        Returns
        -------
        list of EncodedSegment
            One for each segment: a single one unless the model cuts its input.

        Raises
        ------
        ValueError
            The shape, the bandwidth or the effort is not the model's, or a sample is not finite.

        Notes
        -----
        An effort above 1 makes each frame's latent error as small as the search finds with all the
        codebooks in use, and never larger than at effort 1; codes cut down to fewer codebooks
        afterwards may then be worse than those of effort 1. The search looks for the nearest
        latent, which is nearer in sound on average, not in every frame. A language model saves
        somewhat less on such codes, as nothing makes them likely ones.

        With codebooks of 1024 entries of 128 numbers, eight of them, one thread of an AMD Zen 4
        searches a second of sound at 75 frames in 2 ms at effort 1, 17 ms at 8, 60 ms at 32.
        """
        waveform = check_input(self.config, waveform)
        check_effort(effort)
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
                done, scale = self._encode_segments(batch, stages, compat, effort)
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

    def _encode_segments(
        self, segments: torch.Tensor, stages: int, compat: str, effort: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Encode segments of one length ``(batch, channels, time)``."""
        if segments.shape[-1] == 0:
            return segments.new_zeros(len(segments), stages, 0, dtype=torch.int64), None
        scale = None
        if self.config.normalize:
            scale = segment_scale(segments, mend=compat == "audiolab")
            segments = segments / scale
            scale = scale[:, :, 0]
        return self.quantizer.encode(self.latent(segments), stages, effort=effort), scale

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
