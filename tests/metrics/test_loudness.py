"""Loudness: the standard's calibration, its gates, its filters, and parity with FFmpeg's meter."""

import math
import re
import subprocess
from collections.abc import Callable

import pytest
import scipy.signal
import soxr
import torch

from audiolab import metrics, signals
from audiolab.metrics.loudness import k_weighting

RATES = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]


def sine(rate: int, duration_s: float = 5.0, level_db: float = 0.0) -> torch.Tensor:
    amplitude = 10 ** (level_db / 20)
    return signals.tone(997.0, duration_s, rate, amplitude=amplitude, dtype=torch.float64)


@pytest.mark.parametrize("rate", RATES)
def test_full_scale_sine_at_997_hz_reads_minus_3_01(rate: int) -> None:
    # BS.1770-4's calibration, one front channel, at every rate.
    assert float(metrics.loudness_lufs(sine(rate), rate)) == pytest.approx(-3.01, abs=0.005)


def test_channels_add_up_with_their_weights() -> None:
    tone = sine(48_000)
    mono = float(metrics.loudness_lufs(tone, 48_000))
    assert float(metrics.loudness_lufs(tone[None], 48_000)) == pytest.approx(mono, abs=1e-12)
    stereo = float(metrics.loudness_lufs(tone.expand(2, -1), 48_000))
    assert stereo == pytest.approx(mono + 10 * math.log10(2), abs=1e-9)
    for channel, weight in enumerate((1.0, 1.0, 1.0, 1.41, 1.41)):
        surround = torch.zeros(5, tone.numel(), dtype=torch.float64)
        surround[channel] = tone
        measured = float(metrics.loudness_lufs(surround, 48_000))
        assert measured == pytest.approx(mono + 10 * math.log10(weight), abs=1e-9)


def recursive(samples: torch.Tensor) -> torch.Tensor:
    """The two filters as the standard prints them for 48 kHz."""
    shelf = (
        [1.53512485958697, -2.69169618940638, 1.19839281085285],
        [1.0, -1.69065929318241, 0.73248077421585],
    )
    high_pass = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
    weighted = scipy.signal.lfilter(*shelf, samples.numpy())
    return torch.from_numpy(scipy.signal.lfilter(*high_pass, weighted))


def ungated(weighted: torch.Tensor, rate: int) -> float:
    """Loudness of a steady signal, all of whose blocks pass both gates."""
    blocks = weighted.square().unfold(0, 4 * rate // 10, rate // 10).mean(-1)
    return -0.691 + 10 * math.log10(float(blocks.mean()))


@pytest.mark.parametrize("duration_s", [0.4, 3.0, 17.3])
def test_weighting_is_the_printed_filter_at_48_khz(duration_s: float) -> None:
    # The longest one is filtered in four pieces.
    noise = signals.pink_noise(duration_s, 48_000, generator=0, dtype=torch.float64)
    expected = ungated(recursive(noise), 48_000)
    assert float(metrics.loudness_lufs(noise, 48_000)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 96_000])
def test_other_rates_read_what_48_khz_reads(rate: int) -> None:
    noise = signals.pink_noise(3.0, rate, generator=0, dtype=torch.float64)
    spectrum = torch.fft.rfft(noise)
    frequencies = torch.fft.rfftfreq(noise.numel(), 1 / rate)
    noise = torch.fft.irfft(spectrum * (frequencies < min(0.4 * rate, 20_000.0)), n=noise.numel())
    there = torch.from_numpy(soxr.resample(noise.numpy(), rate, 48_000, "VHQ"))
    expected = ungated(recursive(there), 48_000)
    assert float(metrics.loudness_lufs(noise, rate)) == pytest.approx(expected, abs=0.002)


def test_response_stays_finite_at_both_ends() -> None:
    ends = k_weighting(torch.tensor([0.0, 24_000.0, 96_000.0], dtype=torch.float64)).abs()
    assert float(ends[0]) == 0.0
    # The shelf lifts the highs by 4 dB.
    assert 20 * math.log10(float(ends[1])) == pytest.approx(4.0, abs=0.1)
    assert float(ends[2]) == float(ends[1])


def test_relative_gate_leaves_out_quiet_parts() -> None:
    loud, quiet = sine(48_000, 10.0, -20.0), sine(48_000, 10.0, -40.0)
    alone = float(metrics.loudness_lufs(loud, 48_000))
    together = float(metrics.loudness_lufs(torch.cat([loud, quiet]), 48_000))
    # Three of a hundred blocks straddle the edge.
    assert together == pytest.approx(alone, abs=0.1)
    # Six dB apart both pass: their powers average.
    nearer = sine(48_000, 10.0, -26.0)
    together = float(metrics.loudness_lufs(torch.cat([loud, nearer]), 48_000))
    mean = 10 * math.log10((1 + 10**-0.6) / 2)
    assert together == pytest.approx(alone + mean, abs=0.05)


def test_absolute_gate_leaves_out_silence() -> None:
    loud = sine(48_000, 5.0, -23.0)
    alone = float(metrics.loudness_lufs(loud, 48_000))
    with_pause = torch.cat([loud, torch.zeros(20 * 48_000, dtype=torch.float64), loud])
    assert float(metrics.loudness_lufs(with_pause, 48_000)) == pytest.approx(alone, abs=0.15)
    assert float(metrics.loudness_lufs(sine(48_000, 1.0, -75.0), 48_000)) == -math.inf
    assert float(metrics.loudness_lufs(torch.zeros(48_000), 48_000)) == -math.inf


def test_ebu_sequences_with_gating() -> None:
    # The programmes of EBU Tech 3341, cases 3 to 5, as steps of level and duration; stereo, 1 kHz.
    for steps in (
        [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)],
        [(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)],
        [(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)],
    ):
        parts = [
            signals.tone(1000.0, seconds, 16_000, amplitude=10 ** (level / 20))
            for level, seconds in steps
        ]
        measured = metrics.loudness_lufs(torch.cat(parts).expand(2, -1), 16_000)
        assert float(measured) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("name", ["speech_female", "speech_male", "music"])
def test_agrees_with_ffmpeg(name: str, program: Callable[[str], str]) -> None:
    path = signals.clip_path(name)
    command = [program("ffmpeg"), "-nostats", "-hide_banner", "-i", str(path)]
    command += ["-af", "ebur128", "-f", "null", "-"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    theirs = float(re.findall(r"I:\s+(-?[\d.]+) LUFS", report)[-1])
    waveform, rate = signals.clip(name)
    # One decimal is printed.
    assert float(metrics.loudness_lufs(waveform, rate)) == pytest.approx(theirs, abs=0.0501)


def test_programmes_are_measured_alone() -> None:
    batch = signals.pink_noise(1.0, 24_000, batch_shape=(3, 2), generator=0)
    batch = batch * torch.tensor([1.0, 0.1, 0.0])[:, None, None]
    together = metrics.loudness_lufs(batch, 24_000)
    alone = torch.stack([metrics.loudness_lufs(item, 24_000) for item in batch])
    assert together.shape == (3,)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
    assert float(together[0] - together[1]) == pytest.approx(20.0, abs=0.5)
    assert float(together[2]) == -math.inf


def test_gradients() -> None:
    noise = signals.white_noise(0.5, 8_000, batch_shape=(1,), generator=0, dtype=torch.float64)
    noise.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: metrics.loudness_lufs(x, 8_000), (noise,), fast_mode=True
    )
    silent = torch.zeros(1, 8_000, requires_grad=True)
    metrics.loudness_lufs(silent, 8_000).backward()
    assert silent.grad is not None
    assert bool(torch.isfinite(silent.grad).all())


def test_bad_programmes_are_named() -> None:
    with pytest.raises(ValueError, match=r"must last 0\.4 s or more"):
        metrics.loudness_lufs(torch.zeros(4_799), 12_000)
    with pytest.raises(ValueError, match="at most 5 channels"):
        metrics.loudness_lufs(torch.zeros(6, 48_000), 48_000)
    with pytest.raises(ValueError, match="NaN"):
        metrics.loudness_lufs(torch.full((48_000,), math.nan), 48_000)
