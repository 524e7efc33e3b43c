"""``audiolab codec eval``: what a model makes of files, in numbers and to listen to."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from audiolab.cli import _arguments, _style
from audiolab.cli._errors import CommandError, Parser, UsageError
from audiolab.cli._progress import Progress

if TYPE_CHECKING:
    import torch

    from audiolab.codec import EncodecModel
    from audiolab.metrics import Measure

__all__ = ["build_parser", "run"]

DESCRIPTION = """\
Code files at every bandwidth of a model, decode them, and measure what came back: bits per second
of the whole .ecdc file, waveform and spectra, and with --speech intelligibility and PESQ (of
`pip install 'audiolab[metrics]'`). No metric hears as people do: -o writes a page that plays the
original and all bandwidths against one another, with a blind test."""

EXAMPLES = """\
examples:
  audiolab codec eval audiolab_24khz talk.wav --speech
  audiolab codec eval run/model song.flac talk.wav -b 3 -b 6 --effort 8 -o heard.html"""

#: What a browser holds with ease: see ``audiolab play-page``.
PAGE_LIMIT_S = 300.0
GAP_S = 0.5


class Result(NamedTuple):
    """A file at one bandwidth."""

    file: str
    bandwidth_kbps: float
    used_kbps: float
    values: dict[str, float]


def build_parser() -> Parser:
    """Return the parser of what follows ``audiolab codec eval``."""
    parser = Parser(prog="audiolab codec eval", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("model", metavar="MODEL", help="name, folder or file of a model")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio file")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PAGE", help="page to listen to (.html)"
    )
    parser.add_argument(
        "-b", "--bandwidth", type=float, action="append", metavar="KBPS",
        help="one of the model's, as often as you like (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "-e", "--effort", type=int, default=1, metavar="N",
        help="beams kept while codes are searched for (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "-l", "--lm", action="store_true", help="count bits with the language model's help"
    )
    parser.add_argument(
        "--speech", action="store_true", help="measure STOI, ESTOI and PESQ, which speech alone has"
    )
    parser.add_argument(
        "--visqol", action="store_true", help="measure ViSQOL as well, which takes its time"
    )
    parser.add_argument(
        "--seconds", type=float, default=10.0, metavar="S",
        help="how much of each file to take, from its start (default: 10)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a JSON list, not a table")
    _arguments.add_force(parser)
    return parser


def run(words: list[str]) -> int:
    """Evaluate as the command line says."""
    arguments = build_parser().parse_args(words)
    files: list[Path] = arguments.files
    if not 0 < arguments.seconds < math.inf:
        raise UsageError(f"--seconds must be above 0, got {arguments.seconds:g}")
    if not 1 <= arguments.effort <= 1024:
        raise UsageError(f"--effort must be from 1 to 1024, got {arguments.effort}")
    for path in files:
        if not path.is_file():
            raise CommandError(f"{path}: no such file")
    if arguments.output is not None:
        _arguments.check_output(arguments.output, files, force=arguments.force)

    from audiolab.codec import EncodecModel

    model = EncodecModel.from_pretrained(arguments.model)
    bandwidths = _bandwidths(arguments.bandwidth, model)
    measures, said = _measures(speech=arguments.speech, visqol=arguments.visqol)
    sounds = _load(files, model, arguments.seconds)
    if arguments.output is not None:
        total = sum(sound.shape[-1] for sound in sounds) / model.sample_rate
        if total > PAGE_LIMIT_S:
            raise CommandError(
                f"{_style.clock(total)} of audio is more than the {_style.clock(PAGE_LIMIT_S)} "
                "that a page can hold: lower --seconds, or name fewer files"
            )
    from audiolab.cli.play_page import titles

    results: list[Result] = []
    heard: dict[float, list[torch.Tensor]] = {each: [] for each in bandwidths}
    with Progress(None) as progress:
        progress.set_total(float(len(sounds) * len(bandwidths)))
        for name, sound in zip(titles(files), sounds, strict=True):
            for bandwidth in bandwidths:
                decoded, used = _round_trip(sound, model, bandwidth, arguments)
                values = _values(sound, decoded, model.sample_rate, measures)
                results.append(Result(name, bandwidth, used, values))
                heard[bandwidth].append(decoded)
                progress.update(float(len(results)))
    if arguments.json:
        print(json.dumps([_plain(each) for each in results], indent=2, allow_nan=False))
    else:
        header, rows = _table(results, measures)
        print(_style.table(header, rows, right=header[1:]))
        for text in said:
            print(text)
    if arguments.output is not None:
        _write_page(arguments, model, titles(files), sounds, heard, results, measures, said)
    return 0


def _bandwidths(asked: list[float] | None, model: EncodecModel) -> list[float]:
    for bandwidth in asked or ():
        if bandwidth not in model.target_bandwidths:
            offered = ", ".join(f"{each:g}" for each in model.target_bandwidths)
            raise CommandError(
                f"Bandwidth {bandwidth:g} is not supported by the model {model.name}: "
                f"it has {offered} kbps"
            )
    return sorted(set(asked)) if asked else model.target_bandwidths


def _measures(*, speech: bool, visqol: bool) -> tuple[list[Measure], list[str]]:
    """Return the measures to take, and what is to be said about those left out."""
    from importlib.util import find_spec

    from audiolab.metrics import PANEL

    chosen = [
        each for each in PANEL
        if (speech or not each.speech_only) and (visqol or not each.name.startswith("visqol"))
    ]  # fmt: skip
    packages = {"stoi": "pystoi", "estoi": "pystoi", "pesq_wb": "pesq", "pesq_nb": "pesq"}
    missing = {
        each.title for each in chosen
        if each.packaged and find_spec(packages.get(each.name, "visqol")) is None
    }  # fmt: skip
    said = []
    if missing:
        said = [f"{', '.join(sorted(missing))}: need `pip install 'audiolab[metrics]'`"]
    return [each for each in chosen if each.title not in missing], said


def _load(files: list[Path], model: EncodecModel, seconds: float) -> list[torch.Tensor]:
    from audiolab import io

    sounds = []
    for path in files:
        length = io.info(path).duration_s
        stop = seconds if length is None else min(seconds, length)
        sound, _ = io.load(
            path, sample_rate=model.sample_rate, num_channels=model.channels, stop_s=stop
        )
        if not bool(sound.any()):
            raise CommandError(f"{path} is silent: there is nothing to measure")
        sounds.append(sound)
    return sounds


def _round_trip(
    sound: torch.Tensor, model: EncodecModel, bandwidth: float, arguments: Any
) -> tuple[torch.Tensor, float]:
    """Return what comes back, and the file's kilobits per second."""
    from audiolab import codec

    beside = Path(arguments.model) / "language_model.safetensors"
    lm: bool | Path = beside if beside.is_file() else True
    data = codec.compress(
        sound, model.sample_rate, model=model, bandwidth=bandwidth,
        lm=lm if arguments.lm else False, effort=arguments.effort,
    )  # fmt: skip
    decoded, _ = codec.decompress(data, model=model, lm=lm if arguments.lm else None)
    used = 8e-3 * len(data) / (sound.shape[-1] / model.sample_rate)
    return decoded[..., : sound.shape[-1]].cpu(), used


def _values(
    sound: torch.Tensor, decoded: torch.Tensor, rate: int, measures: list[Measure]
) -> dict[str, float]:
    """Measure the mean of the channels; NaN where a measure refuses or finds nothing."""
    reference, estimate = sound.mean(dim=0), decoded.mean(dim=0)
    values = {}
    for measure in measures:
        try:
            values[measure.name] = float(measure.call(reference, estimate, rate))
        except ValueError:  # too short for it, or what came back is silent
            values[measure.name] = math.nan
    return values


def _table(results: list[Result], measures: list[Measure]) -> tuple[list[str], list[list[str]]]:
    units = [f" ({each.unit})" if each.unit == "dB" else "" for each in measures]
    titles = [each.title + unit for each, unit in zip(measures, units, strict=True)]
    header = ["file", "kb/s", "kb/s of file", *titles]
    rows = [
        [
            each.file,
            f"{each.bandwidth_kbps:g}",
            f"{each.used_kbps:.2f}",
            *(_number(each.values[measure.name]) for measure in measures),
        ]
        for each in results
    ]
    return header, rows


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else _style.NOTHING


def _plain(result: Result) -> dict[str, Any]:
    values = {k: v if math.isfinite(v) else None for k, v in result.values.items()}
    return {
        "file": result.file,
        "bandwidth_kbps": result.bandwidth_kbps,
        "used_kbps": result.used_kbps,
        **values,
    }


def _write_page(
    arguments: Any,
    model: EncodecModel,
    names: list[str],
    sounds: list[torch.Tensor],
    heard: dict[float, list[torch.Tensor]],
    results: list[Result],
    measures: list[Measure],
    said: list[str],
) -> None:
    """Write the page: every file one after the other in one player, and the table."""
    import torch

    from audiolab import display
    from audiolab._files import atomic_path

    rate = model.sample_rate
    gap = torch.zeros(model.channels, int(GAP_S * rate))

    def joined(parts: list[torch.Tensor]) -> torch.Tensor:
        spaced = [piece for part in parts for piece in (part, gap)][:-1]
        return torch.cat(spaced, dim=-1)

    tracks = {"original": joined(sounds)}
    tracks |= {f"{each:g} kb/s": joined(parts) for each, parts in heard.items()}
    starts, at = [], 0
    for name, sound in zip(names, sounds, strict=True):
        starts.append(f"{name} from {_style.clock(at / rate)}")
        at += sound.shape[-1] + gap.shape[-1]
    header, rows = _table(results, measures)
    more, less = (
        ", ".join(each.title for each in measures if each.higher_is_better == higher)
        for higher in (True, False)
    )
    settings = f"{model.name} at effort {arguments.effort}"
    if arguments.lm:
        settings += ", with its language model"
    notes = [
        f"{settings}. {'; '.join(starts)}.",
        f"No metric hears as people do: press B for a blind test. More is better of {more}; "
        f"less of {less}.",
        *said,
    ]
    table = display.Table("Measured", tuple(header), tuple(tuple(row) for row in rows))
    page = display.comparison_page(
        tracks, rate, title=f"{model.name}: {', '.join(names)}", notes=notes, tables=[table]
    )
    with atomic_path(arguments.output, overwrite=arguments.force) as temporary:
        temporary.write_text(page, encoding="utf-8")
