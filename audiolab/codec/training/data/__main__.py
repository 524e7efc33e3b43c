"""The command ``python -m audiolab.codec.training.data``: render a training set."""

from __future__ import annotations

import argparse
import sys

import torch

from audiolab.codec.training.data import voices
from audiolab.codec.training.data.pieces import KINDS
from audiolab.codec.training.data.rendering import render


def main(argv: list[str] | None = None) -> int:
    """Render minutes of audio and show how far it is."""
    parser = argparse.ArgumentParser(
        prog="python -m audiolab.codec.training.data", description="Render training audio."
    )
    parser.add_argument("--minutes", type=float, required=True, help="how much audio in all")
    parser.add_argument("--out", required=True, help="the folder; what is there is kept")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another set")
    parser.add_argument(
        "--shares",
        nargs="+",
        metavar="KIND=SHARE",
        help=f"kinds to render; by default {' '.join(f'{k}={v:g}' for k, v in KINDS.items())}",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--sample-rate", type=int, default=24_000, help="in Hz")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # processes are the parallelism

    def show(done: int, total: int) -> None:
        sys.stderr.write(f"\r{done} of {total} shards")
        sys.stderr.flush()

    if not voices.installed_voices():
        sys.stderr.write("neither flite nor espeak-ng is installed: speech is made by formants\n")
    try:
        shares = _shares(options.shares)
        manifest = render(
            options.out,
            options.minutes,
            seed=options.seed,
            sample_rate=options.sample_rate,
            shares=shares,
            jobs=options.jobs,
            progress=show,
        )
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    minutes = ", ".join(f"{value:g} min {kind}" for kind, value in manifest["minutes"].items())
    sys.stderr.write(f"\n{options.out}: {minutes}\n")
    return 0


def _shares(words: list[str] | None) -> dict[str, float] | None:
    if words is None:
        return None
    shares = {}
    for word in words:
        kind, _, share = word.partition("=")
        try:
            shares[kind] = float(share)
        except ValueError:
            raise ValueError(f"--shares takes KIND=SHARE, got {word!r}") from None
    return shares


if __name__ == "__main__":
    raise SystemExit(main())
