"""Round a float language model to the integers of `exact_lm`, and hand them to the kernels."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from audiolab.codec import _exact_tables as tables
from audiolab.codec._exact_parameters import (
    POINT,
    Attention,
    Embedding,
    FeedForward,
    Head,
    Linear,
    Parameters,
)
from audiolab.codec.language_model import LanguageModel
from audiolab.codec.language_model_config import LanguageModelConfig

__all__ = ["arrays_from_float", "assemble"]

_LINEARS = ("query", "key", "value", "out", "up", "down", "head")
#: A product of a row's sum (31 bits) and its multiplier stays below 2^62.
_MULTIPLIER_BITS = 30
_LIMIT = 8191

Doubles = NDArray[np.float64]
Arrays = dict[str, NDArray[np.generic]]


def input_limit(columns: int) -> int:
    """Return the largest input of a linear map whose sums stay below 2^31."""
    return min(_LIMIT, (2**31 - 1) // (127 * columns))


def product_limit(columns: int) -> int:
    """Return the largest entry of two vectors whose product stays below 2^31."""
    return min(32767, math.isqrt((2**31 - 1) // columns))


def arrays_from_float(model: LanguageModel) -> Arrays:
    """Return the integers by name."""
    config = model.config
    state = {
        name: value.detach().cpu().double().numpy() for name, value in model.state_dict().items()
    }
    for name, value in state.items():
        if not np.isfinite(value).all():
            raise ValueError(f"{name} of the language model holds values that are not finite")
    layers, dim, hidden = config.num_layers, config.dim, config.hidden_dim
    if input_limit(max(dim, hidden)) < 255:
        raise ValueError(f"dim and hidden_dim must stay below 66,000, got {dim} and {hidden}")

    def stacked(suffix: str) -> Doubles:
        return np.stack([state[f"transformer.layers.{i}.{suffix}"] for i in range(layers)])

    def codebooks(pattern: str) -> Doubles:
        return np.stack([state[pattern.format(k)] for k in range(config.num_codebooks)])

    arrays: Arrays = {}
    embedding = codebooks("emb.{}.weight")
    point = _point(float(np.abs(embedding).max()), 32767, 14)
    arrays["embedding"] = np.rint(embedding * 2.0**point).astype(np.int16)
    arrays["embedding_point"] = np.array([point], np.int64)

    gains = [state["transformer.norm_in.weight"]]
    offsets = [state["transformer.norm_in.bias"]]
    for i in range(layers):
        for norm in ("norm1", "norm2"):
            gains.append(state[f"transformer.layers.{i}.{norm}.weight"])
            offsets.append(state[f"transformer.layers.{i}.{norm}.bias"])
    arrays["gain"] = np.rint(np.stack(gains) * 2.0**POINT).astype(np.int64)
    arrays["offset"] = np.rint(np.stack(offsets) * 2.0**POINT).astype(np.int64)
    # What comes out of each norm: its largest entry and its largest length.
    peaks, lengths = zip(
        *(_norm_bounds(g, o) for g, o in zip(gains, offsets, strict=True)), strict=True
    )

    limit = input_limit(dim)
    x_peak = [peaks[0] + 1.0, *peaks[2::2][: layers - 1]]
    x_length = [lengths[0] + math.sqrt(dim / 2), *lengths[2::2][: layers - 1]]
    x_point = [_point(peak, limit) for peak in x_peak]
    weight, bias = stacked("self_attn.in_proj_weight"), stacked("self_attn.in_proj_bias")
    points = {}
    for j, kind in enumerate(("query", "key", "value")):
        w, b = weight[:, j * dim : (j + 1) * dim], bias[:, j * dim : (j + 1) * dim]
        most = limit if kind == "value" else product_limit(dim // config.num_heads)
        bounds = [_bound(w[i], b[i], x_length[i]) for i in range(layers)]
        points[kind] = [_point(bound, most) for bound in bounds]
        _add(arrays, kind, w, b, x_point, points[kind])
    whole = [POINT] * layers
    out_w, out_b = stacked("self_attn.out_proj.weight"), stacked("self_attn.out_proj.bias")
    _add(arrays, "out", out_w, out_b, points["value"], whole)
    up_w, up_b = stacked("linear1.weight"), stacked("linear1.bias")
    up_point = [_point(peak, limit) for peak in peaks[1::2]]
    _add(arrays, "up", up_w, up_b, up_point, whole)
    inner = [_bound(up_w[i], up_b[i], lengths[1 + 2 * i]) for i in range(layers)]
    down_point = [_point(bound, input_limit(hidden)) for bound in inner]
    _add(arrays, "down", stacked("linear2.weight"), stacked("linear2.bias"), down_point, whole)

    count = config.num_codebooks
    to_bits = 1 / math.log(2)
    _add(
        arrays, "head", codebooks("linears.{}.weight") * to_bits,
        codebooks("linears.{}.bias") * to_bits, [_point(peaks[-1], limit)] * count,
        [tables.EXP_BITS] * count,
    )  # fmt: skip

    width = dim // config.num_heads
    factors = [
        to_bits / math.sqrt(width) * 2.0 ** (tables.EXP_BITS - q - k)
        for q, k in zip(points["query"], points["key"], strict=True)
    ]
    shifts = [_shift(factor) for factor in factors]
    arrays["score"] = np.array(
        [[round(math.ldexp(f, s)), s] for f, s in zip(factors, shifts, strict=True)], np.int64
    )
    return arrays


def _norm_bounds(gain: Doubles, offset: Doubles) -> tuple[float, float]:
    """Bound the entries and the length of a layer norm's output."""
    # A normalised vector of n entries has the length sqrt(n); one entry takes sqrt(n - 1) at most.
    count = len(gain)
    peak = float((np.abs(gain) * math.sqrt(max(count - 1, 1)) + np.abs(offset)).max())
    length = float(np.abs(gain).max()) * math.sqrt(count) + math.sqrt(math.fsum(offset**2))
    return peak, length


def _bound(weight: Doubles, bias: Doubles, length: float) -> float:
    """Bound the outputs of a linear map for inputs of a given length (Cauchy-Schwarz)."""
    rows = (math.sqrt(math.fsum(row**2)) for row in weight)
    return max(row * length + abs(float(b)) for row, b in zip(rows, bias, strict=True))


def _point(bound: float, limit: int, most: int = POINT) -> int:
    """Return the bits after the point with which `bound`, and 2 % more, stays within `limit`."""
    if bound <= 0:
        return most
    return max(min(math.floor(math.log2(limit / (1.02 * bound))), most), 0)


def _shift(factor: float) -> int:
    """Return the shift that makes a multiplier of 30 bits of a factor."""
    if factor <= 0:
        return 0
    shift = _MULTIPLIER_BITS - math.frexp(factor)[1]
    if shift < 0:
        raise ValueError("the language model's weights are too large for its integers")
    return min(shift, 62)


def _add(
    arrays: Arrays, name: str, weight: Doubles, bias: Doubles,
    in_point: list[int], out_point: list[int],
) -> None:  # fmt: skip
    """Round linear maps ``(layer, row, column)`` of one kind."""
    largest = np.abs(weight).max(-1)
    step = np.where(largest > 0, largest / 127, 1.0)
    gain = np.array([2.0 ** (o - i) for i, o in zip(in_point, out_point, strict=True)])
    factor = np.where(largest > 0, step * gain[:, None], 0.0)
    shift = np.array([_shift(float(row.max())) for row in factor], np.int64)
    arrays[f"{name}.weight"] = np.rint(weight / step[..., None]).astype(np.int8)
    arrays[f"{name}.multiplier"] = np.rint(np.ldexp(factor, shift[:, None])).astype(np.int64)
    to_units = np.array([2.0**o for o in out_point])[:, None]
    arrays[f"{name}.bias"] = np.rint(bias * to_units).astype(np.int64)
    arrays[f"{name}.shift"] = shift
    arrays[f"{name}.point"] = np.array(in_point, np.int64)


def shapes(config: LanguageModelConfig) -> dict[str, tuple[type[np.generic], tuple[int, ...]]]:
    """Return type and shape of every array."""
    layers, dim, hidden = config.num_layers, config.dim, config.hidden_dim
    size, count = config.codebook_size, config.num_codebooks
    found: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
        "embedding": (np.int16, (count, size + 1, dim)),
        "embedding_point": (np.int64, (1,)),
        "gain": (np.int64, (1 + 2 * layers, dim)),
        "offset": (np.int64, (1 + 2 * layers, dim)),
        "score": (np.int64, (layers, 2)),
    }
    for name in _LINEARS:
        rows, columns = {"up": (hidden, dim), "down": (dim, hidden), "head": (size, dim)}.get(
            name, (dim, dim)
        )
        number = count if name == "head" else layers
        found[f"{name}.weight"] = (np.int8, (number, rows, columns))
        for part in ("multiplier", "bias"):
            found[f"{name}.{part}"] = (np.int64, (number, rows))
        for part in ("shift", "point"):
            found[f"{name}.{part}"] = (np.int64, (number,))
    return found


def assemble(config: LanguageModelConfig, arrays: Mapping[str, NDArray[np.generic]]) -> Parameters:
    """Check the arrays and hand them to the kernels, with the tables."""
    expected = shapes(config)
    if set(arrays) != set(expected):
        different = sorted(set(arrays) ^ set(expected))
        raise ValueError(f"arrays that are missing or too many: {', '.join(different[:5])}")
    for name, (kind, shape) in expected.items():
        array = arrays[name]
        if array.dtype != kind or array.shape != shape:
            raise ValueError(
                f"{name} must be {np.dtype(kind)} {shape}, got {array.dtype} {array.shape}"
            )
    for name in expected:
        if name.endswith((".shift", ".point", "_point")):
            _within(arrays, name, 0, 62 if name.endswith(".shift") else POINT)
        elif name.endswith(".multiplier"):
            _within(arrays, name, 0, 1 << _MULTIPLIER_BITS)
        elif name.endswith(".bias") or name in ("gain", "offset"):
            _within(arrays, name, -(1 << 40), 1 << 40)
    _within(arrays, "score", 0, 1 << _MULTIPLIER_BITS)
    if int(np.asarray(arrays["score"])[:, 1].max()) > 62:
        raise ValueError("score has a shift above 62")

    def ints(name: str) -> NDArray[np.int64]:
        return np.asarray(arrays[name], np.int64)

    def linear(*names: str) -> Linear:
        """Join maps of the same input, one below the other."""
        weight = np.concatenate([np.asarray(arrays[f"{n}.weight"], np.int8) for n in names], axis=1)
        rows = [
            np.stack(
                [
                    ints(f"{n}.multiplier"),
                    ints(f"{n}.bias"),
                    np.broadcast_to(ints(f"{n}.shift")[:, None], ints(f"{n}.bias").shape),
                ],
                axis=1,
            )
            for n in names
        ]
        point = ints(f"{names[0]}.point")
        limit = np.full_like(point, input_limit(weight.shape[2]))
        return Linear(weight, np.concatenate(rows, axis=2), np.stack([point, limit], axis=1))

    if not all(np.array_equal(ints("query.point"), ints(f"{n}.point")) for n in ("key", "value")):
        raise ValueError("query, key and value must round their input alike")
    norms = np.stack([ints("gain"), ints("offset")], axis=1)
    return Parameters(
        Embedding(
            table=np.asarray(arrays["embedding"], np.int16),
            point=int(ints("embedding_point")[0]),
            norm=norms[0],
            turns=tables.turns_per_frame(config.dim // 2, config.max_period),
            cosine=tables.cosine_table(),
        ),
        Attention(
            query_key_value=linear("query", "key", "value"),
            out=linear("out"),
            norm=np.ascontiguousarray(norms[1::2]),
            score=ints("score"),
            exp2=tables.exp2_table(),
        ),
        FeedForward(
            up=linear("up"),
            down=linear("down"),
            norm=np.ascontiguousarray(norms[2::2]),
            gelu=tables.gelu_table(),
        ),
        Head(linear("head"), tables.exp2_table()),
    )


def _within(arrays: Mapping[str, NDArray[np.generic]], name: str, low: int, high: int) -> None:
    values = np.asarray(arrays[name], np.int64)
    if values.size and not low <= int(values.min()) <= int(values.max()) <= high:
        raise ValueError(f"{name} must lie in {low}..{high}")
