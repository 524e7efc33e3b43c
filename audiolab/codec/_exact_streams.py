"""Sequences that go through the exact language model: to frequencies, to bytes, and back.

A run keeps the keys and values of the frames it has seen. Encoding takes many frames at once,
spread over threads; decoding takes one after the other. Both find the same integers.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from audiolab.codec import _exact_kernels as kernels
from audiolab.codec._exact_parameters import Parameters, Work
from audiolab.codec.entropy import ArithmeticDecoder, ArithmeticEncoder
from audiolab.codec.language_model_config import LanguageModelConfig

__all__ = ["BLOCK", "ExactDecoder", "ExactEncoder", "Run", "check_codes"]

#: Frames evaluated together while encoding.
BLOCK = 256


class Run:
    """The past of one sequence, and the layers' work on the next frames of it."""

    def __init__(
        self,
        config: LanguageModelConfig,
        parameters: Parameters,
        num_codebooks: int,
        block: int = BLOCK,
    ) -> None:
        _check_codebooks(config, num_codebooks)
        self.parameters = parameters
        self.config = config
        self.position = 0
        # Room for the window, the block, and a while before the window has to move to the front.
        capacity = config.past_context + 1 + max(block, 256)
        shape = (config.num_layers, config.dim, capacity)
        self.work = Work(
            x=np.zeros((block, config.dim), np.int64),
            query=np.zeros((config.dim, block), np.int16),
            keys=np.zeros(shape, np.int16),
            values=np.zeros(shape, np.int16),
        )
        # The step of zeros before the first frame: only the biases are left.
        bias = self.parameters.attention.query_key_value.rows[:, 1]
        self.work.keys[:, :, 0] = bias[:, config.dim : 2 * config.dim]
        self.work.values[:, :, 0] = bias[:, 2 * config.dim :]
        self.fill = 1
        self.known = np.zeros((1, num_codebooks), np.int64)

    def advance(self, codes: NDArray[np.int64], share: Callable[..., None] | None = None) -> int:
        """Take in ``(codebook, frame)``, no more than a block; return how many frames."""
        count: int = codes.shape[1]
        known = np.ascontiguousarray(np.concatenate([self.known, 1 + codes.T[:-1]]))
        share = share or (lambda work, count: work(0, count))
        p, work, config = self.parameters, self.work, self.config
        heads, context = config.num_heads, config.past_context
        fill = int(kernels.make_room(work.keys, work.values, self.fill, context, count))
        share(lambda a, b: kernels.embed(p.embedding, known, self.position, work.x, a, b), count)
        for i in range(config.num_layers):
            # All keys of the block must be there before any frame attends to them.
            share(
                lambda a, b, i=i: kernels.project(p.attention.query_key_value, i, work, fill, a, b),
                count,
            )
            share(
                lambda a, b, i=i: kernels.attend(p.attention, i, heads, context, work, fill, a, b),
                count,
            )
            share(lambda a, b, i=i: kernels.feed_forward(p.feed_forward, i, work.x[a:b]), count)
        self.fill = fill + count
        self.position += count
        self.known = 1 + codes.T[-1:]
        return count


class ExactEncoder:
    """Code frames that arrive in pieces; made by `ExactLanguageModel.encoder`.

    Parameters
    ----------
    config : LanguageModelConfig
        The model's sizes.
    parameters : Parameters
        The model's integers.
    num_codebooks : int
        Codebooks to code.
    num_threads : int, optional
        Threads to share the work; those of torch by default.
    """

    def __init__(
        self,
        config: LanguageModelConfig,
        parameters: Parameters,
        num_codebooks: int,
        *,
        num_threads: int | None = None,
    ) -> None:
        self._run = Run(config, parameters, num_codebooks)
        self._num_codebooks = num_codebooks
        self._coder = ArithmeticEncoder()
        self._num_threads = num_threads or torch.get_num_threads()

    def push(self, codes: ArrayLike | torch.Tensor) -> bytes:
        """Append frames and return the bytes that are final.

        Parameters
        ----------
        codes : array_like or torch.Tensor
            Codes ``(codebook, frame)``, any number of frames.

        Returns
        -------
        bytes
            What no later frame can change.
        """
        values = check_codes(self._run.config, codes)
        if len(values) != self._num_codebooks:
            raise ValueError(f"codes must have {self._num_codebooks} codebooks, got {len(values)}")
        if self._num_threads == 1:
            return self._push(values, lambda work, count: work(0, count))
        with ThreadPoolExecutor(self._num_threads) as pool:
            return self._push(values, lambda work, count: self._share(pool, work, count))

    def _push(self, values: NDArray[np.int64], share: Callable[..., None]) -> bytes:
        run, parts = self._run, []
        for start in range(0, values.shape[1], BLOCK):
            block = values[:, start : start + BLOCK]
            count = run.advance(block, share)
            frames = np.ascontiguousarray(block.T)
            bounds = np.empty((count, self._num_codebooks, 2), np.int64)
            share(
                lambda a, b, frames=frames, bounds=bounds: kernels.intervals(
                    kernels.widths(run.parameters.head, self._num_codebooks, run.work.x[a:b]),
                    frames[a:b],
                    bounds[a:b],
                ),
                count,
            )
            self._coder.encode_intervals(bounds.reshape(-1, 2))
            parts.append(self._coder.drain())
        return b"".join(parts)

    def _share(
        self, pool: ThreadPoolExecutor, work: Callable[[int, int], None], count: int
    ) -> None:
        # The kernels take four frames at a time.
        step = -(-count // self._num_threads)
        step += -step % 4
        spans = [(a, min(a + step, count)) for a in range(0, count, step)]
        list(pool.map(lambda span: work(*span), spans))

    def finish(self) -> bytes:
        """End the stream.

        Returns
        -------
        bytes
            The last bytes.
        """
        return self._coder.finish()


class ExactDecoder:
    """Read frames back; made by `ExactLanguageModel.decoder`.

    Parameters
    ----------
    config : LanguageModelConfig
        Sizes of the model that coded them.
    parameters : Parameters
        The model's integers.
    num_codebooks : int
        Codebooks that were coded.
    data : bytes
        The stream or its beginning.
    """

    def __init__(
        self,
        config: LanguageModelConfig,
        parameters: Parameters,
        num_codebooks: int,
        data: bytes = b"",
    ) -> None:
        self._run = Run(config, parameters, num_codebooks, block=1)
        self._num_codebooks = num_codebooks
        self.coder = ArithmeticDecoder(data)

    def pull(self, num_frames: int) -> torch.Tensor:
        """Read the next frames.

        Parameters
        ----------
        num_frames : int
            How many; the bytes at hand must reach for them.

        Returns
        -------
        torch.Tensor
            Codes ``(codebook, frame)``, int64.

        Raises
        ------
        CorruptStreamError
            The stream ends too soon or was coded by another model.
        """
        run, config = self._run, self._run.config
        data, state = self.coder.parts
        frames = []
        # In pieces, so that a wrong `num_frames` allocates no more than the stream is worth.
        for start in range(0, num_frames, 4096):
            out = np.empty((min(4096, num_frames - start), self._num_codebooks), np.int64)
            fill, done = kernels.decode_frames(
                run.parameters, config.num_heads, config.past_context, run.work, run.fill,
                run.position, run.known, data, state, out,
            )  # fmt: skip
            run.fill = int(fill)
            run.position += len(out)
            self.coder.check_done(done, out.size)
            frames.append(torch.from_numpy(out))
        if not frames:
            return torch.empty(self._num_codebooks, 0, dtype=torch.long)
        return torch.cat(frames).T.contiguous()


def check_codes(config: LanguageModelConfig, codes: ArrayLike | torch.Tensor) -> NDArray[np.int64]:
    """Return codes ``(codebook, frame)`` that the model knows as int64, else raise."""
    values = codes.detach().cpu().numpy() if isinstance(codes, torch.Tensor) else codes
    array = np.asarray(values)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"codes must be integers of shape (codebook, frame), got {array.dtype} {array.shape}"
        )
    _check_codebooks(config, array.shape[0])
    size = config.codebook_size
    if array.size and not 0 <= int(array.min()) <= int(array.max()) < size:
        raise ValueError(f"codes must lie in 0..{size - 1}, got {array.min()}..{array.max()}")
    return array.astype(np.int64)


def _check_codebooks(config: LanguageModelConfig, num_codebooks: int) -> None:
    if not 1 <= num_codebooks <= config.num_codebooks:
        raise ValueError(
            f"this language model knows 1 to {config.num_codebooks} codebooks, got {num_codebooks}"
        )
