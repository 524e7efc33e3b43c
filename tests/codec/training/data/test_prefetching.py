"""Batches made ahead are the batches; and the banks of rooms."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from audiolab import room
from audiolab.codec.training.data import rooms
from audiolab.codec.training.data.augmentation import Augmentation
from audiolab.codec.training.data.prefetching import Prefetched


class Counting:
    """A source that notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.lock = threading.Lock()

    def __call__(self, step: int, items: range) -> torch.Tensor:
        with self.lock:
            self.asked += [(step, item) for item in items]
        if step == 13:
            raise OSError("the disk is gone")
        return torch.tensor([[[1000.0 * step + item]] for item in items])


def test_prefetched_batches_are_the_batches() -> None:
    source = Counting()
    with Prefetched(source, threads=3, ahead=2) as quick:
        for step in (0, 1, 2, 7, 8, 2**31, 9, 10):  # with jumps, as a validation makes them
            assert torch.equal(quick(step, range(2, 6)), Counting()(step, range(2, 6)))


def test_steps_are_made_in_advance_and_once() -> None:
    source = Counting()
    with Prefetched(source, threads=2, ahead=3) as quick:
        quick(0, range(2))
        quick(1, range(2))
    assert {step for step, _ in source.asked} <= set(range(5))
    assert len(source.asked) == len(set(source.asked))


def test_an_error_arrives_with_its_step() -> None:
    with Prefetched(Counting(), threads=2, ahead=2) as quick:
        assert quick(12, range(1)).item() == 12_000.0
        with pytest.raises(OSError, match="the disk is gone"):
            quick(13, range(1))
    with pytest.raises(ValueError, match="threads must be"):
        Prefetched(Counting(), threads=0)


@pytest.mark.parametrize("bank", [rooms.exponential_rooms, rooms.simulated_rooms])
def test_banks_are_rooms_and_always_the_same(bank) -> None:
    responses = bank(8_000)
    assert len(responses) >= 64
    assert all(response.dtype == np.float32 for response in responses)
    # At 8 kHz a reflection can fall into the direct sound's sample but one, and be as strong.
    assert all(abs(response[0]) > 0.2 * np.abs(response[:8]).max() for response in responses)
    assert all(np.array_equal(a, b) for a, b in zip(responses, bank(8_000), strict=True))


def test_simulated_rooms_vary_as_rooms_do() -> None:
    responses = torch.from_numpy(np.stack(rooms.simulated_rooms(16_000)))
    assert responses.square().sum(1).sqrt().tolist() == pytest.approx([1.0] * 64, abs=1e-4)
    clarity = room.clarity_db(responses, 16_000)
    assert float(clarity.min()) < 8.0
    assert float(clarity.max()) > 20.0


def test_the_bank_is_chosen_by_name() -> None:
    with pytest.raises(ValueError, match="rooms must be one of 'exponential', 'simulated'"):
        Augmentation(rooms="cave")
