"""The two networks and the quantiser of a model, its numbers, and the way they are evaluated."""

from __future__ import annotations

import torch
from torch import nn

from audiolab._typing import Seed
from audiolab._validation import as_generator
from audiolab.codec import engine
from audiolab.codec.config import EncodecConfig
from audiolab.codec.mdct_backbone import MDCTDecoder, MDCTEncoder
from audiolab.codec.mdct_engine import MDCTNetwork
from audiolab.codec.quantizer import ResidualVectorQuantizer
from audiolab.codec.seanet import SEANetDecoder, SEANetEncoder

__all__ = ["Networks"]


class Networks(nn.Module):
    """What `audiolab.codec.EncodecModel` is made of.

    Parameters
    ----------
    config : EncodecConfig
        The model's numbers.
    generator : Generator, int or None, default: None
        Where the initial weights are drawn from.
    """

    def __init__(self, config: EncodecConfig, *, generator: Seed = None) -> None:
        super().__init__()
        self.config = config
        self.bandwidth: float | None = None
        random = as_generator(generator)
        # Modules draw their first weights from the global generator: lend it our seed for a while.
        with torch.random.fork_rng(devices=[]):
            seed = torch.randint(2**62, (1,), generator=random)
            torch.default_generator.manual_seed(int(seed))
            self.encoder: SEANetEncoder | MDCTEncoder
            self.decoder: SEANetDecoder | MDCTDecoder
            if config.backbone == "mdct":
                self.encoder, self.decoder = MDCTEncoder(config), MDCTDecoder(config)
            else:
                self.encoder, self.decoder = SEANetEncoder(config), SEANetDecoder(config)
        self.quantizer = ResidualVectorQuantizer(
            config.num_codebooks, config.codebook_size, config.dimension
        )
        self.precision: engine.Precision = "float32"
        self._engines = engine.Cache()
        self.eval()

    @property
    def name(self) -> str:
        """The name that goes into files."""
        return self.config.name

    @property
    def sample_rate(self) -> int:
        """Rate in Hz."""
        return self.config.sample_rate

    @property
    def channels(self) -> int:
        """1 or 2."""
        return self.config.channels

    @property
    def frame_rate(self) -> int:
        """Frames of codes per second."""
        return self.config.frame_rate

    @property
    def hop_length(self) -> int:
        """Samples per frame of codes."""
        return self.config.hop_length

    @property
    def target_bandwidths(self) -> list[float]:
        """Bandwidths in kbps that may be chosen."""
        return list(self.config.target_bandwidths)

    @property
    def normalize(self) -> bool:
        """Whether segments carry a scale."""
        return self.config.normalize

    @property
    def segment_length(self) -> int | None:
        """Samples per segment, or None if there is only one."""
        return self.config.segment_length

    @property
    def segment_stride(self) -> int | None:
        """Samples from the start of a segment to that of the next, or None."""
        return self.config.segment_stride

    def num_codebooks_for(self, bandwidth: float | None) -> int:
        """Return how many codebooks a bandwidth pays for.

        Parameters
        ----------
        bandwidth : float or None
            Bandwidth in kbps; None for all.

        Returns
        -------
        int
            At least one.
        """
        return self.config.num_codebooks_for(bandwidth)

    def set_target_bandwidth(self, bandwidth: float) -> None:
        """Choose the bandwidth that `encode` uses from now on.

        Parameters
        ----------
        bandwidth : float
            One of `target_bandwidths`, in kbps.

        Raises
        ------
        ValueError
            The model has no such bandwidth.
        """
        self.bandwidth = self.check_bandwidth(bandwidth)

    def set_precision(self, precision: engine.Precision) -> None:
        """Choose what weights and activations are rounded to before they are multiplied on a CPU.

        Streams begun before keep theirs. The quantiser, the first layer's waveform and all sums
        stay in float32, and so does everything with gradients or off the CPU.

        Parameters
        ----------
        precision : {"float32", "bfloat16"}
            A new model is in "float32". "bfloat16" is faster and changes codes; what either gives
            depends neither on threads and batch nor on the pieces of a stream.

        Raises
        ------
        ValueError
            There is no such precision, or the backbone "mdct" was asked for "bfloat16".
        RuntimeError
            The processor can't multiply pairs of bfloat16 (AVX512-BF16).

        Notes
        -----
        Measured with bfloat16 beside float32 on the three bundled clips, with random weights
        rescaled to unit level as the tests have them; trained weights may differ:

        ============  ==============================  =================  =================
        preset        codes changed, by kbps          audio, same codes  speed, one thread
        ============  ==============================  =================  =================
        24 kHz        1.5: 4 %, 6: 10 %, 24: 38 %     41 dB SNR          1.6x in, 1.7x out
        48 kHz        3: 3 %, 6: 5 %, 24: 19 %        40 dB SNR          1.5x in, 1.6x out
        ============  ==============================  =================  =================

        The shares are those of the clip with most; the speed is that of an AMD Zen 4 on 10 s at
        6 kbps. A code changes where two entries are nearly as near, and takes the later stages
        with it: at 24 kHz the error of the quantised latent grew by less than 0.03 dB. Yet the
        audio from the changed codes is another signal: 21 dB beside that of float32 at 1.5 kbps,
        14 dB at 24 kbps.
        """
        engine.check_precision(precision)
        if precision != "float32" and self.config.backbone != "seanet":
            raise ValueError(
                f"precision must be 'float32' with the backbone {self.config.backbone!r}, "
                f"got {precision!r}"
            )
        self.precision = precision

    def check_bandwidth(self, bandwidth: float) -> float:
        """Return `bandwidth` if the model has it.

        Parameters
        ----------
        bandwidth : float
            Bandwidth in kbps.

        Returns
        -------
        float
            The same.

        Raises
        ------
        ValueError
            The model has no such bandwidth.
        """
        if bandwidth not in self.config.target_bandwidths:
            names = ", ".join(f"{b:g}" for b in self.config.target_bandwidths)
            raise ValueError(
                f"bandwidth must be one of {names} kbps for {self.config.name}, got {bandwidth!r}"
            )
        return float(bandwidth)

    def latent(self, waveform: torch.Tensor) -> torch.Tensor:
        """Run the encoder network, the fast way where there is one.

        Parameters
        ----------
        waveform : Tensor
            One segment ``(batch, channels, time)``, already normalised.

        Returns
        -------
        Tensor
            ``(batch, dimension, frames)``.
        """
        fast = self._engines.get(self.encoder, self.config, waveform, self.precision)
        return self.encoder(waveform) if fast is None else fast.run(waveform)

    def synthesize(self, latent: torch.Tensor) -> torch.Tensor:
        """Run the decoder network, the fast way where there is one.

        Parameters
        ----------
        latent : Tensor
            ``(batch, dimension, frames)``.

        Returns
        -------
        Tensor
            ``(batch, channels, frames * hop_length)``.
        """
        fast = self._engines.get(self.decoder, self.config, latent, self.precision)
        return self.decoder(latent) if fast is None else fast.run(latent)

    def encoder_network(self) -> engine.Network | MDCTNetwork:
        """Return the encoder ready to run in pieces.

        Returns
        -------
        Network or MDCTNetwork
            With the weights folded as they are now.
        """
        return self._engines.network(self.encoder, self.config, self.precision)

    def decoder_network(self) -> engine.Network | MDCTNetwork:
        """Return the decoder ready to run in pieces.

        Returns
        -------
        Network or MDCTNetwork
            With the weights folded as they are now.
        """
        return self._engines.network(self.decoder, self.config, self.precision)
