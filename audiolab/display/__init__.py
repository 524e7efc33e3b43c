"""Plots and the listening player: the package's only place that draws.

Plots return their Axes and take `ax`, so that they fit into figures of the reader's own. The player
lets several versions of a sound be switched at one position, at their true levels.
"""

from audiolab.display.bitstreams import plot_bytes, plot_intervals
from audiolab.display.codebooks import plot_codebook
from audiolab.display.comparisons import plot_comparison
from audiolab.display.features import plot_feature, plot_feature_comparison, plot_filterbank
from audiolab.display.markup import assets_path
from audiolab.display.pages import comparison_page
from audiolab.display.player import Player, player
from audiolab.display.publishing import set_publisher
from audiolab.display.responses import plot_frequency_response
from audiolab.display.rooms import plot_energy_decay, plot_room
from audiolab.display.spectrograms import plot_spectrogram
from audiolab.display.style import use_style
from audiolab.display.sweeps import plot_sweep
from audiolab.display.tables import Table, quality_table
from audiolab.display.waveforms import plot_waveform

__all__ = [
    "Player",
    "Table",
    "assets_path",
    "comparison_page",
    "player",
    "plot_bytes",
    "plot_codebook",
    "plot_comparison",
    "plot_energy_decay",
    "plot_feature",
    "plot_feature_comparison",
    "plot_filterbank",
    "plot_frequency_response",
    "plot_intervals",
    "plot_room",
    "plot_spectrogram",
    "plot_sweep",
    "plot_waveform",
    "quality_table",
    "set_publisher",
    "use_style",
]
