"""Residual vector quantisation, and how its codebooks learn."""

from __future__ import annotations

from typing import Any

import codec_references as references
import pytest
import torch

from audiolab.codec import EncodecConfig, EncodecModel
from audiolab.codec.quantizer import Codebook, ResidualVectorQuantizer


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def filled(num_codebooks: int = 4, size: int = 16, dimension: int = 8) -> ResidualVectorQuantizer:
    quantizer = ResidualVectorQuantizer(num_codebooks, size, dimension)
    for i, codebook in enumerate(quantizer.codebooks):
        codebook.embed.copy_(random(size, dimension, seed=i) * 0.6**i)
        codebook.embed_avg.copy_(codebook.embed * 10)
        codebook.cluster_size.fill_(10)
        codebook.inited.fill_(1)
    return quantizer.eval()


def test_codes_minimise_the_distance_stage_by_stage() -> None:
    quantizer, latent = filled(), random(2, 8, 5, seed=9)
    codes = quantizer.encode(latent)
    residual = latent.transpose(1, 2)
    for codebook, picked in zip(quantizer.codebooks, codes.unbind(1), strict=True):
        distances = (residual[:, :, None] - codebook.embed).square().sum(-1)
        assert torch.equal(distances.argmin(-1), picked)
        residual = residual - codebook.embed[picked]
    torch.testing.assert_close(quantizer.decode(codes).transpose(1, 2) + residual, latent.mT)


def test_codes_of_the_reference_on_equal_latents() -> None:
    theirs = references.encodec_model("encodec_24khz").quantizer
    ours = references.model("encodec_24khz").quantizer
    latent = 0.6 * random(1, 128, 2000)
    assert torch.equal(ours.encode(latent), theirs.encode(latent, 75, None).transpose(0, 1))


def test_the_first_of_equal_entries_is_picked() -> None:
    codebook = Codebook(8, 4)
    assert torch.equal(codebook.nearest(random(100, 4)), torch.zeros(100, dtype=torch.int64))


def test_gradient_passes_straight_through() -> None:
    quantizer = filled()
    latent = random(2, 8, 5, seed=9).requires_grad_()
    out = quantizer(latent)
    weight = random(2, 8, 5, seed=10)
    (gradient,) = torch.autograd.grad((out.latent * weight).sum(), latent)
    torch.testing.assert_close(gradient, weight)
    torch.testing.assert_close(out.latent, quantizer.decode(out.codes))


def test_every_stage_s_commitment_reaches_the_latent() -> None:
    # d/dz mean |z - sum of entries up to i|^2 = 2 (residual after stage i) / size, for each i.
    for stages in (1, 2, 3, 4):
        quantizer = filled(stages)
        latent = random(1, 8, 50, seed=9).requires_grad_()
        out = quantizer(latent)
        (gradient,) = torch.autograd.grad(out.commitment, latent)
        expected = torch.zeros_like(latent)
        for count in range(1, stages + 1):
            left = latent - quantizer.decode(out.codes[:, :count])
            expected += 2 * left.detach() / latent.numel() / stages
        torch.testing.assert_close(gradient, expected)


def test_moving_averages() -> None:
    codebook = Codebook(4, 2, decay=0.9, min_count=0.0)
    codebook.embed.copy_(torch.eye(4)[:, :2])
    codebook.embed_avg.copy_(codebook.embed * 5)
    codebook.cluster_size.fill_(5)
    x = torch.tensor([[2.0, 0.0], [4.0, 0.0], [0.0, 3.0]])
    codebook.update(x, torch.tensor([0, 0, 1]), torch.Generator())
    sizes = torch.tensor([0.9 * 5 + 0.1 * 2, 0.9 * 5 + 0.1, 4.5, 4.5])
    torch.testing.assert_close(codebook.cluster_size, sizes)
    sums = torch.tensor([[0.9 * 5 + 0.1 * 6, 0.0], [0.0, 0.9 * 5 + 0.1 * 3], [0, 0], [0, 0]])
    torch.testing.assert_close(codebook.embed_avg, sums)
    smoothed = (sizes + 1e-5) / (sizes.sum() + 4e-5) * sizes.sum()
    torch.testing.assert_close(codebook.embed, sums / smoothed[:, None])


def test_dead_entries_move_on_the_next_step_and_stay() -> None:
    quantizer = filled(1).train()
    [codebook] = quantizer.codebooks
    codebook.embed[3] = 100.0
    codebook.embed_avg[3] = 50.0
    codebook.cluster_size[3] = 0.5
    latent = random(4, 8, 200, seed=3)
    quantizer(latent, generator=0)
    vectors = latent.transpose(1, 2).reshape(-1, 8)
    assert bool((vectors == codebook.embed[3]).all(1).any())  # it is one of the batch's vectors
    renewed = codebook.embed[3].clone()
    quantizer(latent, generator=0)
    # In the reference the average that let the entry die overwrites it in the same step.
    assert float((codebook.embed[3] - renewed).norm()) < float(renewed.norm())
    assert float(codebook.cluster_size[3]) > codebook.min_count


def test_k_means_starts_the_codebook_on_the_clusters() -> None:
    centres = 10 * random(16, 8, seed=1)
    points = (centres[:, None] + 0.01 * random(16, 40, 8, seed=2)).reshape(1, -1, 8).mT
    quantizer = ResidualVectorQuantizer(1, 64, 8).train()
    out = quantizer(points, generator=0)
    assert bool(quantizer.codebooks[0].inited)
    assert float((out.latent - points).detach().norm() / points.norm()) < 0.01


def test_learning_lowers_the_error_and_uses_the_entries() -> None:
    quantizer = ResidualVectorQuantizer(3, 32, 4).train()
    errors = []
    for step in range(60):
        latent = random(8, 4, 64, seed=step)
        out = quantizer(latent, generator=step)
        errors.append(float((out.latent - latent).detach().square().mean()))
    assert errors[-1] < 0.2
    used = out.codes[:, 0].unique()
    assert len(used) == 32


def test_dropout_leaves_stages_out_item_by_item() -> None:
    quantizer, latent = filled(), random(3, 8, 5, seed=9)
    out = quantizer(latent, torch.tensor([1, 4, 2]))
    for item, count in enumerate([1, 4, 2]):
        alone = quantizer(latent[item : item + 1], count)
        assert torch.equal(out.codes[item, :count], alone.codes[0])
        assert bool((out.codes[item, count:] == -1).all())
        torch.testing.assert_close(out.latent[item], alone.latent[0])
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        quantizer(latent, torch.tensor([1, 2]))
    with pytest.raises(ValueError, match="1 to 4"):
        quantizer.encode(latent, 5)


def test_the_same_seed_trains_the_same_codebooks() -> None:
    state = torch.random.get_rng_state()
    books = []
    for _ in range(2):
        quantizer = ResidualVectorQuantizer(2, 16, 4).train()
        for step in range(3):
            quantizer(random(2, 4, 50, seed=step), generator=step)
        books.append(quantizer.codebooks[1].embed.clone())
    assert torch.equal(*books)
    assert torch.equal(torch.random.get_rng_state(), state)


def tiny(**changes: Any) -> EncodecModel:
    values: dict[str, Any] = {
        "sample_rate": 1000, "target_bandwidths": (0.5, 1.0, 2.0), "num_filters": 4,
        "dimension": 8, "ratios": (4, 2), "codebook_size": 16, **changes,
    }  # fmt: skip
    return EncodecModel.from_config(EncodecConfig(**values), generator=0)


def test_training_reaches_every_weight_and_learns() -> None:
    model = tiny().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    pitch = torch.linspace(5, 40, 8)[:, None, None]
    waveform = torch.sin(2 * torch.pi * pitch * torch.arange(800) / 1000)
    losses = []
    for step in range(100):
        out = model.reconstruct(waveform, generator=step)
        loss = (out.waveform - waveform).square().mean() + 0.1 * out.commitment
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            for name, parameter in model.named_parameters():
                assert parameter.grad is not None, name
                assert bool(parameter.grad.any()), name
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert model(waveform).requires_grad  # in training mode, forward keeps the gradient


def test_a_segmented_model_trains_too() -> None:
    model = tiny(causal=False, normalize=True, segment_s=0.2, overlap=0.1, channels=2).train()
    waveform = random(2, 2, 500)
    out = model.reconstruct(waveform, num_codebooks=torch.tensor([1, 4]), generator=0)
    assert out.waveform.shape == waveform.shape
    assert len(out.codes) == 3
    out.waveform.square().mean().backward()


def test_drawn_bandwidths_are_the_model_s() -> None:
    model = tiny()
    counts = model.sample_num_codebooks(200, generator=0)
    expected = {model.num_codebooks_for(b) for b in model.target_bandwidths}
    assert set(counts.tolist()) == expected
    assert torch.equal(counts, model.sample_num_codebooks(200, generator=0))
