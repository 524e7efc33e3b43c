"""Every choice behind a spectral feature, named, and the four libraries' answers to them.

Two programs that "compute a log-mel spectrogram" rarely agree: they pad, window, warp, weigh, floor
and scale differently. A `Convention` holds all of these choices; four presets reproduce what the
libraries do by default, and every function of this package takes one by name together with any
field to change:

========== =====================================================================================
librosa    ``librosa.feature.*``: 2048-point Hann frames, zeros beyond the edges, Slaney mel bands
           of equal area, decibels clamped 80 dB below the loudest cell
torchaudio ``torchaudio.transforms.*``: 400-point Hann frames, reflected edges, HTK mel bands of
           equal height; decibels without a clamp, except in cepstra, where it is 80 dB
kaldi      ``torchaudio.compliance.kaldi`` with its defaults (dither 0): 25 ms frames that lie
           within the signal, mean removed, pre-emphasis, Povey window, natural logarithm
whisper    the log-mel input of OpenAI's Whisper: 16 kHz, 400-point frames every 10 ms, the last
           one dropped, log10 clamped 8 below the maximum, ``(x + 4) / 4``
========== =====================================================================================

Where a library lets one batch item or channel change another (the clamp of ``top_db``) the presets
do not: each ``(freq, frame)`` matrix is an item of its own.

In librosa's features the hop is 512 whatever `n_fft` is; here it follows as a quarter of the window
unless it is given.

Left out: Kaldi's dither, VTLN, mean subtraction and HTK ordering of the energy; Whisper's padding
to 30 s, which is the caller's: ``torch.nn.functional.pad(waveform, (0, 480_000 - num_samples))``.
Kaldi's own binaries read samples scaled to 16 bits: multiply by 32768 to get their numbers.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from audiolab._validation import check_choice
from audiolab.features._choices import Convention, Settings, Settled

__all__ = [
    "PRESETS",
    "Convention",
    "ConventionName",
    "Settings",
    "convention",
    "differences",
    "settle",
]

ConventionName: TypeAlias = Literal["librosa", "torchaudio", "kaldi", "whisper"]

PRESETS: dict[str, Convention] = {
    "librosa": Convention(name="librosa", pad_mode="constant"),
    "torchaudio": Convention(
        name="torchaudio",
        n_fft=400,
        hop_divisor=2,
        mel_scale="htk",
        mel_norm=None,
        top_db=None,
        n_coefficients=40,
    ),
    "kaldi": Convention(
        name="kaldi",
        n_fft=None,
        frame_s=0.025,
        hop_s=0.010,
        window="povey",
        periodic=False,
        center=False,
        window_at_start=True,
        remove_dc=True,
        preemphasis=0.97,
        n_mels=23,
        f_min=20.0,
        mel_scale="htk",
        mel_norm=None,
        straight_in_mel=True,
        log="ln",
        log_floor=2.0**-23,  # the spacing of float32 at 1
        top_db=None,
        energy_floor=1.0,
        energy_bin=True,
        n_coefficients=13,
        lifter=22.0,
        lifter_start=0,
        cepstral_top_db=None,
    ),
    "whisper": Convention(
        name="whisper",
        sample_rate=16_000,
        n_fft=400,
        hop_length=160,
        drop_last_frame=True,
        n_mels=80,
        f_max=8000.0,
        log="log10",
        log_gain=0.25,
        log_offset=1.0,
    ),
}


def convention(name: str | Convention, **settings: Any) -> Convention:
    """Return a preset, with any of its fields changed.

    Parameters
    ----------
    name : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention
        The preset, or a convention to start from.
    **settings
        Fields of `Convention` to change.

    Returns
    -------
    Convention
        A convention that every function of this package accepts.

    Raises
    ------
    ValueError
        No such preset, or a field out of its range.
    TypeError
        No such field.

    Examples
    --------
    >>> convention("whisper", n_mels=128).n_mels
    128
    """
    if isinstance(name, Convention):
        base = name
    else:
        check_choice(name, "convention", tuple(PRESETS))
        base = PRESETS[name]
    names = frozenset(f.name for f in dataclasses.fields(Convention))
    _check_names(settings, names, "Convention")
    return dataclasses.replace(base, **settings) if settings else base


def differences(
    first: str | Convention, second: str | Convention, *, sample_rate: int | None = None
) -> dict[str, tuple[object, object]]:
    """Return the fields in which two conventions differ.

    Parameters
    ----------
    first, second : str or Convention
        The two, by name or as they are.
    sample_rate : int, optional
        Sample rate in Hz at which frame sizes given in seconds are compared in samples.

    Returns
    -------
    dict
        ``{field: (first's value, second's value)}``, in the order of `Convention`'s fields.

    Examples
    --------
    >>> differences("librosa", "whisper", sample_rate=16_000)["pad_mode"]
    ('constant', 'reflect')
    """
    a: Convention = convention(first)
    b: Convention = convention(second)
    if sample_rate is not None:
        a, b = a.settle(sample_rate), b.settle(sample_rate)
    names = [
        f.name for f in dataclasses.fields(Convention) if f.name not in ("name", "sample_rate")
    ]
    if sample_rate is not None:
        names = [n for n in names if n not in ("frame_s", "hop_s", "hop_divisor")]
    pairs = {n: (getattr(a, n), getattr(b, n)) for n in names}
    return {n: pair for n, pair in pairs.items() if pair[0] != pair[1]}


def settle(
    name: str | Convention,
    sample_rate: int | None,
    settings: Settings,
    fields: frozenset[str],
    caller: str,
) -> Settled:
    """Return the convention that a call asks for; `fields` are those that concern the caller."""
    _check_names(settings, fields, caller)
    changed = convention(name, **settings)
    if sample_rate is None and changed.sample_rate is not None:
        sample_rate = changed.sample_rate
    return changed.settle(sample_rate)


def _check_names(settings: Mapping[str, object], known: frozenset[str], caller: str) -> None:
    unknown = [name for name in settings if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f": it takes {', '.join(sorted(known))}"
        raise TypeError(f"{caller} takes no setting {unknown[0]!r}{hint}")
