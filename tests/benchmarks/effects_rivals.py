"""Who the effects are timed against: libsox in process, the sox program, pedalboard.

Each is absent where it is not installed, and the bench says so.
"""

from __future__ import annotations

import ctypes.util
import importlib
import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LIBRARIES", "LegacySox", "Turn", "measured", "pedalboard_turn", "sox_program_turns"]

#: Runs a job once and returns the wall time and the processor's time in seconds.
Turn = Callable[[], tuple[float, float]]

#: Where shared libraries lie on a Debian machine.
LIBRARIES = (
    Path("/usr/lib/x86_64-linux-gnu"),
    Path("/usr/lib/aarch64-linux-gnu"),
    Path("/usr/lib"),
)


def measured(call: Callable[[], object]) -> Turn:
    """Time a call in this process, the processor's time of all its threads."""

    def turn() -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        return time.perf_counter() - wall, time.process_time() - cpu

    return turn


class LegacySox:
    """libsox through torchaudio 2.8, in another process that times itself.

    Parameters
    ----------
    python
        Interpreter of an environment with torch 2.8 and torchaudio 2.8.
    folder
        Folder for the link under whose name torchaudio looks for libsox.
    """

    def __init__(self, python: str, folder: Path) -> None:
        name = ctypes.util.find_library("sox") or "libsox.so.3"
        real = next((each / name for each in LIBRARIES if (each / name).exists()), Path(name))
        link = folder / "libsox.so"
        if not link.exists():
            link.symlink_to(real)
        paths = [str(folder), os.environ.get("LD_LIBRARY_PATH", "")]
        environment = os.environ | {
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths)),
            "OMP_NUM_THREADS": "1",
        }
        self._server = subprocess.Popen(
            [python, str(Path(__file__).with_name("legacy_sox.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        if self._answer() != "ready":
            raise OSError("torchaudio 2.8 did not start")

    def _answer(self) -> Any:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        if not line:
            raise OSError(f"torchaudio 2.8 ended with status {self._server.wait()}")
        return json.loads(line)

    def turn(self, clips: Path, rate: int, effects: Sequence[Sequence[str]]) -> Turn:
        """Return the turn of a chain on the clips of a ``.npy`` file, one by one."""
        request = json.dumps({"clips": str(clips), "rate": rate, "effects": effects}) + "\n"

        def run() -> tuple[float, float]:
            stream: IO[str] | None = self._server.stdin
            assert stream is not None
            stream.write(request)
            stream.flush()
            answer = self._answer()
            if "error" in answer:
                raise RuntimeError(f"libsox: {answer['error']}")
            return answer["wall"], answer["cpu"]

        return run

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()


def sox_program_turns(
    batch: NDArray[np.float32], rate: int, effects: Sequence[Sequence[str]]
) -> tuple[Turn, Turn] | None:
    """Return a turn of the program, and one of the same pipes without effects, clip by clip."""
    program = shutil.which("sox")
    if program is None:
        return None
    source = ["-t", "f32", "-r", str(rate), "-c", str(batch.shape[1]), "-"]
    clips = [np.ascontiguousarray(clip.T).tobytes() for clip in batch]
    words = [word for effect in effects for word in effect]
    target = ["-n"] if words[0] == "noiseprof" else ["-t", "f32", "-"]
    command = [program, "-D", "-R", "-V1", *source, *target]

    def spent(tail: list[str]) -> tuple[float, float]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = time.perf_counter()
        for clip in clips:
            subprocess.run([*command, *tail], input=clip, capture_output=True, check=True)
        wall = time.perf_counter() - wall
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return wall, cpu

    return lambda: spent(words), lambda: spent([])


def pedalboard_turn(
    batch: NDArray[np.float32], rate: int, name: str, arguments: dict[str, Any]
) -> Turn | None:
    """Return a turn of a pedalboard plugin, clip by clip, or None where there is no pedalboard."""
    try:
        pedalboard = importlib.import_module("pedalboard")
    except ImportError:
        return None
    clips = list(batch)
    if name == "time_stretch":
        return measured(lambda: [pedalboard.time_stretch(c, rate, **arguments) for c in clips])
    plugin = getattr(pedalboard, name)(**arguments)
    return measured(lambda: [plugin(clip, rate) for clip in clips])
