"""The training loop, for any backbone.

A step draws a batch, passes it through the model (`audiolab.codec.training.step`), adds up the
losses and moves the weights; codebooks learn on the way. Whatever is drawn follows from the seed
and the step's number, so that a run that is taken up again from a checkpoint goes on as if it had
never stopped: on a CPU, to the bit.

Nothing is printed: events go to a callback.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from audiolab._documents import write_document
from audiolab.codec.model import EncodecModel
from audiolab.codec.training import schedule
from audiolab.codec.training._draws import step_generator
from audiolab.codec.training.average import ModelAverage
from audiolab.codec.training.checkpoints import CheckpointError, Checkpoints, read_checkpoint
from audiolab.codec.training.config import TrainingConfig
from audiolab.codec.training.logs import CsvLog, RunningMean, TensorBoardLog
from audiolab.codec.training.losses import SPECTRAL, SpectralLosses, time_l1
from audiolab.codec.training.sources import BatchSource
from audiolab.codec.training.step import TrainingStep

__all__ = ["Event", "Trainer"]

#: Steps from here on are never trained on.
HELD_OUT = 2**31


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
    """

    kind: str
    step: int
    progress: float
    elapsed_s: float
    values: dict[str, float] = field(default_factory=dict)
    text: str = ""


class Trainer:
    """A training run in a folder.

    Parameters
    ----------
    config : TrainingConfig
        The run.
    source : BatchSource
        The data.
    folder : Path
        Where checkpoints, log and model go.
    device : str, default: "cpu"
        Where to compute.
    resume : bool, default: False
        Whether to go on from the newest checkpoint; with none, the run starts.
    on_event : callable, optional
        Called with every `Event`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        source: BatchSource,
        folder: Path,
        *,
        device: str = "cpu",
        resume: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.config = config
        self.source = source
        self.folder = folder
        self.device = torch.device(device)
        self.step = 0
        self._elapsed_s = 0.0
        self._session_start: float | None = None
        self._best: tuple[int, float] | None = None
        self._on_event = on_event or (lambda event: None)
        self._stop = False

        self.model = EncodecModel(config.model, generator=config.seed).to(self.device)
        self.model.train()
        self.pass_ = TrainingStep(self.model, config.precision)
        terms = [name for name in SPECTRAL if getattr(config.losses, name) > 0]
        losses = config.losses
        self.spectral = SpectralLosses(
            config.model.sample_rate, losses.windows, losses.num_mels, losses.complex_windows, terms
        ).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.optimizer.learning_rate,
            betas=(config.optimizer.betas[0], config.optimizer.betas[1]),
            weight_decay=config.optimizer.weight_decay,
            foreach=True,
        )
        self.average = ModelAverage(config.average.decay)
        self._set_dead_threshold()

        self.checkpoints = Checkpoints(folder / "checkpoints", config.checkpoints.keep)
        newest = self.checkpoints.newest()
        if newest is not None and not resume:
            raise FileExistsError(
                f"{folder} holds a run already: resume it, or name another folder"
            )
        if newest is not None:
            self._restore(newest)
        self.log = CsvLog(folder / "log.csv", self.step)
        self.board = TensorBoardLog(folder / "tensorboard")
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
        """
        write_document(self.folder / "config.yaml", self.config.to_dict(), overwrite=True)
        self._session_start = time.monotonic()
        self._emit("start", text=f"{sum(p.numel() for p in self.model.parameters())} parameters")
        first, saved_s, saved_step = self.step, self.elapsed_s, self.step
        logged_s, logged_step = self.elapsed_s, self.step
        while self.progress < 1 and self.step != stop_at and not self._stop:
            self._means.add(self._train(self.progress))
            self.step += 1
            if self.step % self.config.log_every == 0:
                values = {"progress": self.progress, **self._means.take()}
                now = self.elapsed_s
                values["steps_per_s"] = (self.step - logged_step) / max(now - logged_s, 1e-9)
                values["elapsed_s"] = now
                logged_s, logged_step = now, self.step
                self.log.write(self.step, values)
                self.board.write(self.step, values)
                self._emit("progress", values)
            if self._is_due(saved_s, saved_step):
                self.save()
                saved_s, saved_step = self.elapsed_s, self.step
        finished = self.progress >= 1
        if self.step != saved_step or self.step == first:
            self.save()
        self._emit("end", text="finished" if finished else "stopped")
        self._elapsed_s, self._session_start = self.elapsed_s, None
        return finished

    def _is_due(self, saved_s: float, saved_step: int) -> bool:
        plan = self.config.checkpoints
        if plan.every_steps and self.step - saved_step >= plan.every_steps:
            return True
        return self.elapsed_s - saved_s >= 60 * plan.every_minutes

    def _train(self, progress: float) -> dict[str, torch.Tensor]:
        """Do one step and return what it measured."""
        config = self.config
        rate = schedule.learning_rate_scale(config.optimizer, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = config.optimizer.learning_rate * rate
        self._freeze_statistics(progress)
        waveform = self.source(self.step, range(config.batch_size)).to(self.device)
        counts, bypass = self._draw(progress)
        generator = step_generator(config.seed, self.step, "quantizer", self.device)
        result = self.pass_(waveform, counts, bypass, generator)

        losses = self.spectral(waveform, result.waveform)
        losses["time"] = time_l1(waveform, result.waveform)
        losses["commitment"] = result.commitment
        total = self._weigh(losses, progress)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = self._clip()
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
        if schedule.averages(config.average, progress):
            self.average.update(self.model)
        measured = {name: value.detach() for name, value in losses.items()}
        measured["total"] = total.detach()
        measured["gradient_norm"] = norm
        measured["learning_rate"] = torch.tensor(config.optimizer.learning_rate * rate)
        return measured

    def _weigh(self, losses: dict[str, torch.Tensor], progress: float) -> torch.Tensor:
        weights = self.config.losses
        spectral = schedule.spectral_weight(weights, progress)
        # Magnitudes on a linear scale lead towards the waveform too, and are held back less.
        early = {"mel": max(spectral, 0.3), "convergence": max(spectral, 0.3)}
        held = {"log_mel": spectral, "log_stft": spectral, **early}
        parts = [
            getattr(weights, name) * held.get(name, 1.0) * value for name, value in losses.items()
        ]
        return torch.stack(parts).sum()

    def _clip(self) -> torch.Tensor:
        limit = self.config.optimizer.clip_norm or math.inf
        return nn.utils.clip_grad_norm_(self.model.parameters(), limit)

    def _draw(self, progress: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw codebooks and bypass for the items of the batch."""
        size = self.config.batch_size
        choices = torch.tensor(self.config.codebook_counts)
        generator = step_generator(self.config.seed, self.step, "codebooks")
        counts = choices[torch.randint(len(choices), (size,), generator=generator)]
        if self.step == 0:  # every codebook starts from as many vectors as there are
            counts = torch.full_like(counts, int(choices.max()))
        probability = schedule.bypass_probability(self.config.quantizer, progress)
        bypass = torch.rand(size, generator=generator) < probability
        return counts.to(self.device), bypass.to(self.device)

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
        model = copy.deepcopy(self.model)
        if self.average.state:
            model.load_state_dict(self.average.state)
        return model.eval()

    def save(self) -> Path:
        """Write a checkpoint and the model as it would be published now.

        Returns
        -------
        Path
            The checkpoint.
        """
        values = self.validate()
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
        path = self.checkpoints.save(content, best=self._best[0])
        self.published().save_pretrained(self.folder / "model", overwrite=True)
        if values:
            self.log.write(self.step, values)
            self.board.write(self.step, values)
        self._emit("checkpoint", values, text=str(path))
        return path

    def _restore(self, path: Path) -> None:
        content = read_checkpoint(path)
        try:
            now = self.config.to_dict()["model"]
            then = content["config"]["model"]
            if now != then:
                changed = sorted(k for k in now.keys() | then.keys() if now.get(k) != then.get(k))
                raise CheckpointError(f"{path} is of another model: {', '.join(changed)} changed")
            self.model.load_state_dict(content["model"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.average.load_state_dict(content["average"], self.device)
            self.step = content["step"]
            self._elapsed_s = float(content["elapsed_s"])
            self._best = (int(content["best"][0]), float(content["best"][1]))
        except (KeyError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"{path} does not fit this run: {error}") from None

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Judge the published model on held-out batches, at every bandwidth.

        Returns
        -------
        dict
            Losses by name, averaged over batches and bandwidths; empty without held-out batches.
        """
        batches = self.config.checkpoints.validation_batches
        if not batches:
            return {}
        means = RunningMean()
        judge = TrainingStep(self.published(), self.config.precision)
        size = self.config.batch_size
        for index in range(batches):
            waveform = self.source(HELD_OUT + index, range(size)).to(self.device)
            for bandwidth in self.config.model.target_bandwidths:
                count = self.config.model.num_codebooks_for(bandwidth)
                counts = torch.full((size,), count, device=self.device)
                bypass = torch.zeros(size, dtype=torch.bool, device=self.device)
                generator = torch.Generator(self.device).manual_seed(0)
                result = judge(waveform, counts, bypass, generator)
                losses = self.spectral(waveform, result.waveform)
                losses["time"] = time_l1(waveform, result.waveform)
                losses["total"] = self._weigh(losses, 1.0)
                means.add({f"validation/{name}": value for name, value in losses.items()})
        return means.take()

    def _emit(self, kind: str, values: dict[str, float] | None = None, text: str = "") -> None:
        self._on_event(
            Event(kind, self.step, self.progress, self.elapsed_s, dict(values or {}), text)
        )


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
