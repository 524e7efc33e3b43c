"""The language model in integers: the same probabilities on every machine, for ever.

An entropy coder needs the very same frequencies on both sides; one unit of difference and all that
follows is noise. Floating-point sums depend on the order of their terms, thus on the processor, the
number of threads, the batch, and on whether frames are evaluated one by one or together. Integer
sums don't. `ExactLanguageModel` is a float `LanguageModel` rounded to integers throughout:

- weights to 8 bits, with a multiplier of 30 bits for each row;
- activations to 14 bits before each linear map, with a fixed point that no input can exceed (layer
  norms bound a vector's length; Cauchy and Schwarz bound its products), so no data is needed to
  calibrate them;
- layer norms by an integer square root, softmax and GELU by tables that are rounded from many
  decimal digits, positions by the sine of a 64-bit phase;
- frequencies of at least two units each, ``2^24`` units at most together.

The arithmetic is defined by `_exact_kernels`; a model is told by `digest`, the hash of its
integers, which files carry. Encoding takes many frames at once, decoding one after the other.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab.codec import _exact_kernels as kernels
from audiolab.codec._exact_kernels import Parameters, Work
from audiolab.codec._exact_quantization import arrays_from_float, assemble
from audiolab.codec.entropy import ArithmeticDecoder, ArithmeticEncoder
from audiolab.codec.language_model import LanguageModel, LanguageModelConfig

__all__ = ["ExactDecoder", "ExactEncoder", "ExactLanguageModel"]

#: Part of the digest: raised when the kernels' arithmetic changes.
_ARITHMETIC = 1
#: Frames evaluated together while encoding.
_BLOCK = 256


class ExactLanguageModel:
    """A language model whose frequencies are the same wherever they are computed.

    Made by `from_float` or `load`.

    Parameters
    ----------
    config : LanguageModelConfig
        Sizes.
    arrays : dict of str to ndarray
        The integers, as `save` writes them.

    Examples
    --------
    >>> import torch
    >>> config = LanguageModelConfig(num_codebooks=2, codebook_size=16, dim=8, num_heads=2)
    >>> exact = ExactLanguageModel.from_float(LanguageModel(config))
    >>> codes = torch.arange(20).reshape(2, 10) % 16
    >>> data = exact.encode(codes)
    >>> torch.equal(exact.decode(data, num_codebooks=2, num_frames=10), codes)
    True
    """

    def __init__(self, config: LanguageModelConfig, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.config = config
        self._arrays = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
        self._parameters: Parameters = assemble(config, self._arrays)
        self.digest = self._hash()

    @classmethod
    def from_float(cls, model: LanguageModel) -> Self:
        """Round a float model to integers.

        Parameters
        ----------
        model : LanguageModel
            Any weights, finite.

        Returns
        -------
        ExactLanguageModel
            The same model, up to rounding: its codes take less than 1 % more bits.

        Raises
        ------
        ValueError
            A weight is not finite, or the model is too wide for the integers.
        """
        return cls(model.config, arrays_from_float(model))

    @classmethod
    def load(cls, path: FilePath) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path-like
            A ``.safetensors`` file.

        Returns
        -------
        ExactLanguageModel
            The model.

        Raises
        ------
        ValueError
            The file holds something else.
        """
        try:
            with safe_open(os.fspath(path), framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            config = LanguageModelConfig.from_dict(json.loads(metadata["audiolab.exact_lm"]))
            return cls(config, arrays)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} does not hold an exact language model ({error})") from None

    def save(self, path: FilePath, *, overwrite: bool = False) -> None:
        """Write the integers into a ``.safetensors`` file.

        Parameters
        ----------
        path : path-like
            Where to write.
        overwrite : bool, default: False
            Whether a file that is there may be replaced.
        """
        metadata = {"audiolab.exact_lm": json.dumps(self.config.to_dict())}
        with atomic_path(path, overwrite=overwrite) as temporary:
            save_file(self._arrays, temporary, metadata)

    def encode(self, codes: ArrayLike | torch.Tensor, *, num_threads: int | None = None) -> bytes:
        """Code all frames of a sequence.

        Parameters
        ----------
        codes : array_like or torch.Tensor
            Codes ``(codebook, frame)``, the first codebooks of the model.
        num_threads : int, optional
            Threads to share the work; those of torch by default. They change the time, no bit.

        Returns
        -------
        bytes
            The stream.
        """
        values = self._checked(codes)
        encoder = self.encoder(values.shape[0], num_threads=num_threads)
        return encoder.push(values) + encoder.finish()

    def decode(self, data: bytes, *, num_codebooks: int, num_frames: int) -> torch.Tensor:
        """Read back what `encode` wrote.

        Parameters
        ----------
        data : bytes
            The stream; bytes after it are not looked at.
        num_codebooks : int
            Codebooks that were coded.
        num_frames : int
            Frames that were coded.

        Returns
        -------
        torch.Tensor
            Codes ``(codebook, frame)``, int64.

        Raises
        ------
        CorruptStreamError
            The stream ends too soon or was coded by another model.
        """
        return self.decoder(num_codebooks, data).pull(num_frames)

    def encoder(self, num_codebooks: int, *, num_threads: int | None = None) -> ExactEncoder:
        """Start a stream whose frames arrive in pieces.

        Parameters
        ----------
        num_codebooks : int
            Codebooks to code.
        num_threads : int, optional
            Threads to share the work; those of torch by default.

        Returns
        -------
        ExactEncoder
            The same bytes, whatever the pieces.
        """
        return ExactEncoder(self, num_codebooks, num_threads=num_threads)

    def decoder(self, num_codebooks: int, data: bytes = b"") -> ExactDecoder:
        """Start reading a stream.

        Parameters
        ----------
        num_codebooks : int
            Codebooks that were coded.
        data : bytes, optional
            The stream or its beginning.

        Returns
        -------
        ExactDecoder
            It hands out frames.
        """
        return ExactDecoder(self, num_codebooks, data)

    def frequencies(self, codes: ArrayLike | torch.Tensor) -> NDArray[np.int64]:
        """Return every entry's frequency in every frame, given the frames before.

        Parameters
        ----------
        codes : array_like or torch.Tensor
            Codes ``(codebook, frame)``.

        Returns
        -------
        ndarray
            Frequencies ``(frame, codebook, entry)``, int64: at least 2 each, at most ``2^24``
            together.
        """
        values = self._checked(codes)
        run = Run(self, values.shape[0])
        found = [np.zeros((0, len(values), self.config.codebook_size), np.int64)]
        for start in range(0, values.shape[1], _BLOCK):
            count = run.advance(values[:, start : start + _BLOCK])
            rows = kernels.widths(self._parameters, len(values), run.work, 0, count)
            found.append(rows.astype(np.int64))
        return np.concatenate(found)

    def _checked(self, codes: ArrayLike | torch.Tensor) -> NDArray[np.int64]:
        values = codes.detach().cpu().numpy() if isinstance(codes, torch.Tensor) else codes
        array = np.asarray(values)
        if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
            raise ValueError(
                "codes must be integers of shape (codebook, frame), "
                f"got {array.dtype} {array.shape}"
            )
        self._check_codebooks(array.shape[0])
        size = self.config.codebook_size
        if array.size and not 0 <= int(array.min()) <= int(array.max()) < size:
            raise ValueError(f"codes must lie in 0..{size - 1}, got {array.min()}..{array.max()}")
        return array.astype(np.int64)

    def _check_codebooks(self, num_codebooks: int) -> None:
        if not 1 <= num_codebooks <= self.config.num_codebooks:
            raise ValueError(
                f"this language model knows 1 to {self.config.num_codebooks} codebooks, "
                f"got {num_codebooks}"
            )

    def _hash(self) -> str:
        sizes = {k: v for k, v in self.config.to_dict().items() if k != "name"}
        total = hashlib.sha256(json.dumps([_ARITHMETIC, sizes]).encode())
        for name, array in self._arrays.items():
            total.update(f"{name} {array.dtype.str[1:]} {array.shape}".encode())
            # Low byte first, wherever it is computed.
            total.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return total.hexdigest()[:16]


class Run:
    """The past of one sequence, and the layers' work on the next frames of it."""

    def __init__(self, model: ExactLanguageModel, num_codebooks: int, block: int = _BLOCK) -> None:
        model._check_codebooks(num_codebooks)
        config = model.config
        self.parameters = model._parameters
        self.config = config
        self.position = 0
        # Room for the window, the block, and a while before the window has to move to the front.
        capacity = config.past_context + 1 + max(block, 256)
        shape = (config.num_layers, config.dim, capacity)
        self.work = Work(
            x=np.zeros((block, config.dim), np.int64),
            small=np.zeros((block, config.dim), np.int16),
            query=np.zeros((config.dim, block), np.int16),
            keys=np.zeros(shape, np.int16),
            values=np.zeros(shape, np.int16),
        )
        # The step of zeros before the first frame: only the biases are left.
        self.work.keys[:, :, 0] = self.parameters.key.bias
        self.work.values[:, :, 0] = self.parameters.value.bias
        self.fill = 1
        self.known = np.zeros((1, num_codebooks), np.int64)

    def advance(self, codes: NDArray[np.int64], share: Callable[..., None] | None = None) -> int:
        """Take in ``(codebook, frame)``, no more than a block; return how many frames."""
        count: int = codes.shape[1]
        known = np.concatenate([self.known, 1 + codes.T[:-1]])
        share = share or (lambda work, count: work(0, count))
        p, work, config = self.parameters, self.work, self.config
        fill: int = kernels.make_room(work, self.fill, config.past_context, count)
        share(lambda a, b: kernels.embed(p, known, self.position, work, a, b), count)
        for i in range(config.num_layers):
            # All keys of the block must be there before any frame attends to them.
            share(lambda a, b, i=i: kernels.project(p, i, work, fill, a, b), count)
            share(
                lambda a, b, i=i: kernels.finish_layer(
                    p, i, config.num_heads, config.past_context, work, fill, a, b
                ),
                count,
            )
        self.fill = fill + count
        self.position += count
        self.known = 1 + codes.T[-1:]
        return count


class ExactEncoder:
    """Code frames that arrive in pieces; made by `ExactLanguageModel.encoder`.

    Parameters
    ----------
    model : ExactLanguageModel
        The model.
    num_codebooks : int
        Codebooks to code.
    num_threads : int, optional
        Threads to share the work; those of torch by default.
    """

    def __init__(
        self, model: ExactLanguageModel, num_codebooks: int, *, num_threads: int | None = None
    ) -> None:
        self._model = model
        self._run = Run(model, num_codebooks)
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
        values = self._model._checked(codes)
        if len(values) != self._num_codebooks:
            raise ValueError(f"codes must have {self._num_codebooks} codebooks, got {len(values)}")
        if self._num_threads == 1:
            return self._push(values, lambda work, count: work(0, count))
        with ThreadPoolExecutor(self._num_threads) as pool:
            return self._push(values, lambda work, count: self._share(pool, work, count))

    def _push(self, values: NDArray[np.int64], share: Callable[..., None]) -> bytes:
        run, parts = self._run, []
        for start in range(0, values.shape[1], _BLOCK):
            block = values[:, start : start + _BLOCK]
            count = run.advance(block, share)
            frames = np.ascontiguousarray(block.T)
            bounds = np.empty((count, self._num_codebooks, 2), np.int64)
            share(
                lambda a, b, frames=frames, bounds=bounds: kernels.intervals(
                    run.parameters, frames, run.work, a, b, bounds
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
    model : ExactLanguageModel
        The model that coded them.
    num_codebooks : int
        Codebooks that were coded.
    data : bytes
        The stream or its beginning.
    """

    #: A frame reads no more than 25 bits a codebook.
    def __init__(self, model: ExactLanguageModel, num_codebooks: int, data: bytes = b"") -> None:
        self._run = Run(model, num_codebooks, block=1)
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
            run.fill, done = kernels.decode_frames(
                run.parameters, config.num_heads, config.past_context, run.work, run.fill,
                run.position, run.known, data, state, out,
            )  # fmt: skip
            run.position += len(out)
            self.coder.check_done(done, out.size)
            frames.append(torch.from_numpy(out))
        if not frames:
            return torch.empty(self._num_codebooks, 0, dtype=torch.long)
        return torch.cat(frames).T.contiguous()
