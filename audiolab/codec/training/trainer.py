"""The training loop, for any backbone.

A step draws a batch, passes it through the model (`audiolab.codec.training.step`), adds up the
losses and moves the weights; codebooks learn on the way. Whatever is drawn follows from the seed
and the step's number, so that a run that is taken up again from a checkpoint goes on as if it had
never stopped: on a CPU, to the bit.

Nothing is printed: events go to a callback.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from audiolab._documents import write_document
from audiolab.codec.config import EncodecConfig
from audiolab.codec.model import EncodecModel
from audiolab.codec.training import schedule
from audiolab.codec.training._draws import step_generator
from audiolab.codec.training.adversary import Adversary
from audiolab.codec.training.average import ModelAverage
from audiolab.codec.training.checkpoints import CheckpointError, Checkpoints, read_checkpoint
from audiolab.codec.training.collapse import CollapseWatch
from audiolab.codec.training.config import TrainingConfig
from audiolab.codec.training.distributed import ProcessPool, share_statistics
from audiolab.codec.training.initialization import unit_variance
from audiolab.codec.training.logs import CsvLog, RunningMean, TensorBoardLog
from audiolab.codec.training.objective import Objective
from audiolab.codec.training.samples import write_samples
from audiolab.codec.training.sources import HELD_OUT, BatchSource
from audiolab.codec.training.step import Pass, TrainingStep

__all__ = ["Event", "Trainer", "TrainingDivergedError", "shortened"]

#: So many steps in a row without a finite gradient end a run.
_MOST_SKIPPED = 100


class TrainingDivergedError(RuntimeError):
    """The losses are no longer finite; the last checkpoint still is."""


@dataclass(frozen=True)
class Event:
    """Something that the person who watches may want to know.

    Parameters
    ----------
    kind : {"start", "progress", "checkpoint", "warning", "end"}
        What happened.
    step : int
        Steps done.
    progress : float
        Share of the run that is done.
    elapsed_s : float
        Seconds of training, over all sessions.
    values : dict
        Numbers by name.
    text : str
        What to say, or the checkpoint's path.
    samples : mapping of str to list of Path
        Sounds that came with a checkpoint, by what they are.
    """

    kind: str
    step: int
    progress: float
    elapsed_s: float
    values: dict[str, float] = field(default_factory=dict)
    text: str = ""
    samples: Mapping[str, list[Path]] = field(default_factory=dict)


class Trainer:
    """A training run in a folder.

    Parameters
    ----------
    config : TrainingConfig
        The run.
    source : BatchSource
        The data.
    folder : Path
        Where checkpoints, log, sounds and model go.
    device : device or str, default: "cpu"
        Where to compute.
    pool : ProcessPool, optional
        The processes that share the run, from `audiolab.codec.training.distributed.join`.
    resume : bool, default: False
        Whether to go on from the newest checkpoint; with none, the run starts.
    on_event : callable, optional
        Called with every `Event`, in the first process.

    Raises
    ------
    FileExistsError
        The folder holds a run, and `resume` is false.
    CheckpointError
        The newest checkpoint can't be read, or is of another model.
    """

    def __init__(
        self,
        config: TrainingConfig,
        source: BatchSource,
        folder: Path,
        *,
        device: torch.device | str = "cpu",
        pool: ProcessPool | None = None,
        resume: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.config = config
        self.source = source
        self.folder = folder
        self.device = torch.device(device)
        self.step = 0
        self._pool = pool
        self._elapsed_s = 0.0
        self._session_start: float | None = None
        self._best: tuple[int, float] | None = None
        self._on_event = on_event
        self._stop = False
        self._skipped = 0

        self.checkpoints = Checkpoints(folder / "checkpoints", config.checkpoints.keep)
        newest = self.checkpoints.newest()
        if newest is not None and not resume:
            raise FileExistsError(f"{folder} holds a run: resume it, or name another folder")
        self._items = self._own_items()
        self._build(started=newest is not None)
        if newest is not None:
            self._restore(newest)
        if self._is_first:
            self.log = CsvLog(folder / "log.csv", self.step)
            self.board = TensorBoardLog(folder / "tensorboard")
        self._means = RunningMean()
        numbers = config.model
        self._watch = CollapseWatch(numbers.num_codebooks, numbers.codebook_size)

    def _own_items(self) -> range:
        """Return which items of every batch are this process's."""
        size = self.config.batch_size
        if self._pool is None:
            return range(size)
        if size % self._pool.size:
            raise ValueError(f"batch_size must be a multiple of {self._pool.size}, got {size}")
        share = size // self._pool.size
        return range(self._pool.rank * share, (self._pool.rank + 1) * share)

    def _build(self, *, started: bool) -> None:
        """Make model, losses, optimiser and adversary."""
        config = self.config
        self.model = EncodecModel(config.model, generator=config.seed).to(self.device)
        self.model.train()
        if config.initialization == "unit_variance" and not started:
            unit_variance(self.model, self.source(0, range(config.batch_size)).to(self.device))
        self._set_dead_threshold()
        self.pass_: nn.Module = TrainingStep(self.model, config.precision)
        if self._pool is not None:
            self.model.quantizer.share(self._pool)
            share_statistics(self.model)
            self.pass_ = DistributedDataParallel(self.pass_, broadcast_buffers=False)
        self.objective = Objective(config.losses, config.model.sample_rate).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.optimizer.learning_rate,
            betas=(config.optimizer.betas[0], config.optimizer.betas[1]),
            weight_decay=config.optimizer.weight_decay,
            foreach=True,
        )
        self.average = ModelAverage(config.average.decay)
        self.adversary = (
            None
            if config.adversary is None
            else Adversary(config, self.device, self.model.quantizer.pool)
        )

    @property
    def _is_first(self) -> bool:
        return self._pool is None or self._pool.rank == 0

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
        if self._is_first:
            write_document(self.folder / "config.yaml", self.config.to_dict(), overwrite=True)
        self._session_start = time.monotonic()
        count = sum(parameter.numel() for parameter in self.model.parameters())
        self._emit("start", text=f"{count} parameters")
        saved_s, saved_step = self.elapsed_s, -1
        logged_s, logged_step = self.elapsed_s, self.step
        progress, stop = self._agree()
        while progress < 1 and self.step != stop_at and not stop:
            self._means.add(self._train(progress))
            self.step += 1
            if self.step % self.config.log_every == 0:
                rate = (self.step - logged_step) / max(self.elapsed_s - logged_s, 1e-9)
                logged_s, logged_step = self.elapsed_s, self.step
                self._report({"progress": progress, "steps_per_s": rate})
            if self._is_due(saved_s, max(saved_step, 0)):
                self.save()
                saved_s, saved_step = self.elapsed_s, self.step
            progress, stop = self._agree()
        if self.step != saved_step:
            self.save()
        self._emit("end", text="finished" if progress >= 1 else "stopped")
        self._elapsed_s, self._session_start = self.elapsed_s, None
        return progress >= 1

    def _agree(self) -> tuple[float, bool]:
        """Return progress and whether to stop, the same in all processes."""
        if self._pool is None:
            return self.progress, self._stop
        (progress,) = self._pool.first([self.progress])
        return progress, self._any(self._stop)

    def _is_due(self, saved_s: float, saved_step: int) -> bool:
        plan = self.config.checkpoints
        if plan.every_steps and self.step % plan.every_steps == 0 and self.step != saved_step:
            return True
        return self.elapsed_s - saved_s >= 60 * plan.every_minutes

    def _report(self, values: dict[str, float]) -> None:
        """Log what was measured since the last time, and warn of a collapse."""
        seen, warnings = self._watch.take(self.model.quantizer.pool)
        means = self._means.take()
        if self._pool is not None:
            sums = self._pool.total(torch.tensor(list(means.values()), device=self.device))
            means = dict(zip(means, (sums / self._pool.size).tolist(), strict=True))
        values = {**values, **means, **seen, "elapsed_s": self.elapsed_s}
        if self._is_first:
            self.log.write(self.step, values)
            self.board.write(self.step, values)
        self._emit("progress", values)
        for text in warnings:
            self._emit("warning", text=text)

    # ----------------------------------------------------------------------------------- the step
    def _train(self, progress: float) -> dict[str, torch.Tensor]:
        """Do one step and return what it measured."""
        config = self.config
        rate = schedule.learning_rate_scale(config.optimizer, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = config.optimizer.learning_rate * rate
        self._freeze_statistics(progress)
        waveform = self.source(self.step, self._items).to(self.device, non_blocking=True)
        counts, bypass = self._draw(progress)
        generator = step_generator(config.seed, self.step, "quantizer", self.device)
        if self._any(not bool(torch.isfinite(waveform).all())):
            self._skip()  # before codebooks and statistics take it in
            return {}
        result: Pass = self.pass_(waveform, counts, bypass, generator)
        losses = self.objective(waveform, result.waveform)
        total = self.objective.weighted(losses, progress)
        measured = {name: value.detach() for name, value in losses.items()}
        measured["total"] = total.detach()
        measured["commitment"] = result.commitment.detach()

        self.optimizer.zero_grad(set_to_none=True)
        commitment = config.losses.commitment * result.commitment
        if self.adversary is None or self.adversary.weight(progress) == 0:
            torch.autograd.backward(total + commitment)
        else:
            measured |= self.adversary.learn(waveform, result.waveform, self.step, rate)
            pull, parts = self.adversary.gradient(waveform, result.waveform, total, progress)
            measured |= parts
            torch.autograd.backward([result.waveform, commitment], [pull, None])
        norm = self._clip()
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            self._skipped = 0
            self._watch.add(waveform, result)
        else:
            self._skip()
        if schedule.averages(config.average, progress):
            self.average.update(self.model)
        measured["gradient_norm"] = norm
        measured["learning_rate"] = torch.tensor(config.optimizer.learning_rate * rate)
        return measured

    def _any(self, mine: bool) -> bool:
        """Tell whether it is so in any process."""
        return mine if self._pool is None else bool(self._pool.largest(int(mine)))

    def _clip(self) -> torch.Tensor:
        limit = self.config.optimizer.clip_norm or math.inf
        return nn.utils.clip_grad_norm_(self.model.parameters(), limit)

    def _skip(self) -> None:
        self._watch.skip()
        self._skipped += 1
        if self._skipped >= _MOST_SKIPPED:
            raise TrainingDivergedError(
                f"{self._skipped} steps in a row had no finite gradient: go back to a checkpoint "
                "with a smaller optimizer.learning_rate"
            )

    def _draw(self, progress: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw codebooks and bypass for this process's items of the batch."""
        size = self.config.batch_size
        choices = torch.tensor(self.config.codebook_counts)
        generator = step_generator(self.config.seed, self.step, "codebooks")
        counts = choices[torch.randint(len(choices), (size,), generator=generator)]
        if self.step == 0:  # every codebook starts from as many vectors as there are
            counts = torch.full_like(counts, int(choices.max()))
        probability = schedule.bypass_probability(self.config.quantizer, progress)
        bypass = torch.rand(size, generator=generator) < probability
        own = slice(self._items.start, self._items.stop)
        return counts[own].to(self.device), bypass[own].to(self.device)

    def _freeze_statistics(self, progress: float) -> None:
        frozen = progress >= self.config.quantizer.freeze_statistics
        for module in self.model.modules():
            if isinstance(module, _BatchNorm):
                module.train(not frozen)

    def _set_dead_threshold(self) -> None:
        """Give every codebook a threshold in proportion to how many vectors reach it."""
        config = self.config
        frames = config.model.num_frames(config.num_samples)
        counts = config.codebook_counts
        for stage, codebook in enumerate(self.model.quantizer.codebooks):
            share = sum(count > stage for count in counts) / len(counts)
            picks = config.batch_size * frames * share / config.model.codebook_size
            codebook.min_count = config.quantizer.dead_share * picks

    # -------------------------------------------------------------------------------- checkpoints
    def published(self) -> EncodecModel:
        """Return the model as it would be published now: averaged once the average runs.

        Returns
        -------
        EncodecModel
            A copy in evaluation mode.
        """
        model = EncodecModel(self.config.model, generator=0).to(self.device)
        model.load_state_dict(self.average.state or self.model.state_dict())
        return model.eval()

    def save(self) -> None:
        """Write a checkpoint, and with it the model and sounds as they would be published now."""
        if not self._is_first:
            return
        if self._skipped:
            self._emit("warning", text="not saved: the last step had no finite gradient")
            return
        model = self.published()
        values = self.validate(model)
        score = values.get("validation/total", -float(self.step))
        if self._best is None or score <= self._best[1]:
            self._best = (self.step, score)
        content: dict[str, Any] = {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "progress": self.progress,
            "best": list(self._best),
            "config": self.config.to_dict(),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        if self.adversary is not None:
            content["adversary"] = self.adversary.state_dict()
        path = self.checkpoints.save(content, best=self._best[0])
        model.save_pretrained(self.folder / "model", overwrite=True)
        sounds: Mapping[str, list[Path]] = {}
        if self.config.checkpoints.samples:
            held_out = self.source(HELD_OUT, range(self.config.checkpoints.samples))
            folder = self.folder / "samples" / f"step_{self.step:08d}"
            sounds = write_samples(model, held_out.to(self.device), folder)
        if values:
            self.log.write(self.step, values)
            self.board.write(self.step, values)
        self._emit("checkpoint", values, text=str(path), samples=sounds)

    def _restore(self, path: Path) -> None:
        content = read_checkpoint(path)
        try:
            now = self.config.model.to_dict()
            then = EncodecConfig.from_dict(content["config"]["model"]).to_dict()
            changed = sorted(name for name in now if now[name] != then[name])
            if changed:
                raise CheckpointError(f"{path} is of another model: {', '.join(changed)} changed")
            self.model.load_state_dict(content["model"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.average.load_state_dict(content["average"], self.device)
            if self.adversary is not None and "adversary" in content:
                self.adversary.load_state_dict(content["adversary"])
            self.step = content["step"]
            self._elapsed_s = float(content["elapsed_s"])
            self._best = (int(content["best"][0]), float(content["best"][1]))
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"{path} does not fit this run: {error}") from None

    @torch.no_grad()
    def validate(self, model: EncodecModel) -> dict[str, float]:
        """Judge a model on held-out batches, at every bandwidth.

        Parameters
        ----------
        model : EncodecModel
            In evaluation mode.

        Returns
        -------
        dict
            Losses by name, averaged over batches and bandwidths; empty without held-out batches.
        """
        means = RunningMean()
        judge = TrainingStep(model, self.config.precision)
        size = self.config.batch_size
        for index in range(self.config.checkpoints.validation_batches):
            waveform = self.source(HELD_OUT + index, range(size)).to(self.device)
            for bandwidth in self.config.model.target_bandwidths:
                count = self.config.model.num_codebooks_for(bandwidth)
                counts = torch.full((size,), count, device=self.device)
                bypass = torch.zeros(size, dtype=torch.bool, device=self.device)
                result = judge(waveform, counts, bypass, torch.Generator(self.device))
                losses = self.objective(waveform, result.waveform)
                losses["total"] = self.objective.weighted(losses, 1.0)
                means.add({f"validation/{name}": value for name, value in losses.items()})
        return means.take()

    def _emit(
        self,
        kind: str,
        values: dict[str, float] | None = None,
        text: str = "",
        samples: Mapping[str, list[Path]] | None = None,
    ) -> None:
        if self._on_event is None or not self._is_first:
            return
        state = (self.step, self.progress, self.elapsed_s)
        self._on_event(Event(kind, *state, dict(values or {}), text, dict(samples or {})))


def shortened(
    config: TrainingConfig, *, steps: int | None = None, budget_minutes: float | None = None
) -> TrainingConfig:
    """Return the configuration with another length.

    Parameters
    ----------
    config : TrainingConfig
        The run.
    steps : int, optional
        New length in steps.
    budget_minutes : float, optional
        New length in minutes of training, over all sessions.

    Returns
    -------
    TrainingConfig
        The same but for the length.
    """
    if steps is not None:
        return replace(config, steps=steps, budget_minutes=None)
    if budget_minutes is not None:
        return replace(config, budget_minutes=budget_minutes)
    return config
