"""What is installed: versions, builds, FFmpeg's shared libraries, and what importing really does.

Facts only, gathered with the standard library; what they mean is said by ``_environment``. Nothing
here imports torch into this process: the native modules are tried in a child, so that a crash of
theirs is reported and not suffered.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FFMPEG_LIBRARIES", "Facts", "Probe", "find_ffmpeg", "gather", "probe_imports"]

#: Version numbers of FFmpeg's libraries in each release of FFmpeg that torchcodec can be built for,
#: as its ``libtorchcodec_core<N>`` names them.
FFMPEG_LIBRARIES: Mapping[int, Mapping[str, int]] = {
    release: dict(
        zip(
            ("avutil", "avcodec", "avformat", "avdevice", "avfilter", "swscale", "swresample"),
            numbers,
            strict=True,
        )
    )
    for release, numbers in {
        4: (56, 58, 58, 58, 7, 5, 3),
        5: (57, 59, 59, 59, 8, 6, 4),
        6: (58, 60, 60, 60, 9, 7, 4),
        7: (59, 61, 61, 61, 10, 8, 5),
        8: (60, 62, 62, 62, 11, 9, 6),
        9: (61, 63, 63, 63, 12, 10, 7),
    }.items()
}

PACKAGES = (
    "torch",
    "torchaudio",
    "torchcodec",
    "soundfile",
    "numpy",
    "scipy",
    "numba",
    "safetensors",
    "soxr",
    "librosa",
    "matplotlib",
    "ipython",
    "pyyaml",
)
PROBED = ("numpy", "torch", "torchaudio", "torchcodec", "soundfile")
PROBE_TIMEOUT_S = 180.0  # a first import of torch from a cold network disk takes a minute

# One line before and one after each import: a crash belongs to the module that never ended.
_CHILD = """
import importlib, json, sys
def say(**line):
    print("audiolab-probe " + json.dumps(line), flush=True)
for name in sys.argv[1:]:
    say(begin=name)
    try:
        module = importlib.import_module(name)
        extra = ""
        if name == "soundfile":
            extra = str(module.__libsndfile_version__)
        if name == "torchcodec":
            release = getattr(module, "ffmpeg_major_version", "")
            if release is None:
                module.decoders.AudioDecoder(b"")
            extra = str(release or "")
        say(end=name, ok=True, detail=extra)
    except BaseException as error:
        say(end=name, ok=False, detail=f"{type(error).__name__}: {error}")
"""


@dataclass(frozen=True)
class Probe:
    """What importing one module did: ``ok``, and its extra version or the error's text."""

    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything that the diagnosis is made from; tests build their own."""

    system: str = "linux"
    python: str = "3.11"
    conda: bool = False
    versions: Mapping[str, str | None] = field(default_factory=dict)
    torch_cuda: str | None = None
    cuda_packages: tuple[str, ...] = ()
    cuda_packages_missing: tuple[str, ...] = ()
    ffmpeg_found: Mapping[int, str] = field(default_factory=dict)
    ffmpeg_partial: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    ffmpeg_unsupported: tuple[str, ...] = ()
    ffmpeg_program: str | None = None
    probes: Mapping[str, Probe] = field(default_factory=dict)

    @property
    def platform(self) -> str:
        """The system's everyday name."""
        return {"darwin": "macOS", "win32": "Windows", "linux": "Linux"}.get(
            self.system, self.system
        )


def gather(probes: Mapping[str, Probe] | None = None) -> Facts:
    """Look at this machine; `probes` given, the imports are not tried again."""
    conda = (Path(sys.prefix) / "conda-meta").is_dir()
    found, partial, unsupported = find_ffmpeg(sys.platform, library_folders(sys.platform, conda))
    wheels, missing = cuda_packages()
    return Facts(
        system=sys.platform,
        python=".".join(map(str, sys.version_info[:3])),
        conda=conda,
        versions={name: installed_version(name) for name in PACKAGES},
        torch_cuda=torch_cuda(),
        cuda_packages=wheels,
        cuda_packages_missing=missing,
        ffmpeg_found=found,
        ffmpeg_partial=partial,
        ffmpeg_unsupported=unsupported,
        ffmpeg_program=ffmpeg_program(),
        probes=probe_imports(PROBED) if probes is None else probes,
    )


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, with its build tag (``+cu130``, ``+cpu``).

    Wheels from the package registry carry no tag in their metadata, but their ``version.py`` does.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        plain = version(name)
    except PackageNotFoundError:
        return None
    tagged = _version_file(name).get("__version__", "")
    return tagged if tagged.startswith(plain) else plain


def torch_cuda() -> str | None:
    """Return the version of CUDA that torch was built for, None for a build without it."""
    return _version_file("torch").get("cuda")


def _version_file(name: str) -> dict[str, str]:
    """Read the string constants of a package's ``version.py`` without running it."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        path = Path(str(distribution(name).locate_file(f"{name}/version.py")))
        text = path.read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError, UnicodeDecodeError):
        return {}
    return dict(re.findall(r"^(\w+)\s*(?::[^=\n]+)?=\s*['\"]([^'\"]*)['\"]", text, re.MULTILINE))


def cuda_packages() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the CUDA wheels that are installed, and those that torch asks for and are missing."""
    from importlib.metadata import PackageNotFoundError, distribution, distributions

    installed = {
        str(each.metadata["Name"]).lower().replace("_", "-"): each.version
        for each in distributions()
        if each.metadata["Name"]
    }
    wheels = sorted(
        f"{name} {number}" for name, number in installed.items() if name.startswith("nvidia-")
    )
    try:
        asked = distribution("torch").requires or []
    except PackageNotFoundError:
        asked = []
    names = {
        match.group().lower().replace("_", "-")
        for line in asked
        if (match := re.match(r"(nvidia-|cuda-toolkit)[\w-]*", line))
    }
    applies = sys.platform == "linux"
    return tuple(wheels), tuple(sorted(names - installed.keys())) if applies else ()


def library_folders(system: str, conda: bool) -> list[Path]:
    """Return the folders in which the dynamic loader of `system` looks, first one first."""

    def listed(variable: str) -> list[Path]:
        return [Path(each) for each in os.environ.get(variable, "").split(os.pathsep) if each]

    prefix = [Path(sys.prefix) / ("Library/bin" if system == "win32" else "lib")] if conda else []
    if system == "darwin":
        brew = Path(os.environ.get("HOMEBREW_PREFIX", "/opt/homebrew"))
        usual = [brew / "opt/ffmpeg/lib", brew / "lib", Path("/usr/local/lib"), Path("/usr/lib")]
        return [*listed("DYLD_LIBRARY_PATH"), *prefix, *usual]
    if system == "win32":
        return [*prefix, *listed("PATH")]
    usual = [Path("/usr/local/lib"), Path("/lib"), Path("/usr/lib"), Path("/lib64")]
    return [*listed("LD_LIBRARY_PATH"), *prefix, *_ldconfig_folders(), *usual, Path("/usr/lib64")]


def _ldconfig_folders() -> list[Path]:
    """Return the folders of the FFmpeg libraries in the loader's cache, which every Linux keeps."""
    program = shutil.which("ldconfig") or "/sbin/ldconfig"
    printed = _output([program, "-p"])
    paths = re.findall(r"=> (\S*/lib(?:av|sw)[a-z]+\.so\S*)$", printed, re.MULTILINE)
    return list(dict.fromkeys(Path(each).parent for each in paths))


def find_ffmpeg(
    system: str, folders: Iterable[Path]
) -> tuple[dict[int, str], dict[int, tuple[str, ...]], tuple[str, ...]]:
    """Look for FFmpeg's shared libraries.

    Returns the folder of each complete release; the libraries that incomplete releases lack; and
    the libavutil files of releases that are not supported at all.
    """
    spelling = {"darwin": "lib{}.{}.dylib", "win32": "{}-{}.dll"}.get(system, "lib{}.so.{}")
    here: dict[str, Path] = {}
    for folder in folders:
        try:
            for entry in os.scandir(folder):
                here.setdefault(entry.name, folder)
        except OSError:
            continue
    found: dict[int, str] = {}
    partial: dict[int, tuple[str, ...]] = {}
    for release, numbers in FFMPEG_LIBRARIES.items():
        names = [spelling.format(name, number) for name, number in numbers.items()]
        missing = tuple(name for name in names if name not in here)
        if not missing:
            found[release] = str(here[names[0]])
        elif names[0] in here:
            partial[release] = missing
    known = {spelling.format("avutil", each["avutil"]) for each in FFMPEG_LIBRARIES.values()}
    pattern = re.compile(re.escape(spelling.format("avutil", "@")).replace("@", r"\d+") + "$")
    strangers = tuple(sorted(name for name in here if pattern.match(name) and name not in known))
    return found, partial, strangers


def ffmpeg_program() -> str | None:
    """Return the version of the ``ffmpeg`` program on the search path, if one is there and runs."""
    if shutil.which("ffmpeg") is None:
        return None
    match = re.match(r"ffmpeg version (\S+)", _output(["ffmpeg", "-version"]))
    return match.group(1) if match else None


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def probe_imports(
    names: Iterable[str],
    *,
    timeout_s: float = PROBE_TIMEOUT_S,
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run,
) -> dict[str, Probe]:
    """Import each module in a child process; after a crash, another child goes on with the rest."""
    left = list(names)
    results: dict[str, Probe] = {}
    while left:
        # -P: a file torch.py in the current folder must not pass for torch.
        command = [sys.executable, "-P", "-c", _CHILD, *left]
        ending = ""
        try:
            done = run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            printed = done.stdout
            if done.returncode < 0:
                ending = (
                    f"the interpreter was killed by signal {-done.returncode} while importing it"
                )
            else:
                ending = f"the interpreter exited with status {done.returncode} while importing it"
        except subprocess.TimeoutExpired as error:
            raw = error.stdout or b""
            printed = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
            ending = f"importing it did not end within {timeout_s:g} s"
        except OSError as error:
            return results | {name: Probe(False, f"no child process: {error}") for name in left}
        began = None
        for line in printed.splitlines():
            if not line.startswith("audiolab-probe "):
                continue
            said = json.loads(line.removeprefix("audiolab-probe "))
            began = said.get("begin", began)
            if "end" in said:
                results[said["end"]] = Probe(said["ok"], said["detail"])
        failed = began if began is not None and began not in results else None
        if failed is None and any(name not in results for name in left):
            failed = next(name for name in left if name not in results)
        if failed is not None:
            results[failed] = Probe(False, ending)
        left = [name for name in left if name not in results]
    return results
