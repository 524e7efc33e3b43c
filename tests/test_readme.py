"""What README shows works: its Python runs, its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from audiolab.cli import main
from audiolab.signals import clip_path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_python_runs(tmp_path: Path) -> None:
    code = "\n".join(blocks("python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "dB SNR" in done.stdout


def test_audiolab_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [
        line.split("#")[0].split()[1:]
        for block in blocks("bash")
        for line in block.splitlines()
        if line.startswith("audiolab ") and not line.startswith("audiolab doctor")
    ]
    assert len(commands) >= 4
    # The files that the commands read, and a song long enough for the range that is cut from it.
    assert main(["convert", str(clip_path("speech")), "talk.wav"]) == 0
    for name in ("original.wav", "coded.mp3", "talks/talk.wav"):
        Path(name).parent.mkdir(exist_ok=True)
        assert main(["convert", "talk.wav", name]) == 0
    Path("recipe.yaml").write_text("recipe: 1\ntransforms:\n- {transform: gain}\n")
    subprocess.run(
        [sys.executable, "-c", "import torch; from audiolab import io\n"
         "for n in ('song.mp3', 'song.flac'): io.save(n, torch.zeros(2, 16_000 * 105), 16_000)"],
        check=True,
    )  # fmt: skip
    for command in commands:
        assert main(command) == 0, command


@pytest.mark.parametrize("target", re.findall(r"make ([a-z-]+)", README))
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_links_lead_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
