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
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab.codec import _exact_kernels as kernels
from audiolab.codec._exact_parameters import Parameters
from audiolab.codec._exact_quantization import arrays_from_float, assemble
from audiolab.codec._exact_streams import BLOCK, ExactDecoder, ExactEncoder, Run, check_codes
from audiolab.codec.language_model import LanguageModel, LanguageModelConfig

__all__ = ["ExactDecoder", "ExactEncoder", "ExactLanguageModel"]

#: Part of the digest: raised when the kernels' arithmetic changes.
_ARITHMETIC = 1


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
        values = check_codes(self.config, codes)
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
        return ExactEncoder(self.config, self._parameters, num_codebooks, num_threads=num_threads)

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
        return ExactDecoder(self.config, self._parameters, num_codebooks, data)

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
        values = check_codes(self.config, codes)
        run = Run(self.config, self._parameters, values.shape[0])
        found = [np.zeros((0, len(values), self.config.codebook_size), np.int64)]
        for start in range(0, values.shape[1], BLOCK):
            count = run.advance(values[:, start : start + BLOCK])
            rows = kernels.widths(self._parameters.head, len(values), run.work.x[:count])
            found.append(rows.astype(np.int64))
        return np.concatenate(found)

    def _hash(self) -> str:
        sizes = {k: v for k, v in self.config.to_dict().items() if k != "name"}
        total = hashlib.sha256(json.dumps([_ARITHMETIC, sizes]).encode())
        for name, array in self._arrays.items():
            total.update(f"{name} {array.dtype.str[1:]} {array.shape}".encode())
            # Low byte first, wherever it is computed.
            total.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return total.hexdigest()[:16]
