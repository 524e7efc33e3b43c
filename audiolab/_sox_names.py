"""The names that a SoX command line may hold, whether or not they work here.

They stand on the lowest floor and without torch, because the command line has to find where the
effects begin before it loads anything.
"""

from __future__ import annotations

__all__ = ["SOX_NAMES", "TORCHAUDIO_NAMES"]

_TORCHAUDIO = """
    allpass band bandpass bandreject bass bend biquad chorus channels compand contrast dcshift
    deemph delay dither divide downsample earwax echo echos equalizer fade fir firfit flanger gain
    highpass hilbert ladspa loudness lowpass mcompand norm oops overdrive pad phaser pitch rate
    remix repeat reverb reverse riaa silence sinc speed stat stats stretch swap synth tempo treble
    tremolo trim upsample vad vol
"""

#: What ``torchaudio.sox_effects.effect_names`` returned in its last release, 2.8.
TORCHAUDIO_NAMES: tuple[str, ...] = tuple(_TORCHAUDIO.split())

_PROGRAM = "input noiseprof noisered output spectrogram splice : newfile restart"

#: All names of the program: one of them ends the arguments of the effect before it.
SOX_NAMES = frozenset(TORCHAUDIO_NAMES) | frozenset(_PROGRAM.split())
