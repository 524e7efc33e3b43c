"""Pieces on several threads: every piece stored once, whoever is slow, whatever fails."""

import multiprocessing
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from audiolab.resample import _pool, resample


@pytest.fixture(params=[2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def noise(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", ["audiolab", "audiolab_brickwall"])
@pytest.mark.parametrize(("orig", "new"), [(48_000, 32_000), (147, 160), (44_100, 16_001)])
def test_no_bit_depends_on_the_number_of_threads(
    orig: int, new: int, method: str, dtype: torch.dtype, threads: int
):
    for shape in ((20, 60_000), (1, 300_000), (1, 3000)):
        x = noise(*shape, dtype=dtype)
        several = resample(x, orig, new, method=method)
        torch.set_num_threads(1)
        one = resample(x, orig, new, method=method)
        assert torch.equal(several, one), (several - one).abs().max()
        torch.set_num_threads(threads)


@pytest.mark.parametrize("by_torch", [False, True])
def test_every_piece_is_stored_once(threads: int, by_torch: bool):
    stored: list[int] = []
    _pool.run(lambda piece: piece * piece, lambda _, y: stored.append(y), 40, by_torch=by_torch)
    assert sorted(stored) == [piece * piece for piece in range(40)]


@pytest.mark.parametrize("by_torch", [False, True])
def test_nobody_waits_for_a_thread_that_lost_its_processor(threads: int, by_torch: bool):
    stuck, release = threading.Event(), threading.Event()
    stored: list[int] = []

    def compute(piece: int) -> int:
        if piece == 0 and not stuck.is_set():
            stuck.set()
            release.wait(60)
        elif piece == 1:
            stuck.wait(60)  # piece 0 is in other hands
        return piece

    # the caller's own thread would be stuck as well, if it took piece 0
    runner = threading.Thread(
        target=_pool.run,
        args=(compute, lambda piece, _: stored.append(piece), 12),
        kwargs={"by_torch": by_torch},
    )
    torch.set_num_threads(threads)
    runner.start()
    deadline = time.monotonic() + 30
    while len(stored) < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(stored) == list(range(12))  # before the one that is stuck goes on
    release.set()
    runner.join(30)
    assert not runner.is_alive()
    assert len(stored) == 12


@pytest.mark.parametrize("by_torch", [False, True])
def test_an_error_reaches_the_caller(threads: int, by_torch: bool):
    def compute(piece: int) -> int:
        if piece == 7:
            raise MemoryError("too large")
        return piece

    with pytest.raises(MemoryError, match="too large"):
        _pool.run(compute, lambda piece, y: None, 12, by_torch=by_torch)
    _pool.run(lambda piece: piece, lambda piece, y: None, 12, by_torch=by_torch)


def test_threads_of_others_keep_their_settings(threads: int):
    resample(noise(8, 200_000), 48_000, 32_000)
    seen: list[int] = []
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert seen == [threads]
    assert torch.get_num_threads() == threads


def test_callers_in_several_threads(threads: int):
    x = noise(12, 100_000)
    expected = resample(x, 48_000, 32_000)
    results: dict[int, torch.Tensor] = {}

    def call(number: int) -> None:
        results[number] = resample(x[number], 48_000, 32_000)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for number in range(12):
        torch.testing.assert_close(results[number], expected[number], rtol=0, atol=2e-6)


def test_gradients_and_inference_mode(threads: int):
    x = noise(6, 200_000).requires_grad_()
    y = resample(x, 48_000, 32_000)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    assert gradient.shape == x.shape
    with torch.inference_mode():
        assert torch.equal(resample(x, 48_000, 32_000), y)


def _in_a_child(queue: "multiprocessing.Queue[int]") -> None:
    # pieces of plain Python, as OpenMP's own threads do not survive a fork
    torch.set_num_threads(2)
    stored: list[int] = []
    for by_torch in (False, True):
        _pool.run(lambda piece: piece, lambda _, y: stored.append(y), 9, by_torch=by_torch)
    queue.put(sum(stored))


# Python warns of forks in processes with threads, which is what this is about
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(threads: int):
    _pool.run(lambda piece: piece, lambda _, y: None, 9, by_torch=True)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_a_child, args=(queue,), daemon=True)
    child.start()
    assert queue.get(timeout=60) == 72
    child.join(30)
    assert child.exitcode == 0
