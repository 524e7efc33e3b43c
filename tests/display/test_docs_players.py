"""Players in a gallery: a miniature one is built, with this project's layout and extension."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONF = """
extensions = ["sphinx_gallery.gen_gallery", "audiolab_player"]
project = "mini"
html_theme = "basic"
html_static_path = ["docs/_static"]
html_copy_source = False
sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"\\.py$",
    "capture_repr": ("_repr_html_",),
    "reset_modules": ("matplotlib", "audiolab_player.reset"),
    "reset_modules_order": "both",
}
"""

EXAMPLE = '''"""
Two levels
==========

A tone at two levels.
"""

# %%

import torch

from audiolab import display

tone = torch.sin(torch.arange(8000) * 0.4)
display.player({"loud": tone, "soft": 0.1 * tone}, 8000)

# %%
# The same tone once more.

display.player(tone, 8000, spectrograms=False)
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mini")
    for folder in ("docs/_static", "examples/levels"):
        (root / folder).mkdir(parents=True)
    (root / "conf.py").write_text(CONF)
    (root / "docs" / "index.rst").write_text(
        "Mini\n====\n\n.. toctree::\n\n   auto_examples/index\n"
    )
    (root / "examples" / "GALLERY_HEADER.rst").write_text("Gallery\n=======\n")
    (root / "examples" / "levels" / "GALLERY_HEADER.rst").write_text("Levels\n------\n")
    (root / "examples" / "levels" / "two_levels.py").write_text(EXAMPLE)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "-c", ".", "docs", "html"]
    path = f"{ROOT / 'docs' / '_ext'}:{ROOT}"
    done = subprocess.run(
        command, cwd=root, env={"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HOME": str(root)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return root / "html"


def test_pages_refer_to_files_named_by_content(site: Path) -> None:
    page = site / "auto_examples" / "levels" / "two_levels.html"
    html = page.read_text()
    found = re.findall(r'src="([^"]+/_static/audio/[^"]+)"', html)
    assert [address.rsplit(".")[-1] for address in found] == ["png", "flac", "png", "flac", "flac"]
    for address in found:
        file = page.parent / address
        assert file.stem == hashlib.sha256(file.read_bytes()).hexdigest()[:20]
    sounds = [address for address in found if address.endswith("flac")]
    assert sounds[0] == sounds[2]  # the same tone is one file
    assert len(list((site / "_static" / "audio").iterdir())) == 4
    assert "audiolab-file:" not in html
    assert "data:audio" not in html


def test_script_and_style_are_linked_once_and_only_where_needed(site: Path) -> None:
    page = site / "auto_examples" / "levels" / "two_levels.html"
    html = page.read_text()
    assert len(re.findall(r'<script defer="defer" src="[^"]*_static/player\.js', html)) == 1
    assert len(re.findall(r'<link [^>]*href="[^"]*_static/player\.css', html)) == 1
    assert "customElements" not in html
    index = (site / "index.html").read_text()
    assert "player.js" not in index
    for name in ("player.js", "player.css"):
        packaged = ROOT / "audiolab" / "display" / "_assets" / name
        assert (site / "_static" / name).read_bytes() == packaged.read_bytes()
