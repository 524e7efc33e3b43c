"""The compiled product of overlapping rows, and work on threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.codec import _products
from audiolab.codec._tasks import Task, run_tasks


def multiply(
    a: np.ndarray, lda: int, rows: int, matrix: np.ndarray, start: np.ndarray, depth: int
) -> np.ndarray:
    inputs, outputs = matrix.shape
    result = np.full(rows * outputs, np.nan, np.float32)
    packed = _products.pack(matrix, depth)
    _products.product(
        a, 0, lda, rows, inputs, packed, start, 0, 0, result, 0, outputs, outputs, depth
    )
    return result.reshape(rows, outputs)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 60),
    inputs=st.integers(1, 300),
    outputs=st.sampled_from([1, 3, 16, 20, 32, 48, 64, 128]),
    pitch=st.integers(1, 40),
    depth=st.sampled_from([1, 7, 128, 300]),
    seed=st.integers(0, 99),
)
def test_product_of_overlapping_rows(
    rows: int, inputs: int, outputs: int, pitch: int, depth: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    a = random.standard_normal(pitch * (rows - 1) + inputs).astype(np.float32)
    matrix = random.standard_normal((inputs, outputs)).astype(np.float32)
    start = random.standard_normal(outputs).astype(np.float32)
    result = multiply(a, pitch, rows, matrix, start, depth)
    windows = np.lib.stride_tricks.sliding_window_view(a, inputs)[::pitch]
    exact = windows.astype(np.float64) @ matrix.astype(np.float64) + start
    scale = np.abs(windows).astype(np.float64) @ np.abs(matrix) + np.abs(start)
    assert np.all(np.abs(result - exact) <= (inputs + 2) * 2.0**-24 * scale)
    # Every row is the same sum however many go along: not one bit depends on the tile.
    alone = [multiply(a[r * pitch :], pitch, 1, matrix, start, depth)[0] for r in range(rows)]
    np.testing.assert_array_equal(result, np.stack(alone))


def test_sums_of_sums_round_less() -> None:
    random = np.random.default_rng(0)
    a = random.standard_normal(8192).astype(np.float32)
    matrix = random.standard_normal((8192, 64)).astype(np.float32)
    start = np.zeros(64, np.float32)
    exact = a.astype(np.float64) @ matrix.astype(np.float64)
    errors = [
        np.sqrt(np.mean((multiply(a, 1, 1, matrix, start, depth)[0] - exact) ** 2))
        for depth in (_products.DEPTH, 8192)
    ]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_tasks_wait_for_what_they_need(threads: int) -> None:
    done: list[int] = []
    lock = threading.Lock()

    def add(number: int) -> None:
        def call(thread: int) -> None:
            assert 0 <= thread < threads
            with lock:
                done.append(number)

        before = [tasks[d] for d in (number // 2, number - 7) if 0 <= d < number]
        tasks.append(Task(call, before))

    tasks: list[Task] = []
    for number in range(200):
        add(number)
    run_tasks(tasks, threads)
    place = {number: i for i, number in enumerate(done)}
    assert sorted(done) == list(range(200))
    for number in range(1, 200):
        assert place[number // 2] < place[number]
        assert number < 7 or place[number - 7] < place[number]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failed_task_ends_the_rest(threads: int) -> None:
    done: list[int] = []

    def fail(thread: int) -> None:
        raise ZeroDivisionError("on purpose")

    failing = Task(fail)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        run_tasks([failing, Task(done.append, [failing])], threads)
    assert done == []
