"""Channels: closed forms, published tables, and what is refused."""

import math

import numpy as np
import pytest
import torch

from audiolab import augment, metrics, signals
from audiolab.resample import resample

RATE = 16_000


def tone_gain_db(function, frequency_hz: float, rate: int = RATE) -> float:
    tone = signals.tone(frequency_hz, 1.0, rate, amplitude=0.5, dtype=torch.float64)
    middle = slice(rate // 4, 3 * rate // 4)
    return float(metrics.rms_db(function(tone)[middle]) - metrics.rms_db(tone[middle]))


# ------------------------------------------------------------------------------------ bits, curves
@pytest.mark.parametrize("bits", [1, 2, 3, 8, 16])
def test_bits_are_those_of_fixed_point(bits: int) -> None:
    samples = torch.linspace(-1.5, 1.5, 5001, dtype=torch.float64)
    levels = augment.reduce_bit_depth(samples, bits)
    whole = levels * 2 ** (bits - 1)
    assert torch.equal(whole, whole.round())
    assert float(whole.min()) == -(2 ** (bits - 1))
    assert float(whole.max()) == 2 ** (bits - 1) - 1
    inside = (samples >= -1) & (samples <= 1 - 2.0 ** (1 - bits))
    assert float((levels - samples)[inside].abs().max()) <= 2.0**-bits + 1e-12


def test_error_of_rounding_and_of_dither() -> None:
    """Delta^2/12 without, Delta^2/4 with triangular dither, whose mean follows the signal."""
    noise = 0.3 * torch.randn(200_000, generator=torch.Generator().manual_seed(0)).clamp(-3, 3)
    step = 2.0**-7
    plain = augment.reduce_bit_depth(noise, 8) - noise
    assert float(plain.double().square().mean()) == pytest.approx(step**2 / 12, rel=0.02)
    dithered = augment.reduce_bit_depth(noise, 8, dither="triangular", generator=1) - noise
    assert float(dithered.double().square().mean()) == pytest.approx(step**2 / 4, rel=0.02)
    # A constant between two levels: lost without dither, kept in the mean with it.
    constant = torch.full((400_000,), 0.3 * step)
    assert float(augment.reduce_bit_depth(constant, 8).abs().max()) == 0.0
    kept = augment.reduce_bit_depth(constant, 8, dither="triangular", generator=2)
    assert float(kept.double().mean()) == pytest.approx(0.3 * step, abs=0.01 * step)
    rectangular = augment.reduce_bit_depth(constant, 8, dither="rectangular", generator=2)
    assert float(rectangular.double().mean()) == pytest.approx(0.3 * step, abs=0.01 * step)


def test_bits_pass_the_gradient_straight_through() -> None:
    samples = torch.tensor([0.1, 0.5, 1.2, -1.2], requires_grad=True)
    augment.reduce_bit_depth(samples, 4).sum().backward()
    assert samples.grad.tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 1.0])
def test_share_that_clips(share: float) -> None:
    noise = torch.randn(3, 2, 5000)
    clipped = augment.clip_amplitude(noise, clipped_share=share)
    highest = clipped.abs().amax((1, 2), keepdim=True)
    reached = (noise.abs() >= highest).sum((1, 2))
    assert reached.tolist() == [max(1, round(share * 10_000))] * 3
    assert torch.equal(clipped, noise.clamp(-highest, highest))


def test_clipping_at_decibels() -> None:
    ramp = torch.linspace(-1, 1, 101)
    hard = augment.clip_amplitude(ramp, threshold_db=-6.0)
    assert torch.equal(hard, ramp.clamp(-(10**-0.3), 10**-0.3))
    soft = augment.clip_amplitude(ramp, threshold_db=-6.0, mode="soft")
    assert torch.allclose(soft, 10**-0.3 * torch.tanh(ramp / 10**-0.3))


def test_tanh_keeps_the_level_and_makes_odd_harmonics() -> None:
    tone = signals.tone(250.0, 1.0, RATE, amplitude=0.1, dtype=torch.float64)
    bent = augment.tanh_distortion(tone, 10.0)
    assert float(metrics.rms_db(bent)) == pytest.approx(float(metrics.rms_db(tone)), abs=1e-6)
    spectrum = torch.fft.rfft(bent).abs()[::250]
    assert float(spectrum[3] / spectrum[1]) > 0.1
    assert float(spectrum[2] / spectrum[1]) < 1e-9
    clean = augment.tanh_distortion(tone, -60.0)
    assert torch.allclose(clean, tone, rtol=1e-5)


def test_alias_mirrors_a_tone() -> None:
    folded = augment.alias(signals.tone(7000.0, 1.0, RATE), RATE, 8000.0)
    spectrum = torch.fft.rfft(folded).abs()
    assert int(spectrum.argmax()) == 1000
    unchanged = torch.randn(1000)
    assert torch.equal(augment.alias(unchanged, RATE, 16_000.0), unchanged)


# ----------------------------------------------------------------------------------------- clocks
@pytest.mark.parametrize("ppm", [-300.0, -20.0, 7.5, 100.0, 5000.0])
def test_drift_moves_a_chirp_where_it_should(ppm: float) -> None:
    time = torch.arange(2 * RATE, dtype=torch.float64) / RATE

    def chirp(seconds: torch.Tensor) -> torch.Tensor:
        return torch.sin(2 * math.pi * (300 * seconds + 400 * seconds.square()))

    drifted = augment.clock_drift(chirp(time), ppm)
    wanted = chirp(time * (1 + 1e-6 * ppm))
    middle = slice(500, 2 * RATE - 1000)
    # The resampler's ripple.
    assert float((drifted - wanted)[middle].abs().max()) < 2e-4


def test_drift_of_nothing_is_nothing() -> None:
    samples = torch.randn(2, 100)
    assert torch.equal(augment.clock_drift(samples, 0.0), samples)
    with pytest.raises(ValueError, match="ppm must be between"):
        augment.clock_drift(samples, 2e5)


# -------------------------------------------------------------------------------------------- air
#: ISO 9613-2, table 2: °C, %, then dB/km in octave bands from 63 Hz to 8 kHz.
TABLE = [
    (10, 70, (0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117)),
    (20, 70, (0.1, 0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6)),
    (30, 70, (0.1, 0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3)),
    (15, 20, (0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202)),
    (15, 50, (0.1, 0.5, 1.2, 2.2, 4.2, 10.8, 36.2, 129)),
    (15, 80, (0.1, 0.3, 1.1, 2.4, 4.1, 8.3, 23.7, 82.8)),
]


@pytest.mark.parametrize(("temperature", "humidity", "per_kilometre"), TABLE)
def test_air_is_the_standards_table(
    temperature: float, humidity: float, per_kilometre: tuple[float, ...]
) -> None:
    bands = 1000.0 * 10.0 ** (0.3 * torch.arange(-4, 4, dtype=torch.float64))
    ours = 1000 * augment.air_attenuation_db(
        bands, temperature_c=temperature, humidity_percent=humidity
    )
    # The table has two or three digits.
    np.testing.assert_allclose(ours.numpy(), per_kilometre, rtol=0.012, atol=0.06)


@pytest.mark.parametrize("frequency_hz", [250.0, 1000.0, 4000.0, 7000.0])
def test_air_filters_by_its_attenuation(frequency_hz: float) -> None:
    conditions = {"temperature_c": 5.0, "humidity_percent": 30.0}
    gain = tone_gain_db(
        lambda x: augment.air_absorption(x, RATE, 150.0, **conditions), frequency_hz
    )
    per_metre = augment.air_attenuation_db(torch.tensor(frequency_hz), **conditions)
    assert gain == pytest.approx(-150.0 * float(per_metre), abs=0.01)


# --------------------------------------------------------------------------- microphones, speakers
@pytest.mark.parametrize("name", augment.MICROPHONES)
@pytest.mark.parametrize("frequency_hz", [200.0, 1000.0, 3000.0, 6000.0])
def test_microphone_has_its_response(name: str, frequency_hz: float) -> None:
    gain = tone_gain_db(lambda x: augment.apply_microphone(x, RATE, name), frequency_hz)
    wanted = float(augment.microphone_response(torch.tensor(frequency_hz), name))
    # 5 Hz of resolution, and a response that ends at half the rate.
    assert gain == pytest.approx(wanted, abs=0.3)


def test_microphone_is_causal_and_early() -> None:
    click = torch.zeros(RATE, dtype=torch.float64)
    click[1000] = 1.0
    for name in augment.MICROPHONES:
        heard = augment.apply_microphone(click, RATE, name)
        energy = heard.square().cumsum(0) / heard.square().sum()
        assert float(energy[999]) < 1e-6
        assert float(energy[1080]) > 0.8  # within 5 ms


def test_resonance_and_tilt() -> None:
    def heard(x: torch.Tensor) -> torch.Tensor:
        return augment.apply_microphone(
            x, RATE, "flat", resonance_hz=2000.0, resonance_db=9.0, tilt_db_per_octave=-1.0
        )

    assert tone_gain_db(heard, 2000.0) == pytest.approx(9.0 - 1.0, abs=0.1)
    assert tone_gain_db(heard, 250.0) == pytest.approx(2.0, abs=0.3)


def test_a_measured_curve_and_a_name_an_item() -> None:
    curve = ((100.0, -12.0), (1000.0, 0.0), (5000.0, 6.0))
    gain = tone_gain_db(lambda x: augment.apply_microphone(x, RATE, curve), 5000.0)
    assert gain == pytest.approx(6.0, abs=0.2)
    noise = torch.randn(2, 5000)
    both = augment.apply_microphone(noise, RATE, ["ribbon", "carbon"])
    assert torch.equal(both[1], augment.apply_microphone(noise[1], RATE, "carbon"))
    for bad in ("tin", ["ribbon"], ((1.0, 0.0),), ((2.0, 0.0), (1.0, 0.0))):
        with pytest.raises(ValueError, match="microphone must"):
            augment.apply_microphone(noise, RATE, bad)


def test_speaker_is_its_high_pass_when_clean() -> None:
    def clean(x: torch.Tensor) -> torch.Tensor:
        return augment.small_speaker(
            x, RATE, resonance_hz=400.0, q=2.0, drive_db=-80.0, asymmetry=0.0
        )

    for frequency_hz in (100.0, 400.0, 3000.0):
        s = 1j * math.tan(math.pi * frequency_hz / RATE) / math.tan(math.pi * 400.0 / RATE)
        wanted = 20 * math.log10(abs(s**2 / (s**2 + s / 2.0 + 1)))
        wanted -= 10 * math.log10(1 + (20.0 / frequency_hz) ** 2)  # against the curve's offset
        assert tone_gain_db(clean, frequency_hz) == pytest.approx(wanted, abs=0.05)


def test_speaker_distorts_by_its_drive() -> None:
    tone = signals.tone(1000.0, 1.0, RATE, dtype=torch.float64)
    harmonics = []
    for drive in (-40.0, -10.0, 10.0):
        spectrum = torch.fft.rfft(augment.small_speaker(tone, RATE, drive_db=drive)).abs()
        harmonics.append(float(spectrum[2000:8000:1000].norm() / spectrum[1000]))
    assert harmonics[0] < 0.01 < harmonics[1] < harmonics[2]
    louder = augment.small_speaker(8 * tone, RATE)
    assert torch.allclose(louder, 8 * augment.small_speaker(tone, RATE), rtol=1e-6)


# -------------------------------------------------------------------------------------- telephone
@pytest.mark.parametrize("law", ["a-law", "mu-law"])
def test_companding_keeps_its_ratio_over_the_range(law: str) -> None:
    """G.711 has 38 dB over 40 dB of range, where eight uniform bits lose one by one."""
    noise = torch.randn(100_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for level_db in (-15.0, -25.0, -35.0):
        speech = noise * 10 ** (level_db / 20)
        ratio = float(metrics.snr_db(speech, augment.compand_bits(speech, law=law)))
        assert 34.0 < ratio < 39.5
    quiet = noise * 10**-2.25
    uniform = metrics.snr_db(quiet, augment.reduce_bit_depth(quiet, 8))
    assert metrics.snr_db(quiet, augment.compand_bits(quiet, law=law)) > uniform + 20.0


@pytest.mark.parametrize("law", ["a-law", "mu-law"])
@pytest.mark.parametrize("bits", [2, 5, 8])
def test_companding_has_its_levels(law: str, bits: int) -> None:
    ramp = torch.linspace(-1.2, 1.2, 200_001, dtype=torch.float64)
    levels = augment.compand_bits(ramp, law=law, bits=bits)
    assert len(levels.unique()) == 2**bits
    assert torch.equal(levels, -augment.compand_bits(-ramp, law=law, bits=bits))
    assert bool((levels.diff() >= 0).all())
    again = augment.compand_bits(levels, law=law, bits=bits)
    assert torch.allclose(again, levels, rtol=1e-12)


def test_telephone_has_its_band() -> None:
    def line(x: torch.Tensor) -> torch.Tensor:
        return augment.telephone(x, 24_000, companding=None)

    assert tone_gain_db(line, 1000.0, 24_000) == pytest.approx(0.0, abs=0.05)
    assert tone_gain_db(line, 300.0, 24_000) == pytest.approx(-3.0, abs=0.1)
    # The bilinear transform of a filter near half the line's rate keeps its -3 dB point.
    assert tone_gain_db(line, 3400.0, 24_000) == pytest.approx(-3.0, abs=0.1)
    assert tone_gain_db(line, 75.0, 24_000) < -45.0
    assert tone_gain_db(line, 4500.0, 24_000) < -80.0


def test_wideband_line_and_odd_rates() -> None:
    speech, _ = signals.clip("music")
    wide = augment.telephone(speech, 44_100, low_hz=50.0, high_hz=7000.0, line_rate=16_000)
    assert wide.shape == speech.shape
    assert 6500 < float(metrics.bandwidth_hz(wide, 44_100)[0]) < 8100
    same = augment.telephone(speech, 8000)
    assert same.shape == speech.shape


# ----------------------------------------------------------------------------------------- codecs
@pytest.mark.parametrize("codec", ["mp3", "opus", "vorbis", "aac"])
@pytest.mark.parametrize("rate", [8000, 16_000, 11_025])
def test_codec_comes_back_in_place(codec: str, rate: int) -> None:
    noise = signals.pink_noise(1.5, rate, generator=0, batch_shape=(2, 1))
    coded = augment.codec_round_trip(noise, rate, codec)
    assert coded.shape == noise.shape
    assert metrics.delay_samples(noise, coded, max_delay_samples=400).abs().max() == 0
    assert float(metrics.snr_db(noise, coded).min()) > 3.0


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000])
def test_opus_of_speech_at_low_rates_comes_back_in_place(rate: int) -> None:
    speech = resample(signals.clip("speech_female")[0], 24_000, rate)
    coded = augment.codec_round_trip(speech, rate, "opus", bit_rate=8000)
    assert coded.shape == speech.shape
    # A parametric coder: half a millisecond of phase.
    assert abs(int(metrics.delay_samples(speech, coded, max_delay_samples=400))) <= rate // 2000


def test_codec_of_loud_and_silent_and_short() -> None:
    loud = 3.0 * signals.tone(300.0, 0.5, RATE)[None]
    coded = augment.codec_round_trip(loud, RATE, "vorbis")
    assert float(metrics.snr_db(loud, coded)) > 10.0
    silent = augment.codec_round_trip(torch.zeros(1, 5000), RATE, "mp3")
    assert float(silent.abs().max()) < 1e-3
    assert augment.codec_round_trip(torch.zeros(1, 10), RATE, "opus").shape == (1, 10)


def test_codec_an_item() -> None:
    noise = signals.pink_noise(0.5, RATE, generator=0, batch_shape=(2,))
    both = augment.codec_round_trip(noise, RATE, ["mp3", "aac"], bit_rate=[32_000, 48_000])
    alone = augment.codec_round_trip(noise[1], RATE, "aac", bit_rate=48_000)
    assert torch.equal(both[1], alone)
    with pytest.raises(ValueError, match="codec must be one of"):
        augment.codec_round_trip(noise, RATE, "gsm")
    with pytest.raises(ValueError, match="one name an item"):
        augment.codec_round_trip(noise, RATE, ["mp3"])


# ---------------------------------------------------------------------------------------- refused
NOISE = torch.ones(2, 100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augment.reduce_bit_depth(NOISE, 0.5), "bits must be between 1 and 24"),
        (lambda: augment.reduce_bit_depth(NOISE, [8, 8, 8]), "a value an item"),
        (lambda: augment.reduce_bit_depth(NOISE, 8, dither="x"), "dither must be one of"),
        (lambda: augment.clip_amplitude(NOISE), "give one of"),
        (lambda: augment.clip_amplitude(NOISE, clipped_share=1.5), "between 0 and 1"),
        (lambda: augment.clip_amplitude(NOISE, threshold_db=math.nan), "threshold_db must be"),
        (
            lambda: augment.tanh_distortion(NOISE * math.nan, 0.0),
            "NaN or infinite samples in item 0",
        ),
        (lambda: augment.alias(NOISE, RATE, 20_000.0), "new_rate_hz must be between"),
        (lambda: augment.air_absorption(NOISE, RATE, -1.0), "distance_m must be at least 0"),
        (lambda: augment.air_attenuation_db(NOISE, humidity_percent=101), "humidity_percent"),
        (lambda: augment.small_speaker(NOISE, RATE, resonance_hz=9000.0), "resonance_hz must"),
        (lambda: augment.small_speaker(NOISE * math.inf, RATE), "NaN or infinite"),
        (lambda: augment.telephone(NOISE, RATE, high_hz=5000.0), "high_hz must be between"),
        (lambda: augment.telephone(NOISE, RATE, companding="b-law"), "companding must be one of"),
        (lambda: augment.compand_bits(NOISE, bits=1), "bits must be a whole number"),
        (lambda: augment.telephone(NOISE, 0), "sample_rate must be"),
    ],
)
def test_what_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
