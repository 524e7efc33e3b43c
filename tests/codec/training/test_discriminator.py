"""The discriminator against encodec's, and the losses around it against their formulas."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from audiolab.codec.training.adversarial import discriminator_loss, feature_loss, generator_loss
from audiolab.codec.training.balancer import Balancer
from audiolab.codec.training.discriminator import Judgement, MultiScaleSTFTDiscriminator

WINDOWS = (2048, 1024, 512, 256, 128)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def reference_with_weights_of(ours: MultiScaleSTFTDiscriminator, num_filters: int) -> nn.Module:
    """encodec's discriminator, of five scales, with our weights."""
    from encodec.msstftd import MultiScaleSTFTDiscriminator as Reference

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses a deprecated weight_norm
        theirs = Reference(
            num_filters,
            n_ffts=list(WINDOWS),
            hop_lengths=[n // 4 for n in WINDOWS],
            win_lengths=list(WINDOWS),
        )
    renamed = {}
    for name, tensor in ours.state_dict().items():
        _, scale, *rest = name.split(".")
        place = ".".join(rest)
        place = place.replace("layers.", "convs.").replace("last.", "conv_post.")
        place = place.replace("parametrizations.weight.original0", "conv.weight_g")
        place = place.replace("parametrizations.weight.original1", "conv.weight_v")
        if not place.endswith(("weight_g", "weight_v")):
            head, _, last = place.rpartition(".")
            place = f"{head}.conv.{last}"
        renamed[f"discriminators.{scale}.{place}"] = tensor
    missing, unexpected = theirs.load_state_dict(renamed, strict=False)
    assert not unexpected
    assert all("spec_transform" in name for name in missing)
    return theirs


def test_logits_and_features_are_the_reference_s_with_equal_weights() -> None:
    ours = MultiScaleSTFTDiscriminator(WINDOWS, 8, generator=0)
    theirs = reference_with_weights_of(ours, 8)
    x = noise(2, 1, 6000)
    with torch.no_grad():
        found = ours(x)
        logits, features = theirs(x)
    for mine, his in zip(found.logits, logits, strict=True):
        # The same sums in another layout: a few float32 roundings.
        torch.testing.assert_close(mine, his, rtol=1e-4, atol=1e-6)
    for mine_layers, his_layers in zip(found.features, features, strict=True):
        assert len(mine_layers) == len(his_layers) == 5
        for mine, his in zip(mine_layers, his_layers, strict=True):
            torch.testing.assert_close(mine, his, rtol=1e-4, atol=1e-6)


def test_channels_are_judged_each_for_itself() -> None:
    ours = MultiScaleSTFTDiscriminator((256,), 4, generator=0)
    x = noise(2, 2, 2000)
    both = ours(x).logits[0]
    alone = ours(x[1:, 1:]).logits[0]
    torch.testing.assert_close(both[3:], alone, rtol=1e-5, atol=1e-7)


def test_the_seed_makes_the_weights_and_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, two = (MultiScaleSTFTDiscriminator((128,), 4, generator=3) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def judged(*logits: float, features: float = 1.0) -> Judgement:
    return Judgement(
        [torch.full((2, 1, 3, 4), value) for value in logits],
        [[torch.full((2, 3), features), torch.full((2, 5), 2 * features)] for _ in logits],
    )


def test_hinge_losses_are_their_formulas() -> None:
    real, fake = judged(0.5, 2.0), judged(-3.0, 0.25)
    # scale 1: (1 - .5) + 0; scale 2: 0 + 1.25
    assert float(discriminator_loss(real, fake)) == pytest.approx((0.5 + 1.25) / 2)
    assert float(generator_loss(fake)) == pytest.approx((4.0 + 0.75) / 2)
    assert float(discriminator_loss(judged(1.0), judged(-1.0))) == 0
    assert float(generator_loss(judged(1.0))) == 0


def test_feature_matching_is_relative_and_has_no_gradient_on_what_is_real() -> None:
    real, fake = judged(0.0, 0.0, features=2.0), judged(0.0, 0.0, features=3.0)
    assert float(feature_loss(real, fake)) == pytest.approx(0.5)  # |2 - 3| / 2 at every layer
    loud = judged(0.0, 0.0, features=200.0), judged(0.0, 0.0, features=300.0)
    assert float(feature_loss(*loud)) == pytest.approx(0.5)
    x = torch.ones(2, 3, requires_grad=True)
    y = torch.zeros(2, 3, requires_grad=True)
    feature_loss(Judgement([], [[x]]), Judgement([], [[y]])).backward()
    assert x.grad is None
    assert y.grad is not None


def test_two_judged_together_are_two_judged_apart() -> None:
    ours = MultiScaleSTFTDiscriminator((256,), 4, generator=0)
    x, y = noise(2, 1, 2000), noise(2, 1, 2000, seed=1)
    first, second = ours(torch.cat([x, y])).split(2)
    torch.testing.assert_close(first.logits[0], ours(x).logits[0], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(second.features[0][2], ours(y).features[0][2], rtol=1e-5, atol=1e-7)


# --------------------------------------------------------------------------------------- balancer
def test_opposed_losses_of_equal_weight_cancel_whatever_their_scale() -> None:
    output = torch.zeros(4, 1, 10, requires_grad=True)
    balancer = Balancer({"up": 1.0, "down": 1.0})
    found = balancer.gradient({"up": output.mean(), "down": -100 * output.mean()}, output)
    assert float(found.abs().max()) < 1e-7  # each share is 0.08 an element


def test_gradients_follow_the_formula_with_its_bias_corrected_average() -> None:
    weights, decay, total = {"a": 1.0, "b": 3.0}, 0.9, 2.0
    balancer = Balancer(weights, total_norm=total, decay=decay)
    sums = dict.fromkeys(weights, 0.0)
    count = 0.0
    for step in range(4):
        output = noise(3, 1, 50, seed=step).requires_grad_()
        target = noise(3, 1, 50, seed=step + 10)
        losses = {"a": (output - target).square().mean(), "b": (step + 1) * output.abs().sum()}
        found = balancer.gradient(losses, output)
        count = decay * count + 1
        expected = torch.zeros_like(output)
        gradients = {
            "a": 2 * (output - target).detach() / output.numel(),
            "b": (step + 1) * output.detach().sign(),
        }
        for name, gradient in gradients.items():
            norm = float(gradient.flatten(1).norm(dim=1).mean())
            sums[name] = decay * sums[name] + norm
            share = weights[name] / sum(weights.values())
            expected += total * share * gradient / (sums[name] / count)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


def test_shares_of_the_gradient_are_the_weights() -> None:
    output = noise(2, 1, 100).requires_grad_()
    losses = {"a": 1e-3 * output[..., :50].sum(), "b": 1e3 * output[..., 50:].sum()}
    found = Balancer({"a": 1.0, "b": 3.0}).gradient(losses, output)
    ratio = found[..., 50:].norm() / found[..., :50].norm()
    assert float(ratio) == pytest.approx(3.0, rel=1e-5)


def test_the_anchor_keeps_its_own_gradient() -> None:
    output = noise(2, 1, 100).requires_grad_()
    losses = {"a": output[..., :50].square().sum(), "b": 1e3 * output[..., 50:].sum()}
    balancer = Balancer({"a": 2.0, "b": 1.0}, anchor="a")
    found = balancer.gradient(losses, output)
    torch.testing.assert_close(found[..., :50], 2 * output.detach()[..., :50])
    norms = [float(found[..., part].flatten(1).norm(dim=1).mean()) for part in
             (slice(50), slice(50, None))]  # fmt: skip
    assert norms[0] / norms[1] == pytest.approx(2.0, rel=1e-5)
    quiet = balancer.gradient(losses, output, {"b": 0.0})
    assert float(quiet[..., 50:].abs().max()) == 0


def test_a_balancer_goes_on_from_its_state() -> None:
    def run(balancer: Balancer, steps: range) -> list[torch.Tensor]:
        found = []
        for step in steps:
            output = noise(2, 1, 20, seed=step).requires_grad_()
            losses = {"a": output.square().sum(), "b": output.abs().sum()}
            found.append(balancer.gradient(losses, output))
        return found

    whole = run(Balancer({"a": 1.0, "b": 1.0}), range(4))
    first, second = Balancer({"a": 1.0, "b": 1.0}), Balancer({"a": 1.0, "b": 1.0})
    run(first, range(2))
    second.load_state_dict(first.state_dict(), torch.device("cpu"))
    for a, b in zip(run(second, range(2, 4)), whole[2:], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("weights", "anchor", "match"),
    [({"a": -1.0}, None, "weights"), ({"a": 0.0}, None, "weights"), ({"a": 1.0}, "b", "anchor")],
)
def test_impossible_balancers(weights: dict[str, float], anchor: str | None, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Balancer(weights, anchor=anchor)


def test_a_loss_without_weight_is_named() -> None:
    output = torch.zeros(1, 1, requires_grad=True)
    with pytest.raises(ValueError, match="stranger"):
        Balancer({"a": 1.0}).gradient({"stranger": output.sum()}, output)
