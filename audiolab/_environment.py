"""Why torch, torchaudio, torchcodec or FFmpeg do not work here, and the command that mends it.

The three PyTorch packages are separate wheels that fit only in some combinations, and torchcodec
loads FFmpeg's shared libraries from the system. When that fails, the loader says which file it
could not open; this module says why. `diagnose` examines everything (``audiolab doctor``);
`import_stack` imports a module and adds the explanation when that fails.

Left out: GPUs and drivers, which no function of this package needs.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal

from audiolab._stack import FFMPEG_LIBRARIES, Facts, Probe, gather

__all__ = ["BrokenEnvironmentError", "Finding", "Status", "diagnose", "import_stack", "judge"]

Status = Literal["ok", "warning", "broken", "missing"]

#: The same bounds as in pyproject.toml: lowest version, and the first that is too new.
BOUNDS: dict[str, tuple[str, str | None]] = {
    "torch": ("2.11", "2.15"),
    "torchaudio": ("2.11", "2.12"),
    "torchcodec": ("0.17", None),
    "soundfile": ("0.13", None),
    "soxr": ("0.5", None),
    "matplotlib": ("3.9", None),
    "librosa": ("0.11", None),
    "ipython": ("8.20", None),
    "numpy": ("1.26", None),
    "scipy": ("1.13", None),
    "numba": ("0.61", None),
    "safetensors": ("0.5", None),
    "pyyaml": ("6", None),
}

#: What each importable module stands on, itself included.
GROUNDS = {
    "torch": ("torch", "CUDA libraries"),
    "torchaudio": ("torch", "torchaudio", "CUDA libraries"),
    "torchcodec": ("torch", "torchcodec", "CUDA libraries", "FFmpeg"),
}

CPU_PLACE = (
    "for a CPU-only installation, install torch, torchaudio and torchcodec, all three, "
    "from PyTorch's own CPU wheel index (see the PyTorch install page)"
)


@dataclass(frozen=True)
class Finding:
    """One component of the stack: what is there, whether it works, and what mends it."""

    component: str
    version: str
    status: Status
    detail: str = ""
    remedy: str = ""

    @property
    def works(self) -> bool:
        """Whether audiolab can run with this component as it is."""
        return self.status in ("ok", "warning")


class BrokenEnvironmentError(ImportError):
    """Something that audiolab stands on cannot be imported; the text says why and what mends it."""


def diagnose() -> list[Finding]:
    """Examine the stack on this machine, imports included (in a child process; some seconds)."""
    return judge(gather())


def import_stack(module_name: str) -> ModuleType:
    """Import a module of the stack, or say why it cannot be imported.

    Raises
    ------
    BrokenEnvironmentError
        The import fails, or torchcodec finds no FFmpeg. The loader's own error is its cause.
    """
    top = module_name.partition(".")[0]
    try:
        module = import_module(module_name)
        # torchcodec imports without FFmpeg and fails at the first use; ask for that failure now.
        if top == "torchcodec" and getattr(sys.modules[top], "ffmpeg_major_version", 0) is None:
            import_module("torchcodec.decoders").AudioDecoder(b"")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise BrokenEnvironmentError(_explain(module_name, error), name=module_name) from error
    return module


def _explain(module_name: str, error: Exception) -> str:
    top = module_name.partition(".")[0]
    probe = Probe(False, f"{type(error).__name__}: {error}")
    findings = judge(gather({top: probe}))
    grounds = GROUNDS.get(top, (top.lower(),))
    causes = [each for each in findings if each.component in grounds and not each.works]
    lines = [f"{module_name} cannot be used here"]
    for each in causes:
        name = each.component if each.version == "-" else f"{each.component} {each.version}"
        lines.append(f"  {name}: {each.detail}")
        if each.remedy:
            lines.append(f"    to mend it: {each.remedy}")
    if not any(each.remedy for each in causes):
        lines.append(f"  {_first_line(probe.detail)}")
    lines.append("  `audiolab doctor` examines the whole installation")
    return "\n".join(lines)


def judge(facts: Facts) -> list[Finding]:
    """Say what the facts mean, one finding a component, from the ground up."""
    findings = [_python(facts), _torch(facts)]
    torch_works = findings[-1].works
    findings += [_cuda_libraries(facts)] if facts.torch_cuda else []
    findings += [_torchaudio(facts, torch_works), _torchcodec(facts, torch_works), _ffmpeg(facts)]
    findings += [_plain(facts, name) for name in BOUNDS if not name.startswith("torch")]
    return findings


def _python(facts: Facts) -> Finding:
    kind = "conda" if facts.conda else "plain"
    return Finding("python", facts.python, "ok", f"{facts.platform}, {kind} environment")


def _torch(facts: Facts) -> Finding:
    missing = _missing_or_old(facts, "torch")
    if missing:
        return missing
    version = facts.versions["torch"] or ""
    build = f"built for CUDA {facts.torch_cuda}" if facts.torch_cuda else "built without CUDA"
    probe = facts.probes.get("torch")
    if probe and not probe.ok:
        remedy = _pip("torch", "torchaudio", "torchcodec", force=True)
        return Finding("torch", version, "broken", _failure(probe), remedy)
    if _number(version) >= _number("2.15"):
        detail = f"{build}; newer than the versions that torchaudio 2.11 was made for"
        return Finding("torch", version, "warning", detail, _pip("torch", "torchaudio"))
    return Finding("torch", version, "ok", build)


def _cuda_libraries(facts: Facts) -> Finding:
    lacking = facts.cuda_packages_missing
    count = f"{len(facts.cuda_packages)} wheels"
    torch = facts.probes.get("torch")
    if lacking and not (torch and torch.ok):
        detail = f"torch was built for CUDA {facts.torch_cuda} and lacks {', '.join(lacking)}"
        version = (facts.versions["torch"] or "").partition("+")[0]
        return Finding("CUDA libraries", count, "broken", detail, f'pip install "torch=={version}"')
    return Finding("CUDA libraries", count, "ok", "a GPU is not needed")


def _torchaudio(facts: Facts, torch_works: bool) -> Finding:
    return (
        _missing_or_old(facts, "torchaudio")
        or _cuda_mismatch(facts, "torchaudio", same_minor=True)
        or _import_result(facts, "torchaudio", torch_works)
    )


def _torchcodec(facts: Facts, torch_works: bool) -> Finding:
    return (
        _missing_or_old(facts, "torchcodec")
        or _cuda_mismatch(facts, "torchcodec", same_minor=False)
        or _import_result(facts, "torchcodec", torch_works)
    )


def _cuda_mismatch(facts: Facts, name: str, *, same_minor: bool) -> Finding | None:
    """Find a torch and a companion that were built for different CUDAs, or one of them for none."""
    version = facts.versions[name] or ""
    torch_version = facts.versions.get("torch")
    built_for = _tag_cuda(version)
    # The package registry's wheels for Linux are CUDA builds, whether or not they carry the tag.
    from_registry = facts.system == "linux" and not facts.conda and "+" not in version
    if torch_version is None or (built_for is None and not from_registry):
        return None
    if facts.torch_cuda is None:
        if built_for is None and _works(facts, name):
            return None
        libraries = _loader_misses(facts, name) or "libcudart, libnvrtc and libtorch_cuda"
        detail = f"a CUDA build beside torch {torch_version}, which has no CUDA: "
        detail += f"it cannot load {libraries}"
        remedy = f"{_pip('torch', 'torchaudio', 'torchcodec', force=True)}; or, {CPU_PLACE}"
        return Finding(name, version, "broken", detail, remedy)
    if built_for is None or _cuda_fits(facts.torch_cuda, built_for, same_minor=same_minor):
        return None
    detail = f"built for CUDA {built_for}, and torch {torch_version} for CUDA {facts.torch_cuda}: "
    detail += f"{name} refuses to load" if same_minor else "its CUDA libraries are not there"
    return Finding(name, version, "broken", detail, _pip("torch", "torchaudio", "torchcodec"))


def _import_result(facts: Facts, name: str, torch_works: bool) -> Finding:
    version = facts.versions[name] or ""
    probe = facts.probes.get(name)
    if probe is None or probe.ok or (name == "torchcodec" and _ffmpeg_at_fault(facts)):
        return Finding(name, version, "ok", "" if probe is None else "imports")
    if not torch_works:
        return Finding(name, version, "broken", "needs torch, which does not work; mend that first")
    remedy = _pip("torch", "torchaudio", "torchcodec", force=True)
    detail = _failure(probe)
    if "GLIBCXX" in probe.detail or "CXXABI" in probe.detail:
        detail += "; Python and FFmpeg come from places with different C++ runtimes"
        remedy = "take both from one place: conda install python ffmpeg"
    return Finding(name, version, "broken", detail, remedy)


def _ffmpeg(facts: Facts) -> Finding:
    probe = facts.probes.get("torchcodec")
    program = f"; ffmpeg program {facts.ffmpeg_program}" if facts.ffmpeg_program else ""
    fault = _ffmpeg_at_fault(facts)
    if not fault and (facts.ffmpeg_found or (probe and probe.ok)):
        newest = max(facts.ffmpeg_found, default=0)
        release = int(probe.detail) if probe and probe.ok and probe.detail.isdigit() else newest
        folder = facts.ffmpeg_found.get(release)
        detail = (
            f"shared libraries in {folder}" if folder else "shared libraries found by torchcodec"
        )
        return Finding("FFmpeg", str(release or ""), "ok", detail + program)
    low, high = min(FFMPEG_LIBRARIES), max(FFMPEG_LIBRARIES)
    status: Status = "missing"
    version = "-"
    if facts.ffmpeg_found:
        status, version = "broken", str(max(facts.ffmpeg_found))
        detail = f"shared libraries in {facts.ffmpeg_found[int(version)]}, but torchcodec cannot "
        detail += f"load them ({_failure(probe)})" if probe else "load them"
    elif facts.ffmpeg_partial:
        release, lacking = max(facts.ffmpeg_partial.items())
        status, version = "broken", str(release)
        detail = f"the shared libraries are incomplete, without {', '.join(lacking)}"
    elif facts.ffmpeg_unsupported:
        status = "broken"
        detail = f"only {', '.join(facts.ffmpeg_unsupported)} found, of a release that torchcodec "
        detail += f"does not know; it needs FFmpeg {low} to {high}"
    elif facts.ffmpeg_program:
        detail = (
            f"the ffmpeg program {facts.ffmpeg_program} is here, its shared libraries are not; "
        )
        detail += f"torchcodec needs those (libavutil and others, FFmpeg {low} to {high})"
    else:
        detail = (
            f"torchcodec needs FFmpeg's shared libraries (libavutil and others, {low} to {high})"
        )
    return Finding("FFmpeg", version, status, detail, ffmpeg_remedy(facts))


def ffmpeg_remedy(facts: Facts) -> str:
    """Return the command that installs FFmpeg's shared libraries on this system."""
    import os
    import shutil

    if facts.conda:
        return "conda install ffmpeg"
    if facts.system == "darwin":
        return "brew install ffmpeg"
    if facts.system == "win32":
        return "winget install Gyan.FFmpeg.Shared (or: conda install ffmpeg)"
    sudo = "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
    for manager, command in {
        "apt-get": "apt-get install ffmpeg",
        "dnf": "dnf install ffmpeg-free",
        "pacman": "pacman -S ffmpeg",
        "zypper": "zypper install ffmpeg",
    }.items():
        if shutil.which(manager):
            return sudo + command
    return "install FFmpeg with its shared libraries, for instance: conda install ffmpeg"


def _plain(facts: Facts, name: str) -> Finding:
    """Judge a package that brings its own libraries along."""
    missing = _missing_or_old(facts, name)
    if missing:
        return missing
    version = facts.versions[name] or ""
    probe = facts.probes.get(name)
    if probe and not probe.ok:
        remedy = f"pip install --force-reinstall {name}"
        if "sndfile" in probe.detail and facts.system == "linux":
            remedy += ", or install libsndfile: sudo apt-get install libsndfile1"
        return Finding(name, version, "broken", _failure(probe), remedy)
    extra = f"libsndfile {probe.detail}" if name == "soundfile" and probe and probe.detail else ""
    return Finding(name, version, "ok", extra)


# ------------------------------------------------------------------------------------ small pieces
def _missing_or_old(facts: Facts, name: str) -> Finding | None:
    version = facts.versions.get(name)
    low, high = BOUNDS[name]
    if version is None:
        return Finding(name, "-", "missing", "not installed", _pip(name))
    if _number(version) < _number(low):
        detail = f"too old: audiolab needs {name} {low} or later"
        if name == "torchcodec":
            detail += ", which fits torch 2.11 and later"
        return Finding(name, version, "broken", detail, _pip(name))
    if high and name != "torch" and _number(version) >= _number(high):
        detail = f"newer than the versions that audiolab was tested with (below {high})"
        return Finding(name, version, "warning", detail, _pip(name))
    return None


def _pip(*names: str, force: bool = False) -> str:
    """Return the command that installs the versions that fit together."""
    wanted = [f'"{name}>={BOUNDS[name][0]}{_below(BOUNDS[name][1])}"' for name in names]
    return " ".join(["pip install", *(["--force-reinstall"] if force else []), *wanted])


def _below(high: str | None) -> str:
    return f",<{high}" if high else ""


def _number(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, ``(2, 11)`` for ``2.11.0rc1+cu130``, for comparing."""
    return tuple(int(each) for each in re.findall(r"\d+", version.partition("+")[0])[:2])


def _tag_cuda(version: str) -> str | None:
    match = re.search(r"\+cu(\d+)(\d)$", version)
    return f"{match.group(1)}.{match.group(2)}" if match else None


def _cuda_fits(one: str, other: str, *, same_minor: bool) -> bool:
    return _number(one) == _number(other) if same_minor else _number(one)[0] == _number(other)[0]


def _works(facts: Facts, name: str) -> bool:
    probe = facts.probes.get(name)
    return probe is None or probe.ok


def _loader_misses(facts: Facts, name: str) -> str:
    probe = facts.probes.get(name)
    pattern = r"(lib[\w+.-]+?): cannot open shared object file"
    return ", ".join(dict.fromkeys(re.findall(pattern, probe.detail))) if probe else ""


def _ffmpeg_at_fault(facts: Facts) -> bool:
    """Whether torchcodec failed for want of FFmpeg, and not of something else."""
    probe = facts.probes.get("torchcodec")
    if probe is None:
        return not facts.ffmpeg_found
    if probe.ok:
        return False
    misses = _loader_misses(facts, "torchcodec")
    if misses:
        return all(re.match(r"lib(av|sw|postproc)", each) for each in misses.split(", "))
    return "libtorchcodec" in probe.detail and "FFmpeg" in probe.detail and not facts.ffmpeg_found


def _failure(probe: Probe) -> str:
    return f"importing it fails: {_first_line(probe.detail)}"


def _first_line(text: str) -> str:
    """Return the line that tells most: the loader's own where there is one, else the first."""
    lines = [each.strip() for each in text.splitlines() if each.strip()] or ["no message"]
    loader = [
        each
        for each in lines
        if re.match(r"(OSError|ImportError): (?!Could not load this library)", each)
    ]
    # torchcodec tries every release of FFmpeg; that most of them are absent is no news.
    telling = [each for each in loader if not re.search(r"lib(av|sw)\w+\.so.*cannot open", each)]
    line = (telling or loader or lines)[0]
    return line if len(line) <= 200 else line[:199] + "…"
