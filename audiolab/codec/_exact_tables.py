"""The exact language model's tables: powers of two, sine, GELU, each entry rounded from 40 digits.

`math.exp` and `math.sin` may differ in the last bit from one C library to the next, and a table
entry that sits near a tie would then differ too. Decimal arithmetic is the same everywhere.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

import numpy as np
from numpy.typing import NDArray

#: A table of ``2^-x`` for x in [0, 1), this many bits fine, in units of ``2^-30``.
EXP_BITS = 12
#: A turn is cut into this many bits; sine and cosine come in units of ``2^-16``.
TURN_BITS = 14
#: ``u (1 - Phi(u))`` for u in [0, 8), this many bits after the point, in units of ``2^-16``.
GELU_BITS = 10

_DIGITS = 50
_FIXED_BITS = 140


def _pi() -> Decimal:
    # Machin: pi = 16 atan(1/5) - 4 atan(1/239).
    def atan_of_inverse(x: int) -> Decimal:
        power, total, n = Decimal(1) / x, Decimal(0), 0
        while abs(power) > Decimal(10) ** -(_DIGITS + 2):
            total += power / (2 * n + 1) * (-1) ** n
            power /= x * x
            n += 1
        return total

    return 16 * atan_of_inverse(5) - 4 * atan_of_inverse(239)


def _rounded(value: Decimal) -> int:
    return int(value.to_integral_value())


@cache
def exp2_table() -> NDArray[np.int32]:
    """Return ``2^(30 - i / 4096)``."""
    with localcontext() as context:
        context.prec = _DIGITS
        step = (-Decimal(2).ln() / (1 << EXP_BITS)).exp()
        value, entries = Decimal(1 << 30), []
        for _ in range(1 << EXP_BITS):
            entries.append(_rounded(value))
            value *= step
    return np.array(entries, dtype=np.int32)


@cache
def cosine_table() -> NDArray[np.int32]:
    """Return ``2^16 cos(2 pi i / 16384)``; the sine lies three quarters of a turn further."""
    with localcontext() as context:
        context.prec = _DIGITS
        count = 1 << TURN_BITS
        angle = 2 * _pi() / count
        # One small rotation, from its power series, turned on and on.
        cosine, sine, term, n = Decimal(0), Decimal(0), Decimal(1), 0
        while abs(term) > Decimal(10) ** -_DIGITS:
            if n % 2:
                sine += term * (1 if n % 4 == 1 else -1)
            else:
                cosine += term * (1 if n % 4 == 0 else -1)
            n += 1
            term *= angle / n
        x, y, quarter = Decimal(1 << 16), Decimal(0), []
        for _ in range(count // 4):
            quarter.append(_rounded(x))
            x, y = x * cosine - y * sine, x * sine + y * cosine
    falling = np.array([*quarter, 0], dtype=np.int32)
    half = np.concatenate([falling[:-1], -falling[:0:-1]])
    return np.concatenate([half, -half])


@cache
def gelu_table() -> NDArray[np.int16]:
    """Return what the GELU takes off the rectifier: ``2^16 u (1 - Phi(u))``, ``u = i / 1024``."""
    one = 1 << _FIXED_BITS
    with localcontext() as context:
        context.prec = _DIGITS
        # phi(u) by two recurrences: its ratio from one entry to the next falls by a constant.
        step = Decimal(1 << (2 * GELU_BITS))
        density = _rounded(one / (2 * _pi()).sqrt())
        ratio = _rounded(one * (-1 / (2 * step)).exp())
        ratio_of_ratios = _rounded(one * (-1 / step).exp())
    entries: list[int] = []
    for i in range(8 << GELU_BITS):
        # Phi(u) - 1/2 = phi(u) (u + u^3/3 + u^5/(3 5) + ...), all terms positive.
        term, total, n = i * one >> GELU_BITS, 0, 1
        while term:
            total += term
            n += 2
            term = term * i * i // (n << (2 * GELU_BITS))
        tail = (one >> 1) - (density * total >> _FIXED_BITS)
        entries.append((i * tail + (one >> (17 - GELU_BITS))) >> (_FIXED_BITS + GELU_BITS - 16))
        if i > 1 << GELU_BITS and entries[-1] == 0:
            break
        density = density * ratio >> _FIXED_BITS
        ratio = ratio * ratio_of_ratios >> _FIXED_BITS
    return np.array(entries + [0] * ((8 << GELU_BITS) - len(entries)), dtype=np.int16)


def turns_per_frame(half_dim: int, max_period: int) -> NDArray[np.uint64]:
    """Return the turn that each pair of the position code makes a frame, times ``2^64``."""
    with localcontext() as context:
        context.prec = _DIGITS
        log_period = Decimal(max_period).ln()
        turn = 2 * _pi()
        rates = [
            _rounded((-log_period * i / max(half_dim - 1, 1)).exp() / turn * (1 << 64))
            for i in range(half_dim)
        ]
    return np.array(rates, dtype=np.uint64)
