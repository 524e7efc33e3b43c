"""``audiolab features``: spectral features of a file of any length, as an array or a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiolab.cli import _arguments
from audiolab.cli._errors import CommandError, UsageError

if TYPE_CHECKING:
    from audiolab import io
    from audiolab.features import Convention

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Compute a spectral feature of an audio file. A .npy holds float32 numbers of shape
(channels, values, frames); a .png is a picture of the channels' mix, in decibels.

The numbers are those of the library that --convention names. A .npy of a file of any length takes
the same memory; it appears whole at the end, or not at all."""

EXAMPLES = """\
examples:
  audiolab features speech.wav -o speech.npy
  audiolab features speech.wav -o speech.npy --kind mfcc --convention kaldi
  audiolab features song.flac -o song.png --kind spectrogram --start 1:00 --stop 1:10
  audiolab features talk.m4a -o talk.npy --convention whisper"""

KINDS = ("log-mel", "mel", "mfcc", "log-spectrogram", "spectrogram")
CONVENTIONS = ("librosa", "torchaudio", "kaldi", "whisper")

#: Long enough that the work a block costs on top of its samples does not show.
BLOCK_S = 10.0

#: More than this is not to be made out in a picture.
LONGEST_PICTURE_S = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("input", type=Path, metavar="IN", help="file to read")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        required=True,
        help="file to write: .npy (numbers) or .png (a picture)",
    )
    parser.add_argument(
        "--kind", choices=KINDS, default="log-mel", help="the feature (default: log-mel)"
    )
    parser.add_argument(
        "--convention",
        choices=CONVENTIONS,
        default="librosa",
        help="whose choices to take (default: librosa); whisper resamples to 16 kHz",
    )
    for option, what in (
        ("--n-fft", "samples of the transform"),
        ("--win-length", "samples of the window"),
        ("--hop-length", "samples between frames"),
        ("--n-mels", "mel bands"),
        ("--n-coefficients", "coefficients of mfcc"),
    ):
        parser.add_argument(option, type=_count, metavar="N", help=f"{what}, if not the preset's")
    parser.add_argument(
        "--rate",
        type=_arguments.sample_rate,
        metavar="HZ",
        help="resample to this rate first (16000, 16k, 44.1k)",
    )
    parser.add_argument(
        "--channels",
        type=_arguments.channel_count,
        metavar="N",
        help="mix to 1 (mono), 2 (stereo), ... first",
    )
    _arguments.add_range(parser)
    _arguments.add_force(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compute the feature and write it."""
    source, output = arguments.input, arguments.output
    suffix = output.suffix.lower()
    if suffix not in (".npy", ".png"):
        raise UsageError(f"{output}: name a .npy (numbers) or a .png (a picture)")
    picture = suffix == ".png"
    if picture and arguments.channels not in (None, 1):
        raise UsageError(f"--channels {arguments.channels}: a picture is of the channels' mix")
    kind = arguments.kind
    if picture and kind in ("mel", "spectrogram"):
        kind = f"log-{kind}"
    _arguments.check_range_order(arguments.start, arguments.stop)
    _arguments.check_output(output, [source], force=arguments.force)

    from audiolab import features, io

    choice = features.convention(arguments.convention, **_settings(arguments, kind))
    rate = arguments.rate or choice.sample_rate or io.info(source).sample_rate
    settled = choice.settle(rate)
    blocks = io.blocks(
        source,
        max(BLOCK_S, 4 * settled.n_fft / rate),
        sample_rate=rate,
        num_channels=1 if picture else arguments.channels,
        start_s=arguments.start,
        stop_s=arguments.stop,
    )
    if "mel" in kind or kind == "mfcc":
        features.mel_filterbank(rate, convention=choice)  # warns of empty bands, once
    if picture:
        _draw(output, arguments, kind, choice, blocks)
        return 0
    shape = _write(output, kind, choice, blocks, overwrite=arguments.force)
    every_ms = 1000 * settled.hop_length / rate
    print(
        f"{output}: {' x '.join(map(str, shape))} (channels, values, frames) of {choice.name} "
        f"{kind}, a frame every {every_ms:.4g} ms"
    )
    return 0


def _count(text: str) -> int:
    """Read a whole number above 0."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _settings(arguments: argparse.Namespace, kind: str) -> dict[str, int]:
    """Return the fields that were given; one that does not concern the feature is refused."""
    if kind == "mfcc" and arguments.convention == "whisper":
        raise UsageError("--convention whisper: it has no mfcc")
    given = {
        name: getattr(arguments, name)
        for name in ("n_fft", "win_length", "hop_length", "n_mels", "n_coefficients")
        if getattr(arguments, name) is not None
    }
    if "n_mels" in given and "spectrogram" in kind:
        raise UsageError(f"--n-mels: --kind {kind} has no mel bands")
    if "n_coefficients" in given and kind != "mfcc":
        raise UsageError(f"--n-coefficients: --kind {kind} has none, --kind mfcc has")
    return given


# ----------------------------------------------------------------------------------------- outputs
def _write(
    output: Path, kind: str, choice: Convention, blocks: io.Blocks, *, overwrite: bool
) -> tuple[int, int, int]:
    """Write the feature into an .npy a stretch at a time, and return its shape."""
    import numpy as np

    from audiolab._files import atomic_path
    from audiolab.cli._feature_stretches import count_frames, stretches

    count = count_frames(choice, blocks)
    shape, start, at = (0, 0, 0), 0, 0
    with atomic_path(output, overwrite=overwrite) as path, path.open("wb") as file:
        for piece in stretches(kind, choice, blocks):
            values = piece.numpy()
            if not at:
                shape = (*values.shape[:2], values.shape[2] if count is None else count)
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                start = file.tell()
            stop = at + values.shape[2]
            if stop > shape[2]:
                break
            # Rows lie behind one another, each as long as the whole file.
            for row, numbers in enumerate(values.reshape(-1, values.shape[2])):
                file.seek(start + 4 * (row * shape[2] + at))
                file.write(numbers.astype("<f4").tobytes())
            at = stop
        if at == 0 or at != shape[2]:
            raise CommandError(
                "the file holds another number of samples than its header tells: "
                "`audiolab convert` it to wav or flac first"
            )
    return shape


def _draw(
    output: Path,
    arguments: argparse.Namespace,
    kind: str,
    choice: Convention,
    blocks: io.Blocks,
) -> None:
    """Write a picture of the feature."""
    import torch

    from audiolab import display, features
    from audiolab._files import atomic_path
    from audiolab.cli._feature_stretches import stretches

    rate = blocks.sample_rate
    stretch_s = None if blocks.num_samples is None else blocks.num_samples / rate
    if stretch_s is None and arguments.stop is not None:
        stretch_s = arguments.stop - arguments.start
    if stretch_s is None or stretch_s > LONGEST_PICTURE_S:
        what = "audio of unknown length" if stretch_s is None else f"{stretch_s:.0f} s of audio"
        raise CommandError(
            f"{output}: {what} is too much for one picture: choose up to "
            f"{LONGEST_PICTURE_S:.0f} s with --start and --stop, or write a .npy"
        )
    settled = choice.settle(rate)
    values = torch.cat(list(stretches(kind, choice, blocks)), dim=-1)[0]
    look: dict[str, Any] = {"rows": "Coefficient", "signed": True}
    if kind == "log-mel":
        look = {"frequencies_hz": features.mel_frequencies(rate, convention=choice)}
    elif kind == "log-spectrogram":
        look = {"frequencies_hz": torch.linspace(0, rate / 2, settled.num_bins)}
    length = settled.win_length if settled.window_at_start else settled.n_fft
    first_s = arguments.start + (0.0 if settled.center else length / 2 / rate)
    axes = display.plot_feature(
        values,
        rate,
        title=f"{arguments.input.name}: {kind} ({choice.name})",
        hop_length=settled.hop_length,
        start_s=first_s,
        unit="dB" if choice.log == "db" else choice.log,
        **look,
    )
    figure = axes.get_figure(root=True)
    if figure is not None:
        with atomic_path(output, overwrite=arguments.force) as path:
            figure.savefig(path, dpi=150)
