"""Dynamics and modulation without compiled loops, as other devices run them: same results."""

from __future__ import annotations

import pytest
import torch

from audiolab.effects import (
    ChorusVoice,
    CompandBand,
    chorus,
    compand,
    compressor,
    expander,
    flanger,
    limiter,
    mcompand,
    noise_gate,
    overdrive,
    phaser,
)
from audiolab.effects._recurrences import dispatch, envelope, modulated_delay

RATE = 8000

EFFECTS = {
    "chorus": lambda x, v: chorus(x, RATE, voices=[ChorusVoice(decay=v)]),
    "chorus sox": lambda x, v: chorus(x, RATE, voices=[ChorusVoice(decay=v)], table="sox"),
    "flanger": lambda x, v: flanger(x, RATE, regen=v),
    "flanger sox": lambda x, v: flanger(x, RATE, regen=v, delay_s=0.002, table="sox"),
    "phaser": lambda x, v: phaser(x, RATE, decay=v),
    "phaser sox": lambda x, v: phaser(x, RATE, decay=v, table="sox"),
    "compand": lambda x, v: compand(x, RATE, attack_s=v / 20, decay_s=v / 5, delay_s=0.01),
    "compand falls faster": lambda x, v: compand(x, RATE, attack_s=v / 5, decay_s=v / 90),
    "mcompand": lambda x, v: mcompand(x, RATE, bands=[CompandBand(v / 9), CompandBand()]),
    "compressor": lambda x, v: compressor(x, RATE, threshold_db=-30 * v, detector="rms"),
    "expander": lambda x, v: expander(x, RATE, threshold_db=-30 * v),
    "noise gate": lambda x, v: noise_gate(x, RATE, threshold_db=-30 * v),
    "limiter": lambda x, v: limiter(x, RATE, ceiling_db=-30 * v),
    "overdrive": lambda x, v: overdrive(x, gain_db=30 * v),
}


def gradients(run, x, v):
    x, v = x.clone().requires_grad_(), v.clone().requires_grad_()
    y = run(x, v)
    weight = torch.linspace(0.5, 1.5, y.shape[-1], dtype=y.dtype)
    return y.detach(), *torch.autograd.grad((y * weight).sum(), (x, v))


@pytest.mark.parametrize("name", EFFECTS)
def test_scans_do_what_loops_do(name: str, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 2, 1500, generator=generator, dtype=torch.float64) * 0.3
    x[..., 700:] *= 0.05
    v = torch.tensor([0.4, 0.7], dtype=torch.float64)
    plain, expected = EFFECTS[name](x, v), gradients(EFFECTS[name], x, v)
    monkeypatch.setattr(dispatch, "runs_compiled", lambda samples: False)
    torch.testing.assert_close(EFFECTS[name](x, v), plain, rtol=1e-9, atol=1e-11)
    for found, wanted in zip(gradients(EFFECTS[name], x, v), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-9)


def test_operators_keep_the_rules_of_torch_library():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 40, generator=generator, dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([0.3, 0.2, 0.1], dtype=torch.float64, requires_grad=True)
    weights = torch.full((2, 11, 2), 0.4, dtype=torch.float64, requires_grad=True)
    delays = torch.randint(1, 9, (2, 11, 2), generator=generator, dtype=torch.int32)
    row_of = torch.tensor([0, 1, 0], dtype=torch.int32)
    past = torch.ones(3, 7, dtype=torch.float64, requires_grad=True)
    table = (weights, delays, row_of, 3)
    # The fourth check, on compilation, reads gradients of non-leaf tensors, and warns of it.
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")

    def check(operator, *given):
        torch.library.opcheck(operator.registered, given, test_utils=checks)

    check(modulated_delay._read, x, scale, *table, 5)
    check(modulated_delay._feed_back, x, past, scale, *table)
    fixed, level = scale.detach(), x.detach().abs()
    check(envelope._follow, level, fixed, fixed / 2, fixed)
    curve = torch.tensor([[-3.0, 0.0, 0.1, 0.2], [-1.0, 0.5, 0.0, 0.2]], dtype=torch.float64)
    check(envelope._follow_and_map, level[:, None], fixed, fixed / 2, fixed, curve)
