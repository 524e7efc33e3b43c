"""What the bench of effects runs: one line an effect, and who else can do it.

The first twelve are those whose speed was promised; then every effect of SoX. What torchaudio and
pedalboard have under another algorithm says so in its note, and is left out of the means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchaudio
from torchaudio import functional

from audiolab import effects

__all__ = ["JOBS", "Job"]

Batch = Callable[[torch.Tensor], object]


@dataclass(frozen=True)
class Job:
    """One effect, or a chain of them, beside its rivals.

    Parameters
    ----------
    words
        The effect as SoX's words, or a title where SoX has no such effect.
    torchaudio
        The same of torchaudio 2.11, on ``(rows, channels, time)``.
    pedalboard
        The name and the arguments of a plugin, or a function's.
    ours
        The same by a function of audiolab, which is timed beside torchaudio's and pedalboard's.
    note
        Where a rival's algorithm is another.
    rate, channels
        The signal.
    libsox, program
        Whether libsox in process has it; whether the program is to be timed as well.
    promised
        Whether its speed was promised.
    one_by_one
        Whether it takes no batch.
    slow
        Whether a rival takes minutes for the long clip, which a quick run leaves out.
    """

    words: str
    torchaudio: Batch | None = None
    pedalboard: tuple[str, dict[str, Any]] | None = None
    ours: Batch | None = None
    note: str = ""
    rate: int = 16_000
    channels: int = 1
    libsox: bool = True
    program: bool = False
    promised: bool = False
    one_by_one: bool = False
    slow: bool = False

    @property
    def words_are_sox(self) -> bool:
        """Whether the words make a chain."""
        return self.libsox or self.program


def _stretch(x: torch.Tensor) -> torch.Tensor:
    window = torch.hann_window(400)
    bins = torch.stft(x.flatten(0, 1), 400, 100, window=window, return_complex=True)
    advance = torch.linspace(0, torch.pi * 100, 201)[:, None]
    return torch.istft(functional.phase_vocoder(bins, 0.8, advance), 400, 100, window=window)


def _sentences(x: torch.Tensor) -> object:
    # Its batch is one decision for all channels; clips are clips only one by one.
    return [functional.vad(row, 16_000) for row in x]


_BELL = {"cutoff_frequency_hz": 1000.0, "gain_db": 6.0, "q": 1.0}
_Q = 0.5**0.5
_ROOM = {"room_size": 0.5, "damping": 0.5}
_KNEES = "compand 0.3,1 6:-70,-60,-20 -5 -90 0.2"
_BANDS = (
    "mcompand '0.005,0.1 -47,-40,-34,-34,-17,-33' 100 '0.003,0.05 -47,-40,-34,-34,-17,-33' 400 "
    "'0.000625,0.0125 -47,-40,-34,-34,-15,-33'"
)
_SUM = torch.tensor([[0.5, 0.5]])

JOBS: tuple[Job, ...] = (
    Job(
        "lowpass 1k",
        lambda x: functional.lowpass_biquad(x, 16_000, 1000.0, _Q),
        promised=True,
        ours=lambda x: effects.lowpass(x, 16_000, cutoff_hz=1000.0),
    ),
    Job(
        "reverb",
        pedalboard=("Reverb", _ROOM),
        note="pedalboard: one channel out, SoX two",
        promised=True,
    ),
    Job(
        "tempo 0.8",
        _stretch,
        ("time_stretch", {"stretch_factor": 0.8}),
        note="torchaudio: phase vocoder; pedalboard: Rubber Band",
        promised=True,
    ),
    Job("tempo -s 0.8", promised=True),
    Job(
        "pitch 200 rate 16k",
        pedalboard=("PitchShift", {"semitones": 2.0}),
        note="pedalboard: Rubber Band; torchaudio's phase vocoder takes minutes",
        promised=True,
    ),
    Job(
        "speed 0.9 rate 16k",
        lambda x: functional.speed(x, 16_000, 0.9),
        note="torchaudio: 6 zero crossings, images at -26 dB",
        promised=True,
    ),
    Job(
        "rate 8k",
        lambda x: functional.resample(x, 16_000, 8000),
        ("Resample", {"target_sample_rate": 8000.0}),
        note="torchaudio: 6 zero crossings; pedalboard: there and back",
        promised=True,
    ),
    Job(_KNEES, promised=True),
    Job(
        "chorus 0.7 0.9 55 0.4 0.25 2 -t",
        pedalboard=("Chorus", {}),
        note="pedalboard: another line",
        promised=True,
    ),
    Job("gain -n", promised=True),
    Job("sinc 300-3400", promised=True),
    Job("lowpass -1 300 speed 0.8 rate 16k reverb -w", promised=True),
    # filters
    Job("allpass 1k 1q", lambda x: functional.allpass_biquad(x, 16_000, 1000.0, 1.0)),
    Job("band 1k 200", lambda x: functional.band_biquad(x, 16_000, 1000.0, 5.0)),
    Job("bandpass 1k 1q", lambda x: functional.bandpass_biquad(x, 16_000, 1000.0, 1.0)),
    Job("bandreject 1k 1q", lambda x: functional.bandreject_biquad(x, 16_000, 1000.0, 1.0)),
    Job(
        "bass 6 100 0.7q",
        lambda x: functional.bass_biquad(x, 16_000, 6.0, 100.0, 0.7),
        ("LowShelfFilter", {"cutoff_frequency_hz": 100.0, "gain_db": 6.0}),
    ),
    Job(
        "biquad 0.2 0.3 0.2 1 -0.5 0.2",
        lambda x: functional.biquad(x, 0.2, 0.3, 0.2, 1.0, -0.5, 0.2),
    ),
    Job("deemph", lambda x: functional.deemph_biquad(x, 44_100), rate=44_100),
    Job("earwax", rate=44_100, channels=2),
    Job(
        "equalizer 1k 1q 6",
        lambda x: functional.equalizer_biquad(x, 16_000, 1000.0, 6.0, 1.0),
        ("PeakFilter", _BELL),
    ),
    Job("fir 0.0195 -0.082 0.234 0.891 -0.145 0.043"),
    Job("highpass 200", lambda x: functional.highpass_biquad(x, 16_000, 200.0, _Q)),
    Job("highpass -1 200", pedalboard=("HighpassFilter", {"cutoff_frequency_hz": 200.0})),
    Job("hilbert"),
    Job("loudness -20"),
    Job(
        "lowpass -1 1k",
        pedalboard=("LowpassFilter", {"cutoff_frequency_hz": 1000.0}),
        ours=lambda x: effects.lowpass(x, 16_000, cutoff_hz=1000.0, poles=1),
    ),
    Job("riaa", lambda x: functional.riaa_biquad(x, 44_100), rate=44_100),
    Job(
        "treble 6 3k 0.7q",
        lambda x: functional.treble_biquad(x, 16_000, 6.0, 3000.0, 0.7),
        ("HighShelfFilter", {"cutoff_frequency_hz": 3000.0, "gain_db": 6.0}),
    ),
    # dynamics
    Job(
        "contrast 50",
        lambda x: functional.contrast(x, 50.0),
        ours=lambda x: effects.contrast(x, amount=50.0),
    ),
    Job(
        "dcshift 0.1",
        lambda x: functional.dcshift(x, 0.1),
        ours=lambda x: effects.dcshift(x, shift=0.1),
    ),
    Job(
        "gain -6",
        lambda x: functional.gain(x, -6.0),
        ("Gain", {"gain_db": -6.0}),
        ours=lambda x: effects.gain(x, gain_db=-6.0),
    ),
    Job("gain -l 6"),
    Job(_BANDS),
    Job("norm -3"),
    Job("overdrive 20 20", lambda x: functional.overdrive(x, 20.0, 20.0)),
    Job("vol 0.5", torchaudio.transforms.Vol(0.5), ours=lambda x: effects.vol(x, gain=0.5)),
    Job(
        "compressor",
        ours=lambda x: effects.compressor(x, 16_000),
        libsox=False,
        pedalboard=("Compressor", {"threshold_db": -20.0, "ratio": 4.0, "attack_ms": 5.0}),
        note="pedalboard: no knee",
    ),
    Job(
        "limiter",
        ours=lambda x: effects.limiter(x, 16_000),
        libsox=False,
        pedalboard=("Limiter", {"threshold_db": -1.0}),
        note="pedalboard: no look-ahead",
    ),
    Job(
        "noise_gate",
        ours=lambda x: effects.noise_gate(x, 16_000),
        libsox=False,
        pedalboard=("NoiseGate", {"threshold_db": -50.0}),
        note="pedalboard: no hold, no knee",
    ),
    # modulation
    Job("flanger", lambda x: functional.flanger(x, 16_000), slow=True),
    Job("flanger 0 4 50 71 0.3 triangle 25 quadratic"),
    Job(
        "phaser",
        lambda x: functional.phaser(x, 16_000),
        ("Phaser", {}),
        note="pedalboard: six all-pass filters",
    ),
    Job("tremolo 6 60"),
    # delays
    Job("delay 0.1"),
    Job(
        "echo 0.8 0.88 60 0.4",
        pedalboard=("Delay", {"delay_seconds": 0.06, "mix": 0.4}),
        note="pedalboard: keeps the length",
    ),
    Job("echos 0.8 0.7 40 0.25 63 0.3"),
    Job("reverb -w 70 50 80"),
    # time and rates
    Job("bend 0.1,300,0.2"),
    Job("stretch 1.2"),
    Job("downsample 2"),
    Job("upsample 2"),
    Job(
        "rate 44100",
        lambda x: functional.resample(x, 16_000, 44_100),
        note="torchaudio: 6 zero crossings",
    ),
    # channels
    Job("channels 2"),
    Job("divide", channels=2),
    Job(
        "oops",
        lambda x: (x[:, :1] - x[:, 1:]).expand_as(x).contiguous(),
        channels=2,
        note="torchaudio: torch's own operations",
        ours=lambda x: effects.oops(x),
    ),
    Job("remix 1,2", lambda x: _SUM @ x, channels=2, note="torchaudio: torch's own operations"),
    Job(
        "swap",
        lambda x: x.flip(1),
        channels=2,
        note="torchaudio: torch's own operations",
        ours=lambda x: effects.swap(x),
    ),
    # editing
    Job("fade h 0.5 0 0.5", torchaudio.transforms.Fade(8000, 8000, "half_sine")),
    Job(
        "pad 0.5 0.5",
        lambda x: torch.nn.functional.pad(x, (8000, 8000)),
        note="torchaudio: torch's own operations",
        ours=lambda x: effects.pad(x, 16_000, before_s=0.5, after_s=0.5),
    ),
    Job(
        "repeat 1",
        lambda x: x.repeat(1, 1, 2),
        note="torchaudio: torch's own operations",
        ours=lambda x: effects.repeat(x, count=1),
    ),
    Job(
        "reverse",
        lambda x: x.flip(-1),
        note="torchaudio: torch's own operations",
        ours=lambda x: effects.reverse(x),
    ),
    Job("silence 1 0.1 1% -1 0.3 1%"),
    Job("splice 1,0.01", libsox=False, program=True),
    Job("trim 0.5 1"),
    Job("vad", _sentences),
    # synthesis and analysis
    Job("dither -p 8", lambda x: functional.dither(x), note="torchaudio: always to 16 bits"),
    Job("dither -s -p 8"),
    Job("synth sine mix 440"),
    Job("synth pinknoise mix"),
    Job("noiseprof {profile}", libsox=False, program=True, one_by_one=True),
    Job("noisered {profile} 0.3", libsox=False, program=True),
    Job("stat"),
    Job("stats"),
)
