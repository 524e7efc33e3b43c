"""``audiolab doctor``: what is installed, what does not work, and the command that mends it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from audiolab import _environment
from audiolab.cli import _style

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Examine the installation: versions, builds, FFmpeg's shared libraries, and whether torch, torchaudio
and torchcodec can really be imported (in a child process, so that a crash is reported too).

The exit status is 1 when something would not work."""

EXAMPLES = """\
examples:
  audiolab doctor
  audiolab doctor --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings, and below them what mends the bad ones."""
    watched = sys.stderr.isatty()
    if watched:
        print("importing torch, torchaudio and torchcodec ...", end="", file=sys.stderr, flush=True)
    try:
        findings = _environment.diagnose()
    finally:
        if watched:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(each) for each in findings], indent=2))
    else:
        rows = [[each.status, each.component, each.version, each.detail] for each in findings]
        print(_style.table(["", "component", "version", ""], rows))
        print()
        print(_verdict(findings))
    return 0 if all(each.works for each in findings) else 1


def _verdict(findings: list[_environment.Finding]) -> str:
    bad = [each for each in findings if not each.works]
    if not bad:
        return "Everything that audiolab needs works."
    # One command often mends several components; it is said once, with the first of them.
    remedies: dict[str, list[str]] = {}
    for each in bad:
        if each.remedy:
            remedies.setdefault(each.remedy, []).append(each.component)
    lines = [f"  {', '.join(names)}: {remedy}" for remedy, names in remedies.items()]
    names = ", ".join(each.component for each in bad)
    return "\n".join([f"Not working: {names}. To mend it:", *lines])
