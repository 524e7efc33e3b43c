"""Names that SoX knows and that are refused here, each with the reason and what to use."""

from __future__ import annotations

from audiolab.effects.sox.registry import REFUSED

__all__: list[str] = []

_PSEUDO = (
    "several chains in one line are how the program writes several files; "
    "run one EffectsChain for each"
)

REFUSED.update(
    {
        "ladspa": (
            "it loads compiled plugins for one operating system into the process; "
            "write a plugin's algorithm as a torch.nn.Module beside the chain"
        ),
        "spectrogram": "a chain makes sound, not pictures; use audiolab.display.plot_spectrogram",
        "input": "the waveform that a chain is called with is its input",
        "output": "what a chain returns is its output",
        ":": _PSEUDO,
        "newfile": _PSEUDO,
        "restart": _PSEUDO,
    }
)
