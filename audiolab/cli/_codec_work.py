"""The work of ``audiolab codec``: one file at a time or several, with the models they need."""

from __future__ import annotations

import argparse
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from audiolab import codec
from audiolab._files import atomic_path
from audiolab.cli._errors import CommandError, describe, report
from audiolab.cli._progress import Progress
from audiolab.codec import EncodecModel
from audiolab.codec.bitstream import BitstreamError, Header, read_header
from audiolab.codec.config import DEFAULT_MODEL, PRESETS
from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.language_model import LanguageModel
from audiolab.codec.tokens import TokenInfo, load_tokens, save_tokens

__all__ = ["Worker", "check_device", "inspect", "work_through"]


def check_device(name: str) -> None:
    """Refuse a device that is not there, and say which are."""
    there = ["cpu"]
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is not None:
        kind = accelerator.type
        there += [kind, *(f"{kind}:{i}" for i in range(torch.accelerator.device_count()))]
    if name not in there:
        raise CommandError(f"--device {name}: this machine has {', '.join(there)}")


class Worker:
    """What one thread works with: the options, and the models once they are loaded."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._options = arguments
        self._models: dict[str, EncodecModel] = {}
        self.progress: Callable[[float, float | None], None] | None = None

    def step(self, action: str) -> Callable[[Path, Path], None]:
        """Return what an action does with one input and its output."""
        steps: dict[str, Callable[[Path, Path], None]] = {
            "compress": self.compress,
            "decompress": self.decompress,
            "roundtrip": self.roundtrip,
            "tokens": self.tokens,
        }
        return steps[action]

    def compress(self, source: Path, target: Path) -> None:
        """Make an ``.ecdc`` file of audio."""
        options = self._options
        model = self._model(options.model or ("encodec_48khz" if options.hq else DEFAULT_MODEL))
        if options.bandwidth not in model.target_bandwidths:
            offered = ", ".join(f"{each:g}" for each in model.target_bandwidths)
            raise CommandError(
                f"Bandwidth {options.bandwidth:g} is not supported by the model {model.name}: "
                f"it has {offered} kbps"
            )
        codec.compress_file(
            source,
            target,
            model=model,
            bandwidth=options.bandwidth,
            lm=self._lm or True if options.lm else False,
            lm_version=options.lm_version,
            checksum=not options.no_checksum or (options.lm and options.lm_version == 1),
            effort=options.effort,
            overwrite=options.force,
            progress=self._watch(model),
        )

    def decompress(self, source: Path, target: Path) -> None:
        """Make audio of an ``.ecdc`` file."""
        with source.open("rb") as file:
            header = _header(file, source)
        model = self._model(self._options.model or header.model)
        with _named(source):
            codec.decompress_file(
                source,
                target,
                model=model,
                lm=self._lm,
                rescale=self._options.rescale,
                overwrite=self._options.force,
                progress=self._watch(model),
            )

    def roundtrip(self, source: Path, target: Path) -> None:
        """Make audio of audio, by way of an ``.ecdc`` file that is not kept."""
        with tempfile.TemporaryDirectory() as folder:
            between = Path(folder) / "between.ecdc"
            self.compress(source, between)
            self.decompress(between, target)

    def tokens(self, source: Path, target: Path) -> None:
        """Make tokens of audio or an ``.ecdc`` file, or an ``.ecdc`` file of tokens."""
        options = self._options
        if source.suffix.lower() in (".npy", ".safetensors"):
            segments, about = load_tokens(source)
            model = self._model(options.model or about.model)
            if model.name != about.model:
                raise CommandError(f"{source} holds codes of {about.model}, not of {model.name}")
            with (
                atomic_path(target, overwrite=options.force) as temporary,
                temporary.open("wb") as file,
                _named(source),
            ):
                codec.write_codes(
                    segments,
                    about.num_samples,
                    file,
                    model=model,
                    lm=self._lm or True if options.lm else False,
                    lm_version=options.lm_version,
                    checksum=not options.no_checksum or (options.lm and options.lm_version == 1),
                )
            return
        if source.suffix.lower() != ".ecdc":
            with tempfile.TemporaryDirectory() as folder:
                between = Path(folder) / "between.ecdc"
                self.compress(source, between)
                self._to_tokens(between, target, source)
            return
        self._to_tokens(source, target, source)

    def _to_tokens(self, coded: Path, target: Path, source: Path) -> None:
        with coded.open("rb") as file:
            model = self._model(self._options.model or _header(file, source).model)
            file.seek(0)
            with _named(source):
                header, segments = codec.read_codes(file, model=model, lm=self._lm)
        about = TokenInfo(
            model.name,
            header.num_samples,
            model.sample_rate,
            model.frame_rate,
            model.config.codebook_size,
        )
        save_tokens(target, segments, about, overwrite=self._options.force)

    def _model(self, name: str) -> EncodecModel:
        if name not in self._models:
            model = EncodecModel.from_pretrained(name).to(self._options.device)
            try:
                model.set_precision(self._options.precision)
            except RuntimeError as error:
                raise CommandError(f"--precision: {error}") from None
            self._models[name] = model
        return self._models[name]

    @cached_property
    def _lm(self) -> LanguageModel | ExactLanguageModel | None:
        """The language model that was named, or that lies beside the model."""
        path: str | Path | None = self._options.language_model
        if path is None and self._options.model is not None:
            beside = Path(self._options.model) / "language_model.safetensors"
            path = beside if beside.is_file() else None
        return None if path is None else codec.load_language_model(path)

    def _watch(self, model: EncodecModel) -> Callable[[int, int | None], None]:
        rate = model.sample_rate

        def watch(done: int, total: int | None) -> None:
            if self.progress is not None:
                self.progress(done / rate, None if total is None else total / rate)

        return watch


class _named:  # noqa: N801
    """Say which file an error is about."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BitstreamError):
            raise CommandError(f"{self._path}: {error}") from error


def _header(file: Any, path: Path) -> Header:
    with _named(path):
        return read_header(file)


def work_through(
    jobs: Sequence[tuple[Path, Path]],
    new_worker: Callable[[], Worker],
    step: Callable[[Worker], Callable[[Path, Path], None]],
    num_threads: int,
) -> int:
    """Do all jobs, several at once; a file that fails is named, the others are done."""
    own = threading.local()
    seconds: dict[Path, tuple[float, float | None]] = {}
    lock = threading.Lock()
    failed = 0
    threads = torch.get_num_threads()
    with Progress(None) as bar:

        def do(job: tuple[Path, Path]) -> None:
            if not hasattr(own, "worker"):
                own.worker = new_worker()

            def progress(done: float, total: float | None) -> None:
                with lock:
                    seconds[job[0]] = (done, total)
                    bar.set_total(_total([seconds.get(source) for source, _ in jobs]))
                    bar.update(sum(each for each, _ in seconds.values()))

            own.worker.progress = progress
            step(own.worker)(*job)

        if len(jobs) == 1:
            do(jobs[0])
            return 0
        pool = ThreadPoolExecutor(num_threads)
        try:
            if num_threads > 1:
                torch.set_num_threads(max(1, threads // num_threads))
            for job, future in [(job, pool.submit(do, job)) for job in jobs]:
                try:
                    future.result()
                except (CommandError, OSError, ValueError) as error:
                    failed += 1
                    text = describe(error)
                    shown = text if str(job[0]) in text else f"{job[0]}: {text}"
                    report("audiolab codec", shown)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)
    return 1 if failed else 0


def _total(seen: Sequence[tuple[float, float | None] | None]) -> float | None:
    """Return the seconds of all files, once all have said theirs."""
    totals = [each[1] for each in seen if each is not None and each[1] is not None]
    return sum(totals) if len(totals) == len(seen) else None


def inspect(path: Path) -> dict[str, Any]:
    """Tell what an ``.ecdc`` file says about itself, and whether its checksum is right."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = read_header(file)
        payload = size - file.tell()
        checksum = _checksum(file, size)
    config = PRESETS.get(header.model)
    duration = None if config is None else header.num_samples / config.sample_rate
    bandwidth = None
    if config is not None:
        bandwidth = header.num_codebooks * config.bits_per_codebook * config.frame_rate / 1000
    return {
        "file": str(path),
        "model": header.model,
        "version": header.version,
        "num_samples": header.num_samples,
        "sample_rate": None if config is None else config.sample_rate,
        "duration_s": duration,
        "num_codebooks": header.num_codebooks,
        "bandwidth_kbps": bandwidth,
        "used_kbps": 8 * payload / duration / 1000 if duration else None,
        "lm": header.use_lm,
        "lm_digest": header.lm_digest,
        "checksum": checksum,
        "size_bytes": size,
    }


def _checksum(file: Any, size: int) -> str:
    file.seek(max(size - 8, 0))
    trailer = file.read(8)
    if trailer[:4] != b"ecrc":
        return "none"
    file.seek(0)
    crc, left = 0, size - 8
    while left:
        part = file.read(min(left, 1 << 20))
        crc = zlib.crc32(part, crc)
        left -= len(part)
    return "right" if trailer[4:] == crc.to_bytes(4, "big") else "wrong"
