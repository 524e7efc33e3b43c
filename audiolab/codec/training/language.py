"""The training loop of a language model of codes.

A step takes waveforms from the same sources as the codec's training, encodes them, draws how many
codebooks are used and where in a file the stretch may lie, and lowers the cross-entropy of the next
frame's codes: the bits that an arithmetic coder spends. The heads' biases start from the logarithm
of counted frequencies, so that the run begins where a table of frequencies would end.

As with the codec, whatever is drawn follows from the seed and the step's number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from audiolab._documents import write_document
from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.language_model import LanguageModel
from audiolab.codec.model import EncodecModel
from audiolab.codec.segments import segment_scale
from audiolab.codec.training import schedule
from audiolab.codec.training._draws import step_generator
from audiolab.codec.training.checkpoints import CheckpointError, Checkpoints, read_checkpoint
from audiolab.codec.training.language_config import LanguageTrainingConfig
from audiolab.codec.training.logs import CsvLog, RunningMean
from audiolab.codec.training.sources import HELD_OUT, BatchSource
from audiolab.codec.training.trainer import Event, TrainingDivergedError

__all__ = ["LanguageTrainer"]

#: So many steps in a row without a finite gradient end a run.
_MOST_SKIPPED = 100
# Batches that frequencies are counted on, far from those of the run.
_COUNTED = 2**30


class LanguageTrainer:
    """A training run of a language model in a folder.

    Parameters
    ----------
    config : LanguageTrainingConfig
        The run.
    codec : EncodecModel
        The codec, trained; it stays as it is.
    source : BatchSource
        Waveforms at the codec's rate.
    folder : Path
        Where checkpoints, log and the language model go: ``language_model.safetensors`` in floating
        point, and ``exact.safetensors`` in integers.
    resume : bool, default: False
        Whether to go on from the newest checkpoint; with none, the run starts.
    on_event : callable, optional
        Called with every `Event`.

    Raises
    ------
    FileExistsError
        The folder holds a run, and `resume` is false.
    CheckpointError
        The newest checkpoint can't be read, or is of another model.
    ValueError
        The codec has fewer codebooks than the language model is to learn, or other sizes.
    """

    def __init__(
        self,
        config: LanguageTrainingConfig,
        codec: EncodecModel,
        source: BatchSource,
        folder: Path,
        *,
        resume: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        sizes = config.language_model
        if sizes.codebook_size != codec.config.codebook_size:
            raise ValueError(
                f"language_model.codebook_size must be the codec's {codec.config.codebook_size}, "
                f"got {sizes.codebook_size}"
            )
        if sizes.num_codebooks > codec.config.num_codebooks:
            raise ValueError(
                f"language_model.num_codebooks must be at most the codec's "
                f"{codec.config.num_codebooks}, got {sizes.num_codebooks}"
            )
        whole = codec.segment_length
        if whole is not None and config.segment_s * codec.sample_rate > whole:
            raise ValueError(
                f"segment_s must be at most the codec's {whole / codec.sample_rate:g}, after which "
                f"the language model starts anew, got {config.segment_s}"
            )
        self.config, self.codec, self.source, self.folder = config, codec.eval(), source, folder
        self.step = 0
        self._elapsed_s = 0.0
        self._session_start: float | None = None
        self._on_event, self._stop, self._skipped = on_event, False, 0
        self.checkpoints = Checkpoints(folder / "checkpoints", config.checkpoints.keep)
        newest = self.checkpoints.newest()
        if newest is not None and not resume:
            raise FileExistsError(f"{folder} holds a run: resume it, or name another folder")
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(config.seed)
            self.model = LanguageModel(sizes)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.optimizer.learning_rate,
            betas=(config.optimizer.betas[0], config.optimizer.betas[1]),
            weight_decay=config.optimizer.weight_decay,
            foreach=True,
        )
        if newest is None:
            self._start_from_frequencies()
        else:
            self._restore(newest)
        self.log = CsvLog(folder / "log.csv", self.step)
        self._means = RunningMean()

    # ------------------------------------------------------------------------------------ the run
    @property
    def elapsed_s(self) -> float:
        """Seconds of training, over all sessions."""
        session = 0.0 if self._session_start is None else time.monotonic() - self._session_start
        return self._elapsed_s + session

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        if self.config.budget_minutes is not None:
            return min(1.0, self.elapsed_s / 60 / self.config.budget_minutes)
        return min(1.0, self.step / self.config.steps)

    def request_stop(self) -> None:
        """Ask for the run to be saved and left after the step that is under way."""
        self._stop = True

    def run(self, *, stop_at: int | None = None) -> bool:
        """Train until the end, or until `stop_at` steps are done.

        Parameters
        ----------
        stop_at : int, optional
            Leave there, with a checkpoint.

        Returns
        -------
        bool
            Whether the run came to its end.

        Raises
        ------
        TrainingDivergedError
            No gradient is finite any more.
        """
        config = self.config
        write_document(self.folder / "config.yaml", config.to_dict(), overwrite=True)
        self._session_start = time.monotonic()
        count = sum(parameter.numel() for parameter in self.model.parameters())
        self._emit("start", text=f"{count} parameters")
        saved_s, saved_step = self.elapsed_s, -1
        while self.progress < 1 and self.step != stop_at and not self._stop:
            progress = self.progress
            self._means.add(self._train(progress))
            self.step += 1
            if self.step % config.log_every == 0:
                values = {"progress": progress, **self._means.take(), "elapsed_s": self.elapsed_s}
                self.log.write(self.step, values)
                self._emit("progress", values)
            plan = config.checkpoints
            due = plan.every_steps and self.step % plan.every_steps == 0
            if due or self.elapsed_s - saved_s >= 60 * plan.every_minutes:
                self.save()
                saved_s, saved_step = self.elapsed_s, self.step
        finished = self.progress >= 1
        if self.step != saved_step:
            self.save()
        self._emit("end", text="finished" if finished else "stopped")
        self._elapsed_s, self._session_start = self.elapsed_s, None
        return finished

    def _train(self, progress: float) -> dict[str, torch.Tensor | float]:
        """Do one step and return what it measured."""
        config = self.config
        rate = config.optimizer.learning_rate * schedule.learning_rate_scale(
            config.optimizer, progress
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        generator = step_generator(config.seed, self.step, "language")
        count = _one_of(config.codebooks, generator)
        codes = self._codes(self.step, count, _one_of(config.efforts, generator))
        position = 0
        if config.farthest_position and bool(torch.rand((), generator=generator) < 0.5):
            position = int(torch.randint(config.farthest_position, (), generator=generator))
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bfloat16"):
            logits = self.model(codes, first_position=position)
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 2), codes.flatten())
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        limit = config.optimizer.clip_norm or math.inf
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            self._skipped = 0
        else:
            self._skip()
        bits = loss.detach() / math.log(2)
        return {f"bits_{count}": bits, "gradient_norm": norm, "learning_rate": rate}

    def _skip(self) -> None:
        self._skipped += 1
        if self._skipped >= _MOST_SKIPPED:
            raise TrainingDivergedError(
                f"{self._skipped} steps in a row had no finite gradient: go back to a checkpoint "
                "with a smaller optimizer.learning_rate"
            )

    @torch.no_grad()
    def _codes(self, step: int, count: int, effort: int) -> torch.Tensor:
        """Return the codes ``(batch, codebook, frame)`` of a step's batch."""
        waveform = self.source(step, range(self.config.batch_size))
        if self.codec.normalize:
            waveform = waveform / segment_scale(waveform)
        latent = self.codec.latent(waveform)
        codes: torch.Tensor = self.codec.quantizer.encode(latent, count, effort=effort)
        return codes

    @torch.no_grad()
    def _start_from_frequencies(self) -> None:
        """Set the heads' biases to the logarithm of how often each entry comes."""
        if not self.config.counted_batches:
            return
        sizes = self.config.language_model
        counts = torch.ones(sizes.num_codebooks, sizes.codebook_size, dtype=torch.float64)
        for index in range(self.config.counted_batches):
            codes = self._codes(_COUNTED + index, sizes.num_codebooks, 1)
            for k, row in enumerate(codes.transpose(0, 1).flatten(1)):
                counts[k] += torch.bincount(row, minlength=sizes.codebook_size)
        logarithms = (counts / counts.sum(1, keepdim=True)).log()
        for head, bias in zip(self.model.linears, logarithms, strict=True):
            assert isinstance(head, nn.Linear)
            head.bias.copy_(bias - bias.mean())
            head.weight.mul_(0.1)

    # -------------------------------------------------------------------------------- judged, kept
    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return the bits of a held-out code at every bandwidth, and the share that is saved.

        Returns
        -------
        dict
            ``validation/bits_8`` and ``validation/saved_8`` for 8 codebooks, and so on; empty
            without held-out batches.
        """
        self.model.eval()
        config, means = self.config, RunningMean()
        most = config.language_model.num_codebooks
        asked = {self.codec.num_codebooks_for(b) for b in self.codec.target_bandwidths}
        full = self.codec.config.bits_per_codebook
        for index in range(config.checkpoints.validation_batches):
            codes = self._codes(HELD_OUT + index, most, 1)
            for count in sorted(each for each in asked if each <= most):
                bits = self.model.loss(codes[:, :count]) / math.log(2)
                means.add({
                    f"validation/bits_{count}": bits, f"validation/saved_{count}": 1 - bits / full,
                })  # fmt: skip
        return means.take()

    def save(self) -> None:
        """Write a checkpoint, and with it the language model in floats and in integers."""
        if self._skipped:
            self._emit("warning", text="not saved: the last step had no finite gradient")
            return
        values = self.validate()
        path = self.checkpoints.save(
            {
                "step": self.step,
                "elapsed_s": self.elapsed_s,
                "config": self.config.to_dict(),
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            }
        )
        self.model.save(self.folder / "language_model.safetensors", overwrite=True)
        exact = ExactLanguageModel.from_float(self.model)
        exact.save(self.folder / "exact.safetensors", overwrite=True)
        if values:
            self.log.write(self.step, values)
        self._emit("checkpoint", values, text=str(path))

    def _restore(self, path: Path) -> None:
        content = read_checkpoint(path)
        try:
            then = content["config"]["language_model"]
            changed = [
                name
                for name, value in self.config.language_model.to_dict().items()
                if then[name] != value
            ]
            if changed:
                raise CheckpointError(f"{path} is of another model: {', '.join(changed)} changed")
            self.model.load_state_dict(content["model"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.step = content["step"]
            self._elapsed_s = float(content["elapsed_s"])
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"{path} does not fit this run: {error}") from None

    def _emit(self, kind: str, values: dict[str, float] | None = None, text: str = "") -> None:
        if self._on_event is not None:
            state = (self.step, self.progress, self.elapsed_s)
            self._on_event(Event(kind, *state, dict(values or {}), text))


def _one_of(choices: tuple[int, ...], generator: torch.Generator) -> int:
    return choices[int(torch.randint(len(choices), (), generator=generator))]
