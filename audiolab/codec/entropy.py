"""Arithmetic coding of symbols by integer cumulative frequencies, exact on every machine.

A message becomes one number in [0, 1). The coder keeps the interval ``[low, high]`` of numbers
that start with what was said so far. A symbol with the frequencies ``[start, stop)`` out of
``2^24`` cuts its share out of the interval; leading bits on which both ends agree are final and
leave. Likely symbols cut wide shares and cost few bits: ``-log2((stop - start) / 2^24)`` each, as
Shannon's entropy demands.

There is no floating point here, so a stream decodes wherever it was written. Bits leave most
significant first and fill each byte from its lowest bit. Given the same frequencies, the bytes
equal those of the EnCodec reference implementation, which stops with an error where the interval
straddles a power of two for long: such runs are counted instead (Witten, Neal and Cleary 1987,
"follow bits"), which yields what unlimited integers would.

Cumulative frequencies are inclusive: ``cdf[s]`` is the end of symbol ``s``, the start of the
next, and ``cdf[-1]`` may stay below ``2^24``. Every symbol has a width of two at least: the
interval is cut with rounding inwards, which can leave nothing of a single unit.

References
----------
I. H. Witten, R. M. Neal, J. G. Cleary, "Arithmetic coding for data compression", Communications
of the ACM 30(6), 1987, doi:10.1145/214762.214771.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiolab.codec import _coder
from audiolab.codec._coder import PENDING, POSITION, PRECISION_BITS

__all__ = [
    "PRECISION_BITS",
    "ArithmeticDecoder",
    "ArithmeticEncoder",
    "CorruptStreamError",
    "quantize_pdf",
]

_UNIT = 1 << PRECISION_BITS


class CorruptStreamError(ValueError):
    """The bytes are not what the encoder wrote, or were coded with other frequencies."""


def quantize_pdf(pdf: ArrayLike, *, min_width: int = 2) -> NDArray[np.int64]:
    """Turn float32 probabilities into cumulative frequencies the way the EnCodec reference does.

    ``width = floor((2^24 - n * min_width) * p) + min_width`` with ``p`` rounded down to a multiple
    of 1e-8, all in float32. Two machines whose probabilities differ in the last bit get other
    frequencies: use this to read and write the reference's own streams only.

    Parameters
    ----------
    pdf : array_like
        Probabilities ``(..., n)``, each row summing to about 1; taken as float32.
    min_width : int, default: 2
        Smallest frequency, 2 or more, so that no symbol becomes impossible.

    Returns
    -------
    ndarray
        Cumulative frequencies ``(..., n)``, int64.

    Raises
    ------
    ValueError
        A probability is negative or not finite, or a row sums to more than the coder can hold.

    Examples
    --------
    >>> quantize_pdf([0.5, 0.25, 0.125, 0.125])
    array([ 8388606, 12582910, 14680063, 16777216])
    """
    if min_width < 2:
        raise ValueError(
            f"min_width must be 2 or more for the coder to tell symbols, got {min_width}"
        )
    rows = np.asarray(pdf, dtype=np.float32)
    if rows.ndim == 0 or rows.shape[-1] == 0:
        raise ValueError(f"pdf must have at least one probability per row, got shape {rows.shape}")
    if not np.isfinite(rows).all() or bool((rows < 0).any()):
        raise ValueError("pdf must hold finite probabilities, none below 0")
    grid = np.float32(1e-8)
    rounded = np.floor(rows / grid) * grid
    share = np.float32(_UNIT - min_width * rows.shape[-1])
    widths = np.floor(share * rounded).astype(np.int64) + min_width
    cdf: NDArray[np.int64] = np.cumsum(widths, axis=-1)
    excess = np.maximum(cdf[..., -1:] - _UNIT, 0)
    if bool((excess > _UNIT // 1000).any()):
        raise ValueError(f"pdf must sum to 1 in each row, got {float(rows.sum(-1).max())}")
    if excess.any():
        # Rows that round up to a little over 1, where the reference gives up: the likeliest pays.
        likeliest = widths.argmax(-1, keepdims=True)
        lowered = np.take_along_axis(widths, likeliest, -1) - excess
        np.put_along_axis(widths, likeliest, lowered, -1)
        cdf = np.cumsum(widths, axis=-1)
    return cdf


class ArithmeticEncoder:
    """Write symbols into bytes.

    Examples
    --------
    >>> encoder = ArithmeticEncoder()
    >>> cdf = quantize_pdf([0.5, 0.25, 0.125, 0.125])
    >>> encoder.encode([0, 2, 1, 3, 0, 0], cdf)
    >>> encoder.finish().hex(" ")
    'd6 fe bf 56 00'
    """

    def __init__(self) -> None:
        self._state = _coder.new_state()
        self._bytes = np.zeros(4096, dtype=np.uint8)

    def encode(self, symbols: ArrayLike, cdf: ArrayLike) -> None:
        """Append symbols.

        Parameters
        ----------
        symbols : array_like
            Integers ``(n,)``.
        cdf : array_like
            Cumulative frequencies: one row for all ``(cardinality,)``, or one each
            ``(n, cardinality)``.

        Raises
        ------
        ValueError
            A symbol is out of range, or `cdf` is not made of increasing frequencies up to ``2^24``.
        """
        values = np.ascontiguousarray(symbols, dtype=np.int64).reshape(-1)
        rows = _check_cdf(cdf, len(values))
        if len(values) == 0:
            return
        if int(values.min()) < 0 or int(values.max()) >= rows.shape[1]:
            found = f"{int(values.min())}..{int(values.max())}"
            raise ValueError(f"symbols must lie in 0..{rows.shape[1] - 1}, got {found}")
        self._reserve(len(values))
        _coder.encode(values, rows, self._state, self._bytes)

    def encode_intervals(self, intervals: ArrayLike) -> None:
        """Append symbols that are given by their frequencies alone.

        Parameters
        ----------
        intervals : array_like
            Start and stop ``(n, 2)`` of each symbol's frequencies, from 0 to ``2^24``, two apart
            at least.

        Raises
        ------
        ValueError
            An interval is narrower than two or lies outside.
        """
        bounds = np.ascontiguousarray(intervals, dtype=np.int64).reshape(-1, 2)
        if len(bounds) == 0:
            return
        start, stop = bounds[:, 0], bounds[:, 1]
        if int(start.min()) < 0 or int(stop.max()) > _UNIT or bool((stop - start < 2).any()):
            raise ValueError("intervals must satisfy 0 <= start, start + 2 <= stop <= 2^24")
        self._reserve(len(bounds))
        _coder.encode_intervals(bounds, self._state, self._bytes)

    def _reserve(self, count: int) -> None:
        # A symbol lengthens the interval's ends by at most 24 bits; all of them may leave at once.
        pending = int(self._state[POSITION] + self._state[PENDING])
        needed = (pending + (PRECISION_BITS + 1) * (count + 4)) // 8 + 1
        if needed > len(self._bytes):
            grown = np.zeros(max(needed, 2 * len(self._bytes)), dtype=np.uint8)
            grown[: len(self._bytes)] = self._bytes
            self._bytes = grown

    def drain(self) -> bytes:
        """Return the bytes that are full already, and forget them.

        Returns
        -------
        bytes
            What no later symbol can change; `finish` returns the rest.
        """
        full = int(self._state[POSITION]) // 8
        drained = self._bytes[:full].tobytes()
        last = self._bytes[full]
        self._bytes[: full + 1] = 0
        self._bytes[0] = last
        self._state[POSITION] &= 7
        return drained

    def finish(self) -> bytes:
        """Write what is left of the interval and return the stream, or what `drain` left of it.

        Returns
        -------
        bytes
            The coded symbols, zero bits filling the last byte.
        """
        needed = int(self._state[POSITION] + self._state[PENDING] + 64) // 8 + 1
        if needed > len(self._bytes):
            self._bytes = np.concatenate([self._bytes, np.zeros(needed, dtype=np.uint8)])
        _coder.flush(self._state, self._bytes)
        return self._bytes[: (int(self._state[POSITION]) + 7) // 8].tobytes()


class ArithmeticDecoder:
    """Read symbols back from bytes.

    Parameters
    ----------
    data : bytes
        What `ArithmeticEncoder.finish` returned; bytes after it are not looked at.

    Examples
    --------
    >>> decoder = ArithmeticDecoder(bytes.fromhex("d6febf5600"))
    >>> decoder.decode(quantize_pdf([0.5, 0.25, 0.125, 0.125]), 6)
    array([0, 2, 1, 3, 0, 0])
    """

    def __init__(self, data: bytes) -> None:
        self._state = _coder.new_state()
        # A copy can be written to, as what `feed` joins: the loops are compiled for one kind.
        self._data = np.frombuffer(data, dtype=np.uint8).copy()
        self._forgotten = 0

    def feed(self, data: bytes) -> None:
        """Append bytes to decode from, and forget those that are done with.

        Parameters
        ----------
        data : bytes
            What follows the bytes so far.
        """
        done = int(self._state[POSITION]) // 8
        self._data = np.concatenate([self._data[done:], np.frombuffer(data, dtype=np.uint8)])
        self._state[POSITION] -= 8 * done
        self._forgotten += done

    def decode(self, cdf: ArrayLike, num_symbols: int | None = None) -> NDArray[np.int64]:
        """Read the next symbols.

        Parameters
        ----------
        cdf : array_like
            The frequencies the symbols were coded with: ``(cardinality,)`` for all of them, or
            ``(num_symbols, cardinality)``.
        num_symbols : int, optional
            How many; may be left out when `cdf` has a row for each.

        Returns
        -------
        ndarray
            Symbols ``(num_symbols,)``, int64.

        Raises
        ------
        CorruptStreamError
            The bytes end too soon or name no symbol.
        ValueError
            `cdf` is not made of increasing frequencies up to ``2^24``.
        """
        rows = _check_cdf(cdf, num_symbols)
        count = len(rows) if num_symbols is None else num_symbols
        symbols = np.empty(count, dtype=np.int64)
        done = _coder.decode(self._data, rows, self._state, symbols)
        self.check_done(done, count)
        return symbols

    @property
    def parts(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The bytes at hand and the state: what a compiled loop passes to `_coder.decode`."""
        return self._data, self._state

    @property
    def bytes_ahead(self) -> int:
        """Bytes at hand that were not looked at yet."""
        return len(self._data) - (int(self._state[POSITION]) + 7) // 8

    def check_done(self, done: int, count: int) -> None:
        """Raise if fewer symbols were read than asked for.

        Parameters
        ----------
        done : int
            Symbols read.
        count : int
            Symbols asked for.

        Raises
        ------
        CorruptStreamError
            The bytes end too soon or name no symbol.
        """
        if done < count:
            ended = self._state[POSITION] >= 8 * len(self._data)
            reason = "the stream ends too soon" if ended else "the bits name no symbol"
            raise CorruptStreamError(f"{reason}, at symbol {done} of the {count} asked for")

    @property
    def bytes_read(self) -> int:
        """Bytes looked at so far, the begun one included."""
        return self._forgotten + (int(self._state[POSITION]) + 7) // 8


def _check_cdf(cdf: ArrayLike, count: int | None) -> NDArray[np.int64]:
    rows = np.ascontiguousarray(cdf, dtype=np.int64)
    if rows.ndim == 1:
        rows = rows[None]
    if rows.ndim != 2 or rows.shape[1] == 0 or (count not in (None, len(rows)) and len(rows) != 1):
        wanted = "(cardinality,)" if count is None else f"(cardinality,) or ({count}, cardinality)"
        raise ValueError(f"cdf must have the shape {wanted}, got {np.shape(cdf)}")
    if not _coder.increasing(rows):
        raise ValueError("cdf must increase by at least 2 a symbol, up to 2^24 at most")
    return rows
