"""Stretching: sinusoids, attacks and channels keep what they should; items know no neighbours."""

import math

import pytest
import torch

from audiolab import signals
from audiolab.augment import stretched_length, stretched_time_s, time_stretch
from audiolab.augment._onsets import find_onsets
from audiolab.augment._vocoder import Vocoder
from audiolab.effects import tempo

RATE = 16_000
ENGINES = ["wsola", "phase_vocoder"]
RATES = [0.5, 0.8, 1.25, 2.0]


def residual_db(y: torch.Tensor, *frequencies_hz: float) -> float:
    """Return what is left of a signal, without its ends, once its sinusoids are fitted away."""
    y = y[RATE // 4 : -RATE // 4].double()
    turns = 2 * math.pi * torch.arange(len(y), dtype=torch.float64) / RATE
    waves = [f(turns * hz) for hz in frequencies_hz for f in (torch.sin, torch.cos)]
    basis = torch.stack(waves, dim=1)
    left = y - basis @ torch.linalg.lstsq(basis, y[:, None]).solution[:, 0]
    return 20 * math.log10(float(left.std() / y.std()))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("use", ["general", "speech", "music"])
def test_vocoder_keeps_sinusoids(rate: float, use: str) -> None:
    """Two sinusoids in float64: what is left is the windows' side lobes in each other's peak."""
    x = signals.tone(440.0, 2.0, RATE).double() + signals.tone(2000.0, 2.0, RATE).double()
    y = time_stretch(x, RATE, rate, engine="phase_vocoder", use=use)
    # Hann's side lobes 39 bins (speech) away fall below -100 dB
    assert residual_db(y, 440.0, 2000.0) < -90


def test_wsola_keeps_one_sinusoid() -> None:
    """Cuts fall on whole samples: half a sample of a 400 Hz tone is 0.08 rad, -25 dB at worst."""
    for rate in RATES:
        y = time_stretch(signals.tone(400.0, 2.0, RATE), RATE, rate)
        # 40 samples a period: cuts on whole samples can be perfect
        assert residual_db(y, 400.0) < -80


def test_locking_is_what_keeps_partials_together() -> None:
    """Bins that turn for themselves leave more than ten times what locked ones leave of a tone."""
    x, left = signals.tone(440.0, 2.0, RATE)[None], {}
    for locking in ("none", "peaks"):
        y = Vocoder(RATE, 1024, locking).stretch(x, 0.5, 4 * RATE)[0]
        left[locking] = residual_db(y, 440.0)
    assert left["peaks"] < left["none"] - 20


@pytest.mark.parametrize("rate", [0.7, 1.4])
def test_attacks_stay_attacks(rate: float) -> None:
    """All of a click's energy lies within 1 ms of where the rate puts it; without locking not."""
    x = torch.zeros(2 * RATE)
    places = [6000, 13_000, 21_000]
    x[places] = 0.9
    energy = time_stretch(x, RATE, rate, engine="phase_vocoder").square()
    length = len(energy)
    smeared = Vocoder(RATE, 1024, "peaks").stretch(x[None], rate, length)[0].square()
    near, near_smeared = 0.0, 0.0
    for place in places:
        around = slice(round(place / rate) - 16, round(place / rate) + 17)
        near += float(energy[around].sum())
        near_smeared += float(smeared[around].sum())
    assert near > 0.999 * float(energy.sum())
    assert near_smeared < 0.9 * float(smeared.sum())


def test_an_attack_inside_a_tone_leaves_the_tone() -> None:
    """Only what begins is set anew: the tone under a burst of noise goes on, within 1 dB."""
    tone = signals.tone(500.0, 2.0, RATE) * 0.3
    burst = torch.zeros_like(tone)
    burst[RATE : RATE + 800] = signals.white_noise(0.05, RATE, generator=0) * 0.3
    quiet = time_stretch(tone, RATE, 0.8, engine="phase_vocoder")
    both = time_stretch(tone + burst, RATE, 0.8, engine="phase_vocoder")
    after = slice(int(RATE / 0.8) + 3000, int(RATE / 0.8) + 9000)
    assert both[after].std() == pytest.approx(float(quiet[after].std()), rel=0.1)


def test_onsets_are_found_where_they_are() -> None:
    """A click and a burst in silence; a tone's only onset is its beginning."""
    x = torch.zeros(1, 2 * RATE)
    x[0, 4000], x[0, 12_000:12_400] = 1.0, signals.white_noise(0.025, RATE, generator=1)
    found = sorted(find_onsets(x, RATE).tolist())
    assert found == pytest.approx([4000, 12_000], abs=16)  # 1 ms
    tone = find_onsets(signals.tone(440.0, 2.0, RATE)[None], RATE)
    assert all(each < 100 or each > 2 * RATE - 200 for each in tone.tolist())


def test_channels_keep_what_lies_between_them() -> None:
    """Right = left, a quarter period later and half as loud: afterwards still."""
    left = signals.tone(500.0, 1.0, RATE)
    right = torch.cat([torch.zeros(8), left[:-8]])
    for engine in ENGINES:
        y = time_stretch(torch.stack([left, 0.5 * right])[None], RATE, 0.8, engine=engine)[0]
        a, b = y[:, 4000:16_000].double()
        turns = torch.exp(-2j * math.pi * 500 / RATE * torch.arange(12_000, dtype=torch.float64))
        ratio = (b * turns).sum() / (a * turns).sum()
        assert abs(complex(ratio) - 0.5 * complex(0, -1)) < 2e-3


def test_wsola_is_the_effects_own() -> None:
    """One channel, one rate: what `audiolab.effects.tempo` returns, which is measured by SoX."""
    x = signals.clip("speech")[0][:, :24_000]
    for use in ("general", "speech", "music"):
        ours = time_stretch(x, 24_000, 1.2, use=use)
        assert torch.equal(ours, tempo(x, 24_000, factor=1.2, use=use))


@pytest.mark.parametrize("engine", ENGINES)
def test_items_know_no_neighbours(engine: str) -> None:
    """Alone or in a batch, on one thread or two: the same bits."""
    batch = torch.stack(
        [signals.white_noise(0.7, RATE, generator=seed) for seed in range(10)]
    ).reshape(5, 2, -1)
    rates = [0.8, 1.0, 1.3, 0.8, 2.0]
    lengths = torch.tensor([11_200, 11_200, 5000, 7001, 9000])
    together = time_stretch(batch, RATE, rates, engine=engine, lengths=lengths)
    torch.set_num_threads(2)
    try:
        threaded = time_stretch(batch, RATE, rates, engine=engine, lengths=lengths)
        lone = time_stretch(batch[:1], RATE, 0.8, engine=engine)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(together, threaded)
    after = stretched_length(lengths, torch.tensor(rates, dtype=torch.float64)).tolist()
    assert torch.equal(lone[0], together[0, :, : after[0]])
    for item, (rate, length, end) in enumerate(zip(rates, lengths.tolist(), after, strict=True)):
        alone = time_stretch(batch[item : item + 1, :, :length], RATE, rate, engine=engine)
        assert torch.equal(alone[0], together[item, :, :end])
        assert not together[item, :, end:].any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", [(5000,), (3, 5000), (2, 3, 5000), (2, 2, 1, 5000), (0, 1, 5000)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_shapes_and_dtypes(engine: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    y = time_stretch(x, RATE, 1.25, engine=engine)
    assert y.dtype == dtype
    assert y.shape == (*shape[:-1], 4000 if x.numel() else 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_gradient_is_the_transpose_of_fixed_cuts_and_turns(engine: str) -> None:
    """With cuts and rotations fixed the map is linear: <y, y> = <x, its gradient>."""
    x = signals.white_noise(0.4, RATE, generator=2).double().requires_grad_()
    y = time_stretch(x, RATE, 0.8, engine=engine)
    assert torch.equal(y.detach(), time_stretch(x.detach(), RATE, 0.8, engine=engine))
    y.backward(y.detach())
    assert x.grad is not None
    assert float((x.detach() * x.grad).sum()) == pytest.approx(
        float(y.detach().square().sum()), rel=1e-9
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_short_silent_and_extreme(engine: str) -> None:
    """From nothing to a few samples, and the extreme rates: right lengths, finite values."""
    for length in (0, 1, 2, 17, 400):
        for rate in (0.1, 0.37, 1.0, 10.0):
            y = time_stretch(torch.ones(length), RATE, rate, engine=engine)
            assert len(y) == stretched_length(length, rate)
            assert bool(torch.isfinite(y).all())
    assert not time_stretch(torch.zeros(8000), RATE, 0.9, engine=engine).any()


def test_there_and_back() -> None:
    """Speech at 0.8 of its tempo and back: 4 dB from itself; unlocked 11, as librosa's 13."""
    x = signals.clip("speech")[0][:, :48_000]

    def spectrum_db(y: torch.Tensor) -> torch.Tensor:
        frames = y[0].unfold(-1, 1024, 256) * torch.hann_window(1024)
        return 20 * torch.log10(torch.fft.rfft(frames).abs().clamp_min(1e-4))

    wanted = spectrum_db(x)
    heard = wanted > wanted.max() - 60
    off = {}
    for locking in ("none", "transients"):
        vocoder = Vocoder(24_000, 1536, locking)
        back = vocoder.stretch(vocoder.stretch(x, 0.8, 60_000), 1.25, 48_000)
        off[locking] = float((spectrum_db(back) - wanted)[heard].square().mean().sqrt())
    assert off["transients"] < 5
    assert off["none"] > 8


def test_times_and_lengths() -> None:
    assert stretched_time_s(1.0, 0.8) == 1.25
    assert torch.equal(
        stretched_time_s(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 0.5])),
        torch.tensor([0.5, 4.0]),
    )
    assert stretched_length(torch.tensor([3, 10]), torch.tensor([2.0, 4.0])).tolist() == [2, 3]
    assert stretched_length(16_000, 0.8) == 20_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0.0}, "rate must be between 0.1 and 10"),
        ({"rate": math.nan}, "rate must be between"),
        ({"rate": [1.0, 2.0, 3.0]}, "rate must be a number or have a value an item"),
        ({"rate": 1.0, "engine": "magic"}, "engine must be one of"),
        ({"rate": 1.0, "use": "dance"}, "use must be one of"),
        ({"rate": 1.0, "lengths": [9, 5000]}, "lengths"),
        ({"rate": 1.0, "sample_rate": -1}, "sample_rate must be above 0"),
    ],
)
def test_bad_parameters(arguments: dict[str, object], message: str) -> None:
    given = {"sample_rate": RATE} | arguments
    with pytest.raises(ValueError, match=message):
        time_stretch(torch.zeros(2, 4000), **given)


def test_bad_waveforms() -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        time_stretch(torch.tensor([0.0, math.nan]), RATE, 0.8)
    with pytest.raises(TypeError, match="floating point"):
        time_stretch(torch.zeros(4, dtype=torch.int16), RATE, 0.8)
