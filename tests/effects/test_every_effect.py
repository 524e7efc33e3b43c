"""What holds for every effect of the language, whatever it does.

The parameter sets are those of the parity cases and each effect's own example. A family's author
adds cases beside the parity harness, and they are tried here too: words and back, block by block,
item by item, precision, and silence.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from cases import all_cases, tones
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiolab.effects import EffectsChain
from audiolab.effects._signal import Signal
from audiolab.effects.sox import EFFECTS, Context, EffectSyntaxError, parse_effect, parse_effects
from audiolab.effects.sox.effect import Effect, Form, sox_line
from audiolab.effects.streaming import Pipeline

RATE = 16_000


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What noiseprof writes about a faint stereo noise, for the examples that read it."""
    path = tmp_path_factory.mktemp("profile") / "noise.txt"
    faint = 1e-5 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(0))
    EffectsChain(["noiseprof", str(path)])(faint, RATE)
    return path.read_text(encoding="ascii")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise.txt").write_text(profile, encoding="ascii")
    # The cases' own files are named from the root of the repository.
    (tmp_path / "tests").symlink_to(Path(__file__).parents[1])


def lines() -> list[str]:
    """Return every effect with every parameter set there is, once."""
    found = {effect.example: None for effect in EFFECTS.values()}
    for case in all_cases():
        # A case that does not parse fails beside the harness, where its author sees it.
        with suppress(EffectSyntaxError):
            for words in _each(case.words):
                found[shlex.join(words)] = None
    return list(found)


def _each(line: str) -> list[list[str]]:
    return [[each.name, *each.words()] for each in parse_effects(line)]


LINES = lines()


def families() -> list[str]:
    return sorted(EFFECTS)


def signal_for(effect: Effect, seconds: float = 0.5) -> tuple[torch.Tensor, float] | None:
    """Return a waveform ``(1, channels, time)`` in a form that the effect accepts."""
    for length in (seconds, 4.0):
        for channels in (2, 1, 4, 3):
            for rate in (RATE, 44_100, 48_000):
                waveform = tones(rate, channels, round(length * rate))[None]
                try:
                    effect.apply(Signal(waveform, float(rate)), context())
                except ValueError:
                    continue
                return waveform, float(rate)
    return None


def context(state: int = 0) -> Context:
    # As if `gain -h` came before: `gain -r` alone has nothing to reclaim.
    return Context(torch.full((1,), state, dtype=torch.int64), headroom=0.5)


def whole(effect: Effect, waveform: torch.Tensor, rate: float) -> torch.Tensor:
    after = effect.apply(Signal(waveform, rate), context())
    if after.lengths is not None:
        return after.waveform[..., : int(after.lengths[0])]
    return after.waveform


# ------------------------------------------------------------------------- names and their help
@pytest.mark.parametrize("name", families())
def test_help_is_complete(name: str):
    effect = EFFECTS[name]
    assert effect.name == name
    assert effect.summary
    assert effect.summary[0].islower()
    assert not effect.summary.endswith(".")
    assert effect.example.split()[0] == name
    assert effect.__doc__
    for parameter in effect.parameters:
        assert parameter.name
        assert parameter.meaning


@pytest.mark.parametrize("name", families())
def test_too_many_words_are_refused_with_the_usage(name: str):
    words = [*shlex.split(EFFECTS[name].example), "-", "bogus", "words"]
    with pytest.raises(EffectSyntaxError) as caught:
        parse_effect(words)
    assert caught.value.position
    assert f"usage: {name}" in str(caught.value)


# ------------------------------------------------------------------------- words and back
@pytest.mark.parametrize("line", LINES)
def test_words_lead_back_to_the_effect(line: str):
    (effect,) = parse_effects(line)
    again = parse_effect([effect.name, *effect.words()])
    assert again == effect
    assert again.words() == effect.words()
    assert parse_effects(sox_line([effect])) == [effect]
    assert hash(effect) == hash(again)


TOKENS = sorted({word for line in LINES for word in shlex.split(line)[1:]})
words = st.sampled_from(TOKENS) | st.text(
    alphabet="0123456789.,:-+=@%kqhostdBnabe*!", min_size=1, max_size=6
)


@pytest.mark.parametrize("name", families())
@settings(max_examples=60, deadline=None)
@given(arguments=st.lists(words, max_size=7))
def test_any_words_parse_or_are_a_syntax_error(name: str, arguments: list[str]):
    try:
        effect = parse_effect([name, *arguments])
    except EffectSyntaxError:
        return
    again = parse_effect([name, *effect.words()])
    assert again == effect
    assert again.words() == effect.words()


# ------------------------------------------------------------------------- streams and blocks
def streamed(effect: Effect, waveform: torch.Tensor, rate: float, sizes: list[int]) -> torch.Tensor:
    """Run an effect over blocks of the given sizes, repeated until the waveform is used up."""
    form = Form(rate, waveform.shape[1], waveform.shape[2])
    pipeline = Pipeline([effect], form, context())

    def blocks():
        place, turn = 0, 0
        while place < waveform.shape[-1]:
            size = max(sizes[turn % len(sizes)], 0 if turn % 2 else 1)
            yield waveform[..., place : place + size]
            place, turn = place + size, turn + 1

    parts = list(pipeline.run(blocks()))
    assert all(part.shape[1] == pipeline.form.num_channels for part in parts)
    return torch.cat(parts, dim=-1) if parts else waveform[..., :0]


def assert_same(found: torch.Tensor, expected: torch.Tensor, level: float) -> None:
    """Assert equality up to the rounding of float64 sums that are split at other places."""
    assert found.shape == expected.shape
    if expected.numel():
        assert float((found - expected).abs().max()) <= 1e-11 * max(level, 1.0)


@pytest.mark.parametrize("line", LINES)
def test_blocks_make_the_whole(line: str):
    (effect,) = parse_effects(line)
    made = signal_for(effect)
    if made is None:
        pytest.fail(f"{line} accepts none of the forms tried")
    waveform, rate = made
    expected = whole(effect, waveform, rate)
    level = float(expected.abs().max()) if expected.numel() else 1.0
    for sizes in ([977], [1, 4096, 33]):
        assert_same(streamed(effect, waveform, rate, sizes), expected, level)


@pytest.mark.parametrize("name", families())
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=6).filter(any))
def test_any_blocks_make_the_whole(name: str, sizes: list[int]):
    (effect,) = parse_effects(EFFECTS[name].example)
    made = signal_for(effect, seconds=0.3)
    assert made is not None
    waveform, rate = made
    expected = whole(effect, waveform, rate)
    level = float(expected.abs().max()) if expected.numel() else 1.0
    # A block a sample would take minutes and show no more than blocks of 50.
    sizes = [max(size, 50) if index % 2 else size for index, size in enumerate([*sizes, 50])]
    assert_same(streamed(effect, waveform, rate, sizes), expected, level)


# ------------------------------------------------------------------------- batches, lengths, dtypes
@pytest.mark.parametrize("name", families())
def test_items_of_a_batch_are_alone(name: str):
    chain = EffectsChain(EFFECTS[name].example, seed=3)
    made = signal_for(chain.effects[0])
    assert made is not None
    waveform, rate = made
    batch = torch.cat([waveform, 0.5 * waveform.flip(-1), -waveform])
    lengths = torch.full((3,), batch.shape[-1])
    if name == "noiseprof":
        # Its file holds one profile.
        with pytest.raises(ValueError, match="one item at a time"):
            chain(batch, rate, lengths)
        return
    together, rate_together, ends = chain(batch, rate, lengths)
    for index in range(3):
        alone, rate_alone = chain(batch[index], rate)
        assert rate_alone == rate_together
        assert alone.shape[-1] == ends[index]
        assert_same(together[index, :, : int(ends[index])], alone, 1.0)
        assert not together[index, :, int(ends[index]) :].any()


@pytest.mark.parametrize("name", families())
def test_lengths_cut_items(name: str):
    chain = EffectsChain(EFFECTS[name].example, seed=3)
    made = signal_for(chain.effects[0])
    assert made is not None
    waveform, rate = made
    batch = torch.cat([waveform, waveform.flip(-1), 0.7 * waveform])
    full = batch.shape[-1]
    lengths = torch.tensor([full, full // 2 + 1, full // 3])
    spoilt = batch.clone()
    for index, length in enumerate(lengths.tolist()):
        spoilt[index, :, length:] = float("nan")
    together, _, ends = chain(spoilt, rate, lengths)
    assert together.shape[-1] == max(ends)
    for index, length in enumerate(lengths.tolist()):
        alone, _ = chain(batch[index, :, :length], rate)
        assert alone.shape[-1] == ends[index], name
        assert_same(together[index, :, : int(ends[index])], alone, 1.0)
        assert not together[index, :, int(ends[index]) :].any()


@pytest.mark.parametrize("name", families())
def test_type_follows_the_input_and_state_is_double(name: str):
    chain = EffectsChain(EFFECTS[name].example, seed=0)
    made = signal_for(chain.effects[0])
    assert made is not None
    waveform, rate = made
    double, _ = chain(waveform, rate)
    single, _ = chain(waveform.float(), rate)
    assert double.dtype == torch.float64
    assert single.dtype == torch.float32
    assert single.shape == double.shape
    if double.numel():
        level = max(float(double.abs().max()), 1e-9)
        error = float((single.double() - double).abs().max()) / level
        # The samples are rounded to 24 bits twice; what is recursive must add nothing to that.
        assert error < 2e-5, f"{error:.1e}"


@pytest.mark.parametrize("name", families())
def test_no_samples_are_no_trouble(name: str):
    chain = EffectsChain(EFFECTS[name].example, seed=0)
    made = signal_for(chain.effects[0])
    assert made is not None
    waveform, rate = made
    form = chain(waveform, rate)
    empty, rate_after = chain(waveform[..., :0], rate)
    assert rate_after == form[1]
    assert empty.shape[:2] == form[0].shape[:2]
    assert torch.isfinite(empty).all()
    one, _ = chain(waveform[..., :1], rate)
    assert torch.isfinite(one).all()


@pytest.mark.parametrize("name", families())
def test_gradients_reach_the_input(name: str):
    if not EFFECTS[name].differentiable:
        return
    chain = EffectsChain(EFFECTS[name].example, seed=0)
    made = signal_for(chain.effects[0], seconds=0.1)
    assert made is not None
    waveform = made[0].clone().requires_grad_()
    result, _ = chain(waveform, made[1])
    if not result.numel():
        return
    if not result.requires_grad:
        # What makes sound of its own ignores the input.
        other, _ = chain(0.5 * made[0], made[1])
        assert torch.equal(result, other)
        return
    (gradient,) = torch.autograd.grad(result.square().sum(), waveform)
    assert torch.isfinite(gradient).all()
    assert gradient.any()


@pytest.mark.parametrize(
    "line",
    [
        *("rate 9k", "speed 1.1 rate 8k", "pitch 100", "sinc 1k", "hilbert", "loudness -10"),
        *("chorus 0.7 0.9 55 0.4 0.25 2 -t", "flanger", "phaser", "tremolo 5", "reverb", "earwax"),
    ],
)
def test_what_inference_leaves_in_caches_serves_gradients(line: str):
    # A rate that no other test has, so that nothing is kept yet.
    rate = 44_100 if line in ("earwax", "sinc 1k") else 8011
    x = torch.rand(1, 2, 3000, generator=torch.Generator().manual_seed(0)) - 0.5
    with torch.inference_mode():
        EffectsChain(line)(x, rate)
    x.requires_grad_()
    EffectsChain(line)(x, rate)[0].sum().backward()
    assert x.grad is not None
