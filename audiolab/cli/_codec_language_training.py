"""``audiolab codec train-lm``: the language model of a codec's codes."""

from __future__ import annotations

from pathlib import Path

from audiolab.cli._codec_training import STOPPED, find_recipe, gentle_stop, show, tell_skipped
from audiolab.cli._errors import CommandError, Parser, UsageError

__all__ = ["build_parser", "run"]

DESCRIPTION = """\
Train the language model that makes files of a codec smaller (--lm). The run's folder gets
checkpoints, log.csv, language_model.safetensors (floating point) and exact.safetensors (integers,
what --language-model takes and files are written with). A run that was stopped goes on with
--resume."""

EXAMPLES = """\
examples:
  audiolab codec train-lm audiolab_24khz_lm --data songs/ --out run_lm
  audiolab codec train-lm audiolab_24khz_lm --codec run/model --data songs/ --out run_lm
  audiolab codec compress talk.wav --lm --language-model run_lm/exact.safetensors"""


def build_parser() -> Parser:
    """Return the parser of what follows ``audiolab codec train-lm``."""
    parser = Parser(prog="audiolab codec train-lm", description=DESCRIPTION, epilog=EXAMPLES)
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
        "--codec", metavar="NAME", help="another codec than the configuration's: name or folder"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the newest checkpoint in RUN"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="another length, in steps")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="another length, in minutes of training in all"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="threads to compute with (default: 1)"
    )
    return parser


def run(words: list[str]) -> int:
    """Train as the command line says."""
    arguments = build_parser().parse_args(words)
    if arguments.threads < 1:
        raise UsageError(f"--threads must be 1 or more, got {arguments.threads}")
    if arguments.steps is not None and arguments.minutes is not None:
        raise UsageError("--steps and --minutes both give the run's length: choose one")
    if not arguments.data.is_dir():
        raise CommandError(f"{arguments.data}: no such folder")
    path = find_recipe(arguments.config)

    from dataclasses import replace

    import torch

    from audiolab.codec import EncodecModel
    from audiolab.codec.training.data import open_source
    from audiolab.codec.training.language import LanguageTrainer
    from audiolab.codec.training.language_config import LanguageTrainingConfig

    torch.set_num_threads(arguments.threads)
    config = LanguageTrainingConfig.load(path)
    if arguments.codec is not None:
        config = replace(config, codec=arguments.codec)
    if arguments.steps is not None:
        config = replace(config, steps=arguments.steps, budget_minutes=None)
    if arguments.minutes is not None:
        config = replace(config, budget_minutes=arguments.minutes)
    codec = EncodecModel.from_pretrained(config.codec)
    config = replace(config, language_model=replace(config.language_model, name=codec.name))
    source = open_source(
        arguments.data,
        config.data,
        sample_rate=codec.sample_rate,
        channels=codec.channels,
        num_samples=round(config.segment_s * codec.sample_rate),
        seed=config.seed,
    )
    tell_skipped(source.skipped)
    arguments.out.mkdir(parents=True, exist_ok=True)
    trainer = LanguageTrainer(
        config,
        codec,
        source,
        arguments.out,
        resume=arguments.resume,
        on_event=lambda event: show(event, arguments.out),
    )
    with gentle_stop(trainer.request_stop):
        finished = trainer.run()
    return 0 if finished else STOPPED
