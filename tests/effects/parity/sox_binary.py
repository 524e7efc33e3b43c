"""Run the sox program on tensors, bit for bit.

Samples travel in SoX's own file format: 32-bit integers, which is what flows between its effects,
and a sample rate in double precision. Nothing is rounded or dithered on the way in or out.

At the end of a command line sox adds ``channels`` and ``rate`` to return to the input's form. To
see what the effects themselves leave behind, `run` says what form that is (``sox -V4`` lists it for
every effect) and lets the caller ask for that form, so that sox has nothing to add.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch

__all__ = ["Form", "SoxError", "SoxResult", "from_grid", "natural_form", "run", "to_grid"]

SCALE = 2.0**31
_HEADER = struct.Struct("<4sIQdII")
_CHAIN = re.compile(r"effects chain: (\S+)\s+([\d.e+]+)Hz\s+(\d+) channels")


class SoxError(RuntimeError):
    """sox refused: the text is what it wrote on stderr."""


@dataclass(frozen=True)
class Form:
    """Rate and channels of a stream; a rate that sox has printed has six digits."""

    sample_rate: float
    num_channels: int


@dataclass(frozen=True)
class SoxResult:
    """What sox wrote: samples ``(channels, time)`` in float64, their rate, and stderr."""

    waveform: torch.Tensor
    sample_rate: float
    text: str
    #: What each effect in the chain made of rate and channels, sox's own additions at the end too.
    chain: tuple[tuple[str, Form], ...]


def to_grid(waveform: torch.Tensor) -> torch.Tensor:
    """Round to SoX's grid of 2**-31, halves away from zero, and saturate."""
    scaled = waveform.double() * SCALE
    rounded = torch.sign(scaled) * torch.floor(scaled.abs() + 0.5)
    return rounded.clamp(-SCALE, SCALE - 1) / SCALE


def from_grid(data: bytes, num_channels: int) -> torch.Tensor:
    """Return interleaved little-endian 32-bit integers as ``(channels, time)``."""
    usable = len(data) - len(data) % (4 * num_channels)
    if usable == 0:
        return torch.zeros(num_channels, 0, dtype=torch.float64)
    words = torch.frombuffer(bytearray(data[:usable]), dtype=torch.int32)
    return (words.double() / SCALE).reshape(-1, num_channels).T.contiguous()


def _write(waveform: torch.Tensor, sample_rate: float) -> bytes:
    words = (to_grid(waveform) * SCALE).to(torch.int32).T.contiguous().numpy().astype("<i4")
    header = _HEADER.pack(
        b".SoX", _HEADER.size - 4, words.size, float(sample_rate), waveform.shape[0], 0
    )
    return header + words.tobytes()


def _read(data: bytes) -> tuple[torch.Tensor, float]:
    magic, size, _, sample_rate, channels, _ = _HEADER.unpack_from(data)
    assert magic == b".SoX", magic
    return from_grid(data[size + 4 :], channels), sample_rate


def run(
    waveform: torch.Tensor | None,
    sample_rate: float,
    words: Sequence[str],
    *,
    num_channels: int = 1,
    output: Form | None = None,
    options: Sequence[str] = ("-D", "-R"),
) -> SoxResult:
    """Run ``sox -D -R`` with the effects `words`.

    Parameters
    ----------
    waveform : Tensor or None
        Samples ``(channels, time)``, rounded to SoX's grid; None is the null input ``-n``.
    sample_rate : float
        Rate of the input.
    words : sequence of str
        Effects and their arguments.
    num_channels : int
        Channels of the null input; 0 leaves them to sox.
    output : Form, optional
        Rate and channels to ask of sox; by default sox restores those of the input.
    options : sequence of str
        Global options.
    """
    program = shutil.which("sox")
    assert program is not None
    if waveform is None:
        data = b""
        source = ["-r", repr(float(sample_rate))]
        source += (["-c", str(num_channels)] if num_channels else []) + ["-n"]
    else:
        data = _write(waveform, sample_rate)
        source = ["-t", "sox", "-"]
    target = ["-t", "sox"]
    if output is not None:
        target += ["-r", repr(float(output.sample_rate)), "-c", str(output.num_channels)]
    done = subprocess.run(
        [program, "-V4", *options, *source, *target, "-", *words],
        input=data,
        capture_output=True,
        timeout=120,
        check=False,
    )
    text = done.stderr.decode(errors="replace")
    if done.returncode or not done.stdout:
        raise SoxError(text)
    result, rate = _read(done.stdout)
    chain = tuple((m[1], Form(float(m[2]), int(m[3]))) for m in _CHAIN.finditer(text))
    return SoxResult(result, rate, text, chain)


def natural_form(result: SoxResult, names: Sequence[str]) -> Form:
    """Return the form that the effects called `names` leave, before what sox adds at the end."""
    wanted = list(names)
    form = result.chain[0][1]
    for name, after in result.chain[1:-1]:
        # An effect without effect is not listed.
        while wanted and wanted[0] != name:
            if name not in wanted:
                return form
            wanted.pop(0)
        if not wanted:
            return form
        wanted.pop(0)
        form = after
    return form


def close(one: float, other: float) -> bool:
    """Tell whether two rates agree to the six digits that sox prints."""
    return abs(Fraction(one) - Fraction(other)) <= Fraction(other) / 100_000
