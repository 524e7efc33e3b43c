"""Early signs that a run is going nowhere, while there is time to stop it.

A codec can look busy and learn nothing: codebooks of which a handful of entries answer for
everything, latents so small that any entry is near them, a decoder that falls silent because
silence is never far off. The losses fall all the while. Each is seen in numbers that cost next to
nothing, watched from one line of the log to the next.
"""

from __future__ import annotations

import math

import torch

from audiolab.codec._pool import Pool
from audiolab.codec.training.step import Pass

__all__ = ["CollapseWatch"]

_LEAST_USE = 0.02
_LATENT_RANGE = (1e-2, 1e2)
_SILENT_DB = -25.0
_TINY = 1e-12


class CollapseWatch:
    """Gather signs over some steps, and say what they mean.

    Parameters
    ----------
    num_codebooks : int
        Codebooks of the model.
    codebook_size : int
        Entries in each.
    """

    def __init__(self, num_codebooks: int, codebook_size: int) -> None:
        self._picks = torch.zeros(num_codebooks, codebook_size)
        self._latent: torch.Tensor | float = 0.0
        self._reference: torch.Tensor | float = 0.0
        self._output: torch.Tensor | float = 0.0
        self._steps = 0
        self._skipped = 0

    @torch.no_grad()
    def add(self, waveform: torch.Tensor, result: Pass) -> None:
        """Take in one step.

        Parameters
        ----------
        waveform : Tensor
            What went in.
        result : Pass
            What came out.
        """
        size = self._picks.shape[1]
        self._picks = self._picks.to(waveform.device)
        for stage, codes in enumerate(result.codes.transpose(0, 1)):
            # Left-out stages are -1: they are counted in a bin that is cut off.
            self._picks[stage] += torch.bincount(codes.flatten() + 1, minlength=size + 1)[1:]
        # A latent that does not move over time says nothing, however large.
        self._latent = self._latent + result.latent.std(dim=-1).square().mean()
        self._reference = self._reference + waveform.square().mean()
        self._output = self._output + result.waveform.square().mean()
        self._steps += 1

    def skip(self) -> None:
        """Take note of a step whose gradient was not finite."""
        self._skipped += 1

    def take(self, pool: Pool) -> tuple[dict[str, float], list[str]]:
        """Return what was seen since the last time, and start anew.

        Parameters
        ----------
        pool : Pool
            The processes that share the batches; all have to ask.

        Returns
        -------
        values : dict of str to float
            ``codebook_use``, the share of the entries that do the work, in the codebook where it is
            least; ``latent_std`` over time; ``output_db``, the output's level against the input's.
        warnings : list of str
            What looks like a collapse, in words.
        """
        steps = max(self._steps, 1)
        use = self._use(pool)
        measured = use[~use.isnan()]
        powers = [float(each) for each in (self._latent, self._reference, self._output)]
        powers = (pool.total(torch.tensor(powers, device=use.device)) / pool.size).tolist()
        latent = math.sqrt(powers[0] / steps)
        ratio = (powers[2] + _TINY) / (powers[1] + _TINY)
        values = {
            "codebook_use": float(measured.min()) if len(measured) else math.nan,
            "latent_std": latent,
            "output_db": 10 * math.log10(ratio) if math.isfinite(ratio) else math.nan,
        }
        warnings = []
        low = [str(stage) for stage, share in enumerate(use.tolist()) if share < _LEAST_USE]
        if low:
            warnings.append(
                f"codebook(s) {', '.join(low)} use less than {_LEAST_USE:.0%} of their entries: "
                "the latents are nearly constant, or no entry is renewed"
            )
        if not _LATENT_RANGE[0] <= latent <= _LATENT_RANGE[1]:
            warnings.append(
                f"the latents' standard deviation over time is {latent:.2g}: normalise them, or "
                "start from unit variance"
            )
        if not values["output_db"] >= _SILENT_DB:
            warnings.append(
                f"the output is {values['output_db']:.0f} dB against the input: the decoder falls "
                "silent"
            )
        if self._skipped:
            warnings.append(f"{self._skipped} step(s) had no finite gradient and were skipped")
        self._picks.zero_()
        self._latent = self._reference = self._output = 0.0
        self._steps = self._skipped = 0
        return values, warnings

    def _use(self, pool: Pool) -> torch.Tensor:
        """Return each codebook's perplexity against its size; NaN where too little was picked."""
        picks = pool.total(self._picks)
        totals = picks.sum(dim=1)
        share = picks / totals.clamp(min=1)[:, None]
        entropy = -(share * share.clamp(min=_TINY).log()).sum(dim=1)
        size = self._picks.shape[1]
        return torch.where(totals >= size, entropy.exp() / size, math.nan)
