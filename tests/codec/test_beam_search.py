"""The search for codes: what it finds, what it may never do, and what it must not depend on."""

from __future__ import annotations

import itertools

import codec_references as references
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.codec import EncodecModel, compress, decompress
from audiolab.codec.quantizer import ResidualVectorQuantizer


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def filled(
    num_codebooks: int = 4, size: int = 16, dimension: int = 8, seed: int = 0
) -> ResidualVectorQuantizer:
    quantizer = ResidualVectorQuantizer(num_codebooks, size, dimension)
    for i, codebook in enumerate(quantizer.codebooks):
        codebook.embed.copy_(random(size, dimension, seed=seed + i) * 0.7**i)
    return quantizer.eval()


def errors(
    quantizer: ResidualVectorQuantizer, latent: torch.Tensor, codes: torch.Tensor
) -> torch.Tensor:
    """Return the squared error of each frame in float64."""
    total = torch.zeros_like(latent, dtype=torch.float64)
    for codebook, picked in zip(quantizer.codebooks, codes.unbind(1), strict=False):
        total += codebook.embed.double()[picked].transpose(1, 2)
    return (latent.double() - total).square().sum(dim=1)


def searched_plainly(
    quantizer: ResidualVectorQuantizer, vector: torch.Tensor, effort: int
) -> tuple[int, ...]:
    """Search one vector as the method is written down, in float64, without the greedy codes."""
    beams: list[tuple[int, ...]] = [()]
    books = [codebook.embed.double() for codebook in quantizer.codebooks]
    for stage, book in enumerate(books):
        longer = []
        for beam in beams:
            total = sum((books[i][c] for i, c in enumerate(beam)), torch.zeros(len(vector)))
            left = vector.double() - total - book
            longer += [(float(r.square().sum()), (*beam, j)) for j, r in enumerate(left)]
        keep = 1 if stage == len(books) - 1 else effort
        beams = [beam for _, beam in sorted(longer)[:keep]]
    return beams[0]


# ------------------------------------------------------------------------------------ what it finds
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_with_all_beginnings_kept_the_best_of_all_codes_is_found(dtype: torch.dtype) -> None:
    quantizer = filled(num_codebooks=3, size=8, dimension=4).to(dtype)
    latent = random(1, 4, 40, seed=9).to(dtype)
    every = torch.tensor(list(itertools.product(range(8), repeat=3)))
    sums = quantizer.decode(every[..., None])[..., 0]
    distances = (latent[0].T[:, None] - sums).square().sum(-1)
    codes = quantizer.encode(latent, effort=64)
    assert torch.equal(codes[0].T, every[distances.argmin(1)])
    # Greedy codes are not the best, or this would prove nothing.
    assert not torch.equal(quantizer.encode(latent), codes)


@pytest.mark.parametrize("effort", [2, 5, 16])
def test_codes_of_the_method_as_it_is_written_down(effort: int) -> None:
    quantizer, latent = filled(), random(1, 8, 30, seed=9)
    codes = quantizer.encode(latent, effort=effort)
    error, greedy = errors(quantizer, latent, codes), quantizer.encode(latent)
    for t in range(30):
        plain = torch.tensor(searched_plainly(quantizer, latent[0, :, t], effort))[None, :, None]
        if float(errors(quantizer, latent[..., t : t + 1], plain)) < float(
            errors(quantizer, latent, greedy)[0, t]
        ):
            assert codes[0, :, t].tolist() == plain[0, :, 0].tolist()
        else:
            assert codes[0, :, t].tolist() == greedy[0, :, t].tolist()
        assert float(error[0, t]) <= float(errors(quantizer, latent, greedy)[0, t]) * (1 + 1e-6)


def test_an_effort_of_one_is_the_greedy_search_to_the_bit() -> None:
    quantizer, latent = references.model("encodec_24khz").quantizer, 0.6 * random(1, 128, 500)
    greedy = quantizer.encode(latent, 8)
    assert torch.equal(quantizer.encode(latent, 8, effort=1), greedy)
    # A single stage has nothing to choose from but the nearest entry.
    assert torch.equal(quantizer.encode(latent, 1, effort=9), quantizer.encode(latent, 1))


def test_more_effort_leaves_less_error() -> None:
    quantizer = references.model("encodec_24khz").quantizer
    waveform = references.clip(2.0, "encodec_24khz")
    latent = references.model("encodec_24khz").latent(waveform).detach()
    greedy = errors(quantizer, latent, quantizer.encode(latent, 8))
    means = [greedy.mean()]
    for effort in (2, 4, 8, 16):
        found = errors(quantizer, latent, quantizer.encode(latent, 8, effort=effort))
        # Of no frame: what float32 rounds of an error is below a millionth of it.
        assert bool((found <= greedy * (1 + 1e-6)).all())
        means.append(found.mean())
    assert all(after < before for before, after in itertools.pairwise(means))
    # Six per cent with these random codebooks; trained ones gain more.
    assert means[-1] < 0.95 * means[0]


def test_among_equals_the_first_is_taken() -> None:
    quantizer = ResidualVectorQuantizer(3, 8, 4)
    codes = quantizer.encode(random(1, 4, 20), effort=4)
    assert torch.equal(codes, torch.zeros(1, 3, 20, dtype=torch.int64))


@settings(max_examples=60, deadline=None)
@given(
    stages=st.integers(1, 4), size=st.sampled_from([2, 4, 32, 128]), dimension=st.integers(1, 40),
    frames=st.integers(0, 9), effort=st.integers(1, 80), seed=st.integers(0, 99),
)  # fmt: skip
def test_any_quantiser_gets_valid_codes_that_are_no_worse(
    stages: int, size: int, dimension: int, frames: int, effort: int, seed: int
) -> None:
    quantizer = filled(stages, size, dimension, seed)
    latent = random(1, dimension, frames, seed=seed + 50)
    codes = quantizer.encode(latent, effort=effort)
    assert codes.shape == (1, stages, frames)
    assert codes.dtype == torch.int64
    greedy = quantizer.encode(latent)
    assert not frames or (int(codes.min()) >= 0 and int(codes.max()) < size)
    room = 1e-5 * latent.double().square().sum(dim=1)  # float32's sums
    assert bool(
        (errors(quantizer, latent, codes) <= errors(quantizer, latent, greedy) + room).all()
    )


# ----------------------------------------------------------------------- what it must not depend on
def test_a_frame_does_not_depend_on_its_neighbours_or_on_threads() -> None:
    quantizer = references.model("encodec_24khz").quantizer
    latent = 0.6 * random(3, 128, 301, seed=4)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        whole = quantizer.encode(latent, 4, effort=6)
        torch.set_num_threads(2)
        assert torch.equal(quantizer.encode(latent, 4, effort=6), whole)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(quantizer.encode(latent[1:2], 4, effort=6), whole[1:2])
    parts = [quantizer.encode(part, 4, effort=6) for part in latent.split([1, 130, 170], dim=2)]
    assert torch.equal(torch.cat(parts, dim=2), whole)


def test_float64_and_float32_agree_where_no_two_codes_are_equally_good() -> None:
    quantizer, latent = filled(6, 64, 16), random(2, 16, 100, seed=3)
    single = quantizer.encode(latent, effort=8)
    double = filled(6, 64, 16).double().encode(latent.double(), effort=8)
    same = (single == double).all(dim=1)
    # A beam that barely makes it in one type may be left out in the other.
    assert float(same.float().mean()) > 0.98
    torch.testing.assert_close(
        errors(quantizer, latent, single).mean(), errors(quantizer, latent, double).mean(),
        rtol=1e-3, atol=0,
    )  # fmt: skip


def test_torch_computes_what_the_compiled_loops_do() -> None:
    quantizer, latent = filled(), random(2, 8, 50, seed=3)
    traced = quantizer.encode(latent.clone().requires_grad_(), effort=5)
    assert not traced.requires_grad
    assert torch.equal(traced, quantizer.encode(latent, effort=5))


def test_many_beams_are_searched_in_parts_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    quantizer, latent = filled().double(), random(1, 8, 25, seed=3).double()
    whole = quantizer.encode(latent, effort=5)
    monkeypatch.setattr("audiolab.codec._beam_search._SCORES_AT_ONCE", 4 * 5 * 16)
    assert torch.equal(quantizer.encode(latent, effort=5), whole)


# ------------------------------------------------------------------------------- models and files
@pytest.mark.parametrize("preset", references.PRESETS)
def test_streams_and_batches_find_what_one_call_finds(preset: str) -> None:
    model, waveform = references.model(preset), references.clip(2.3, preset)
    options = {"bandwidth": 6.0, "effort": 3}
    whole = model.encode(waveform, **options)
    pieces = list(model.encode_blocks(waveform.split(17_000, dim=-1), **options))
    assert torch.equal(
        torch.cat([codes for codes, _ in whole], dim=2),
        torch.cat([codes for codes, _ in pieces], dim=2),
    )
    pair = torch.cat([waveform, waveform.flip(-1)])
    for alone, among in zip(whole, model.encode(pair, **options), strict=True):
        assert torch.equal(alone.codes, among.codes[:1])
    if preset == "encodec_24khz":
        stream = model.streaming_encoder(**options)
        parts = [stream.push(part) for part in waveform.split(5_000, dim=-1)]
        assert torch.equal(torch.cat([*parts, stream.finish()], dim=2), whole[0].codes)


def test_files_keep_their_size_and_come_nearer() -> None:
    model = references.model("encodec_24khz")
    waveform = references.clip(1.5, "encodec_24khz")[0]
    latent = model.latent(waveform[None]).detach()
    sizes, found = [], []
    for effort in (1, 8):
        data = compress(waveform, 24_000, model=model, bandwidth=6.0, effort=effort)
        sizes.append(len(data))
        assert decompress(data, model=model)[0].shape == waveform.shape
        [(codes, _)] = model.encode(waveform[None], bandwidth=6.0, effort=effort)
        found.append(errors(model.quantizer, latent, codes).mean())
    assert sizes[0] == sizes[1]
    assert found[1] < found[0]
    assert compress(waveform, 24_000, model=model, bandwidth=6.0) == compress(
        waveform, 24_000, model=model, bandwidth=6.0, effort=1
    )


@pytest.mark.parametrize("effort", [0, -1, 1025, 2.0, True, "8", None])
def test_bad_effort_is_refused_by_name(effort: object) -> None:
    model = EncodecModel.from_preset("encodec_24khz", generator=0)
    with pytest.raises(ValueError, match=r"effort must be .* 1024"):
        model.encode(torch.zeros(1, 1, 320), effort=effort)
    with pytest.raises(ValueError, match="effort"):
        model.streaming_encoder(effort=effort)
    with pytest.raises(ValueError, match="effort"):
        compress(torch.zeros(320), 24_000, model=model, effort=effort)
