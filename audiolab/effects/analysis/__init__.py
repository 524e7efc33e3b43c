"""Measuring: ``stat`` and ``stats`` as data that prints like SoX's."""

from audiolab.effects.analysis.channelwise import ChannelStatistics, WaveformStatistics, stats
from audiolab.effects.analysis.overall import OverallStatistics, stat

__all__ = ["ChannelStatistics", "OverallStatistics", "WaveformStatistics", "stat", "stats"]
