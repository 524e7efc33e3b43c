"""``audiolab codec train``: a codec from a configuration and a folder of audio."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from audiolab.cli._errors import CommandError, Parser, UsageError, report
from audiolab.cli._style import clock

if TYPE_CHECKING:
    from audiolab.codec.training.trainer import Event

__all__ = ["build_parser", "find_recipe", "gentle_stop", "run", "show", "tell_skipped"]

#: Status of a run that was stopped and may be resumed.
STOPPED = 130
DATA_THREADS = 8

DESCRIPTION = """\
Train a neural codec. The run's folder gets checkpoints, log.csv, the model as it would be published
(model/), sounds of held-out audio with a page to hear them (report.html), and the configuration. A
run that was stopped, by Ctrl-C or otherwise, goes on with --resume as if it had not been; --steps
and --minutes change its length at any time. Under torchrun, several processes share every batch."""

EXAMPLES = """\
examples:
  audiolab codec train audiolab_24khz --data songs/ --out run
  audiolab codec train audiolab_24khz --data songs/ --out run --resume --minutes 30
  audiolab codec train my.yaml --data songs/ --out run --device cuda
  torchrun --nproc-per-node 2 -m audiolab codec train my.yaml --data songs/ --out run"""


def build_parser() -> Parser:
    """Return the parser of what follows ``audiolab codec train``."""
    parser = Parser(prog="audiolab codec train", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument(
        "config", metavar="CONFIG", help="a YAML file, or the name of a recipe that comes along"
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder of audio to learn from"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="RUN", help="the run's folder; made if missing"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the newest checkpoint in RUN"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="another length, in steps")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="another length, in minutes of training in all"
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu (default), cuda, ...")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="threads to compute with (default: 1)"
    )
    parser.add_argument(
        "--data-threads",
        type=int,
        metavar="N",
        help="threads that make batches ahead of time (default: 0, or 8 off the CPU)",
    )
    return parser


def run(words: list[str]) -> int:
    """Train as the command line says."""
    arguments = build_parser().parse_args(words)
    if arguments.threads < 1:
        raise UsageError(f"--threads must be 1 or more, got {arguments.threads}")
    if (arguments.data_threads or 0) < 0:
        raise UsageError(f"--data-threads must be 0 or more, got {arguments.data_threads}")
    if arguments.steps is not None and arguments.minutes is not None:
        raise UsageError("--steps and --minutes both give the run's length: choose one")
    if not arguments.data.is_dir():
        raise CommandError(f"{arguments.data}: no such folder")
    path = find_recipe(arguments.config)

    import torch

    from audiolab.codec.training.config import TrainingConfig
    from audiolab.codec.training.data import open_source
    from audiolab.codec.training.data.prefetching import Prefetched
    from audiolab.codec.training.distributed import join
    from audiolab.codec.training.trainer import Trainer, shortened

    torch.set_num_threads(arguments.threads)
    config = TrainingConfig.load(path)
    config = shortened(config, steps=arguments.steps, budget_minutes=arguments.minutes)
    source = open_source(
        arguments.data,
        config.data,
        sample_rate=config.model.sample_rate,
        channels=config.model.channels,
        num_samples=config.num_samples,
        seed=config.seed,
    )
    tell_skipped(source.skipped)
    arguments.out.mkdir(parents=True, exist_ok=True)
    threads = arguments.data_threads
    if threads is None:
        threads = 0 if arguments.device == "cpu" else DATA_THREADS
    ready = Prefetched(source, threads=threads) if threads else nullcontext(source)
    with ready as batches, join(arguments.device) as (device, pool):
        trainer = Trainer(
            config,
            batches,
            arguments.out,
            device=device,
            pool=pool,
            resume=arguments.resume,
            on_event=lambda event: show(event, arguments.out),
        )
        with gentle_stop(trainer.request_stop):
            finished = trainer.run()
    return 0 if finished else STOPPED


def find_recipe(name: str) -> Path:
    """Return the file, or that of the recipe of this name."""
    path = Path(name)
    if path.suffix:
        return path
    from audiolab.codec import training

    folder = Path(training.__file__).parent / "recipes"
    found = folder / f"{name}.yaml"
    if not found.is_file():
        names = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        raise CommandError(f"{name}: neither a YAML file nor one of the recipes {names}")
    return found


def tell_skipped(skipped: Mapping[str, str]) -> None:
    """Print which files of the data could not be used, a line each."""
    for reason in skipped.values():
        report("audiolab codec", f"skipped: {reason}")


def show(event: Event, folder: Path) -> None:
    """Print an event in one line; give a checkpoint its page."""
    numbers = {name: value for name, value in event.values.items() if name not in _HIDDEN}
    listed = " ".join(f"{name.removeprefix('validation/')} {v:.4g}" for name, v in numbers.items())
    head = f"{clock(event.elapsed_s)} {event.progress:5.1%} step {event.step}"
    if event.kind == "progress":
        print(f"{head} {listed}", flush=True)
    elif event.kind == "checkpoint":
        print(f"{head} saved {event.text} {listed}".rstrip(), flush=True)
        if event.samples:
            _write_page(event, folder / "report.html")
    else:
        stream = sys.stderr if event.kind == "warning" else sys.stdout
        print(f"{head} {event.kind}: {event.text}", file=stream, flush=True)


def _write_page(event: Event, path: Path) -> None:
    """Write what the newest checkpoint sounds and looks like, its losses below."""
    from audiolab._files import atomic_path
    from audiolab.display import Table, comparison_page

    tracks = {
        f"{name}, item {index + 1}": file
        for name, files in event.samples.items()
        for index, file in enumerate(files)
    }
    losses = [(n.removeprefix("validation/"), f"{v:.4g}") for n, v in event.values.items()]
    text = comparison_page(
        dict(sorted(tracks.items(), key=lambda each: each[0].rpartition(" ")[2])),
        title=f"{path.parent.name}: step {event.step}",
        notes=f"{event.progress:.1%} of the run, {event.elapsed_s / 60:.1f} minutes of training. "
        "The items were never trained on.",
        tables=[
            Table(
                "Losses on held-out items, mean over the bandwidths",
                ("loss", "value"),
                tuple(losses),
            )
        ]
        if losses
        else [],
    )
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


_HIDDEN = ("progress", "elapsed_s")


@contextmanager
def gentle_stop(stop: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the run after its step; the second ends it at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        print("stopping after this step; once more to stop at once", file=sys.stderr, flush=True)
        stop()

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
