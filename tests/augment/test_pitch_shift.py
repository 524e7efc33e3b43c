"""Shifted sounds against the same sounds made at the new pitch; formants; SoX's own pitch."""

import math
import subprocess
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch

from audiolab import signals
from audiolab.augment import pitch_shift
from audiolab.augment._reading import read
from audiolab.resample import resample

RATE = 16_000
ENGINES = ["wsola", "phase_vocoder"]
SHIFTS = [-7.0, -3.5, 0.37, 2.0, 5.0]


def frequency_hz(y: torch.Tensor) -> float:
    """Return the frequency of a sinusoid, from its phase in two halves of a second."""
    y = y[RATE // 4 : RATE // 4 + RATE].double()
    window = torch.hann_window(RATE // 2, dtype=torch.float64)
    spectra = torch.fft.rfft(torch.stack([y[: RATE // 2], y[RATE // 2 :]]) * window)
    bin_hz = int(spectra[0].abs().argmax()) * 2.0
    turn = float((spectra[1] * spectra[0].conj())[int(bin_hz / 2)].angle())
    # half a second apart: the phase says which frequency within 1 Hz of the bin
    return bin_hz + turn / math.pi


def level_spectrum_db(y: torch.Tensor) -> torch.Tensor:
    window = torch.hann_window(2048, dtype=torch.float64)
    frames = y[RATE // 4 : -RATE // 4].double().unfold(-1, 2048, 512) * window
    return 20 * torch.log10(torch.fft.rfft(frames).abs().clamp_min(1e-3))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("semitones", SHIFTS)
def test_a_tone_lands_on_its_frequency(engine: str, semitones: float) -> None:
    """WSOLA's cuts fall on whole samples: 0.5 cents; the vocoder estimates nothing: 0.001."""
    y = pitch_shift(signals.tone(440.0, 2.0, RATE), RATE, semitones, engine=engine)
    cents = 1200 * math.log2(frequency_hz(y) / (440.0 * 2 ** (semitones / 12)))
    assert abs(cents) < (0.5 if engine == "wsola" else 1e-3)


@pytest.mark.parametrize("semitones", SHIFTS)
def test_harmonic_tone_is_the_one_made_at_the_new_pitch(semitones: float) -> None:
    """Level spectra of 20 partials, shifted and synthesised, agree where there is sound."""
    made = [
        sum(signals.tone(150.0 * ratio * k, 2.0, RATE) / k for k in range(1, 21)) * 0.2
        for ratio in (1.0, 2 ** (semitones / 12))
    ]
    shifted = pitch_shift(made[0], RATE, semitones, engine="phase_vocoder")
    ours, wanted = level_spectrum_db(shifted), level_spectrum_db(made[1])
    heard = wanted > wanted.max() - 40
    assert float((ours - wanted)[heard].square().mean().sqrt()) < 0.1


def test_glide_is_the_one_made_at_the_new_pitch() -> None:
    """A sweep over three octaves, as loud as before and where it should be."""
    ratio = 2 ** (3 / 12)
    sweep = signals.log_sweep(200.0, 1600.0, 3.0, RATE)
    wanted = signals.log_sweep(200.0 * ratio, 1600.0 * ratio, 3.0, RATE)
    shifted = pitch_shift(sweep, RATE, 3.0, engine="phase_vocoder")
    ours, theirs = level_spectrum_db(shifted), level_spectrum_db(wanted)
    heard = theirs > theirs.max() - 20
    assert float((ours - theirs)[heard].square().mean().sqrt()) < 1.5


def vowel(f0_hz: float) -> tuple[torch.Tensor, Callable[[float], float]]:
    """Return partials under three formants, and the envelope."""

    def envelope(hz: float) -> float:
        formants = ((600, 120, 1.0), (1400, 150, 0.6), (2800, 250, 0.3))
        return 1e-3 + sum(gain / (1 + ((hz - f) / width) ** 2) for f, width, gain in formants)

    time = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    partials = [
        envelope(k * f0_hz) * torch.sin(2 * math.pi * k * f0_hz * time + k * k)
        for k in range(1, int(7800 / f0_hz))
    ]
    return 0.1 * torch.stack(partials).sum(dim=0).float(), envelope


@pytest.mark.parametrize("semitones", [-4.0, 4.0, 7.0])
def test_formants_stay_where_they_are(semitones: float) -> None:
    """Partials below 4 kHz follow the old envelope within 1.5 dB rms; without, 9 dB off."""
    x, envelope = vowel(120.0)
    f0 = 120.0 * 2 ** (semitones / 12)
    error = {}
    for kept in (True, False):
        y = pitch_shift(x, RATE, semitones, engine="phase_vocoder", preserve_formants=kept)
        window = torch.hann_window(RATE, dtype=torch.float64)
        spectrum = torch.fft.rfft(y[RATE // 2 : RATE // 2 + RATE].double() * window).abs()
        levels = [
            float(spectrum[round(k * f0) - 2 : round(k * f0) + 3].max())
            for k in range(1, int(4000 / f0))
        ]
        wanted = [envelope(k * f0) for k in range(1, int(4000 / f0))]
        difference = 20 * np.log10(np.array(levels) / np.array(wanted))
        error[kept] = float(difference.std())
    assert error[True] < 1.5
    assert error[False] > 6


def test_clicks_stay_in_time() -> None:
    """Times do not move: the vocoder's clicks come where they were, to 1 ms."""
    x = torch.zeros(2 * RATE)
    places = [6000, 13_000, 21_000]
    x[places] = 0.9
    for semitones in (-3.0, 4.0):
        energy = pitch_shift(x, RATE, semitones, engine="phase_vocoder").square()
        near = sum(float(energy[place - 16 : place + 17].sum()) for place in places)
        assert near > 0.99 * float(energy.sum())


def test_wsola_is_soxs_pitch(program: Callable[[str], str]) -> None:
    """Downwards both stretch first; SoX reads the factor with six digits.

    That drifts by 0.1 samples, and with another slope of the resampler leaves -39 dB.
    """
    x = signals.clip("speech")[0][0, :48_000]
    command = [program("sox"), "-D", "-V1", "-t", "f32", "-r", "24000", "-c", "1", "-"]
    command += ["-t", "f32", "-", "pitch", "-300", "rate", "24000"]
    done = subprocess.run(command, input=x.numpy().tobytes(), capture_output=True, check=True)
    theirs = torch.from_numpy(np.frombuffer(done.stdout, np.float32).copy())
    ours = pitch_shift(x, 24_000, -3.0)[: len(theirs)]
    error = (ours - theirs[: len(ours)])[2400:-2400]
    assert 20 * math.log10(float(error.std() / theirs.std())) < -36


@pytest.mark.parametrize("speed", [0.5, 0.89, 1.0005, 1.1224, 1.9, 7.5])
def test_reading_is_resampling(speed: float) -> None:
    """A sinusoid in the pass band to -97 dB, and -90 dB of what would alias."""
    count, length = math.ceil(RATE * speed), RATE
    time = torch.arange(count, dtype=torch.float64)
    for hz in (100.0, 0.44 * RATE / max(speed, 1.0)):
        y = read(torch.sin(2 * math.pi * hz / RATE * time)[None], speed, length)[0]
        turns = 2 * math.pi * hz / RATE * speed * torch.arange(length, dtype=torch.float64)
        inner = slice(RATE // 8, -RATE // 8)
        assert float((y - torch.sin(turns))[inner].std()) < 1e-5
    if speed > 1.2:
        y = read(torch.sin(2 * math.pi * 0.51 / speed * time)[None], speed, length)[0]
        assert float(y[RATE // 8 : -RATE // 8].abs().max()) < 3e-5


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_reading_agrees_with_the_resampler(speed: float) -> None:
    """The same kernel by another way: noise without its top, to -80 dB."""
    x = resample(signals.white_noise(1.0, RATE // 2, generator=0), RATE // 2, RATE).double()
    theirs = resample(x, Fraction(speed).limit_denominator(10), 1)
    ours = read(x[None], speed, len(theirs))[0]
    assert float((ours - theirs)[500:-500].std() / theirs.std()) < 1e-4


def test_reading_has_its_transpose_for_gradient() -> None:
    x = torch.randn(2, 60, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: read(x, 1.3, 40), x)
    assert torch.autograd.gradgradcheck(lambda x: read(x, 0.7, 60), x)


@pytest.mark.parametrize("engine", ENGINES)
def test_items_know_no_neighbours(engine: str) -> None:
    """Alone or in a batch, on one thread or two: the same bits."""
    batch = torch.stack(
        [signals.white_noise(0.7, RATE, generator=seed) for seed in range(10)]
    ).reshape(5, 2, -1)
    shifts = torch.tensor([2.0, -2.0, 0.0, 3.3, -11.1])
    lengths = [11_200, 11_200, 5000, 7001, 9000]
    together = pitch_shift(batch, RATE, shifts, engine=engine, lengths=lengths)
    assert together.shape == batch.shape
    torch.set_num_threads(2)
    try:
        threaded = pitch_shift(batch, RATE, shifts, engine=engine, lengths=lengths)
        lone = pitch_shift(batch[:1], RATE, 2.0, engine=engine)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(together, threaded)
    assert torch.equal(lone[0], together[0])
    for item, (shift, length) in enumerate(zip(shifts.tolist(), lengths, strict=True)):
        alone = pitch_shift(batch[item : item + 1, :, :length], RATE, shift, engine=engine)
        assert torch.equal(alone[0], together[item, :, :length])
        assert not together[item, :, length:].any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_any_length_any_dtype(engine: str, dtype: torch.dtype) -> None:
    for length in (0, 1, 2, 33, 500):
        for semitones in (-36.0, -0.01, 0.0, 0.01, 36.0):
            y = pitch_shift(torch.ones(1, length, dtype=dtype), RATE, semitones, engine=engine)
            assert y.shape == (1, length)
            assert y.dtype == dtype
            assert bool(torch.isfinite(y).all())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("semitones", [-2.0, 2.0])
def test_gradient_is_the_transpose(engine: str, semitones: float) -> None:
    x = signals.white_noise(0.3, RATE, generator=2).double().requires_grad_()
    y = pitch_shift(x, RATE, semitones, engine=engine)
    y.backward(y.detach())
    assert x.grad is not None
    energy = float(y.detach().square().sum())
    assert float((x.detach() * x.grad).sum()) == pytest.approx(energy, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"semitones": 37.0}, "semitones must be between -36 and 36"),
        ({"semitones": [1.0, 2.0, 3.0]}, "semitones must be a number or have a value an item"),
        ({"semitones": 1.0, "engine": "magic"}, "engine must be one of"),
        ({"semitones": 1.0, "preserve_formants": True}, "needs engine='phase_vocoder'"),
        ({"semitones": 1.0, "lengths": [-1, 3]}, "lengths"),
    ],
)
def test_bad_parameters(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pitch_shift(torch.zeros(2, 4000), RATE, **arguments)
