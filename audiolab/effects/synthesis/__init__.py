"""Making sound: oscillators, SoX's noise generator, a plucked string; and dither."""

from audiolab.effects.synthesis.functions import dither, synth

__all__ = ["dither", "synth"]
