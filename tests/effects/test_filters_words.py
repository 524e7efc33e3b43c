"""SoX's words for filters: what is taken, what is refused, and that the program agrees."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
import torch

from audiolab.effects import EffectsChain
from audiolab.effects.sox import EffectSyntaxError, parse_effect, parse_effects

TAKEN = [
    "lowpass 8000",
    "lowpass 0.3k 1",
    "lowpass 1e3 2o",
    "lowpass -2 300 700h",
    "highpass %-3",
    "allpass -1 300",
    "allpass -2 300",
    "allpass 300 0.5",
    "bandpass -c 300 0.2",
    "bandreject 300 2q",
    "band -n 300",
    "band 7k 2k",
    "equalizer 300 1 -3",
    "bass -1e1 300 1s",
    "treble +5",
    "biquad 1 0 0 -2 0 0",
    "fir 1 -2 3e-1",
    "hilbert -n 15.5",
    "hilbert -n101",
    "loudness -50",
    "loudness -10 75 127",
    "sinc 3k",
    "sinc -Mn11 3k",
    "sinc -a 50 -a 60 %3",
    "sinc -n 32767 1k-2k",
    "sinc -t 1k 1k-2k -t 0.1k",
    "sinc 5000-1k -n 33",
    "sinc -L -p 25 1k",
    "sinc -n 11 -- -2k",
    "sinc 0-4k",
    "sinc 1k-0",
    "sinc -b 0 1k",
    "sinc 1k -t 300",
]

REFUSED = [
    "lowpass",
    "lowpass 0",
    "lowpass -5",
    "lowpass -1 -2 300",
    "allpass -12 300",
    "lowpass -3 300",
    "lowpass 300 0",
    "lowpass 300 -1q",
    "lowpass 300 1s",
    "lowpass 300Hz",
    "lowpass -1 300 2q",
    "lowpass 300 1 1",
    "allpass 300",
    "allpass -1 300 1q",
    "bandpass -c 300",
    "bandreject -c 300 1",
    "band 300 0",
    "equalizer 300 1",
    "equalizer 1k 1q 3dB",
    "bass",
    "bass 3 0",
    "bass 3 100 2s",
    "biquad 1 2",
    "deemph 1",
    "fir 1 x",
    "fir no-such-file",
    "firfit no-such-file",
    "hilbert 15",
    "hilbert -n 4",
    "hilbert -n 1",
    "loudness x",
    "loudness 16",
    "loudness -10 76",
    "loudness -10 65 3",
    "sinc",
    "sinc -a 30 3k",
    "sinc -b 300 3k",
    "sinc -b 5 -a 80 3k",
    "sinc -p 101 3k",
    "sinc -n 10 3k",
    "sinc -t 0.5 3k",
    "sinc -t 100 -n 33 3k",
    "sinc -t 100 5k-1k -n 401",
    "sinc 3k-4k -n",
    "sinc 3k -4k",
    "sinc 3k-",
    "sinc 1k--2k",
    "sinc 1k 2k",
    "sinc 3k-4k -t 300 5",
]

#: Taken by the parser; refused at a rate, as by the program, when the rate is known.
REFUSED_AT_16_KHZ = [
    "lowpass 8001",
    "bass 3 9000",
    "sinc 8k",
    "sinc -9k",
    "deemph",
    "riaa",
    "earwax",
]


def sox_takes(line: str) -> bool:
    done = subprocess.run(
        ["sox", "-r", "16000", "-n", "-n", "trim", "0", "0.01", *shlex.split(line)],
        capture_output=True,
        timeout=20,
        check=False,
    )
    return done.returncode == 0


@pytest.mark.parametrize("line", TAKEN)
def test_what_is_taken_comes_back_as_words(line, program):
    (effect,) = parse_effects(line)
    again = parse_effect([effect.name, *effect.words()])
    assert again == effect
    assert again.words() == effect.words()
    EffectsChain(line)(torch.zeros(2, 50), 16_000)
    program("sox")
    assert sox_takes(line)


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused_is_refused_by_the_program_too(line, program):
    with pytest.raises(EffectSyntaxError, match="usage: "):
        parse_effect(shlex.split(line))
    program("sox")
    assert not sox_takes(line)


@pytest.mark.parametrize("line", REFUSED_AT_16_KHZ)
def test_what_a_rate_or_a_form_forbids(line, program):
    chain = EffectsChain(line)
    with pytest.raises(ValueError, match=r"Nyquist|frequency_hz|cutoff_hz|center_hz|44100"):
        chain(torch.zeros(1, 50), 16_000)
    program("sox")
    assert not sox_takes(line)


def test_an_error_points_at_its_word():
    with pytest.raises(EffectSyntaxError) as caught:
        parse_effect(["lowpass", "300", "1s"])
    text = str(caught.value)
    assert "must end in one of q, o, h, k" in text
    marked, marks = text.splitlines()[1:3]
    assert marked[marks.index("^") :].startswith("1s")


def test_files_of_coefficients(tmp_path: Path):
    file = tmp_path / "taps.txt"
    file.write_text("# two taps\n1.5 -2e-1 # here\n\n3\n", encoding="utf-8")
    (effect,) = parse_effects([["fir", str(file)]])
    assert effect.coefficients == (1.5, -0.2, 3.0)
    assert effect.words() == [str(file)]
    for text, message in (
        ("", "no coefficients"),
        ("1 x", "'x' is not a number"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(EffectSyntaxError, match=message):
            parse_effect(["fir", str(file)])
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EffectSyntaxError, match="not a text"):
        parse_effect(["fir", str(file)])
    with pytest.raises(EffectSyntaxError, match="standard input is not read"):
        parse_effect(["fir", "-"])


def test_knots_of_firfit(tmp_path: Path):
    file = tmp_path / "knots.txt"
    file.write_text("100 0\n1000 -6\n", encoding="utf-8")
    (filed,) = parse_effects([["firfit", str(file)]])
    (written,) = parse_effects("firfit 100 0 1000 -6")
    assert filed.knots == written.knots == ((100.0, 0.0), (1000.0, -6.0))
    for line, message in (
        ("firfit 100 0 1000", "pairs of frequency and gain"),
        ("firfit 100 0 100 -6", "must rise"),
        ("firfit 0 0 100 -6", "must rise from above 0"),
    ):
        with pytest.raises(EffectSyntaxError, match=message):
            parse_effect(line.split())
