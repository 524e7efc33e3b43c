"""Encoder and decoder around an MDCT: a transform codec that learns what to do better.

The encoder sees each frame's MDCT, its square root with sign, and the logarithm of magnitude
spectra over longer windows. A linear map takes the lowest MDCT bins straight to the latent, and a
stack of ConvNeXt blocks (Liu et al., 2022, arXiv 2201.03545) at the frame rate adds what a linear
map can't see. The decoder mirrors this, and ends in a signed square and a gain for each bin. Since
the linear maps start as the identity, the untrained model already passes a low band of the
waveform, phase and all; training starts from sound, not from noise.

The latent is normalised by running statistics without learnt gains (Ioffe and Szegedy, 2015,
arXiv 1502.03167): the quantiser's entries then keep their scale. A trainer freezes the statistics
by putting that layer into evaluation mode.

The transform, the linear maps and the end of the decoder stay in float32 under autocast: they carry
the waveform, which the rounding of bfloat16 would cover with noise at -50 dB.

Frames are sums over a bounded number of neighbours. A frame's latent is determined by samples up to
``2 + encoder_blocks * encoder_lookahead`` frames from the start of its own frame; the samples of a
frame by half a frame and ``(1 + decoder_blocks) * decoder_lookahead`` frames of latent after it.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from audiolab.codec.config import EncodecConfig
from audiolab.codec.mdct import MDCT
from audiolab.codec.mdct_config import MDCTConfig

__all__ = ["Block", "FrameConv", "LatentNorm", "MDCTDecoder", "MDCTEncoder", "latent_gains"]

_FLOOR = 1e-5  # of a magnitude before a root or a logarithm
_LATENT_MOMENTUM = 0.02


class FrameConv(nn.Conv1d):
    """A convolution over ``(batch, frames, channels)`` that sees so many frames ahead.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel_size : int
        Frames seen.
    lookahead : int
        How many of them lie ahead; zeros stand for frames outside the signal.
    groups : int, default: 1
        As in `torch.nn.Conv1d`.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel_size: int, lookahead: int, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel_size, groups=groups)
        self.lookahead = lookahead

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve.

        Parameters
        ----------
        x : Tensor
            ``(batch, frames, channels)``.

        Returns
        -------
        Tensor
            ``(batch, frames, channels')``.
        """
        past = self.kernel_size[0] - 1 - self.lookahead
        padded = functional.pad(x.transpose(1, 2), (past, self.lookahead))
        y: torch.Tensor = super().forward(padded)
        return y.transpose(1, 2)


class Block(nn.Module):
    """A ConvNeXt block: neighbouring frames channel by channel, then channels frame by frame.

    Parameters
    ----------
    config : MDCTConfig
        Width, hidden width and kernel size.
    lookahead : int
        Frames that it sees ahead.
    """

    def __init__(self, config: MDCTConfig, lookahead: int) -> None:
        super().__init__()
        width = config.width
        self.depthwise = FrameConv(width, width, config.kernel_size, lookahead, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, config.hidden)
        self.project = nn.Linear(config.hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add what the block computes.

        Parameters
        ----------
        x : Tensor
            ``(batch, frames, width)``.

        Returns
        -------
        Tensor
            The same shape.
        """
        y = self.norm(self.depthwise(x))
        added: torch.Tensor = self.project(functional.gelu(self.expand(y)))
        return x + self.scale * added


def latent_gains(variance: torch.Tensor, epsilon: float, whitening: float) -> torch.Tensor:
    """Return what `LatentNorm` multiplies channels by after it brought them to unit variance.

    Parameters
    ----------
    variance : Tensor
        Running variances ``(channels,)``.
    epsilon : float
        Added to them.
    whitening : float
        As for `LatentNorm`.

    Returns
    -------
    Tensor
        ``(channels,)``, of mean square 1.
    """
    kept = (variance + epsilon).pow((1 - whitening) / 2)
    return kept * kept.square().mean().rsqrt()


class LatentNorm(nn.BatchNorm1d):
    """Batch normalisation that may keep something of the channels' proportions.

    With running variances ``v_c``, channel `c` comes out with a standard deviation proportional to
    ``v_c^((1 - whitening) / 2)``, and the mean square over the channels is 1. A quantiser that
    minimises the squared error spends its bits on the channels that come out large: full whitening
    gives the faintest channel as many as the strongest, none follows the waveform's energy.

    Parameters
    ----------
    channels : int
        Channels of the latent.
    whitening : float
        From 0 to 1, which is plain batch normalisation.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, channels: int, whitening: float) -> None:
        super().__init__(channels, affine=False, momentum=_LATENT_MOMENTUM)
        self.whitening = whitening

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise.

        Parameters
        ----------
        x : Tensor
            ``(batch, channels, frames)``.

        Returns
        -------
        Tensor
            The same shape.
        """
        gains = latent_gains(self.running_var, self.eps, self.whitening)
        return super().forward(x) * gains[:, None]


class MDCTEncoder(nn.Module):
    """Waveform to latent frames.

    Parameters
    ----------
    config : EncodecConfig
        The model's numbers, with backbone "mdct".

    Examples
    --------
    >>> from audiolab.codec.config import preset
    >>> MDCTEncoder(preset("audiolab_24khz"))(torch.zeros(2, 1, 321)).shape
    torch.Size([2, 64, 2])
    """

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        numbers = _numbers(config)
        hop, width = config.hop_length, numbers.width
        self.hop_length = hop
        self.analysis = tuple(zip(numbers.analysis_windows, numbers.analysis_bins, strict=True))
        for window, _ in self.analysis:
            shape = torch.hann_window(window, dtype=torch.float64) * (1.5 / math.sqrt(window))
            self.register_buffer(f"window_{window}", shape.float(), persistent=False)
        self.transform = MDCT(hop)
        self.input = nn.Linear(2 * hop + sum(numbers.analysis_bins), width)
        self.input_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            [Block(numbers, numbers.encoder_lookahead) for _ in range(numbers.encoder_blocks)]
        )
        self.output = nn.Linear(width, config.dimension)
        self.skip = nn.Linear(hop, config.dimension, bias=False)
        self.latent_norm = LatentNorm(config.dimension, numbers.whitening)
        with torch.no_grad():
            self.output.weight.mul_(0.2)
            nn.init.eye_(self.skip.weight).mul_(4.0)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Encode.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, 1, time)``.

        Returns
        -------
        Tensor
            ``(batch, dimension, ceil(time / hop_length))``, in float32 at least.
        """
        with torch.autocast(waveform.device.type, enabled=False):
            rooted, features = self.features(_full(waveform)[:, 0])
            direct = self.skip(rooted)
        y = self.input_norm(self.input(features))
        for block in self.blocks:
            y = block(y)
        latent = direct + _full(self.output(y))
        with torch.autocast(waveform.device.type, enabled=False):
            normalized: torch.Tensor = self.latent_norm(latent.transpose(1, 2))
        return normalized

    def features(self, waveform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the networks see.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, time)``.

        Returns
        -------
        rooted : Tensor
            Square roots of the MDCT with its signs, ``(batch, frames, hop_length)``.
        features : Tensor
            These, the MDCT divided by almost its own size, and the logarithms of the magnitude
            spectra.
        """
        hop = self.hop_length
        missing = -waveform.shape[-1] % hop
        padded = functional.pad(waveform, (0, missing))
        spectrum = self.transform(padded)
        size = spectrum.abs() + _FLOOR
        rooted = spectrum * size.pow(-0.5)
        parts = [rooted, spectrum * size.pow(-0.8)]
        for window, bins in self.analysis:
            # The window ends with the frame after its own, where the MDCT's ends half a frame
            # earlier.
            reached = functional.pad(padded, (window - 2 * hop, hop))
            magnitude = torch.stft(
                reached, window, hop, window=self.get_buffer(f"window_{window}"), center=False,
                return_complex=True,
            ).abs()[:, :bins]  # fmt: skip
            parts.append(0.3 * (magnitude.transpose(1, 2) + _FLOOR).log())
        return rooted, torch.cat(parts, dim=-1)


class MDCTDecoder(nn.Module):
    """Latent frames to waveform.

    Parameters
    ----------
    config : EncodecConfig
        The model's numbers, with backbone "mdct".
    """

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        numbers = _numbers(config)
        hop, width = config.hop_length, numbers.width
        self.transform = MDCT(hop)
        ahead = numbers.decoder_lookahead
        self.input = FrameConv(config.dimension, width, numbers.kernel_size, ahead)
        self.input_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([Block(numbers, ahead) for _ in range(numbers.decoder_blocks)])
        self.output_norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, 2 * hop)
        self.skip = nn.Linear(config.dimension, hop, bias=False)
        with torch.no_grad():
            nn.init.normal_(self.output.weight, std=0.01)
            nn.init.zeros_(self.output.bias)
            nn.init.eye_(self.skip.weight).mul_(0.25)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Decode.

        Parameters
        ----------
        latent : Tensor
            ``(batch, dimension, frames)``.

        Returns
        -------
        Tensor
            ``(batch, 1, frames * hop_length)``, in float32 at least.
        """
        z = latent.transpose(1, 2)
        y = self.input_norm(self.input(z))
        for block in self.blocks:
            y = block(y)
        out = _full(self.output(self.output_norm(y)))
        with torch.autocast(latent.device.type, enabled=False):
            waveform = self.transform.inverse(self.spectrum(_full(z), out))
        return waveform[:, None]

    def spectrum(self, latent: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Return the MDCT that a latent and the networks' output stand for.

        Parameters
        ----------
        latent : Tensor
            ``(batch, frames, dimension)``.
        out : Tensor
            Corrections and logarithmic gains, ``(batch, frames, 2 * hop_length)``.

        Returns
        -------
        Tensor
            ``(batch, frames, hop_length)``.
        """
        value, gain = out.chunk(2, dim=-1)
        value = value + self.skip(latent)
        spectrum: torch.Tensor = value * (value.abs() + 1e-3) * gain.clamp(-8.0, 5.0).exp()
        return spectrum


def _full(x: torch.Tensor) -> torch.Tensor:
    """Return `x` in float32, or in float64 if it is so."""
    return x if x.dtype == torch.float64 else x.float()


def _numbers(config: EncodecConfig) -> MDCTConfig:
    if config.mdct is None:
        raise ValueError(f"the configuration {config.name!r} has no mdct numbers")
    return config.mdct
