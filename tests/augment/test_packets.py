"""Packet loss: statistics of the pattern, what each concealment does, and that it helps."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import metrics, signals
from audiolab.augment import draw_packet_loss, num_packets, packet_loss
from audiolab.augment.channels._packet_kernels import find_period

RATE = 16_000
PACKET = 320


@pytest.mark.parametrize(("share", "burst"), [(0.05, 1.0), (0.1, 3.0), (0.3, 2.0), (0.5, 6.0)])
def test_pattern_has_its_share_and_bursts(share: float, burst: float) -> None:
    lost = draw_packet_loss(300_000, loss_share=share, mean_burst=burst, generator=1)
    starts = int((lost[1:] & ~lost[:-1]).sum())
    # 300000 packets: some 10000 bursts and more.
    assert float(lost.double().mean()) == pytest.approx(share, rel=0.05)
    assert int(lost.sum()) / starts == pytest.approx(burst, rel=0.03)


def test_pattern_is_a_function_of_its_seed() -> None:
    both = draw_packet_loss(100, loss_share=0.3, mean_burst=2.0, seeds=[4, 5])
    longer = draw_packet_loss(200, loss_share=0.3, mean_burst=2.0, seeds=5)
    assert both.shape == (2, 100)
    assert torch.equal(both[1], longer[:100])
    assert not bool(draw_packet_loss(50, loss_share=0.0).any())
    assert bool(draw_packet_loss(50, loss_share=1.0).all())
    assert draw_packet_loss(0, loss_share=0.5).shape == (0,)


def test_silence_is_exactly_the_lost_packets() -> None:
    samples = torch.randn(3, 2, 1000)
    lost = torch.tensor([[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]).bool()
    heard = packet_loss(samples, RATE, lost, concealment="silence")
    kept = (~lost).repeat_interleave(PACKET, dim=-1)[:, None, :1000]
    assert torch.equal(heard, samples * kept)


@pytest.mark.parametrize("concealment", ["silence", "repeat", "pitch"])
def test_nothing_lost_is_nothing_changed(concealment: str) -> None:
    samples = torch.randn(2, 1000)
    assert torch.equal(packet_loss(samples, RATE, [False] * 4, concealment=concealment), samples)
    assert torch.equal(packet_loss(samples, RATE, [], concealment=concealment), samples)


@pytest.mark.parametrize("frequency_hz", [80.0, 133.7, 220.0, 390.0])
@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_period_of_a_voice_is_found(frequency_hz: float, rate: int) -> None:
    voice = signals.harmonic_tone(frequency_hz, 0.2, rate, dtype=torch.float64).numpy()
    window = rate // 50
    lag = find_period(voice, rate // 10, rate // 400, rate // 66, window)
    # To the sample; twice the period where it lies between two samples and its harmonics mind.
    times = 2 if (rate, frequency_hz) == (8000, 390.0) else 1
    assert abs(lag - times * rate / frequency_hz) <= 1.0


def test_noise_has_no_period() -> None:
    noise = torch.randn(2000, generator=torch.Generator().manual_seed(0)).numpy()
    assert find_period(noise, 1600, 40, 242, 320) == 242
    assert find_period(noise, 100, 40, 242, 320) == 100  # nothing before it to compare


def test_fill_fades_to_silence_and_received_sound_returns() -> None:
    voice = signals.harmonic_tone(150.0, 0.5, RATE, amplitude=0.5)
    heard = packet_loss(voice, RATE, [False] * 5 + [True] * 10 + [False] * 10)
    start, stop = 5 * PACKET, 15 * PACKET
    assert float(heard[start + int(0.061 * RATE) : stop].abs().max()) == 0.0
    join = int(0.005 * RATE)
    assert torch.equal(heard[stop + join :], voice[stop + join :])
    steps = heard.diff().abs()
    assert float(steps[start - 5 : start + 5].max()) < 1.5 * float(voice.diff().abs().max())


@pytest.mark.parametrize("clip", ["speech_female", "speech_male"])
def test_concealment_helps_speech(clip: str) -> None:
    speech, rate = signals.clip(clip)
    lost = draw_packet_loss(
        num_packets(speech.shape[-1], rate), loss_share=0.1, mean_burst=1.5, generator=3
    )
    distances = [
        float(
            metrics.log_spectral_distance_db(
                speech, packet_loss(speech, rate, lost, concealment=how)
            )
        )
        for how in ("silence", "repeat", "pitch")
    ]
    # PESQ agrees, with 1.4, 1.8 and 2.2 on average over both voices and four patterns.
    assert distances[0] > distances[1] > distances[2]


def test_everything_lost_is_silent() -> None:
    samples = torch.randn(1000)
    for how in ("silence", "repeat", "pitch"):
        assert float(packet_loss(samples, RATE, [True] * 4, concealment=how).abs().max()) == 0.0


@settings(max_examples=60, deadline=None)
@given(
    lost=st.lists(st.booleans(), max_size=30),
    num_samples=st.integers(0, 3000),
    packet_ms=st.floats(1.0, 60.0),
    how=st.sampled_from(["silence", "repeat", "pitch"]),
    rate=st.sampled_from([1000, 8000, 44_100]),
)
def test_any_pattern_leaves_received_sound_alone(
    lost: list[bool], num_samples: int, packet_ms: float, how: str, rate: int
) -> None:
    samples = torch.rand(num_samples, dtype=torch.float64) + 0.5
    heard = packet_loss(samples, rate, lost, packet_s=packet_ms / 1000, concealment=how)
    assert heard.shape == samples.shape
    assert bool(heard.isfinite().all())
    # A mean of what was received, weighted by at most the norm of the two.
    assert num_samples == 0 or float(heard.abs().max()) <= 1.5 + 1e-9
    packet = max(1, math.floor(packet_ms / 1000 * rate + 0.5))
    touched = torch.zeros(num_samples, dtype=torch.bool)
    for index, gone in enumerate(lost):
        if gone:
            first = index * packet
            before = 0 if how == "silence" else max(packet, rate // 66 + 1)
            after = 0 if how == "silence" else int(0.005 * rate) + 1
            touched[max(0, first - before) : first + packet + after] = True
    assert torch.equal(heard[~touched], samples[~touched])


def test_gradient_is_that_of_what_arrived() -> None:
    samples = torch.randn(1, 1, 1000, requires_grad=True)
    packet_loss(samples, RATE, [False, True]).sum().backward()
    wanted = torch.ones(1000)
    wanted[PACKET : 2 * PACKET] = 0.0
    assert torch.equal(samples.grad[0, 0], wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lost": torch.zeros(3, 4).bool()}, "lost must be one pattern or one an item"),
        ({"lost": torch.tensor([0.5])}, "True and False"),
        ({"packet_s": 0.0}, "packet_s must be above 0"),
        ({"packet_s": 1e-6}, "at least one sample"),
        ({"concealment": "magic"}, "concealment must be one of"),
        ({"sample_rate": -1}, "sample_rate must be"),
    ],
)
def test_what_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"waveform": torch.ones(2, 100), "sample_rate": RATE, "lost": [True]} | change
    with pytest.raises(ValueError, match=message):
        packet_loss(**arguments)


def test_patterns_that_are_refused() -> None:
    with pytest.raises(ValueError, match="mean_burst must be at least 4"):
        draw_packet_loss(10, loss_share=0.8, mean_burst=2.0)
    with pytest.raises(ValueError, match="loss_share must be between 0 and 1"):
        draw_packet_loss(10, loss_share=1.1)
    with pytest.raises(ValueError, match="mean_burst must be at least 1"):
        draw_packet_loss(10, loss_share=0.1, mean_burst=0.5)
    with pytest.raises(ValueError, match="count must be"):
        draw_packet_loss(-1, loss_share=0.1)
