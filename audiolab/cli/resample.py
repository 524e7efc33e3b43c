"""``audiolab resample``: another sample rate in constant memory, or the methods side by side."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from audiolab.cli import _arguments
from audiolab.cli._errors import CommandError, UsageError
from audiolab.cli._output import add_format_options, check_encoding, target_format, watched
from audiolab.cli._progress import Progress
from audiolab.cli._style import clock, hertz, visible

if TYPE_CHECKING:
    import torch

    from audiolab import io

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Write an audio file at another sample rate. Files of any length take the same memory; the output
appears whole at the end, or not at all.

With --compare, write a web page instead: the file by several methods, to switch between while it
plays, above a table of what each method does to tones."""

EXAMPLES = """\
examples:
  audiolab resample concert.flac concert-48k.flac --rate 48k
  audiolab resample call.wav call-8k.wav --rate 8k --method audiolab_minimum_phase
  audiolab resample --compare song.flac --rate 16k -o page.html --start 1:00 --stop 1:08
  audiolab resample --compare song.flac --rate 16k -o page.html --method soxr_hq --method linear"""

BLOCK_S = 10.0

#: What has no stream is held in memory, twice: ten minutes of stereo at 48 kHz take 460 MB.
WHOLE_LIMIT_S = 600.0

#: All versions together on one page; see `play-page`.
PAGE_LIMIT_S = 300.0

#: The default, the two other ways to be right, and the three ways in which torch users go wrong.
COMPARED = (
    "audiolab",
    "audiolab_minimum_phase",
    "soxr_hq",
    "torchaudio_hann",
    "torchcodec_swr",
    "linear",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("input", type=Path, metavar="IN", help="file to read")
    parser.add_argument(
        "output", type=Path, nargs="?", metavar="OUT", help="file to write (or page, see -o)"
    )
    parser.add_argument("-o", "--output", type=Path, dest="page", metavar="OUT", help="the same")
    parser.add_argument(
        "--rate",
        type=_arguments.sample_rate,
        required=True,
        metavar="HZ",
        help="sample rate of the output (16000, 16k, 44.1k)",
    )
    parser.add_argument(
        "--method",
        action="append",
        metavar="NAME",
        help="audiolab (default), audiolab_minimum_phase, audiolab_brickwall, soxr_hq, "
        "torchaudio_hann, ...; several times with --compare",
    )
    parser.add_argument("--compare", action="store_true", help="write a page that compares methods")
    add_format_options(parser)
    _arguments.add_range(parser)
    parser.add_argument(
        "--on-clip",
        choices=("warn", "error", "rescale"),
        default="warn",
        help="what to do with samples beyond full scale (default: warn, and clip them)",
    )
    _arguments.add_force(parser)


def run(arguments: argparse.Namespace) -> int:
    """Stream the input into the output, or write the page."""
    given = [each for each in (arguments.output, arguments.page) if each is not None]
    if len(given) != 1:
        raise UsageError("name one output: OUT, or -o OUT")
    _arguments.check_range_order(arguments.start, arguments.stop)
    _arguments.check_output(given[0], [arguments.input], force=arguments.force)
    methods = _methods(arguments.method)
    if arguments.compare:
        for option in ("bit_rate", "encoding", "format"):
            if getattr(arguments, option) is not None:
                raise UsageError(f"--{option.replace('_', '-')} does not go with --compare")
        return _compare(arguments, given[0], methods or list(COMPARED))
    if len(methods) > 1:
        raise UsageError("several methods make a page: add --compare")
    return _convert(arguments, given[0], methods[0] if methods else "audiolab")


def _methods(names: Sequence[str] | None) -> list[str]:
    """Return the methods named, each once, after looking them up."""
    if not names:
        return []
    from audiolab.resample import METHODS

    for name in names:
        if name not in METHODS:
            close = get_close_matches(name, METHODS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(METHODS)}"
            raise UsageError(f"--method {name}: {hint}")
    return list(dict.fromkeys(names))


def _convert(arguments: argparse.Namespace, output: Path, method: str) -> int:
    from audiolab import io

    target = target_format(arguments.format, output)
    check_encoding(arguments.encoding, target)
    blocks = io.blocks(arguments.input, BLOCK_S, start_s=arguments.start, stop_s=arguments.stop)
    rate: int = arguments.rate
    stream = _resampled(blocks, rate, method)
    divisor, on_clip = 1.0, arguments.on_clip
    if on_clip == "rescale":
        # The largest sample has to be known before the first one is written.
        on_clip = "warn"
        if arguments.encoding != "float32":
            divisor = max([1.0, *(float(each.abs().max()) for each in stream() if each.numel())])
    with io.BlockWriter(
        output,
        rate,
        blocks.num_channels,
        format=target.name,
        bit_rate=arguments.bit_rate,
        encoding=arguments.encoding,
        on_clip=on_clip,
        overwrite=arguments.force,
    ) as writer:
        for block in stream():
            writer.write(block / divisor if divisor > 1.0 else block)
    return 0


def _resampled(blocks: io.Blocks, rate: int, method: str) -> Callable[[], Iterator[torch.Tensor]]:
    """Return what yields the resampled blocks, as often as it is called."""
    import torch

    from audiolab import resample

    def streamed() -> Iterator[torch.Tensor]:
        resampler = resample.StreamResampler(blocks.sample_rate, rate, method=method)
        begun = False
        for block in watched(blocks):
            begun = True
            yield resampler.push(block)
        if begun:
            yield resampler.finish()

    def at_once() -> Iterator[torch.Tensor]:
        parts = list(watched(blocks))
        if parts:
            whole = torch.cat(parts, dim=1)
            yield resample.resample(whole, blocks.sample_rate, rate, method=method)

    if method.startswith("audiolab"):
        return streamed
    if blocks.num_samples is None or blocks.num_samples > WHOLE_LIMIT_S * blocks.sample_rate:
        length = "an unknown length"
        if blocks.num_samples is not None:
            length = clock(blocks.num_samples / blocks.sample_rate)
        raise CommandError(
            f"--method {method} takes the whole file into memory, at most {clock(WHOLE_LIMIT_S)} "
            f"and not {length}: choose a part with --start and --stop, or an audiolab method"
        )
    return at_once


def _compare(arguments: argparse.Namespace, output: Path, methods: list[str]) -> int:
    from audiolab import io

    source, rate = arguments.input, arguments.rate
    about = io.info(source)
    if about.sample_rate == rate:
        raise CommandError(f"{source} is at {hertz(rate)} already: there is nothing to compare")
    _check_length(about.duration_s, arguments.start, arguments.stop, 1 + len(methods))

    from audiolab import display, resample
    from audiolab._files import atomic_path

    waveform, orig_rate = io.load(source, start_s=arguments.start, stop_s=arguments.stop)
    if waveform.shape[-1] == 0:
        raise CommandError(f"{source} holds no samples: there is nothing to compare")
    tracks = {f"original, {hertz(orig_rate)}": (waveform, orig_rate)}
    rows = []
    # A second of audio a method stands for the work, so that the bar counts methods.
    with Progress(float(len(methods))) as progress:
        for done, method in enumerate(methods, start=1):
            tracks[method] = (resample.resample(waveform, orig_rate, rate, method=method), rate)
            rows.append(resample.quality(method, orig_rate, rate))
            progress.update(float(done))
    page = display.comparison_page(
        tracks,
        title=f"{visible(source.name)}: {hertz(orig_rate)} to {hertz(rate)}",
        notes=NOTES,
        tables=[display.quality_table(rows, caption="What the methods do to tones and a click")],
    )
    with atomic_path(output, overwrite=arguments.force) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return 0


#: How to read the page.
NOTES = (
    "One file by several methods. Switch while it plays; the blind test tells whether you hear a "
    "difference or expect one.",
    "The table does not depend on the file. Ripple is measured up to 0.91 of the lower of the two "
    "Nyquist frequencies (half the sample rate), aliases from 1.02 of it up. Speed is that of the "
    "computer which wrote this page, on one thread.",
)


def _check_length(
    duration_s: float | None, start_s: float, stop_s: float | None, count: int
) -> None:
    """Refuse what a browser could not hold, before anything is decoded."""
    stop = float("inf") if stop_s is None else stop_s
    length_s = max(min(float("inf") if duration_s is None else duration_s, stop) - start_s, 0.0)
    if count * length_s > PAGE_LIMIT_S:
        raise CommandError(
            f"a page holds {count} versions of at most {clock(PAGE_LIMIT_S / count)}: "
            "choose a part with --start and --stop"
        )
