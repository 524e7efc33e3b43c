"""noiseprof and noisered beside the program, and what they promise."""

from __future__ import annotations

import pytest
import sox_binary
import torch

from audiolab.effects import EffectsChain
from audiolab.effects.analysis.noise_profile import NoiseProfile, noise_profile, reduce_noise
from audiolab.effects.sox import Context, Form
from audiolab.signals import clip


def noise(num_samples: int, num_channels: int = 1, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(num_channels, num_samples, generator=generator, dtype=torch.float64)
    return sox_binary.to_grid(0.01 * drawn)


def noisy_speech(num_samples: int, num_channels: int = 1) -> torch.Tensor:
    speech, _ = clip("speech")
    return sox_binary.to_grid(
        speech[:, 6000 : 6000 + num_samples].double() + noise(num_samples, num_channels, seed=1)
    )


@pytest.mark.parametrize("num_samples", [500, 2048, 2049, 4096, 30_000])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_profile_is_the_programs(program, tmp_path, num_samples, num_channels):
    program("sox")
    path = tmp_path / "profile.txt"
    waveform = noise(num_samples, num_channels)
    sox_binary.run(waveform, 16_000, ["noiseprof", str(path)])
    theirs = torch.tensor(NoiseProfile.from_text(path.read_text()).log_power)
    ours = torch.tensor(noise_profile(waveform).log_power)
    # Their spectra are float32, and the file has six decimals.
    assert (ours - theirs).abs().max() < 2e-3


@pytest.mark.parametrize("amount", ["0.1", "0.3", "0.5", "0.8"])
@pytest.mark.parametrize("num_samples", [900, 1024, 3000, 40_000])
def test_reduction_is_the_programs(program, tmp_path, num_samples, amount):
    program("sox")
    path = tmp_path / "profile.txt"
    path.write_text(noise_profile(noise(60_000)).to_text())
    waveform = noisy_speech(num_samples)
    result = sox_binary.run(waveform, 24_000, ["noisered", str(path), amount])
    ours, _ = EffectsChain(f"noisered {path} {amount}", clip="sox")(waveform, 24_000)
    assert ours.shape == result.waveform.shape
    if ours.numel():
        assert (ours - result.waveform).abs().max() < 1e-5 * result.waveform.abs().max() + 1e-9


def test_noise_goes_and_speech_stays():
    speech = noisy_speech(60_000)
    profile = noise_profile(noise(60_000))
    cleaned = reduce_noise(speech, profile, amount=0.2)
    assert reduce_noise(noise(60_000, seed=2), profile).square().mean() < 1e-6
    clean = clip("speech")[0][:, 6000:66_000].double()
    loud = clean.unfold(-1, 1000, 1000).square().mean(dim=-1).sqrt() > 0.05
    error = (cleaned - clean).unfold(-1, 1000, 1000)[loud].square().mean()
    # The gate shuts weak bands of the voice too: an error 10 dB below it.
    assert error < 0.1 * clean.unfold(-1, 1000, 1000)[loud].square().mean()


def test_profile_survives_its_text():
    profile = noise_profile(noise(5000, 2))
    again = NoiseProfile.from_text(profile.to_text())
    assert torch.allclose(torch.tensor(again.log_power), torch.tensor(profile.log_power), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("hello", "line 1"),
        ("Channel 0: 1, 2", "2 values"),
        ("Channel 0: a, b", "more than numbers"),
        ("Channel 1: 1", "line 1"),
    ],
)
def test_no_profile(text, part):
    with pytest.raises(ValueError, match=part):
        NoiseProfile.from_text(text, "noise.txt")


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ValueError, match="cannot read"):
        EffectsChain(f"noisered {tmp_path / 'none.txt'}")(torch.zeros(1, 3000), 8000)
    path = tmp_path / "profile.txt"
    path.write_text(noise_profile(noise(5000)).to_text())
    with pytest.raises(ValueError, match=r"1 channel\(s\), the signal 2"):
        EffectsChain(f"noisered {path}")(torch.zeros(2, 3000), 8000)


def test_blocks_give_the_whole(tmp_path):
    path = tmp_path / "profile.txt"
    learn = EffectsChain(f"noiseprof {path}")
    learn(noise(30_000), 24_000)
    assert learn.reports == [noise_profile(noise(30_000))]
    chain = EffectsChain(f"noisered {path} 0.3")
    waveform = noisy_speech(20_000)
    whole, _ = chain(waveform, 24_000)
    stage = chain.effects[0].stage(Form(24_000, 1), Context(torch.zeros(1, dtype=torch.int64)))
    parts = [stage.push(block) for block in waveform[None].split(777, dim=-1)]
    last = stage.finish()
    parts += [] if last is None else [last]
    assert torch.allclose(torch.cat(parts, dim=-1)[0], whole, atol=1e-12)


def test_gradients_reach_the_samples():
    waveform = noisy_speech(6000).requires_grad_()
    reduce_noise(waveform, noise_profile(noise(9000)), amount=0.1).square().sum().backward()
    assert waveform.grad is not None
    assert waveform.grad.abs().sum() > 0
