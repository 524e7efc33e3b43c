"""``audiolab codec``: a neural codec on files; takes the command line of ``encodec``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from importlib import import_module
from pathlib import Path

from audiolab.cli import _arguments
from audiolab.cli._codec_pipes import is_piped, run_piped
from audiolab.cli._errors import CommandError, Parser, UsageError, describe, report

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Compress audio into .ecdc files with a neural codec, and back: the bundled 24 kHz mono model, the
published EnCodec models, or your own.

  audiolab codec compress INPUT...     audio to .ecdc
  audiolab codec decompress INPUT...   .ecdc to audio
  audiolab codec roundtrip INPUT...    audio to audio, as it sounds after both
  audiolab codec tokens INPUT...       audio or .ecdc to .safetensors or .npy; these to .ecdc
  audiolab codec info INPUT...         what is in .ecdc files; needs no weights
  audiolab codec eval MODEL INPUT...   what a model makes of audio; see audiolab codec eval --help
  audiolab codec train CONFIG ...      a model of your own; see audiolab codec train --help
  audiolab codec train-lm CONFIG ...   the language model of its codes
  audiolab codec INPUT [OUTPUT]        as `encodec` does: .ecdc is decompressed, anything else
                                       compressed, or sent both ways if OUTPUT is audio;
                                       `--model encodec_24khz` is its default model

- is stdin or stdout: audio of any format comes in, .ecdc or WAV goes out, and what stdin holds
tells the direction. Files of any length take the same memory. Outputs appear whole, or not at
all."""

EXAMPLES = """\
examples:
  audiolab codec -b 3 speech.wav speech.ecdc
  audiolab codec speech.ecdc
  audiolab codec compress song.flac talk.mp3 --hq -b 12 --output-dir coded
  audiolab codec roundtrip speech.wav -b 6 --effort 16 -o heard.wav
  audiolab codec decompress song.ecdc -r -o song.wav
  ffmpeg -i talk.mp4 -f wav - | audiolab codec - talk.ecdc
  audiolab codec talk.ecdc - | aplay
  audiolab codec tokens speech.wav -o speech.safetensors
  audiolab codec info speech.ecdc --json"""

ACTIONS = ("compress", "decompress", "roundtrip", "tokens", "info")
#: Actions with a command line of their own: the module whose ``run`` takes the words after them.
COMMANDS = {
    "eval": "audiolab.cli._codec_evaluation",
    "train": "audiolab.cli._codec_training",
    "train-lm": "audiolab.cli._codec_language_training",
}
TOKENS = (".safetensors", ".npy")
ECDC = ".ecdc"
# The bandwidth when none is asked for, as `encodec` has it.
BANDWIDTH_KBPS = 6.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    if isinstance(parser, Parser):
        parser.tail_words = COMMANDS
    parser.add_argument(
        "words", nargs="*", metavar="[ACTION] INPUT", help="what to do, and the files to do it with"
    )
    parser.add_argument(
        "-b",
        "--bandwidth",
        type=float,
        default=BANDWIDTH_KBPS,
        metavar="KBPS",
        help="1.5, 3, 6 (default) or 12 kbps; encodec_24khz and --hq have 24 too, --hq starts at 3",
    )
    parser.add_argument(
        "-q", "--hq", action="store_true", help="the published 48 kHz stereo model, encodec_48khz"
    )
    parser.add_argument(
        "-l", "--lm", action="store_true", help="save bits by a language model (slower)"
    )
    parser.add_argument(
        "-e",
        "--effort",
        type=int,
        default=1,
        metavar="N",
        help="beams kept while codes are searched for: 1 (default) to 1024; 8 to 32 sound better "
        "in as many bits, and take longer",
    )
    _arguments.add_force(parser)
    parser.add_argument(
        "-s",
        "--suffix",
        "--decompress_suffix",
        dest="suffix",
        default="_decompressed",
        metavar="TEXT",
        help="ends the name of decompressed audio (default: _decompressed)",
    )
    parser.add_argument(
        "-r", "--rescale", action="store_true", help="scale decompressed audio that would clip"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="output of a single input"
    )
    parser.add_argument(
        "--output-dir", type=Path, metavar="DIR", help="folder for outputs (default: the input's)"
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="files worked on at once (default: 1)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="name, folder or file of a model (default: audiolab_24khz, which needs no download; "
        "encodec_24khz and encodec_48khz are the published ones)",
    )
    parser.add_argument(
        "--language-model",
        metavar="FILE",
        help="language model (default: language_model.safetensors in the model's folder, "
        "or the published one)",
    )
    parser.add_argument(
        "--lm-version",
        type=int,
        choices=(0, 1),
        default=1,
        help="1 (default): decodes on every machine; 0: as encodec, on the same machine only",
    )
    parser.add_argument(
        "--no-checksum", action="store_true", help="write encodec's bytes and no more"
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="bfloat16 codes and decodes the published models faster where the processor has it; "
        "some codes change (default: float32)",
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu (default), cuda, ...")
    parser.add_argument("--json", action="store_true", help="info: print a JSON list")


def run(arguments: argparse.Namespace) -> int:
    """Do what the first word says, or what the suffixes say."""
    words = arguments.words
    if arguments.tail:
        action, *rest = arguments.tail
        if words:
            raise UsageError(f"{action} comes first; for a file of that name write ./{action}")
        module = import_module(COMMANDS[action])
        status: int = module.run(rest)
        return status
    if not words:
        raise UsageError("name a file, or an action (see `audiolab codec --help`)")
    if arguments.jobs < 1:
        raise UsageError(f"--jobs must be 1 or more, got {arguments.jobs}")
    if not 1 <= arguments.effort <= 1024:
        raise UsageError(f"--effort must be from 1 to 1024, got {arguments.effort}")
    if words[0] in ACTIONS:
        action, names = words[0], words[1:]
        if not names:
            raise UsageError(f"{action}: name a file")
        if is_piped(names, arguments):
            return run_piped(action, names, arguments)
    elif is_piped(words, arguments):
        return run_piped(None, words, arguments)
    else:
        action, names = _inferred(words, arguments)
    inputs = [Path(name) for name in names]
    if action == "info":
        return _info(inputs, as_json=arguments.json)
    if arguments.json:
        raise UsageError("--json belongs to info")
    if arguments.output is not None and (len(inputs) > 1 or arguments.output_dir is not None):
        raise UsageError("--output is for a single input; --output-dir takes many")
    jobs = [(source, _output(action, source, arguments)) for source in inputs]
    _check(jobs, force=arguments.force)
    if action in ("decompress", "roundtrip"):
        _check_format([target for _, target in jobs])

    from audiolab.cli._codec_work import Worker, check_device, work_through

    check_device(arguments.device)
    return work_through(
        jobs, lambda: Worker(arguments), lambda worker: worker.step(action), arguments.jobs
    )


def _inferred(words: list[str], arguments: argparse.Namespace) -> tuple[str, list[str]]:
    """Tell the direction by the suffixes, as ``encodec`` does."""
    if arguments.output_dir is None and len(words) == 2:
        if arguments.output is not None:
            raise UsageError("the output is named twice")
        arguments.output = Path(words.pop())
    elif arguments.output_dir is None and len(words) > 2:
        known = ", ".join(ACTIONS)
        raise UsageError(f"INPUT and OUTPUT, or an action ({known}) and any number of inputs")
    kinds = {Path(word).suffix.lower() == ECDC for word in words}
    if len(kinds) > 1:
        raise UsageError("inputs to compress and to decompress: name the action")
    target = None if arguments.output is None else arguments.output.suffix.lower()
    if kinds == {True}:
        if target == ECDC:
            raise CommandError("Output extension must be that of an audio file, such as .wav")
        return "decompress", words
    if target is None or target == ECDC:
        return "compress", words
    return "roundtrip", words


def _output(action: str, source: Path, arguments: argparse.Namespace) -> Path:
    """Return what an input becomes."""
    given: Path | None = arguments.output
    kind = source.suffix.lower()
    allowed: tuple[str, ...] | None
    if action == "decompress":
        name, allowed = f"{source.stem}{arguments.suffix}.wav", None
    elif action == "compress":
        name, allowed = f"{source.stem}{ECDC}", (ECDC,)
    elif action == "roundtrip":
        name, allowed = f"{source.stem}{arguments.suffix}.wav", None
    elif kind in TOKENS:
        name, allowed = f"{source.stem}{ECDC}", (ECDC,)
    else:
        name, allowed = f"{source.stem}{TOKENS[0]}", TOKENS
    if given is not None:
        if allowed is not None and given.suffix.lower() not in allowed:
            raise CommandError(f"{given}: the extension must be {' or '.join(allowed)}")
        return given
    return (arguments.output_dir or source.parent) / name


def _check(jobs: list[tuple[Path, Path]], *, force: bool) -> None:
    """Refuse what can't be done before a model is loaded."""
    for source, target in jobs:
        if not source.exists():
            raise CommandError(f"{source}: no such file")
        if source.is_dir():
            raise CommandError(f"{source} is a folder: name a file in it")
        _arguments.check_output(target, [source for source, _ in jobs], force=force)
    counts = Counter(target for _, target in jobs)
    twice = [str(target) for target, count in counts.items() if count > 1]
    if twice:
        raise UsageError(f"two inputs would become {twice[0]}: run them one by one, with --output")


def _check_format(targets: list[Path]) -> None:
    from audiolab import io

    known = [extension for each in io.formats() for extension in each.extensions]
    for target in targets:
        if target.suffix.lower() not in known:
            raise CommandError(f"{target}: the output must be .ecdc, or one of {' '.join(known)}")


# -------------------------------------------------------------------------------------------- info
HEADER = (
    "file",
    "model",
    "duration",
    "codebooks",
    "bandwidth",
    "used",
    "coding",
    "checksum",
    "size",
)
RIGHT = ("duration", "codebooks", "bandwidth", "used", "size")


def _info(inputs: list[Path], *, as_json: bool) -> int:
    from audiolab.cli import _style
    from audiolab.cli._codec_work import inspect

    found = []
    for path in inputs:
        try:
            found.append(inspect(path))
        except (OSError, ValueError) as error:
            text = describe(error)
            report("audiolab codec", text if str(path) in text else f"{path}: {text}")
    if as_json:
        print(json.dumps(found, indent=2, allow_nan=False))
    elif found:
        rows = [
            [
                str(each["file"]),
                str(each["model"]),
                _style.duration(each["duration_s"]),
                str(each["num_codebooks"]),
                _kbps(each["bandwidth_kbps"]),
                _kbps(each["used_kbps"]),
                "packed" if not each["lm"] else f"language model, version {each['version']}",
                str(each["checksum"]),
                _style.size(each["size_bytes"]),
            ]
            for each in found
        ]
        print(_style.table(HEADER, rows, right=RIGHT))
    return 0 if len(found) == len(inputs) else 1


def _kbps(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g} kb/s"
