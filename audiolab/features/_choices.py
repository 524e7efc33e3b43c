"""The choices behind a feature, as one frozen dataclass, and which of them concern what."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal, TypedDict

from audiolab._validation import check_choice, check_positive, check_range, check_sample_rate

__all__ = [
    "CEPSTRUM_FIELDS",
    "ENERGY_FIELDS",
    "FRAME_FIELDS",
    "LOG_FIELDS",
    "MEL_FIELDS",
    "SPECTRUM_FIELDS",
    "Convention",
    "Settings",
    "Settled",
]

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
