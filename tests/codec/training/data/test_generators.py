"""The generators: pitch and energy where they belong, and text to speak."""

from __future__ import annotations

import numpy as np
import pytest

from audiolab.codec.training.data import formants, instruments, music, orchestra, text, textures

RATE = 24_000


def strongest_comb_hz(samples, low: float, high: float) -> float:
    """Return the fundamental whose harmonics hold the most of the spectrum's magnitude."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size), 1 << 17))
    step = RATE / (1 << 17)
    candidates = np.geomspace(low, high, 400)
    scores = []
    for candidate in candidates:
        bins = np.round(candidate * np.arange(1, 9) / step).astype(int)
        scores.append(sum(spectrum[b - 6 : b + 7].max() for b in bins if b + 7 < spectrum.size))
    return float(candidates[int(np.argmax(scores))])


@pytest.mark.parametrize("family", ["string", "analogue", "ensemble", "singer", "choir"])
def test_instruments_play_in_tune(family: str) -> None:
    # Within a semitone: ensembles and choirs are detuned by up to a percent, and vibrato moves.
    for seed in range(3):
        play = instruments.draw_instrument(np.random.default_rng(seed), RATE, family)
        note = play(220.0, RATE)
        assert abs(12.0 * np.log2(strongest_comb_hz(note, 160.0, 300.0) / 220.0)) < 1.0


@pytest.mark.parametrize("family", instruments.FAMILIES)
@pytest.mark.parametrize("frequency_hz", [41.0, 220.0, 1760.0, 3500.0])
def test_notes_start_and_end_at_rest(family: str, frequency_hz: float) -> None:
    play = instruments.draw_instrument(np.random.default_rng(1), RATE, family)
    note = play(frequency_hz, 9_000)
    assert note.shape == (9_000,)
    assert np.isfinite(note).all()
    assert 0.05 < np.abs(note).max() < 12.0
    assert np.abs(note[-1]) < 1e-6


def test_an_unknown_name_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="family must be one of partials"):
        instruments.draw_instrument(rng, RATE, "kazoo")
    with pytest.raises(ValueError, match="kind must be one of steady"):
        textures.texture(rng, 1.0, RATE, "traffic jam")
    with pytest.raises(ValueError, match="language must be one of en-us"):
        text.pseudo_words(rng, "tlh")


def test_saw_teeth_hardly_fold() -> None:
    # The 14th harmonic of 1.1 kHz, 15.4 kHz, folds to 8.6 kHz, where no harmonic lies: in a naive
    # saw at 1/14, -23 dB.
    turns = 1_100.0 * np.arange(RATE) / RATE
    spectrum = np.abs(np.fft.rfft(instruments._saw(turns, 1_100.0 / RATE)))
    naive = np.abs(np.fft.rfft(2.0 * (turns % 1.0) - 1.0))
    assert 20 * np.log10(naive[8_600] / naive[1_100]) == pytest.approx(-23.0, abs=1.0)
    assert 20 * np.log10(spectrum[8_600] / spectrum[1_100]) < -33.0


@pytest.mark.parametrize("kind", textures.KINDS)
def test_textures_are_as_long_as_asked(kind: str) -> None:
    samples, name = textures.texture(np.random.default_rng(3), 1.5, RATE, kind)
    assert samples.shape == (36_000,)
    assert name == kind
    assert np.isfinite(samples).all()
    assert samples.std() > 1e-4


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_coloured_noise_has_its_slope(slope: float) -> None:
    noise = textures.coloured(np.random.default_rng(0), 1 << 18, slope)
    power = np.square(np.abs(np.fft.rfft(noise)))
    edges = [2**k for k in range(10, 18)]
    octaves = [power[low : 2 * low].mean() for low in edges[:-1]]
    measured = -np.polyfit(np.log2(edges[:-1]), np.log2(octaves), 1)[0]
    # The lowest octave averages 1000 bins: 3 % in power, 0.02 in slope over six octaves.
    assert measured == pytest.approx(slope, abs=0.05)


def test_music_keeps_its_soloist_and_its_seed() -> None:
    calls = []

    def soloist(frequency_hz: float, num_samples: int):
        calls.append(frequency_hz)
        return np.zeros(num_samples)

    first = music.compose(np.random.default_rng(2), 4.0, RATE, soloist=soloist)
    assert len(calls) > 3
    assert np.array_equal(
        music.compose(np.random.default_rng(2), 4.0, RATE, soloist=soloist), first
    )


def test_drums_are_what_they_are_called() -> None:
    def centroid(kind: str) -> float:
        hit = music.drum(kind, np.random.default_rng(1), RATE)
        power = np.square(np.abs(np.fft.rfft(hit)))
        return float((power * np.fft.rfftfreq(hit.size, 1 / RATE)).sum() / power.sum())

    assert centroid("kick") < 400 < centroid("snare") < centroid("hat")


def test_orchestras_fill_the_spectrum_with_lines() -> None:
    samples = orchestra.play(np.random.default_rng(4), 2.0, RATE)
    power = np.square(np.abs(np.fft.rfft(samples[:RATE] * np.hanning(RATE))))[100:4_000]
    flatness = np.exp(np.log(power + 1e-12).mean()) / power.mean()
    assert flatness < 0.05  # noise has 0.56


def test_a_soloist_sings_the_note_in_another_octave() -> None:
    sing = formants.draw_soloist(np.random.default_rng(6), RATE)
    note = sing(440.0, RATE)
    found = strongest_comb_hz(note[6_000:20_000], 70.0, 900.0)
    octaves = np.log2(found / 440.0)
    assert abs(octaves - round(octaves)) < 0.06


def test_formant_speech_has_pauses_pitch_and_hiss() -> None:
    samples, _ = formants.speak_formants(np.random.default_rng(0), RATE)
    frames = samples[: samples.size // 480 * 480].reshape(-1, 480)
    level = 10 * np.log10(np.square(frames).mean(1) + 1e-10)
    assert np.percentile(level, 90) - np.percentile(level, 5) > 25.0  # syllables and closures
    power = np.square(np.abs(np.fft.rfft(samples)))
    hertz = np.fft.rfftfreq(samples.size, 1 / RATE)
    low = power[(hertz > 80) & (hertz < 1_000)].sum()
    high = power[hertz > 4_000].sum()
    assert 0.001 < high / low < 0.6


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_languages_have_words(language: str) -> None:
    words = text.pseudo_words(np.random.default_rng(0), language)
    assert "-" not in words
    assert 4 <= len(words.split()) <= 11
    assert words[-1] in ".?!"


def test_english_varies() -> None:
    rng = np.random.default_rng(0)
    assert len({text.english(rng) for _ in range(200)}) == 200
