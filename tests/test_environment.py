"""The doctor: each known-bad combination, the explanation on import, a healthy machine."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from audiolab import _environment, _stack
from audiolab._environment import BrokenEnvironmentError, Finding, import_stack, judge
from audiolab._stack import FFMPEG_LIBRARIES, Facts, Probe

ROOT = Path(__file__).parents[1]
GOOD = Probe(True)
HEALTHY = Facts(
    versions={
        "torch": "2.14.1+cu130",
        "torchaudio": "2.11.0+cu130",
        "torchcodec": "0.17.0+cu130",
        "soundfile": "0.14.0",
        "numpy": "2.4.6",
        "scipy": "1.17.1",
        "numba": "0.68.1",
        "safetensors": "0.8.0",
        "pyyaml": "6.0.3",
        "soxr": "1.1.0",
        "librosa": "0.11.0",
        "matplotlib": "3.11.2",
        "ipython": "9.18.1",
    },
    torch_cuda="13.0",
    cuda_packages=("nvidia-cuda-runtime 13.0.96",),
    ffmpeg_found={5: "/lib/x86_64-linux-gnu"},
    ffmpeg_program="5.1.9",
    probes={
        "numpy": GOOD,
        "torch": GOOD,
        "torchaudio": GOOD,
        "torchcodec": Probe(True, "5"),
        "soundfile": Probe(True, "1.2.2"),
    },
)
MISSING_CUDA = "OSError: libcudart.so.13: cannot open shared object file: No such file or directory"
NO_FFMPEG = "RuntimeError: Could not load libtorchcodec. Likely causes: 1. FFmpeg\n" + "\n".join(
    f"FFmpeg version {release}:\n"
    f"OSError: Could not load this library: /site-packages/libtorchcodec_core{release}.so\n"
    f"OSError: libavutil.so.{numbers['avutil']}: "
    "cannot open shared object file: No such file or directory"
    for release, numbers in FFMPEG_LIBRARIES.items()
)


def facts(versions=None, probes=None, **changes) -> Facts:
    """A healthy machine with some things changed."""
    return dataclasses.replace(
        HEALTHY,
        versions={**HEALTHY.versions, **(versions or {})},
        probes={**HEALTHY.probes, **(probes or {})},
        **changes,
    )


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {each.component: each for each in findings}


# ------------------------------------------------------------------------------ known combinations
def test_a_healthy_machine_has_nothing_to_mend():
    findings = judge(HEALTHY)
    assert [each.status for each in findings] == ["ok"] * len(findings)
    assert not any(each.remedy for each in findings)
    assert by_name(findings)["FFmpeg"].version == "5"
    assert "libsndfile 1.2.2" in by_name(findings)["soundfile"].detail


def test_every_component_is_reported_once():
    names = [each.component for each in judge(HEALTHY)]
    assert len(set(names)) == len(names)
    assert {"python", "FFmpeg", "CUDA libraries", *_environment.BOUNDS} == set(names)


def test_torch_215_with_torchaudio_211():
    refused = Probe(
        False,
        "RuntimeError: Detected that PyTorch and TorchAudio were compiled with different CUDA "
        "versions. PyTorch has CUDA version 13.2 whereas TorchAudio has CUDA version 13.0.",
    )
    found = by_name(
        judge(facts({"torch": "2.15.0+cu132"}, {"torchaudio": refused}, torch_cuda="13.2"))
    )
    bad = found["torchaudio"]
    assert bad.status == "broken"
    assert "13.0" in bad.detail
    assert "13.2" in bad.detail
    assert "torch 2.15.0+cu132" in bad.detail
    assert '"torch>=2.11,<2.15"' in bad.remedy
    assert '"torchaudio>=2.11,<2.12"' in bad.remedy
    assert found["torch"].status == "warning"
    # The same libcudart.so.13 serves every CUDA 13, so torchcodec is not accused.
    assert found["torchcodec"].works


def test_torch_215_without_cuda_is_a_warning():
    found = by_name(
        judge(
            facts(
                {"torch": "2.15.0", "torchaudio": "2.11.0", "torchcodec": "0.17.0"},
                system="darwin",
                torch_cuda=None,
            )
        )
    )
    assert found["torch"].status == "warning"
    assert found["torchaudio"].works


@pytest.mark.parametrize("tag", ["+cu130", ""])
@pytest.mark.parametrize("torch_version", ["2.14.1+cpu", "2.13.0+cpu"])
def test_cpu_torch_with_the_registrys_companions(torch_version: str, tag: str):
    broken = Probe(False, MISSING_CUDA)
    found = by_name(
        judge(
            facts(
                {
                    "torch": torch_version,
                    "torchaudio": f"2.11.0{tag}",
                    "torchcodec": f"0.17.0{tag}",
                },
                {"torchaudio": broken, "torchcodec": broken},
                torch_cuda=None,
                cuda_packages=(),
            )
        )
    )
    assert found["torch"].works
    assert found["FFmpeg"].works
    assert "CUDA libraries" not in found
    for name in ("torchaudio", "torchcodec"):
        assert found[name].status == "broken"
        assert "libcudart.so.13" in found[name].detail
        assert torch_version in found[name].detail
        assert "own CPU wheel index" in found[name].remedy
        assert "all three" in found[name].remedy
        assert "--force-reinstall" in found[name].remedy


def test_cpu_wheels_all_three_are_fine():
    found = judge(
        facts(
            {
                "torch": "2.14.1+cpu",
                "torchaudio": "2.11.0+cpu",
                "torchcodec": "0.17.0+cpu",
            },
            torch_cuda=None,
        )
    )
    assert all(each.status == "ok" for each in found)


def test_cuda_12_torch_with_cuda_13_companions():
    found = by_name(judge(facts({"torch": "2.12.0+cu126"}, torch_cuda="12.6")))
    assert found["torchaudio"].status == "broken"
    assert found["torchcodec"].status == "broken"
    assert "12.6" in found["torchcodec"].detail


def test_cuda_wheels_missing():
    failed = Probe(
        False, "ImportError: libcudnn.so.9: cannot open shared object file: No such file"
    )
    found = by_name(
        judge(facts(probes={"torch": failed}, cuda_packages_missing=("nvidia-cudnn-cu13",)))
    )
    assert found["torch"].status == "broken"
    assert "libcudnn.so.9" in found["torch"].detail
    assert found["CUDA libraries"].status == "broken"
    assert "nvidia-cudnn-cu13" in found["CUDA libraries"].detail
    assert found["CUDA libraries"].remedy == 'pip install "torch==2.14.1"'


def test_what_fails_for_want_of_torch_says_so():
    failed = Probe(False, "ImportError: libc10.so: undefined symbol: x")
    found = by_name(judge(facts(probes=dict.fromkeys(("torch", "torchaudio"), failed))))
    assert "needs torch" in found["torchaudio"].detail
    assert not found["torchaudio"].remedy  # torch's is the one to follow


# ------------------------------------------------------------------------------------------ FFmpeg
def without_ffmpeg(**changes) -> Finding:
    findings = judge(
        facts(probes={"torchcodec": Probe(False, NO_FFMPEG)}, **{"ffmpeg_found": {}, **changes})
    )
    # torchcodec itself is as it should be: only FFmpeg is to be mended.
    assert by_name(findings)["torchcodec"].works
    return by_name(findings)["FFmpeg"]


def test_no_ffmpeg_at_all():
    bad = without_ffmpeg(ffmpeg_program=None)
    assert bad.status == "missing"
    assert "shared libraries" in bad.detail
    assert "4 to 9" in bad.detail


def test_a_static_ffmpeg_program_does_not_help():
    bad = without_ffmpeg(ffmpeg_program="7.0.2-static")
    assert bad.status == "missing"
    assert "7.0.2-static is here, its shared libraries are not" in bad.detail


def test_incomplete_ffmpeg_names_what_lacks():
    bad = without_ffmpeg(ffmpeg_partial={5: ("libavdevice.so.59",)})
    assert (bad.status, bad.version) == ("broken", "5")
    assert "libavdevice.so.59" in bad.detail


def test_unsupported_ffmpeg():
    bad = without_ffmpeg(ffmpeg_unsupported=("libavutil.so.55",))
    assert bad.status == "broken"
    assert "libavutil.so.55" in bad.detail


def test_ffmpeg_present_but_not_loadable():
    text = NO_FFMPEG.replace("libavutil.so.57: cannot open", "libavutil.so.57: file too short; not")
    found = by_name(judge(facts(probes={"torchcodec": Probe(False, text)})))
    assert found["FFmpeg"].status == "broken"
    assert "file too short" in found["FFmpeg"].detail


@pytest.mark.parametrize(
    ("changes", "managers", "root", "command"),
    [
        ({}, {"apt-get"}, False, "sudo apt-get install ffmpeg"),
        ({}, {"apt-get"}, True, "apt-get install ffmpeg"),
        ({}, {"dnf"}, False, "sudo dnf install ffmpeg-free"),
        ({}, {"pacman"}, False, "sudo pacman -S ffmpeg"),
        ({"system": "darwin"}, {"brew"}, False, "brew install ffmpeg"),
        ({"conda": True}, {"apt-get"}, False, "conda install ffmpeg"),
        ({"system": "win32"}, set(), False, "winget install Gyan.FFmpeg.Shared"),
        ({}, set(), False, "install FFmpeg with its shared libraries"),
    ],
)
def test_the_command_suits_the_system(monkeypatch, changes, managers, root, command):
    monkeypatch.setattr("shutil.which", lambda name: name if name in managers else None)
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
    assert without_ffmpeg(**changes).remedy.startswith(command)


# ----------------------------------------------------------------------------- versions and others
@pytest.mark.parametrize("name", list(_environment.BOUNDS))
def test_missing_package(name: str):
    found = by_name(judge(facts({name: None}, {name: Probe(False, "ModuleNotFoundError")})))
    assert found[name].status == "missing"
    assert found[name].remedy.startswith(f'pip install "{name}>=')


@pytest.mark.parametrize("name", list(_environment.BOUNDS))
def test_old_package(name: str):
    found = by_name(judge(facts({name: "0.0.9"})))
    assert found[name].status == "broken"
    assert "too old" in found[name].detail
    assert name in found[name].remedy


def test_torchaudio_that_does_not_exist_yet_is_a_warning():
    assert by_name(judge(facts({"torchaudio": "2.12.0+cu130"})))["torchaudio"].status == "warning"


def test_torchcodec_with_undefined_symbols():
    text = (
        "RuntimeError: Could not load libtorchcodec. FFmpeg\nOSError: x.so: undefined symbol: _ZN"
    )
    found = by_name(judge(facts(probes={"torchcodec": Probe(False, text)})))
    assert found["torchcodec"].status == "broken"
    assert "undefined symbol" in found["torchcodec"].detail


def test_cpp_runtime_of_another_place():
    text = "OSError: /lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found"
    found = by_name(judge(facts(probes={"torchcodec": Probe(False, text)})))
    assert "C++ runtimes" in found["torchcodec"].detail
    assert "conda install" in found["torchcodec"].remedy


def test_soundfile_without_libsndfile():
    found = by_name(judge(facts(probes={"soundfile": Probe(False, "OSError: no libsndfile")})))
    assert "libsndfile1" in found["soundfile"].remedy


def test_bounds_are_those_of_the_package():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = {}
    for line in declared:
        name, low, high = re.fullmatch(r"(\w+)>=([\d.]+)(?:,<([\d.]+))?", line).groups()
        bounds[name] = (low, high)
    assert bounds == _environment.BOUNDS
    assert set(_stack.PACKAGES) == set(bounds)


BAD_MACHINES = {
    "torch 2.15": facts({"torch": "2.15.0+cu132"}, torch_cuda="13.2"),
    "cpu torch": facts({"torch": "2.13.0+cpu"}, torch_cuda=None),
    "old torchcodec": facts({"torchcodec": "0.9.1"}),
    "no torchaudio": facts({"torchaudio": None}),
    "no ffmpeg": facts(probes={"torchcodec": Probe(False, NO_FFMPEG)}, ffmpeg_found={}),
    "crash": facts(probes={"torchaudio": Probe(False, "killed by signal 11")}),
    "no cuda wheels": facts(
        probes={"torch": Probe(False, MISSING_CUDA)}, cuda_packages_missing=("nvidia-cublas",)
    ),
}


@pytest.mark.parametrize("machine", list(BAD_MACHINES))
def test_each_complaint_is_one_clear_line_with_a_remedy(machine: str):
    bad = [each for each in judge(BAD_MACHINES[machine]) if not each.works]
    assert bad
    assert any(each.remedy for each in bad)
    for each in bad:
        text = f"{each.detail} {each.remedy}"
        assert each.detail
        assert "\n" not in text
        assert len(each.detail) < 300
        assert "://" not in text  # package names only
        assert "index-url" not in text
        assert "Traceback" not in text


# ------------------------------------------------------------------------------------ import_stack
def test_import_stack_imports():
    assert import_stack("json") is json


def test_import_stack_explains_what_the_loader_says(monkeypatch):
    failure = OSError("libcudart.so.13: cannot open shared object file: No such file or directory")

    def refuse(name: str) -> ModuleType:
        raise failure

    machine = facts({"torch": "2.13.0+cpu"}, torch_cuda=None)
    monkeypatch.setattr(_environment, "import_module", refuse)
    monkeypatch.setattr(
        _environment, "gather", lambda probes: dataclasses.replace(machine, probes=probes)
    )
    with pytest.raises(BrokenEnvironmentError) as caught:
        import_stack("torchaudio.functional")
    message = str(caught.value)
    assert caught.value.__cause__ is failure
    assert isinstance(caught.value, ImportError)
    assert caught.value.name == "torchaudio.functional"
    assert message.startswith("torchaudio.functional cannot be used here")
    assert "torch 2.13.0+cpu, which has no CUDA" in message
    assert "to mend it: pip install" in message
    assert "audiolab doctor" in message
    assert "torchcodec " not in message.split("to mend it")[0]  # not what was asked for


def test_import_stack_notices_that_torchcodec_has_no_ffmpeg(monkeypatch):
    failure = RuntimeError(NO_FFMPEG)

    def decode(data: bytes) -> None:
        raise failure

    codec = ModuleType("torchcodec")
    codec.ffmpeg_major_version = None
    decoders = SimpleNamespace(AudioDecoder=decode)
    monkeypatch.setitem(sys.modules, "torchcodec", codec)
    monkeypatch.setattr(_environment, "import_module", lambda name: decoders)
    machine = dataclasses.replace(HEALTHY, ffmpeg_found={}, ffmpeg_program=None)
    monkeypatch.setattr(
        _environment, "gather", lambda probes: dataclasses.replace(machine, probes=probes)
    )
    with pytest.raises(BrokenEnvironmentError, match="ffmpeg") as caught:
        import_stack("torchcodec.decoders")
    assert caught.value.__cause__ is failure
    assert "shared libraries" in str(caught.value)


def test_import_stack_on_an_unknown_cause_still_shows_the_error(monkeypatch):
    def refuse(name: str) -> ModuleType:
        raise ImportError("something nobody has seen")

    monkeypatch.setattr(_environment, "import_module", refuse)
    monkeypatch.setattr(
        _environment, "gather", lambda probes: dataclasses.replace(HEALTHY, probes=probes)
    )
    with pytest.raises(BrokenEnvironmentError, match="something nobody has seen"):
        import_stack("torchaudio")


# ------------------------------------------------------------------------------------------- facts
def test_this_machine_is_healthy():
    findings = _environment.diagnose()
    assert [each for each in findings if not each.works] == []
    found = by_name(findings)
    assert found["FFmpeg"].version.isdigit()
    assert found["soundfile"].detail.startswith("libsndfile ")
    torch = importlib.import_module("torch")
    assert found["torch"].version == torch.__version__
    assert _stack.torch_cuda() == torch.version.cuda


def test_the_module_loads_no_torch():
    code = "import sys, audiolab._environment; print([m for m in sys.modules if m == 'torch'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ffmpeg_numbers_are_those_of_the_installed_torchcodec():
    folder = Path(importlib.import_module("torchcodec").__file__).parent
    libraries = sorted(folder.glob("libtorchcodec_core*.so")) + sorted(
        folder.glob("libtorchcodec_core*.dylib")
    )
    assert {int(re.search(r"core(\d+)", each.name)[1]) for each in libraries} == set(
        FFMPEG_LIBRARIES
    )
    for library in libraries:
        numbers = FFMPEG_LIBRARIES[int(re.search(r"core(\d+)", library.name)[1])]
        text = library.read_bytes()
        for name, number in numbers.items():
            spellings = (f"lib{name}.so.{number}", f"lib{name}.{number}.dylib")
            assert any(each.encode() + b"\0" in text for each in spellings), (library.name, name)


@pytest.mark.parametrize(
    ("system", "spelling"),
    [("linux", "lib{}.so.{}"), ("darwin", "lib{}.{}.dylib"), ("win32", "{}-{}.dll")],
)
def test_find_ffmpeg(tmp_path: Path, system: str, spelling: str):
    whole, part = tmp_path / "whole", tmp_path / "part"
    for folder, release in ((whole, 6), (part, 8)):
        folder.mkdir()
        for name, number in FFMPEG_LIBRARIES[release].items():
            if (release, name) != (8, "avdevice"):
                (folder / spelling.format(name, number)).touch()
    (part / spelling.format("avutil", 55)).touch()
    found, partial, strangers = _stack.find_ffmpeg(system, [tmp_path / "none", whole, part])
    assert found == {6: str(whole)}
    assert partial == {8: (spelling.format("avdevice", 62),)}
    assert strangers == (spelling.format("avutil", 55),)


def test_probe_pins_a_crash_on_the_module_and_goes_on(tmp_path: Path, monkeypatch):
    (tmp_path / "crasher.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    (tmp_path / "leaver.py").write_text("import os; os._exit(3)")
    (tmp_path / "raiser.py").write_text("raise OSError('libx.so.1: cannot open')")
    (tmp_path / "talker.py").write_text("print('noise', flush=True)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    names = ["json", "crasher", "leaver", "raiser", "talker", "nowhere"]
    results = _stack.probe_imports(names)
    assert results["json"] == results["talker"] == Probe(True)
    assert "signal 11" in results["crasher"].detail
    assert "status 3" in results["leaver"].detail
    assert results["raiser"].detail == "OSError: libx.so.1: cannot open"
    assert results["nowhere"].detail.startswith("ModuleNotFoundError")


def test_probe_ends_a_hang(tmp_path: Path, monkeypatch):
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    results = _stack.probe_imports(["sleeper", "json"], timeout_s=2.0)
    assert "did not end within 2 s" in results["sleeper"].detail
    assert results["json"].ok


def test_probe_without_a_child_process():
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError("no processes here")

    assert "no processes here" in _stack.probe_imports(["json"], run=refuse)["json"].detail


def test_versions_carry_the_build_tag(tmp_path: Path, monkeypatch):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/version.py").write_text(
        "from typing import Optional\n__version__ = '2.14.1+cpu'\ncuda: Optional[str] = None\n"
    )
    info = tmp_path / "torch-2.14.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torch\nVersion: 2.14.1\n"
        'Requires-Dist: nvidia-nowhere-cu13==1; platform_system == "Linux"\n'
    )
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert _stack.installed_version("torch") == "2.14.1+cpu"
    assert _stack.installed_version("torchaudio") is None
    assert _stack.torch_cuda() is None
    monkeypatch.setattr("sys.platform", "linux")
    assert _stack.cuda_packages() == ((), ("nvidia-nowhere-cu13",))
