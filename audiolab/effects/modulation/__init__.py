"""Effects whose delay or loudness swings: chorus, flanger, phaser, tremolo."""

from audiolab.effects.modulation.choruses import ChorusVoice, chorus
from audiolab.effects.modulation.flanging import flanger, phaser
from audiolab.effects.modulation.trembling import tremolo

__all__ = ["ChorusVoice", "chorus", "flanger", "phaser", "tremolo"]
