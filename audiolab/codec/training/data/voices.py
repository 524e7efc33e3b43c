"""Speech from the synthesisers of the system: Flite and eSpeak NG, if they are installed.

Flite's voices *slt*, *awb*, *rms* and *kal16* are statistical or diphone models of real speakers;
eSpeak NG sounds mechanical, but speaks some thirty languages in a hundred timbres. Pitch, its
liveliness, rate and vocal-tract length are drawn anew for each utterance: playing a
synthesis faster by a factor moves formants and pitch together, and a slower synthesis at a lower
pitch makes up for it.

Flite ends below 8 kHz. Above, noise follows the band of 5 to 7 kHz, since real speech is nearly
only frication there; some utterances are left narrow, as some recordings are.

Both programs are optional: `installed_voices` says which were found. Neither their code nor their
data is part of this package; what they speak may be used freely (see `rendering.LICENCES`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import soxr

from audiolab import io
from audiolab.codec.training.data import text
from audiolab.codec.training.data._dsp import Samples, band_pass, convolve, high_pass, low_pass

__all__ = ["installed_voices", "program_versions", "speak", "speak_espeak", "speak_flite"]


#: Voice, share, median pitch in Hz.
_FLITE = (
    ("slt", 0.3, 170.0),
    ("awb", 0.25, 125.0),
    ("rms", 0.28, 95.0),
    ("kal16", 0.12, 105.0),
    ("kal", 0.05, 105.0),
)
_ESPEAK_VARIANTS = (
    "Alex",
    "Alicia",
    "Andrea",
    "Andy",
    "Annie",
    "adam",
    "antonio",
    "aunty",
    "belinda",
    "benjamin",
    "boris",
    "caleb",
    "david",
    "Denis",
    "Diogo",
    "ed",
    "edward",
    "Gene",
    "Henrique",
    "Hugo",
    "iven",
    "iven2",
    "iven3",
    "Jacky",
    "john",
    "kaukovalta",
    "Lee",
    "linda",
    "marcelo",
    "Marco",
    "Mario",
    "max",
    "Michael",
    "michel",
    "miguel",
    "Nguyen",
    "pablo",
    "paul",
    "pedro",
    "quincy",
    "rob",
    "robert",
    "steph",
    "steph2",
    "zac",
    "anika",
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
    "m1",
    "m2",
    "m3",
    "m4",
    "m5",
    "m6",
    "m7",
    "m8",
    "klatt",
    "klatt2",
    "klatt3",
    "klatt4",
    "whisper",
    "whisperf",
    "croak",
    "grandma",
    "grandpa",
    "norbert",
    "sandro",
    "shelby",
    "travis",
    "victor",
)
_ENGLISH = ("en-us", "en-gb", "en-gb-scotland", "en-029", "en-gb-x-rp", "en-gb-x-gbclan")
_TIMEOUT_S = 60.0


@cache
def installed_voices() -> tuple[str, ...]:
    """Return which of ``"flite"`` and ``"espeak-ng"`` can be run.

    Returns
    -------
    tuple of str
        Names of programs on the path.

    Examples
    --------
    >>> set(installed_voices()) <= {"flite", "espeak-ng"}
    True
    """
    return tuple(name for name in ("flite", "espeak-ng") if shutil.which(name))


def program_versions() -> dict[str, str]:
    """Return what the installed programs say of their version.

    Returns
    -------
    dict of str to str
        Numbers such as ``"2.2"``, by name.
    """
    versions = {}
    for name in installed_voices():
        answer = subprocess.run(
            [name, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        found = re.search(r"\d+\.\d+(\.\d+)?", answer.stdout + answer.stderr)
        versions[name] = found.group() if found else "unknown"
    return versions


def speak(rng: np.random.Generator, sample_rate: int) -> tuple[Samples, str]:
    """Speak one utterance with whichever program is installed.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    sample_rate : int
        Sample rate of the result in Hz.

    Returns
    -------
    samples : ndarray
        The utterance, shape ``(time,)``, with its own level.
    voice : str
        Who spoke, such as ``"flite:rms"``.

    Raises
    ------
    FileNotFoundError
        If neither program is installed.
    """
    found = installed_voices()
    if not found:
        raise FileNotFoundError(
            "neither flite nor espeak-ng is installed: apt install flite espeak-ng; "
            "formants.speak_formants needs no program"
        )
    use_flite = "flite" in found and ("espeak-ng" not in found or rng.random() < 0.62)
    return speak_flite(rng, sample_rate) if use_flite else speak_espeak(rng, sample_rate)


def speak_flite(rng: np.random.Generator, sample_rate: int) -> tuple[Samples, str]:
    """Speak one English utterance with Flite.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    sample_rate : int
        Sample rate of the result in Hz.

    Returns
    -------
    samples : ndarray
        The utterance, shape ``(time,)``.
    voice : str
        ``"flite:"`` and the voice.
    """
    shares = np.array([share for _, share, _ in _FLITE])
    name, _, pitch = _FLITE[int(rng.choice(len(_FLITE), p=shares / shares.sum()))]
    # Above 1 the speaker gets smaller: 1.2 turns a man into a woman, 1.4 a woman into a child.
    warp = float(rng.choice([1.0, 1.0, 1.0, 0.9, 0.95, 1.06, 1.12, 1.22, 1.38]))
    pitch *= rng.uniform(0.8, 1.35) / warp**0.6
    settings = {
        "duration_stretch": rng.uniform(0.8, 1.25) * warp**0.85,
        "int_f0_target_mean": pitch,
        "int_f0_target_stddev": rng.uniform(6.0, 32.0),
    }
    options = [part for key, value in settings.items() for part in ("--setf", f"{key}={value:.3f}")]
    words = text.english(rng)
    spoken, rate = _run(["flite", "-voice", name, *options, "-t", words, "-o"])
    samples: Samples = soxr.resample(spoken, rate * warp, sample_rate, "HQ")
    top_hz = 0.45 * rate * warp  # where the synthesis ends
    if rng.random() < 0.65 and 1.3 * top_hz < 0.5 * sample_rate:
        samples = _extend_band(samples, sample_rate, top_hz, rng)
    return samples, f"flite:{name}"


def speak_espeak(rng: np.random.Generator, sample_rate: int) -> tuple[Samples, str]:
    """Speak one utterance in a random language and timbre with eSpeak NG.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    sample_rate : int
        Sample rate of the result in Hz.

    Returns
    -------
    samples : ndarray
        The utterance, shape ``(time,)``.
    voice : str
        ``"espeak-ng:"``, language and timbre.
    """
    if rng.random() < 0.35:
        language = _ENGLISH[int(rng.integers(len(_ENGLISH)))]
        words = text.english(rng)
    else:
        language = text.LANGUAGES[int(rng.integers(len(text.LANGUAGES)))]
        words = text.pseudo_words(rng, language)
    variant = _ESPEAK_VARIANTS[int(rng.integers(len(_ESPEAK_VARIANTS)))]
    voice = f"{language}+{variant}"
    speed, pitch = int(rng.integers(120, 230)), int(rng.integers(5, 95))
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), words, "-w"]
    spoken, rate = _run(command)
    warp = float(rng.choice([1.0, 1.0, 0.92, 1.05, 1.1]))
    samples: Samples = soxr.resample(spoken, rate * warp, sample_rate, "HQ")
    return samples, f"espeak-ng:{voice}"


def _run(command: list[str]) -> tuple[Samples, int]:
    """Run a synthesiser whose last argument is the file to write, and read that file."""
    with tempfile.TemporaryDirectory(prefix="audiolab-voice-") as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run([*command, str(path)], check=True, capture_output=True, timeout=_TIMEOUT_S)
        waveform, rate = io.load(path)
    spoken = waveform[0].double().numpy()
    return spoken - spoken.mean(), rate


def _extend_band(samples: Samples, rate: int, top_hz: float, rng: np.random.Generator) -> Samples:
    """Add noise above `top_hz` with the envelope of the octave below it."""
    band = band_pass(samples, 0.62 * top_hz, 0.95 * top_hz, rate, 4)
    smooth = np.hanning(int(0.008 * rate) | 1)
    power = convolve(np.square(band), smooth / smooth.sum(), centred=True)
    noise = rng.standard_normal(samples.size) * np.sqrt(np.maximum(power, 0.0))
    shaped = low_pass(high_pass(noise, top_hz, rate, 6), 1.15 * top_hz, rate, 1)
    return samples + rng.uniform(0.5, 1.6) * shaped
