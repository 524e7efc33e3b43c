"""Products of overlapping rows with packed matrices: every convolution of the codec in one loop.

On ``(time, channels)`` arrays the inputs of a convolution of `k` taps and stride `s` are rows of
``k * channels`` neighbouring numbers that start every ``s * channels``: a matrix whose rows
overlap, and nothing needs to be copied to multiply it.

The loop at the heart is built here as LLVM code for the processor at hand: a tile of as many rows
and columns of the result as there are registers, one fused multiply-add per number and step. It
reaches about 95 % of what the processor can do. Each number of the result is the same sum
in the same order whatever the tile: how a signal is cut, how many signals go together and on how
many threads changes no bit.

Where the processor multiplies pairs of bfloat16 (``vdpbf16ps``), the same loop takes a pair in the
place of each float32, and sums in float32: half the steps, and half the weights to read.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

__all__ = [
    "DEPTH",
    "LANES",
    "has_bfloat16",
    "pack",
    "pack_pairs",
    "product",
    "product_of_pairs",
    "round_to_bfloat16",
]

_FEATURES = llvmlite.binding.get_host_cpu_features()
_WIDE = bool(_FEATURES.get("avx512f"))
#: Numbers in a vector register.
LANES = 16 if _WIDE else 8 if _FEATURES.get("avx2") else 4
_MANY = _WIDE or bool(_FEATURES.get("neon"))  # 32 registers, else 16
# Rows of a tile of 4, 2 or 1 vectors: what fills the registers, what mends, and one.
_ROWS4 = (6, 3, 1) if _MANY else (2, 2, 1)
_ROWS2 = (12, 4, 1) if _MANY else (6, 2, 1)
_ROWS1 = (24, 8, 1) if _MANY else (12, 4, 1)
# numba can be told to compile for less than the processor at hand.
_NATIVE = getattr(config, "CPU_NAME", None) is getattr(config, "CPU_FEATURES", None) is None
#: Whether pairs of bfloat16 can be multiplied.
has_bfloat16 = _WIDE and _NATIVE and bool(_FEATURES.get("avx512bf16"))
#: Inputs per pass over the result: sums of sums round less than one long sum does.
DEPTH = 128


def _tile(rows: int, vectors: int, pairs: bool) -> Any:
    """Return a function that computes ``rows`` by ``vectors * LANES`` numbers of a product."""

    @intrinsic  # type: ignore[misc, unused-ignore]
    def tile(typing: Any, a: Any, lda: Any, k: Any, w: Any, start: Any, lds: Any, c: Any, ldc: Any):  # type: ignore[no-untyped-def]
        return types.void(*[types.int64] * 8), (
            lambda _, b, __, args: _emit(b, rows, vectors, pairs, *args)
        )

    return tile


def _emit(
    b: Any, rows: int, vectors: int, pairs: bool, a: Any, lda: Any, k: Any, w: Any, start: Any,
    lds: Any, c: Any, ldc: Any,
) -> None:  # fmt: skip
    """Write ``c = start + a w``; the first of each pair is an address, the second numbers a row."""
    number, index = ir.FloatType(), ir.IntType(64)
    vector = ir.VectorType(number, LANES)
    words = ir.VectorType(ir.IntType(32), LANES)
    name = "llvm.x86.avx512bf16.dpbf16ps.512" if pairs else f"llvm.fma.v{LANES}f32"
    terms = [vector, words, words] if pairs else [vector] * 3
    add_product = b.module.globals.get(name)
    if add_product is None:
        add_product = ir.Function(b.module, ir.FunctionType(vector, terms), name)

    def row(address: Any, pitch: Any, r: int) -> Any:
        offset = b.mul(pitch, ir.Constant(index, 4 * r))
        return b.inttoptr(b.add(address, offset), number.as_pointer())

    def part(pointer: Any, offset: Any) -> Any:
        return b.bitcast(b.gep(pointer, [offset]), vector.as_pointer())

    columns = [ir.Constant(index, LANES * j) for j in range(vectors)]
    inputs = [row(a, lda, r) for r in range(rows)]
    starts = [row(start, lds, r) for r in range(rows)]
    results = [row(c, ldc, r) for r in range(rows)]
    panel = b.inttoptr(w, number.as_pointer())
    before = b.block
    loop, after = b.append_basic_block("inputs"), b.append_basic_block("done")
    b.branch(loop)
    b.position_at_end(loop)
    i = b.phi(index)
    i.add_incoming(ir.Constant(index, 0), before)
    sums = [[b.phi(vector) for _ in columns] for _ in inputs]
    base = b.mul(i, ir.Constant(index, vectors * LANES))
    weights = [b.load(part(panel, b.add(base, j)), align=4) for j in columns]
    undefined = ir.Constant(vector, ir.Undefined)
    zeros = ir.Constant(words, None)
    for r, pointer in enumerate(inputs):
        one = b.insert_element(undefined, b.load(b.gep(pointer, [i])), ir.Constant(index, 0))
        spread = b.shuffle_vector(one, undefined, zeros)
        for j, weight in enumerate(weights):
            if pairs:
                two = b.bitcast(spread, words), b.bitcast(weight, words)
                new = b.call(add_product, [sums[r][j], *two])
            else:
                new = b.call(add_product, [spread, weight, sums[r][j]])
            sums[r][j].add_incoming(ir.Constant(vector, None), before)
            sums[r][j].add_incoming(new, loop)
            sums[r][j] = new
    following = b.add(i, ir.Constant(index, 1))
    i.add_incoming(following, loop)
    b.cbranch(b.icmp_signed("<", following, k), loop, after)
    b.position_at_end(after)
    for r, pointer in enumerate(results):
        for j, offset in enumerate(columns):
            total = b.fadd(b.load(part(starts[r], offset), align=4), sums[r][j])
            b.store(total, part(pointer, offset), align=4)


def _panels(vectors: int, shape: tuple[int, int, int], pairs: bool = False) -> Any:
    """Return a function that runs a product whose columns are whole panels of `vectors` vectors."""
    many, some, _ = shape
    large, middle, single = (_tile(rows, vectors, pairs) for rows in shape)
    width = vectors * LANES

    def run(a, lda, rows, k, w, start, lds, c, ldc, n, most):  # type: ignore[no-untyped-def]
        done = 0
        while done < k:
            depth = min(most, k - done)
            for p in range(n // width):
                panel = w + 4 * (done * n + p * width * depth)
                column = 4 * p * width
                x, s, y = a + 4 * done, start + column, c + column
                r = rows
                while r >= many:
                    large(x, lda, depth, panel, s, lds, y, ldc)
                    x, s, y = x + 4 * lda * many, s + 4 * lds * many, y + 4 * ldc * many
                    r -= many
                while r >= some:
                    middle(x, lda, depth, panel, s, lds, y, ldc)
                    x, s, y = x + 4 * lda * some, s + 4 * lds * some, y + 4 * ldc * some
                    r -= some
                while r > 0:
                    single(x, lda, depth, panel, s, lds, y, ldc)
                    x, s, y = x + 4 * lda, s + 4 * lds, y + 4 * ldc
                    r -= 1
            done += depth
            start, lds = c, ldc

    # Compiled code is found by name, that of an earlier process in numba's cache as well.
    run.__name__ = run.__qualname__ = f"run_{vectors}_{'pairs' if pairs else 'numbers'}"
    return njit(nogil=True, error_model="numpy")(run)


_four, _two, _one = _panels(4, _ROWS4), _panels(2, _ROWS2), _panels(1, _ROWS1)
# Never called where the processor has no such instruction, but their names are compiled.
_pairs_of_four = _panels(4, _ROWS4, has_bfloat16)
_pairs_of_two, _pairs_of_one = _panels(2, _ROWS2, has_bfloat16), _panels(1, _ROWS1, has_bfloat16)


def _panel_width(columns: int) -> int:
    whole = -(-columns // LANES)
    return LANES * (4 if whole % 4 == 0 else 2 if whole % 2 == 0 else 1)


def pack(matrix: NDArray[np.float32], depth: int = DEPTH) -> NDArray[np.float32]:
    """Return ``(inputs, outputs)`` in the order in which `product` reads it, flat.

    The outputs are filled up with zeros to whole vectors.
    """
    inputs, outputs = matrix.shape
    width = _panel_width(outputs)
    padded = np.zeros((inputs, -(-outputs // LANES) * LANES), np.float32)
    padded[:, :outputs] = matrix
    parts = [padded[i : i + depth] for i in range(0, inputs, depth)]
    # Panel after panel of one depth, then those of the next: one signal's weights are read in line.
    panels = [p.reshape(len(p), -1, width).transpose(1, 0, 2).reshape(-1) for p in parts]
    return np.concatenate(panels)


@njit(nogil=True, cache=True, error_model="numpy")
def product(  # type: ignore[no-untyped-def]
    a, a_start, lda, rows, k, w, start, s_start, lds, c, c_start, ldc, n, depth
):
    """Set ``rows`` rows of ``n`` numbers of `c` to rows of `start` plus rows of `a` times `w`.

    All arrays are flat; a row of `a` has `k` numbers and starts `lda` after the one before, and so
    on. With ``lds = 0`` the same row is added to all; `start` may be `c`; `w` is packed for
    `depth`.
    """
    whole = -(-n // LANES) * LANES
    ap, wp = np.int64(a.ctypes.data) + 4 * a_start, np.int64(w.ctypes.data)
    sp, cp = np.int64(start.ctypes.data) + 4 * s_start, np.int64(c.ctypes.data) + 4 * c_start
    # Too few columns for a vector, in small models only: each row goes through a wider one.
    narrow = whole != n
    wide = np.zeros(whole if narrow else 0, np.float32)
    if narrow:
        sp = cp = np.int64(wide.ctypes.data)
    rows_at_once = 1 if narrow else rows
    for r in range(0, rows, rows_at_once):
        if narrow:
            for j in range(n):
                wide[j] = start[s_start + r * lds + j]
        if whole % (4 * LANES) == 0:
            _four(ap, lda, rows_at_once, k, wp, sp, lds, cp, ldc, whole, depth)
        elif whole % (2 * LANES) == 0:
            _two(ap, lda, rows_at_once, k, wp, sp, lds, cp, ldc, whole, depth)
        else:
            _one(ap, lda, rows_at_once, k, wp, sp, lds, cp, ldc, whole, depth)
        if narrow:
            ap += 4 * lda
            for j in range(n):
                c[c_start + r * ldc + j] = wide[j]


@njit(nogil=True, cache=True, error_model="numpy")
def round_to_bfloat16(x: NDArray[np.float32], out: NDArray[np.uint16]) -> None:
    """Write the flat `x` to `out` as bfloat16, the nearest one, the even one of two."""
    bits = x.view(np.uint32)
    for i in range(x.size):
        u = bits[i]
        rounded = (u + np.uint32(0x7FFF) + ((u >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        nan = (u & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)
        out[i] = np.uint16(0x7FC0) if nan else np.uint16(rounded)


def pack_pairs(matrix: NDArray[np.float32], depth: int = DEPTH) -> NDArray[np.float32]:
    """Return ``(inputs, outputs)``, both even, as `product_of_pairs` reads it.

    Two inputs of an output, as bfloat16, are the bits of one number.
    """
    inputs, outputs = matrix.shape
    rounded = np.empty(matrix.size, np.uint16)
    round_to_bfloat16(np.ascontiguousarray(matrix).reshape(-1), rounded)
    pairs = rounded.reshape(inputs // 2, 2, outputs).transpose(0, 2, 1)
    return pack(np.ascontiguousarray(pairs).view(np.float32)[..., 0], depth)


@njit(nogil=True, cache=True, error_model="numpy")
def product_of_pairs(  # type: ignore[no-untyped-def]
    a, a_start, lda, rows, k, w, start, s_start, lds, c, c_start, ldc, n, depth
):
    """Do what `product` does with pairs of bfloat16 in the place of each number of `a` and `w`.

    So `a_start`, `lda` and `k` count pairs; `n` is a multiple of `LANES`.
    """
    ap, wp = np.int64(a.ctypes.data) + 4 * a_start, np.int64(w.ctypes.data)
    sp, cp = np.int64(start.ctypes.data) + 4 * s_start, np.int64(c.ctypes.data) + 4 * c_start
    if n % (4 * LANES) == 0:
        _pairs_of_four(ap, lda, rows, k, wp, sp, lds, cp, ldc, n, depth)
    elif n % (2 * LANES) == 0:
        _pairs_of_two(ap, lda, rows, k, wp, sp, lds, cp, ldc, n, depth)
    else:
        _pairs_of_one(ap, lda, rows, k, wp, sp, lds, cp, ldc, n, depth)
