"""Delays, echoes and reverberation."""

from audiolab.effects.delays.echoes import delay, echo, echos
from audiolab.effects.delays.reverberation import reverb, reverb_impulse_response

__all__ = ["delay", "echo", "echos", "reverb", "reverb_impulse_response"]
