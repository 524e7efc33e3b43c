"""Change the sample rate: a resampler of our own, everybody else's, and how to judge them.

================ =================================================================================
resample         any waveform, any two rates, any method
Resample         the same as a module
StreamResampler  the same for chunks of a stream
FilterDesign     band edges, attenuation and phase of our filter
quality          measure a method, or a function of your own
METHODS          what there is: audiolab, torchaudio, soxr, scipy, FFmpeg
output_length    the length rule, ceil(n * new / orig)
================ =================================================================================
"""

from audiolab.resample.design import BRICKWALL, MINIMUM_PHASE, STANDARD, FilterDesign
from audiolab.resample.measurement import Quality, quality
from audiolab.resample.methods import METHODS, Method, Resample, resample
from audiolab.resample.rates import output_length
from audiolab.resample.streaming import StreamResampler

__all__ = [
    "BRICKWALL",
    "METHODS",
    "MINIMUM_PHASE",
    "STANDARD",
    "FilterDesign",
    "Method",
    "Quality",
    "Resample",
    "StreamResampler",
    "output_length",
    "quality",
    "resample",
]
