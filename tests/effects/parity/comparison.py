"""Run one case through audiolab and through sox, and measure the difference."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

import sox_binary
import torch
from cases import Case, error_db, make_signal

from audiolab.effects import EffectsChain

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """A case, both results, and the errors in dB: -inf where all samples are the same."""

    case: Case
    ours: torch.Tensor
    reference: torch.Tensor
    sample_rate: float
    max_db: float
    rms_db: float

    @property
    def lengths_agree(self) -> bool:
        """Whether channels and samples are as many."""
        return self.ours.shape == self.reference.shape

    def judge(self) -> None:
        """Raise AssertionError unless the case's bar is met."""
        case = self.case
        if case.same_length or case.check is None:
            assert self.ours.shape == self.reference.shape, (
                f"shape {tuple(self.ours.shape)}, sox {tuple(self.reference.shape)}"
            )
        assert torch.isfinite(self.ours).all()
        if case.check is not None:
            case.check(self.ours, self.reference, self.sample_rate)
        elif case.exact:
            different = int((self.ours != self.reference).sum())
            assert different == 0, (
                f"{different} of {self.ours.numel()} samples differ, up to {self.max_db:.1f} dB"
            )
        else:
            assert self.max_db <= case.bar_db, f"{self.max_db:.1f} dB, allowed {case.bar_db:.1f}"


def compare(case: Case) -> Comparison:
    """Run a case on both sides; each starts from the same 32-bit integers.

    audiolab runs with ``clip="sox"`` and seed 0, which is sox's ``-R``. Without `Case.restore`,
    sox is first asked what form the effects leave, and that has to be ours too.
    """
    words = shlex.split(case.words)
    chain = EffectsChain(words, clip="sox", seed=0)
    given = make_signal(case)
    if given is None:
        ours, rate = chain.generate(case.sample_rate, num_channels=case.num_channels or None)
    else:
        given = sox_binary.to_grid(given)
        ours, rate = chain(given, case.sample_rate)

    def sox(output: sox_binary.Form | None) -> sox_binary.SoxResult:
        return sox_binary.run(
            given, case.sample_rate, words, num_channels=case.num_channels, output=output
        )

    reference = sox(None)
    natural = sox_binary.natural_form(reference, [each.name for each in chain])
    assert ours.shape[0] == natural.num_channels, f"{ours.shape[0]} channels, sox {natural}"
    assert sox_binary.close(rate, natural.sample_rate), f"{rate} Hz, sox {natural}"
    if case.restore:
        back = EffectsChain(
            [["channels", str(reference.waveform.shape[0])], ["rate", f"{reference.sample_rate!r}"]]
            if ours.shape[0] > reference.waveform.shape[0]
            else [
                ["rate", f"{reference.sample_rate!r}"],
                ["channels", str(reference.waveform.shape[0])],
            ],
            clip="sox",
        )
        ours, rate = back(ours, rate)
    elif (reference.sample_rate, reference.waveform.shape[0]) != (rate, ours.shape[0]):
        reference = sox(sox_binary.Form(rate, ours.shape[0]))
        added = [name for name, _ in reference.chain[1:-1]][len(chain) :]
        assert not added, f"sox adds {added} to reach {rate!r} Hz: add `rate` to the case"
    if ours.shape == reference.waveform.shape:
        max_db, rms_db = error_db(ours, reference.waveform)
    else:
        max_db = rms_db = math.inf
    return Comparison(case, ours, reference.waveform, rate, max_db, rms_db)
