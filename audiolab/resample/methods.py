"""One function, one module and one list of names for every way to resample.

The default, ``"audiolab"``, is flat to 0.91 of the lower Nyquist frequency and lets nothing above
it through; it works on any device and is differentiable. The others are here to be compared with
it, and to reproduce what other code did.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypedDict

import torch

from audiolab._validation import check_choice, check_positive, check_waveform
from audiolab.resample.bandlimited import bandlimited
from audiolab.resample.design import DESIGNS, FilterDesign
from audiolab.resample.engines import ENGINES
from audiolab.resample.linear import interpolate_linearly
from audiolab.resample.rates import exact_rate, rate_ratio, scaled_length

__all__ = ["METHODS", "Method", "Options", "Resample", "check_options", "resample"]


class Options(TypedDict, total=False):
    """Keyword arguments of `resample` that only some methods know."""

    design: FilterDesign | None
    lowpass_filter_width: int | None
    rolloff: float | None
    beta: float | None


@dataclass(frozen=True)
class Method:
    """One way to resample.

    Parameters
    ----------
    name : str
        What `resample` takes as ``method``.
    library : str
        Who computes it.
    summary : str
        What it is, in a line.
    differentiable : bool
        Whether gradients flow; such methods also run on the waveform's device.
    float64 : bool
        Whether it computes in double precision when asked to.
    options : tuple of str
        Keyword arguments of `resample` that it understands.
    """

    name: str
    library: str
    summary: str
    differentiable: bool = False
    float64: bool = True
    options: tuple[str, ...] = ()


_WINDOWED = ("lowpass_filter_width", "rolloff")

#: Every method by name, in the order of tables.
METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("audiolab", "audiolab", "linear phase, flat to 0.91", True, options=("design",)),
        Method("audiolab_minimum_phase", "audiolab", "no ringing before an event", True),
        Method("audiolab_brickwall", "audiolab", "linear phase, flat to 0.99", True),
        Method("torchaudio_hann", "torchaudio", "torchaudio's default", True, options=_WINDOWED),
        Method(
            "torchaudio_kaiser",
            "torchaudio",
            "width 6 under a Kaiser window",
            True,
            options=(*_WINDOWED, "beta"),
        ),
        Method("torchaudio_kaiser_fast", "torchaudio", "resampy's kaiser_fast", True),
        Method("torchaudio_kaiser_best", "torchaudio", "resampy's kaiser_best", True),
        Method("soxr_qq", "soxr", "cubic interpolation"),
        Method("soxr_lq", "soxr", "16 bits, wide transition"),
        Method("soxr_mq", "soxr", "16 bits"),
        Method("soxr_hq", "soxr", "20 bits; librosa's default"),
        Method("soxr_vhq", "soxr", "28 bits"),
        Method("scipy_polyphase", "scipy", "resample_poly at its defaults"),
        Method("scipy_fft", "scipy", "the whole signal as one period"),
        Method("torchcodec_swr", "FFmpeg", "what decoding at another rate does", float64=False),
        Method("linear", "audiolab", "straight lines between samples", True),
    )
}


def resample(
    waveform: torch.Tensor,
    orig_rate: float | Fraction,
    new_rate: float | Fraction,
    *,
    method: str = "audiolab",
    design: FilterDesign | None = None,
    lowpass_filter_width: int | None = None,
    rolloff: float | None = None,
    beta: float | None = None,
) -> torch.Tensor:
    r"""Change the sample rate of a waveform.

    Parameters
    ----------
    waveform : Tensor
        Real floating-point samples, shape ``(..., time)``. Zero before and after.
    orig_rate : float or Fraction
        Its rate in Hz, > 0; 8000.5 is as good as 8000.
    new_rate : float or Fraction
        The rate wanted in Hz, > 0.
    method : str, default: "audiolab"
        A name from `METHODS`.
    design : FilterDesign, optional
        For ``method="audiolab"``: band edges, attenuation and phase of another filter.
    lowpass_filter_width : int, optional
        For ``"torchaudio_hann"`` and ``"torchaudio_kaiser"``: zero crossings of the sinc on
        either side, >= 1 (torchaudio's default: 6).
    rolloff : float, optional
        For the same: cutoff in fractions of the lower Nyquist frequency, in (0, 1]
        (torchaudio's default: 0.99).
    beta : float, optional
        For ``"torchaudio_kaiser"``: shape of the Kaiser window, > 0 (default: 14.77).

    Returns
    -------
    Tensor
        Shape ``(..., ceil(time * new_rate / orig_rate))``, of the dtype and on the device of
        `waveform`; `waveform` itself where the rates are equal. Sample m belongs to the time
        ``m / new_rate``: linear-phase methods have no delay.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor, or a rate is not a number.
    ValueError
        `waveform` is empty, or holds NaN or infinity; a rate is not above 0 and finite; the
        method is unknown, does not know an option, or has no gradient where one is required.

    See Also
    --------
    Resample : The same as a module.
    StreamResampler : The same for chunks of a stream.
    quality : Measure a method.

    Notes
    -----
    The methods ``audiolab*`` convolve with a continuous kernel,

    .. math:: y[m] = \sum_n x[n]\, g(m / f_\mathrm{new} - n / f_\mathrm{orig})

    where g is a Kaiser-windowed sinc (`FilterDesign`): long signals by FFT in blocks; short ones,
    on a CPU, as the sums that they are, in loops that numba compiles at the first call ever (3 s)
    and keeps on disk. On a CPU, `torch.get_num_threads` threads share the work in whole pieces,
    and their number changes no bit of the result. The methods are differentiable any number of
    times, in reverse and forward mode, and work under ``torch.func.vmap``. Half-precision tensors
    are computed in float32.

    Examples
    --------
    >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(44_100) / 44_100)
    >>> resample(tone, 44_100, 16_000).shape
    torch.Size([16000])
    >>> resample(tone, 44_100, 8000.5, method="soxr_hq").shape
    torch.Size([8001])
    """
    check_waveform(waveform, allow_empty=False)
    ratio = rate_ratio(orig_rate, new_rate)
    options: dict[str, Any] = {}
    given = (design, lowpass_filter_width, rolloff, beta)
    if method not in METHODS or any(option is not None for option in given):
        names = ("design", "lowpass_filter_width", "rolloff", "beta")
        options = check_options(method, dict(zip(names, given, strict=True)))
    if ratio == 1:
        return check_waveform(waveform, finite=True)
    length = scaled_length(waveform.shape[-1], ratio)
    if method in DESIGNS:
        y = bandlimited(waveform, ratio, options.get("design", DESIGNS[method]), length)
    elif method == "linear":
        y = interpolate_linearly(waveform, ratio, length)
    else:
        if method == "torchcodec_swr":
            options["rates"] = (
                exact_rate(orig_rate, "orig_rate"),
                exact_rate(new_rate, "new_rate"),
            )
        y = _call_engine(waveform, ratio, length, METHODS[method], options)
    # NaN and infinity spread over the output, so that one sum tells; the input is searched only
    # when that sum is off, for where they are.
    if not math.isfinite(y.detach().sum()):
        check_waveform(waveform, finite=True)
    return y


def _call_engine(
    waveform: torch.Tensor, ratio: Fraction, length: int, method: Method, options: dict[str, Any]
) -> torch.Tensor:
    check_waveform(waveform, finite=True)  # what other libraries do with NaN differs
    rows = waveform.reshape(-1, waveform.shape[-1])
    dtype = torch.float64 if waveform.dtype == torch.float64 and method.float64 else torch.float32
    rows = rows.to(dtype)
    if not method.differentiable:
        if torch.is_grad_enabled() and waveform.requires_grad:
            raise ValueError(
                f"method={method.name!r} has no gradient, but waveform requires one: "
                "use method='audiolab', or waveform.detach()"
            )
        rows = rows.detach().cpu().contiguous()
    y = ENGINES[method.name](rows, ratio, length, **options)
    return y.to(waveform).reshape(*waveform.shape[:-1], length)


def check_options(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given, after checking that the method knows them."""
    check_choice(method, "method", tuple(METHODS))
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in METHODS[method].options:
            known = [each.name for each in METHODS.values() if name in each.options]
            raise ValueError(
                f"{name} does not apply to method={method!r}, only to {', '.join(known)}"
            )
    if "design" in options and not isinstance(options["design"], FilterDesign):
        raise TypeError(f"design must be a FilterDesign, got {type(options['design']).__name__}")
    if "lowpass_filter_width" in options:
        width = check_positive(options["lowpass_filter_width"], "lowpass_filter_width")
        if width != int(width):
            raise ValueError(f"lowpass_filter_width must be a whole number, got {width}")
        options["lowpass_filter_width"] = int(width)
    if "rolloff" in options and check_positive(options["rolloff"], "rolloff") > 1:
        raise ValueError(f"rolloff must be at most 1, got {options['rolloff']}")
    if "beta" in options:
        check_positive(options["beta"], "beta")
    return options


class Resample(torch.nn.Module):
    """Change the sample rate of waveforms: `resample` as a module.

    Parameters
    ----------
    orig_rate : float or Fraction
        Rate of the input in Hz, > 0.
    new_rate : float or Fraction
        Rate of the output in Hz, > 0.
    method : str, default: "audiolab"
        A name from `METHODS`.
    design : FilterDesign, optional
        For ``method="audiolab"``: another filter.
    lowpass_filter_width : int, optional
        For ``"torchaudio_hann"`` and ``"torchaudio_kaiser"``.
    rolloff : float, optional
        For the same.
    beta : float, optional
        For ``"torchaudio_kaiser"``.

    Raises
    ------
    TypeError
        A rate is not a number.
    ValueError
        A rate is not above 0 and finite, or the method is unknown or does not know an option.

    See Also
    --------
    resample : The function, where the parameters are explained.

    Notes
    -----
    There are no weights and no buffers: the filter's response is computed once for a ratio and a
    device, whoever asks, so that the module costs no more than its name in a checkpoint.

    Examples
    --------
    >>> to_16k = Resample(48_000, 16_000)
    >>> to_16k(torch.zeros(2, 1, 4800)).shape
    torch.Size([2, 1, 1600])
    """

    def __init__(
        self,
        orig_rate: float | Fraction,
        new_rate: float | Fraction,
        *,
        method: str = "audiolab",
        design: FilterDesign | None = None,
        lowpass_filter_width: int | None = None,
        rolloff: float | None = None,
        beta: float | None = None,
    ) -> None:
        super().__init__()
        rate_ratio(orig_rate, new_rate)
        self.orig_rate = orig_rate
        self.new_rate = new_rate
        self.method = method
        self.options = check_options(
            method,
            {
                "design": design,
                "lowpass_filter_width": lowpass_filter_width,
                "rolloff": rolloff,
                "beta": beta,
            },
        )

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Resample a waveform.

        Parameters
        ----------
        waveform : Tensor of shape (..., time)
            Samples at `orig_rate`.

        Returns
        -------
        Tensor of shape (..., ceil(time * new_rate / orig_rate))
            Samples at `new_rate`.
        """
        return resample(waveform, self.orig_rate, self.new_rate, method=self.method, **self.options)

    def extra_repr(self) -> str:
        """Say the settings in the module's printed form.

        Returns
        -------
        str
            Rates, method and options.
        """
        options = "".join(f", {name}={value}" for name, value in self.options.items())
        return f"{self.orig_rate} -> {self.new_rate} Hz, method={self.method!r}{options}"
