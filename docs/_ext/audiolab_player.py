"""Sphinx extension: players in gallery pages refer to files instead of holding them.

While sphinx-gallery runs an example, `reset` sets a publisher. It stores each sound and picture as
``_static/audio/<hash>.<suffix>`` below the sources, named by content, and answers with a
placeholder, because an example does not know where its page will stand. When Sphinx writes a page,
the placeholders become addresses relative to it, and ``player.js`` and ``player.css`` are linked on
the pages that hold a player.

In ``conf.py``: ``extensions += ["audiolab_player"]``, `reset` among sphinx-gallery's
``reset_modules`` as ``"audiolab_player.reset"``, and ``_static`` of the sources in
``html_static_path``. The package's own assets are added to that path here.
"""

from __future__ import annotations

import hashlib
import re
from functools import partial
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from audiolab import display
from audiolab._files import atomic_path

FOLDER = "_static/audio"
SCHEME = "audiolab-file:"
PLACEHOLDER = re.compile(rf"{SCHEME}([0-9a-f]{{20}}\.\w+)")


def reset(gallery_conf: dict[str, Any], fname: str, when: str = "before") -> None:
    """Publish into the sources' static folder while an example runs, and inline otherwise."""
    folder = Path(gallery_conf["src_dir"]) / FOLDER
    display.set_publisher(partial(publish, folder) if when == "before" else None)


def publish(folder: Path, data: bytes, suffix: str) -> str:
    """Store a file under the hash of its content, and return the placeholder of its address."""
    name = hashlib.sha256(data).hexdigest()[:20] + suffix
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    if not target.exists():
        with atomic_path(target, overwrite=True) as temporary:
            temporary.write_bytes(data)
    return SCHEME + name


def add_assets(app: Sphinx, config: Config) -> None:
    """Let Sphinx copy the player's script and style sheet, unless ``conf.py`` does already."""
    assets = display.assets_path().resolve()
    listed = {(Path(app.confdir) / entry).resolve() for entry in config.html_static_path}
    if assets not in listed:
        config.html_static_path.append(str(assets))


def resolve(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Turn placeholders into addresses relative to the page, and link script and style there."""
    body = context.get("body", "")
    if "<audiolab-player" not in body:
        return
    pathto = context["pathto"]
    context["body"] = PLACEHOLDER.sub(
        lambda match: str(pathto(f"{FOLDER}/{match[1]}", resource=True)), body
    )
    app.add_js_file("player.js", loading_method="defer")
    app.add_css_file("player.css")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", add_assets)
    app.connect("html-page-context", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
