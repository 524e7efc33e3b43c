"""Chains block by block: the whole whatever the blocks, early ends, what is measured on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from cases import tones
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from audiolab.effects import EffectsChain
from audiolab.effects._signal import Signal
from audiolab.effects.sox import EFFECTS, Arguments, Context, Effect, Form, parse_effects
from audiolab.effects.streaming import Pipeline

RATE = 16_000


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let noiseprof's example write its file elsewhere."""
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Sum(Effect):
    """Tell the sum of what was heard."""

    name: ClassVar[str] = "sum"
    summary: ClassVar[str] = "tells the sum"
    example: ClassVar[str] = "sum"
    family: ClassVar[str] = "test"

    @classmethod
    def parse(cls, arguments: Arguments) -> Sum:
        return cls()

    def words(self) -> list[str]:
        return []

    def apply(self, signal: Signal, context: Context) -> Signal:
        context.tell(float(signal.waveform.sum()))
        return signal


def context() -> Context:
    return Context(torch.zeros(1, dtype=torch.int64))


def pipeline(line: str, num_samples: int | None, channels: int = 1, clip: str = "none") -> Pipeline:
    return Pipeline(
        parse_effects(line), Form(float(RATE), channels, num_samples), context(), clip=clip
    )


def cut(waveform: torch.Tensor, sizes: list[int]) -> Iterator[torch.Tensor]:
    place, turn = 0, 0
    while place < waveform.shape[-1]:
        yield waveform[..., place : place + sizes[turn % len(sizes)]]
        place, turn = place + sizes[turn % len(sizes)], turn + 1


# ----------------------------------------------------------------------------- whatever the blocks
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(st.sampled_from(sorted(EFFECTS)), min_size=2, max_size=4),
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    clip=st.sampled_from(["none", "sox"]),
)
def test_any_chain_in_any_blocks(names: list[str], sizes: list[int], clip: str):
    line = " ".join(EFFECTS[name].example for name in names)
    waveform = tones(RATE, 2, RATE // 2)
    try:
        expected, rate = EffectsChain(line, clip=clip, seed=0)(waveform, RATE)
    except ValueError:
        assume(False)
    run = pipeline(line, waveform.shape[-1], channels=2, clip=clip)
    found = torch.cat(list(run.run(cut(waveform[None], [max(sum(sizes), 300), *sizes]))), dim=-1)[0]
    assert run.form.sample_rate == pytest.approx(rate)
    assert found.shape == expected.shape, line
    if expected.numel():
        # On the bus, sums that are split at other places may round to the next of 2**31 steps, and
        # later effects may amplify that.
        bound = 1e-10 if clip == "none" else 1e-6
        assert float((found - expected).abs().max()) <= bound * max(
            float(expected.abs().max()), 1.0
        )


def test_no_blocks_at_all():
    assert not sum(part.shape[-1] for part in pipeline("trim 1 reverse fade t 0", 0).run([]))
    (padding,) = pipeline("pad 10s", 0).run([])
    assert padding.shape == (1, 1, 10)


# ------------------------------------------------------------------------------------- early ends
def counted(blocks: Iterator[torch.Tensor], seen: list[int]) -> Iterator[torch.Tensor]:
    for block in blocks:
        seen.append(block.shape[-1])
        yield block


@pytest.mark.parametrize(
    ("line", "blocks"),
    [
        ("trim 0 1000s", 1),
        ("trim 0 1001s", 2),
        ("trim 0 0", 0),
        ("pad 500s trim 0 1500s", 1),
        ("trim 0 2000s reverse", 2),
        ("trim 0 4000s trim 0 2000s", 2),
        ("trim 0 1000s pad 1", 1),
        ("reverse trim 0 1000s", 10),
    ],
)
def test_reading_stops_when_nothing_more_is_needed(line: str, blocks: int):
    waveform = tones(RATE, 1, 10_000)[None]
    seen: list[int] = []
    parts = list(pipeline(line, 10_000).run(counted(cut(waveform, [1000]), seen)))
    expected, _ = EffectsChain(line)(waveform[0], RATE)
    found = torch.cat(parts, dim=-1)[0] if parts else waveform[0, :, :0]
    assert torch.equal(found, expected)
    assert len(seen) == blocks


def test_what_comes_before_an_early_end_is_still_told():
    told = context()
    effects = [Sum(), *parse_effects("trim 0 100s")]
    run = Pipeline(effects, Form(float(RATE), 1, 1000), told)
    blocks = cut(torch.ones(1, 1, 1000), [50])
    result = torch.cat(list(run.run(blocks)), dim=-1)
    # Nobody tells what was not read: the sum waits for its end, and so all of it is.
    assert result.shape[-1] == 100
    assert told.reports == [1000.0]


def test_a_long_tail_is_not_played_past_an_end():
    waveform = tones(RATE, 1, 400_000)[None]
    run = pipeline("reverse trim 0 1000s", 400_000)
    parts = [part.shape[-1] for part in run.run(cut(waveform, [100_000])) if part.shape[-1]]
    assert sum(parts) == 1000


def test_finishing_twice_is_finishing_once():
    run = pipeline("pad 0 10s", 100)
    run.push(torch.ones(1, 1, 100))
    assert sum(part.shape[-1] for part in run.finish()) == 10
    assert list(run.finish()) == []
    assert run.done


# --------------------------------------------------------------------------------- forms on the way
def test_forms_are_known_before_a_sample_is():
    run = pipeline("remix 1 1 1 trim 0 0.5 channels 2", RATE, channels=2)
    assert [form.num_channels for form in run.forms] == [3, 3, 2]
    assert run.forms[1].num_samples == RATE // 2


def test_unknown_lengths_wait_for_the_end():
    waveform = tones(RATE, 1, 5000)[None]
    run = pipeline("trim 100s -100s", None)
    assert [effect.name for effect in run.collecting] == ["trim"]
    found = torch.cat(list(run.run(cut(waveform, [999]))), dim=-1)
    assert torch.equal(found, waveform[..., 100:-100])


def test_wrong_input_is_refused_when_the_length_is_unknown_too():
    for length in (None, 100):
        with pytest.raises(ValueError, match="channel"):
            pipeline("remix 7", length, channels=2)
