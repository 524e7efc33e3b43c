"""Delays, echoes and reverberation: closed forms, batches, gradients, streams, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audiolab.effects import delay, echo, echos, reverb, reverb_impulse_response
from audiolab.effects.delays import _freeverb
from audiolab.effects.delays._freeverb import delay_lengths, impulse_response, run
from audiolab.effects.delays.reverberation import ReverbStream

RATE = 16_000


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype) * 0.1


# --------------------------------------------------------------------------------- delay, echoes
def test_delay_moves_channels():
    x = noise(3, 2, 100)
    y = delay(x, 100, delays_s=[0.0, 0.07])
    assert y.shape == (3, 2, 107)
    assert torch.equal(y[:, 0, :100], x[:, 0])
    assert torch.equal(y[:, 1, 7:], x[:, 1])
    assert not y[:, 1, :7].any()


def test_delay_needs_a_channel_for_each_delay():
    with pytest.raises(ValueError, match="delays_s has 3 delays"):
        delay(noise(2, 10), RATE, delays_s=[0, 0, 1])
    with pytest.raises(ValueError, match=r"delays_s\[1\]"):
        delay(noise(2, 10), RATE, delays_s=[0, -1])


def test_a_click_makes_the_echoes_that_were_asked_for():
    click = torch.zeros(1, 50, dtype=torch.float64)
    click[0, 0] = 1.0
    taps = {"delays_s": [0.1, 0.03], "decays": [0.5, 0.25], "gain_in": 0.8, "gain_out": 0.5}
    single, sequence = echo(click, 100, **taps), echos(click, 100, **taps)
    assert single.shape == (1, 60)
    assert sequence.shape == (1, 63)
    for y, weights in ((single, (0.4, 0.25, 0.125)), (sequence, (0.4, 0.25, 0.25))):
        expected = torch.zeros_like(y)
        expected[0, [0, 10, 3]] = torch.tensor(weights, dtype=torch.float64)
        torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("function", [echo, echos])
def test_echoes_of_items_with_their_own_decay(function):
    x = noise(3, 2, 400)
    decays = torch.tensor([0.1, 0.5, 0.9])
    both = function(x, RATE, delays_s=[0.01], decays=[decays])
    for i, value in enumerate(decays.tolist()):
        torch.testing.assert_close(both[i], function(x[i], RATE, delays_s=[0.01], decays=[value]))


@pytest.mark.parametrize("function", [echo, echos])
def test_echoes_have_gradients(function):
    x = noise(2, 40).requires_grad_()
    decay = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    gain = torch.tensor([0.4, 0.6], dtype=torch.float64, requires_grad=True)

    def run_it(x, decay, gain):
        return function(
            x, 100, delays_s=[0.1, 0.03], decays=[decay, 0.2], gain_in=gain, gain_out=decay
        )

    assert torch.autograd.gradcheck(run_it, (x, decay, gain))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"delays_s": [], "decays": []}, "delays_s"),
        ({"delays_s": [0.1] * 8, "decays": [0.1] * 8}, "delays_s"),
        ({"delays_s": [0.1], "decays": [0.1, 0.2]}, "decays"),
        ({"delays_s": [0.0], "decays": [0.1]}, r"delays_s\[0\]"),
        ({"delays_s": [0.1], "decays": [1.5]}, r"decays\[0\]"),
        ({"delays_s": [0.1], "decays": [0.5], "gain_in": 2.0}, "gain_in"),
    ],
)
def test_echo_names_what_is_wrong(options, named):
    with pytest.raises(ValueError, match=named):
        echo(noise(10), RATE, **options)


# ----------------------------------------------------------------------------------------- reverb
def test_channels_follow_sox():
    assert reverb(noise(1, 100), RATE).shape == (2, 100)
    assert reverb(noise(1, 100), RATE, stereo_depth=0).shape == (1, 100)
    assert reverb(noise(5, 2, 100), RATE).shape == (5, 2, 100)
    assert reverb(noise(4, 100), RATE).shape == (4, 100)


def test_two_channels_share_their_reverberation():
    x = noise(2, 4000)
    alone = [reverb(x[c : c + 1], RATE, wet_only=True) for c in range(2)]
    torch.testing.assert_close(reverb(x, RATE, wet_only=True), (alone[0] + alone[1]) / 2)


def test_the_first_reflection_comes_after_the_shortest_comb():
    response = reverb_impulse_response(0.1, RATE)
    first = [int(side.abs().gt(0).nonzero()[0]) for side in response]
    assert first == [round(1116 * RATE / 44_100), round((1116 + 12) * RATE / 44_100)]
    assert float(response[0, first[0]]) == pytest.approx(0.015, rel=1e-12)


def test_reverb_is_convolution_with_its_impulse_response():
    x = noise(1, 3000)
    response = reverb_impulse_response(3000 / RATE, RATE, reverberance=80)
    size = 8192
    expected = torch.fft.irfft(torch.fft.rfft(x, size) * torch.fft.rfft(response, size), size)
    found = reverb(x, RATE, reverberance=80, wet_only=True)
    torch.testing.assert_close(found, expected[:, :3000], atol=1e-14, rtol=0)


@pytest.mark.parametrize(("reverberance", "seconds"), [(0, 0.24), (20, 0.5), (50, 1.6)])
def test_decay_time(reverberance, seconds):
    response = reverb_impulse_response(4.0, RATE, reverberance=reverberance, stereo_depth=0)[0]
    remaining = response.square().flip(0).cumsum(0).flip(0)
    below = (remaining < 1e-6 * remaining[0]).nonzero()[0] / RATE
    assert float(below) == pytest.approx(seconds, rel=0.1)


def test_loops_equal_the_formula():
    # the formula folds what is left after the transform back at -160 dB
    lengths = np.array([delay_lengths(RATE, 100, 0.0), delay_lengths(RATE, 40, 1.0)])
    feedback = torch.tensor([0.9, 0.98], dtype=torch.float64)
    damping = torch.tensor([0.2, 0.45], dtype=torch.float64)
    x = noise(1, 6000)
    loops = run(x, [0, 0], lengths, feedback, damping)
    formula = run(x, [0, 0], lengths, feedback, damping, convolve=True)
    torch.testing.assert_close(formula, loops, atol=1e-7, rtol=0)
    click = torch.zeros(1, 2000, dtype=torch.float64)
    click[0, 0] = 1.0
    torch.testing.assert_close(
        impulse_response(2000, lengths, feedback, damping),
        run(click, [0, 0], lengths, feedback, damping),
        atol=1e-7,
        rtol=0,
    )


def test_items_have_their_own_room():
    x = noise(3, 2, 2000)
    options = {
        "reverberance": torch.tensor([10.0, 50.0, 90.0]),
        "hf_damping": torch.tensor([90.0, 50.0, 10.0]),
        "room_scale": torch.tensor([10.0, 100.0, 55.0]),
        "wet_gain_db": torch.tensor([-3.0, 0.0, 3.0]),
    }
    together = reverb(x, RATE, **options)
    for i in range(3):
        single = reverb(x[i], RATE, **{name: float(v[i]) for name, v in options.items()})
        torch.testing.assert_close(together[i], single)


def test_single_precision_is_close_to_double():
    x = noise(4, 1, 8000)
    error = reverb(x.float(), RATE).double() - reverb(x, RATE)
    assert float(error.abs().max()) < 1e-6 * float(x.abs().max())


def test_reverb_has_gradients():
    x = noise(2, 1, 40).requires_grad_()
    parameters = [
        torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for value in ([20.0, 80.0], 40.0, 1.5)
    ]

    def run_it(x, reverberance, hf_damping, wet_gain_db):
        return reverb(
            x,
            300,
            reverberance=reverberance,
            hf_damping=hf_damping,
            wet_gain_db=wet_gain_db,
            pre_delay_s=0.01,
        )

    assert torch.autograd.gradcheck(run_it, (x, *parameters))


def test_a_reverb_stream_equals_the_whole():
    x = noise(2, 1, 5000)
    options = {"room_scale": 30.0, "pre_delay_s": 0.0101, "wet_gain_db": 2.0}
    stream = ReverbStream(x, RATE, **options)
    parts = [stream.push(block) for block in x.split([1, 0, 777, 2222, 2000], dim=-1)]
    assert torch.equal(torch.cat(parts, dim=-1), reverb(x, RATE, **options))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"reverberance": 101}, "reverberance"),
        ({"hf_damping": torch.tensor([-1.0])}, "hf_damping"),
        ({"room_scale": torch.full((3,), 50.0)}, "room_scale"),
        ({"stereo_depth": 200}, "stereo_depth"),
        ({"pre_delay_s": 1.0}, "pre_delay_s"),
        ({"wet_gain_db": 11.0}, "wet_gain_db"),
    ],
)
def test_reverb_names_what_is_wrong(options, named):
    with pytest.raises(ValueError, match=named):
        reverb(noise(2, 1, 10), RATE, **options)


def test_reverb_needs_channels():
    with pytest.raises(ValueError, match="waveform"):
        reverb(noise(10), RATE)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_reverb_in_loops_mixes_as_the_convolution_does(channels, monkeypatch):
    x = torch.randn(2, channels, 400, dtype=torch.float64)
    gain = torch.tensor([3.0, -4.0], dtype=torch.float64, requires_grad=True)
    loops = reverb(x, 2000, wet_gain_db=gain)
    run_network = _freeverb._run
    monkeypatch.setattr(
        _freeverb, "_run", lambda *given, convolve: run_network(*given, convolve=True)
    )
    torch.testing.assert_close(loops, reverb(x, 2000, wet_gain_db=gain), atol=1e-8, rtol=0)
    assert torch.autograd.gradcheck(
        lambda g: reverb(x, 2000, wet_gain_db=g, reverberance=70.0)[..., ::31], (gain,)
    )
