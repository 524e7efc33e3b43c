"""The wheel, built and used the way a user does: away from the tree, beside an installed torch."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import audiolab

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, which borrows torch and the rest.

    A second copy of torch would take gigabytes. The borrowed folder is named in a .pth file, and
    .pth files inside it (such as the editable install of the tree) are not followed from there.
    """
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(
        run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).strip()
    )
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps",
        "--disable-pip-version-check", wheel, cwd=folder)  # fmt: skip
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"audiolab", f"audiolab-{audiolab.__version__}.dist-info"}
    package = {str(p.relative_to(ROOT)) for p in (ROOT / "audiolab").rglob("*.py")}
    assert package <= set(names)
    for needed in ("audiolab/py.typed", "audiolab/display/_assets/player.js"):
        assert needed in names
    assert any(name.endswith(".flac") for name in names)


def test_metadata_agrees_with_the_package(installed: Path, tmp_path: Path) -> None:
    code = (
        "import audiolab, importlib.metadata as m; "
        "print(audiolab.__file__); print(audiolab.__version__ == m.version('audiolab')); "
        "print(m.metadata('audiolab')['License-Expression'])"
    )
    file, same_version, licence = run(installed, "-c", code, cwd=tmp_path).splitlines()
    assert Path(file).is_relative_to(installed.parents[1])
    assert same_version == "True"
    assert licence == "MIT"


def test_package_works_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = """
import audiolab
waveform, rate = audiolab.signals.clip("music")
audiolab.io.save("out.mp3", waveform, rate, bit_rate=128_000)
back, back_rate = audiolab.io.load("out.mp3")
assert back_rate == rate and back.shape[0] == waveform.shape[0]
assert "<audio" in audiolab.display.player(waveform[:, :rate], rate)._repr_html_()
"""
    run(installed, "-c", code, cwd=tmp_path)


def test_command_works_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    command = installed.with_name("audiolab")
    assert audiolab.__version__ in run(command, "--version", cwd=tmp_path)
    clip = run(
        installed, "-c", "import audiolab.signals as s; print(s.clip_path('speech'))", cwd=tmp_path
    )
    run(command, "convert", clip.strip(), "out.wav", "--rate", "16000", cwd=tmp_path)
    assert "16000" in run(command, "info", "--json", "out.wav", cwd=tmp_path)


def test_the_codec_comes_with_its_weights(wheel: Path, installed: Path, tmp_path: Path) -> None:
    members = {each.filename: each.file_size for each in zipfile.ZipFile(wheel).infolist()}
    weights = [size for name, size in members.items() if name.endswith(".safetensors")]
    assert len(weights) == 2
    assert sum(weights) <= 8_000_000
    assert "audiolab/codec/training/recipes/audiolab_24khz.yaml" in members
    command = installed.with_name("audiolab")
    clip = run(
        installed, "-c", "import audiolab.signals as s; print(s.clip_path('speech'))", cwd=tmp_path
    ).strip()
    run(command, "codec", "compress", clip, "--lm", "-o", "voice.ecdc", cwd=tmp_path)
    run(command, "codec", "decompress", "voice.ecdc", "-o", "voice.wav", cwd=tmp_path)
    assert '"sample_rate": 24000' in run(command, "info", "--json", "voice.wav", cwd=tmp_path)
