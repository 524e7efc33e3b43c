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
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict

from audiolab._validation import check_choice, check_positive, check_range, check_sample_rate

__all__ = ["Convention", "ConventionName", "Settings", "convention", "differences"]

ConventionName: TypeAlias = Literal["librosa", "torchaudio", "kaldi", "whisper"]

WINDOWS = ("hann", "hamming", "blackman", "povey", "rectangular")
PAD_MODES = ("reflect", "constant", "replicate", "circular")


class Settings(TypedDict, total=False):
    """Fields of a `Convention` that a call may change by keyword."""

    n_fft: int
    win_length: int | None
    hop_length: int | None
    window: str
    periodic: bool
    center: bool
    pad_mode: str
    snip_edges: bool
    window_at_start: bool
    drop_last_frame: bool
    remove_dc: bool
    preemphasis: float
    power: float | None
    n_mels: int
    f_min: float
    f_max: float | None
    mel_scale: str
    mel_norm: str | None
    straight_in_mel: bool
    log: str
    log_bias: float
    log_floor: float
    log_ref: float | Literal["max"]
    top_db: float | None
    log_gain: float
    log_offset: float
    use_energy: bool
    raw_energy: bool
    energy_floor: float
    n_coefficients: int
    dct_norm: str | None
    lifter: float
    lifter_start: int
    cepstral_top_db: float | None


def _check_count(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


@dataclass(frozen=True, kw_only=True)
class Convention:
    """All the choices behind a spectral feature.

    Parameters
    ----------
    name : str, default: "custom"
        What error messages call it.
    sample_rate : int, optional
        The only rate in Hz for which the convention is defined; None for any.
    n_fft : int, optional
        Samples of the Fourier transform; None for the power of two that holds a window.
    win_length : int, optional
        Samples of the window; None for `frame_s`, or else `n_fft`.
    hop_length : int, optional
        Samples between frames; None for `hop_s`, or else the window divided by `hop_divisor`.
    frame_s, hop_s : float, optional
        Window and hop in seconds, for conventions that are stated so; whole samples, rounded down.
    hop_divisor : int, default: 4
        How many hops make a window where no hop is given.
    window : str, default: "hann"
        "hann", "hamming", "blackman", "povey" (symmetric Hann to the power 0.85) or "rectangular".
    periodic : bool, default: True
        Whether the window's period is its length (spectral analysis) or one sample less (filter
        design; Kaldi's choice).
    center : bool, default: True
        Whether frame t is centred at sample ``t * hop``, the signal being padded by half a
        transform at both ends.
    pad_mode : str, default: "reflect"
        What stands beyond the ends when `center`: "reflect", "constant" (zeros), "replicate" or
        "circular".
    snip_edges : bool, default: True
        Without `center`: True keeps whole frames only; False gives one frame a hop and mirrors
        the signal, end samples included, at both ends (Kaldi's option of that name).
    window_at_start : bool, default: False
        Where a window shorter than the transform lies: at its start (Kaldi) or in its middle.
        Only the phase notices.
    drop_last_frame : bool, default: False
        Whether the last frame is dropped, as Whisper does.
    remove_dc : bool, default: False
        Whether each frame's mean is taken off.
    preemphasis : float, default: 0.0
        Coefficient a of ``x[n] - a x[n-1]`` within each frame, before the window.
    power : float, optional, default: 2.0
        Exponent of the magnitude: 1 for magnitude, 2 for power, None for the complex spectrum.
    n_mels : int, default: 128
        Bands of the mel (or, in LFCC, linear) filter bank.
    f_min, f_max : float
        Edges of the filter bank in Hz; an `f_max` of None is half the sample rate.
    mel_scale : str, default: "slaney"
        "slaney" (linear up to 1 kHz, then logarithmic) or "htk" (2595 log10(1 + f/700)).
    mel_norm : str, optional
        "slaney" divides each triangle by half its width in Hz, so that all have an area of 1;
        None leaves a height of 1.
    straight_in_mel : bool, default: False
        Whether the flanks of the triangles are straight lines over mel (Kaldi) or over Hz.
    log : str, default: "db"
        "db" (10 log10), "log10" or "ln".
    log_bias : float, default: 0.0
        Added before the logarithm.
    log_floor : float, default: 1e-10
        Smallest number that the logarithm is taken of.
    log_ref : float or "max", default: 1.0
        Value that becomes 0; "max" is the item's own largest.
    top_db : float, optional
        Range in dB below the item's loudest cell, below which cells are clamped; None for no clamp.
    log_gain, log_offset : float
        The result is ``log_gain * log + log_offset``.
    use_energy : bool, default: False
        Whether the frame's log energy is put before the log-mel bands, or in the place of the first
        cepstral coefficient (Kaldi).
    raw_energy : bool, default: True
        Whether that energy is taken before pre-emphasis and window.
    energy_floor : float, default: 0.0
        Smallest energy; 0 for none but `log_floor`.
    energy_bin : bool, default: False
        Whether bin 0 of the log spectrogram gives its place to the log energy (Kaldi).
    n_coefficients : int, default: 20
        Cepstral coefficients to keep.
    dct_norm : str, optional
        "ortho" for the orthonormal DCT-II; None for SciPy's unnormalised one, twice the sum.
    lifter : float, default: 0.0
        Parameter L of the sine lifter ``1 + L/2 sin(pi i / L)``; 0 for none.
    lifter_start : int, default: 1
        Index i of the first coefficient: 1 in librosa, 0 in Kaldi and HTK.
    cepstral_top_db : float, optional
        `top_db` of the log bands that cepstra are made from.

    See Also
    --------
    convention : A preset by name.
    differences : What tells two conventions apart.

    Examples
    --------
    >>> from audiolab.features import convention
    >>> settled = convention("kaldi").settle(16_000)
    >>> settled.win_length, settled.hop_length, settled.n_fft
    (400, 160, 512)
    """

    name: str = "custom"
    sample_rate: int | None = None
    # Frames
    n_fft: int | None = 2048
    win_length: int | None = None
    hop_length: int | None = None
    frame_s: float | None = None
    hop_s: float | None = None
    hop_divisor: int = 4
    window: str = "hann"
    periodic: bool = True
    center: bool = True
    pad_mode: str = "reflect"
    snip_edges: bool = True
    window_at_start: bool = False
    drop_last_frame: bool = False
    remove_dc: bool = False
    preemphasis: float = 0.0
    power: float | None = 2.0
    # Filter bank
    n_mels: int = 128
    f_min: float = 0.0
    f_max: float | None = None
    mel_scale: str = "slaney"
    mel_norm: str | None = "slaney"
    straight_in_mel: bool = False
    # Logarithm
    log: str = "db"
    log_bias: float = 0.0
    log_floor: float = 1e-10
    log_ref: float | Literal["max"] = 1.0
    top_db: float | None = 80.0
    log_gain: float = 1.0
    log_offset: float = 0.0
    use_energy: bool = False
    raw_energy: bool = True
    energy_floor: float = 0.0
    energy_bin: bool = False
    # Cepstrum
    n_coefficients: int = 20
    dct_norm: str | None = "ortho"
    lifter: float = 0.0
    lifter_start: int = 1
    cepstral_top_db: float | None = 80.0

    def __post_init__(self) -> None:
        for field in ("n_fft", "win_length", "hop_length"):
            value = getattr(self, field)
            if value is not None:
                _check_count(value, field)
        for field in ("hop_divisor", "n_mels", "n_coefficients"):
            _check_count(getattr(self, field), field)
        check_choice(self.window, "window", WINDOWS)
        check_choice(self.pad_mode, "pad_mode", PAD_MODES)
        check_choice(self.mel_scale, "mel_scale", ("slaney", "htk"))
        check_choice(self.log, "log", ("db", "log10", "ln"))
        if self.mel_norm is not None:
            check_choice(self.mel_norm, "mel_norm", ("slaney",))
        if self.dct_norm is not None:
            check_choice(self.dct_norm, "dct_norm", ("ortho",))
        if self.power is not None:
            check_positive(self.power, "power")
        check_positive(self.log_floor, "log_floor")
        check_range(self.preemphasis, "preemphasis", 0.0, 1.0)
        check_range(self.f_min, "f_min", 0.0, unit="Hz")
        check_range(self.log_bias, "log_bias", 0.0)
        check_range(self.lifter, "lifter", 0.0)
        check_range(self.energy_floor, "energy_floor", 0.0)
        if self.log_ref != "max":
            check_positive(self.log_ref, "log_ref")
        for field in ("top_db", "cepstral_top_db"):
            if getattr(self, field) is not None:
                check_range(getattr(self, field), field, 0.0, unit="dB")

    def settle(self, sample_rate: int | None = None) -> Settled:
        """Return the convention with its frame sizes as whole samples.

        Parameters
        ----------
        sample_rate : int, optional
            Sample rate in Hz, which conventions that count in seconds need.

        Returns
        -------
        Settled
            The same choices, with `n_fft`, `win_length` and `hop_length` as integers.

        Raises
        ------
        ValueError
            The rate is missing, or not the one that the convention is defined for; or the window
            is longer than the transform.
        """
        if sample_rate is not None:
            sample_rate = check_sample_rate(sample_rate)
        if self.sample_rate is not None and sample_rate not in (None, self.sample_rate):
            raise ValueError(
                f"the {self.name} convention is defined at {self.sample_rate} Hz, got sample_rate="
                f"{sample_rate}: resample the waveform to {self.sample_rate} Hz first"
            )
        win_length = self.win_length or self._samples(self.frame_s, sample_rate) or self.n_fft
        if win_length is None:
            raise ValueError("one of n_fft, win_length and frame_s must be given")
        n_fft = self.n_fft or 1 << max(win_length - 1, 1).bit_length()
        hop_length = (
            self.hop_length
            or self._samples(self.hop_s, sample_rate)
            or max(win_length // self.hop_divisor, 1)
        )
        if win_length > n_fft:
            raise ValueError(
                f"win_length={win_length} must not exceed n_fft={n_fft}: raise n_fft to "
                f"{1 << (win_length - 1).bit_length()} or more"
            )
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(Convention)}
        fields |= {"n_fft": n_fft, "win_length": win_length, "hop_length": hop_length}
        return Settled(**fields)

    def _samples(self, seconds: float | None, sample_rate: int | None) -> int | None:
        if seconds is None:
            return None
        if sample_rate is None:
            raise ValueError(
                f"the {self.name} convention counts in seconds: give sample_rate, or both "
                "win_length and hop_length"
            )
        # A hundredth of a second at 44.1 kHz is 441 samples, whatever its nearest double is.
        return max(math.floor(seconds * sample_rate + 1e-6), 1)


@dataclass(frozen=True, kw_only=True)
class Settled(Convention):
    """A convention whose frame sizes are whole samples."""

    n_fft: int
    win_length: int
    hop_length: int

    @property
    def num_bins(self) -> int:
        """Number of frequency bins, ``n_fft // 2 + 1``."""
        return self.n_fft // 2 + 1


_PRESETS: dict[str, Convention] = {
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

FRAME_FIELDS = frozenset(
    {
        "n_fft",
        "win_length",
        "hop_length",
        "window",
        "periodic",
        "center",
        "pad_mode",
        "snip_edges",
        "window_at_start",
        "drop_last_frame",
        "remove_dc",
        "preemphasis",
    }
)
SPECTRUM_FIELDS = FRAME_FIELDS | {"power"}
MEL_FIELDS = frozenset({"n_mels", "f_min", "f_max", "mel_scale", "mel_norm", "straight_in_mel"})
LOG_FIELDS = frozenset(
    {"log", "log_bias", "log_floor", "log_ref", "top_db", "log_gain", "log_offset"}
)
ENERGY_FIELDS = frozenset({"use_energy", "raw_energy", "energy_floor"})
CEPSTRUM_FIELDS = frozenset(
    {"n_coefficients", "dct_norm", "lifter", "lifter_start", "cepstral_top_db"}
)


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
        check_choice(name, "convention", tuple(_PRESETS))
        base = _PRESETS[name]
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
