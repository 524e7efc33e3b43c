"""What a chain shares between its effects while it runs: noise, head-room, and where text goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch

__all__ = ["Context"]


@dataclass
class Context:
    """State of one run of a chain over a batch.

    Parameters
    ----------
    noise_state : Tensor
        SoX's 32-bit noise generator, one state an item, ``(batch,)`` int64; see `claim_noise`.
    headroom : float, default: 1.0
        Factor that ``gain -h`` took away and ``gain -r`` gives back.
    demand : float, default: 1.0
        Factor that the effects after the one that runs ask ``gain -h`` for; see ``headroom_of``.
    bus : bool, default: False
        Samples are on SoX's 32-bit bus: effects keep the program's rounding inside them too.
    report : callable, optional
        Takes the objects that ``stat`` and ``stats`` measure; their ``str()`` is SoX's text.
    """

    noise_state: torch.Tensor
    headroom: float = 1.0
    demand: float = 1.0
    bus: bool = False
    report: Callable[[object], None] | None = None
    reports: list[object] = field(default_factory=list)

    def tell(self, measured: object) -> None:
        """Keep what ``stat`` or ``stats`` measured, and hand it to whoever listens."""
        self.reports.append(measured)
        if self.report is not None:
            self.report(measured)

    def make_headroom(self, gain: float = 1.0) -> float:
        """Return the factor that the effects after this one ask for; `gain` comes on top.

        What both take away together can be reclaimed later.
        """
        self.headroom = gain * self.demand
        return self.demand

    def claim_noise(self) -> torch.Tensor:
        """Return a noise state an item for the one effect that asks, and move on.

        The first effect of a chain that draws noise starts where ``sox -R`` would. Each further one
        starts elsewhere, so that two noises differ, and a stream's blocks don't mix their draws: in
        SoX itself the effects take turns at one generator, as its buffers happen to fill.
        """
        claimed = self.noise_state.clone()
        # A linear generator's states must not stand in a simple relation: their bits are mixed
        # (the finaliser of MurmurHash3) after a step of the golden ratio.
        mixed = (self.noise_state + 0x9E3779B9) & 0xFFFFFFFF
        for factor in (0x85EBCA6B, 0xC2B2AE35):
            mixed = ((mixed ^ (mixed >> 15)) * factor) & 0xFFFFFFFF
        self.noise_state.copy_(mixed ^ (mixed >> 16))
        return claimed

    def item(self, index: int) -> Context:
        """Return the context of one item; its noise state is a view, so draws are remembered."""
        state = self.noise_state[index : index + 1]
        return replace(self, noise_state=state)

    def trial(self) -> Context:
        """Return a context whose use leaves no trace, to ask an effect what it would do."""
        return replace(self, noise_state=torch.zeros(1, dtype=torch.int64), report=None, reports=[])
