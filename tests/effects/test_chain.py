"""The chain as a module: shapes, rates, lengths, the bus between effects, seeds, copies."""

from __future__ import annotations

import copy
import itertools
import pickle
from dataclasses import dataclass
from typing import ClassVar

import pytest
import sox_binary
import torch
from torch import nn

from audiolab import signals
from audiolab.effects import EffectsChain, EffectSyntaxError
from audiolab.effects._noise_seeds import noise_states
from audiolab.effects._signal import Signal
from audiolab.effects.sox import Arguments, Context, Effect

RATE = 16_000


# ----------------------------------------------------------------- effects made for the test alone
@dataclass(frozen=True)
class Scale(Effect):
    """Multiply."""

    name: ClassVar[str] = "scale"
    summary: ClassVar[str] = "multiplies"
    example: ClassVar[str] = "scale 2"
    family: ClassVar[str] = "test"
    ragged: ClassVar[bool] = True
    factor: float = 2.0

    @classmethod
    def parse(cls, arguments: Arguments) -> Scale:
        return cls(arguments.number("factor", 2.0))

    def words(self) -> list[str]:
        return [str(self.factor)]

    def apply(self, signal: Signal, context: Context) -> Signal:
        return signal.with_waveform(signal.waveform * self.factor)


@dataclass(frozen=True)
class Relabel(Scale):
    """Change the rate by a factor and nothing else."""

    name: ClassVar[str] = "relabel"

    def apply(self, signal: Signal, context: Context) -> Signal:
        return Signal(signal.waveform, signal.sample_rate * self.factor)


@dataclass(frozen=True)
class Hiss(Scale):
    """Draw one number an item, in the way of a linear generator."""

    name: ClassVar[str] = "hiss"

    def apply(self, signal: Signal, context: Context) -> Signal:
        state = context.noise_state
        state.mul_(1664525).add_(1013904223).remainder_(1 << 32)
        return signal.with_waveform(signal.waveform + (state / 2**32).reshape(-1, 1, 1))


@dataclass(frozen=True)
class CutAtZero(Scale):
    """End where the first channel is zero, wherever that is in an item."""

    name: ClassVar[str] = "cutatzero"
    ragged: ClassVar[bool] = False

    def apply(self, signal: Signal, context: Context) -> Signal:
        lengths = (signal.waveform[:, 0] != 0).cumprod(-1).sum(-1)
        longest = int(lengths.max())
        return Signal(signal.waveform[..., :longest], signal.sample_rate, lengths)


def ramps(*lengths: int) -> torch.Tensor:
    batch = torch.zeros(len(lengths), 1, max(lengths))
    for index, length in enumerate(lengths):
        batch[index, 0, :length] = torch.arange(1, length + 1) / 100
    return batch


# ------------------------------------------------------------------------------ shapes and rates
@pytest.mark.parametrize("leading", [(), (1,), (3,), (2, 3), (0,), (2, 0)])
def test_any_leading_dimensions(leading: tuple[int, ...]):
    waveform = torch.randn(*leading, 2, 100)
    result, rate = EffectsChain("remix 2 1 0 trim 10s 50s")(waveform, RATE)
    assert result.shape == (*leading, 3, 50)
    assert rate == RATE
    if waveform.numel():
        assert torch.equal(result[..., :2, :], waveform.flip(-2)[..., 10:60])


def test_one_dimension_is_one_channel():
    waveform = torch.randn(100)
    result, _ = EffectsChain("trim 10s")(waveform, RATE)
    assert torch.equal(result, waveform[10:])
    stereo, _ = EffectsChain("remix 1 1")(waveform, RATE)
    assert stereo.shape == (2, 100)


def test_no_effects_change_nothing():
    waveform = torch.randn(2, 3, 10)
    result, rate = EffectsChain("")(waveform, RATE)
    assert torch.equal(result, waveform)
    assert rate == RATE


def test_rates_are_ints_where_they_are_whole():
    _, rate = EffectsChain([Relabel(factor=0.5)])(torch.zeros(1, 4), 44_100.0)
    assert (rate, type(rate)) == (22_050, int)
    _, rate = EffectsChain([Relabel(factor=0.75)])(torch.zeros(1, 4), 22_050)
    assert (rate, type(rate)) == (16_537.5, float)


def test_a_chain_that_knows_its_rate_maps_tensors_to_tensors():
    transforms = nn.Sequential(
        EffectsChain("trim 0 0.5", sample_rate=RATE),
        nn.Flatten(-2),
        EffectsChain([Scale()], sample_rate=8000),
    )
    result = transforms(torch.ones(3, 2, RATE))
    assert result.shape == (3, RATE)
    assert float(result.max()) == 2.0


def test_lengths_come_back_with_a_known_rate_too():
    chain = EffectsChain("trim 1s", sample_rate=RATE)
    waveform, lengths = chain(torch.ones(2, 1, 5), lengths=torch.tensor([5, 3]))
    assert waveform.shape == (2, 1, 4)
    assert lengths.tolist() == [4, 2]


def test_the_rate_has_to_be_known_and_the_same():
    with pytest.raises(ValueError, match="sample_rate is missing"):
        EffectsChain("reverse")(torch.zeros(1, 5))
    with pytest.raises(ValueError, match="8000 Hz, but the chain was made for 16000 Hz"):
        EffectsChain("reverse", sample_rate=RATE)(torch.zeros(1, 5), 8000)
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="sample_rate"):
            EffectsChain("reverse")(torch.zeros(1, 5), wrong)


def test_wrong_input():
    chain = EffectsChain("reverse")
    with pytest.raises(TypeError, match=r"waveform must be a torch\.Tensor"):
        chain([0.0], RATE)
    with pytest.raises(TypeError, match="floating point"):
        chain(torch.zeros(1, 5, dtype=torch.int16), RATE)
    with pytest.raises(ValueError, match="at least 1 dim"):
        chain(torch.tensor(0.0), RATE)
    with pytest.raises(ValueError, match="clip must be one of"):
        EffectsChain("reverse", clip="hard")


# -------------------------------------------------------------------------------------- lengths
def test_items_keep_their_own_lengths():
    batch, lengths = ramps(6, 4, 1), torch.tensor([6, 4, 1])
    result, _, ends = EffectsChain("reverse pad 1s")(batch, RATE, lengths)
    assert ends.tolist() == [7, 5, 2]
    expected = [[0, 6, 5, 4, 3, 2, 1], [0, 4, 3, 2, 1, 0, 0], [0, 1, 0, 0, 0, 0, 0]]
    assert torch.allclose(100 * result[:, 0], torch.tensor(expected, dtype=torch.float32))


def test_what_lies_past_the_end_is_not_heard():
    batch = ramps(6, 6)
    batch[1, 0, 4:] = float("nan")
    result, _, _ = EffectsChain([Scale()])(batch, RATE, torch.tensor([6, 4]))
    assert result[1, 0].tolist() == pytest.approx([0.02, 0.04, 0.06, 0.08, 0, 0])


def test_effects_that_end_by_content():
    batch = ramps(5, 3)
    chain = EffectsChain([CutAtZero(), Scale()])
    result, _, ends = chain(batch, RATE, torch.tensor([5, 5]))
    assert ends.tolist() == [5, 3]
    assert result.shape == (2, 1, 5)
    with pytest.raises(
        ValueError, match="after cutatzero the items are 3 to 5 samples long: pass len"
    ):
        chain(batch, RATE)
    alike, _ = chain(batch[[1, 1]], RATE)
    assert alike.shape == (2, 1, 3)


def test_lengths_follow_the_leading_dimensions_and_their_type():
    batch = torch.ones(2, 3, 1, 8)
    lengths = torch.tensor([[8, 2, 0], [1, 5, 7]], dtype=torch.int32)
    result, _, ends = EffectsChain("trim 1s")(batch, RATE, lengths)
    assert ends.dtype == torch.int32
    assert ends.tolist() == [[7, 1, 0], [0, 4, 6]]
    assert torch.equal(result.sum((-2, -1)).int(), ends)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([1, 2], TypeError, "tensor of integers, got list"),
        (torch.tensor([1.0, 2.0]), TypeError, "got torch.float32"),
        (torch.tensor([True, False]), TypeError, "got torch.bool"),
        (torch.tensor([1]), ValueError, r"shape \(2,\), got \(1,\)"),
        (torch.tensor([1, 9]), ValueError, "between 0 and the 8 samples .* got 1 to 9"),
        (torch.tensor([-1, 2]), ValueError, "got -1 to 2"),
    ],
)
def test_wrong_lengths(lengths: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        EffectsChain("reverse")(torch.ones(2, 1, 8), RATE, lengths)


# -------------------------------------------------------------------------------- the bus of SoX
def test_nothing_is_clipped_by_default():
    waveform = torch.tensor([[0.3, -2.5, 1e6]])
    result, _ = EffectsChain([Scale(factor=10), Scale(factor=0.1)])(waveform, RATE)
    assert torch.allclose(result, waveform)


def test_the_bus_saturates_and_rounds():
    step = 2.0**-31
    waveform = torch.tensor(
        [[2.0, 1.0, -3.0, -1.0, 0.5 * step, -0.5 * step, 0.4 * step, 1.5 * step]]
    )
    result, _ = EffectsChain([], clip="sox")(waveform.double(), RATE)
    expected = [1 - step, 1 - step, -1, -1, step, -step, 0, 2 * step]
    assert result[0].tolist() == expected
    assert torch.equal(result, sox_binary.to_grid(waveform))


def test_the_bus_lies_between_all_effects():
    """The case that torchaudio's users met: up and down again is not the same."""
    waveform = torch.tensor([[0.25, -0.05]], dtype=torch.float64)
    result, _ = EffectsChain([Scale(factor=10), Scale(factor=0.1)], clip="sox")(waveform, RATE)
    assert result[0].tolist() == pytest.approx([0.1, -0.05], abs=1e-9)


def test_single_precision_goes_in_and_out_of_the_bus():
    waveform = torch.rand(2, 50) - 0.5
    result, _ = EffectsChain([], clip="sox")(waveform, RATE)
    assert result.dtype == torch.float32
    assert torch.equal(result, sox_binary.to_grid(waveform).float())


def test_gradients_pass_the_bus_where_it_does_not_saturate():
    waveform = torch.tensor([[0.25, 0.6, -0.7]], dtype=torch.float64, requires_grad=True)
    result, _ = EffectsChain([Scale(factor=2)], clip="sox")(waveform, RATE)
    result.sum().backward()
    assert waveform.grad.tolist() == [[2.0, 0.0, 0.0]]


# --------------------------------------------------------------------------------------- seeds
def test_seed_0_is_the_programs():
    assert noise_states(0, torch.Size([3])).tolist() == [0, 0, 0]


def test_states_differ_in_half_of_their_bits():
    states = noise_states(torch.arange(2000), torch.Size([2000])).tolist()
    assert len(set(states)) == 2000
    assert all(0 <= state < 2**32 for state in states)
    flips = [bin(a ^ b).count("1") for a, b in itertools.pairwise(states)]
    # 32 fair coins a pair: the mean of 2000 pairs has a deviation of 0.06.
    assert sum(flips) / len(flips) == pytest.approx(16, abs=0.4)


def test_an_item_is_the_same_in_every_batch():
    chain, silence = EffectsChain([Hiss(), Hiss()]), torch.zeros(4, 1, 3)
    ids = torch.tensor([11, 5, 7, 5])
    batch, _ = chain(silence, RATE, seed=ids)
    assert torch.equal(batch[1], batch[3])
    assert not torch.equal(batch[0], batch[1])
    for index, number in enumerate(ids.tolist()):
        alone, _ = chain(silence[0], RATE, seed=number)
        assert torch.equal(alone, batch[index])
        ragged, _, _ = chain(silence, RATE, torch.tensor([3, 1, 2, 3]), seed=ids)
        assert torch.equal(ragged[index, :, :1], batch[index, :, :1])


def test_no_seed_is_new_noise_and_leaves_the_global_generator_alone():
    chain = EffectsChain([Hiss()])
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    batch, _ = chain(torch.zeros(64, 1, 1), RATE)
    again, _ = chain(torch.zeros(64, 1, 1), RATE)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert len(set(torch.cat([batch, again]).flatten().tolist())) > 100


def test_a_seeded_chain_repeats_itself():
    chain = EffectsChain([Hiss()], seed=torch.tensor([1, 2]))
    first, _ = chain(torch.zeros(2, 1, 1), RATE)
    second, _ = chain(torch.zeros(2, 1, 1), RATE)
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("seed", "error"),
    [(1.5, TypeError), (True, TypeError), ("1", TypeError), (torch.tensor([0.5, 1.0]), TypeError)],
)
def test_wrong_seeds(seed: object, error: type[Exception]):
    with pytest.raises(error, match="seed must be"):
        EffectsChain("reverse", seed=seed)


def test_a_seed_an_item():
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(2,\)"):
        EffectsChain("reverse")(torch.zeros(3, 1, 1), RATE, seed=torch.tensor([1, 2]))
    assert noise_states(torch.tensor(-1), torch.Size([2, 3])).shape == (6,)


# ---------------------------------------------------------------------------- text, copies, state
LINE = "trim 0.25t fade t 0.1t reverse"


def test_text():
    chain = EffectsChain(LINE, seed=1)
    assert repr(EffectsChain.from_sox(chain.to_sox())) == repr(chain) == chain.to_sox()
    assert EffectsChain(chain.to_sox()).effects == chain.effects
    assert str(nn.Sequential(chain)) == f"Sequential(\n  (0): {chain.to_sox()}\n)"
    assert [each.name for each in chain] == ["trim", "fade", "reverse"]
    assert len(chain) == 3
    assert EffectsChain("")


def test_from_a_whole_command():
    chain = EffectsChain.from_sox(
        f"sox in.wav out.wav {LINE}", sample_rate=RATE, clip="sox", seed=2
    )
    assert chain.effects == EffectsChain(LINE).effects
    assert (chain.sample_rate, chain.clip, chain.seed) == (RATE, "sox", 2)
    with pytest.raises(EffectSyntaxError, match="option of the program"):
        EffectsChain.from_sox(f"sox -R in.wav out.wav {LINE}")


def test_copies_do_the_same():
    chain = EffectsChain(LINE, sample_rate=RATE, clip="sox", seed=torch.tensor([3, 4]))
    waveform = torch.randn(2, 1, RATE)
    for twin in (copy.deepcopy(chain), pickle.loads(pickle.dumps(chain))):
        assert repr(twin) == repr(chain)
        assert torch.equal(twin(waveform), chain(waveform))
    assert chain.state_dict() == {}
    assert list(chain.parameters()) == []


def test_gradients_reach_the_input():
    waveform = torch.randn(2, 1, 50, dtype=torch.float64, requires_grad=True)
    result, _, _ = EffectsChain("reverse trim 10s")(waveform, RATE, torch.tensor([50, 30]))
    (gradient,) = torch.autograd.grad(result.sum(), waveform)
    assert gradient.sum(-1).tolist() == [[40.0], [20.0]]


# ------------------------------------------------------------------------------------ null input
def test_endless_silence_ends_where_an_effect_says():
    waveform, rate = EffectsChain("trim 1s 0.5 pad 1s").generate(8000, num_channels=2)
    assert waveform.shape == (2, 4001)
    assert rate == 8000
    assert not waveform.any()


def test_endless_silence_that_does_not_end():
    with pytest.raises(ValueError, match=r"makes sound without end \(more than 10 s\)"):
        EffectsChain("pad 1").generate(8000, max_duration_s=10)


def test_the_bundled_clip_through_a_chain():
    music, rate = signals.clip("music")
    result, _ = EffectsChain("remix 1,2 trim 0.5 1 reverse")(music, rate)
    assert torch.allclose(
        result, music.mean(0, keepdim=True)[:, rate // 2 : 3 * rate // 2].flip(-1)
    )
