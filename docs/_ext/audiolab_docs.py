"""What ``conf.py`` calls: order of the pages, clean starts, mini-galleries, downloads, versions.

Everything that Sphinx or sphinx-gallery needs as a callable is an importable name of this module,
because objects in ``conf.py`` can't be pickled and would force a full rebuild every time.
"""

from __future__ import annotations

import gc
import importlib.metadata
import os
import random
import re
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

from sphinx.util import logging

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

#: The gallery, in reading order. A script that is not listed stops the build.
GALLERY: dict[str, tuple[str, ...]] = {
    "quickstart": ("quickstart",),
    "encoding": (
        "encoding_audio_samples",
        "what_a_codec_costs",
        "loading_anything",
        "coming_from_torchaudio",
    ),
    "resampling": (
        "sine_sweep",
        "width_rolloff_window",
        "every_engine",
        "aliasing_by_ear",
        "training_and_listening",
        "resampling_a_stream",
    ),
    "features": (
        "spectrogram_trade_offs",
        "mel_scale_and_filter_banks",
        "mel_and_mfcc_step_by_step",
        "griffin_lim_and_back",
        "masking_time_and_frequency",
        "six_words_and_a_classifier",
    ),
    "effects": (
        "coming_from_sox_effects",
        "tour_of_filters_and_dynamics",
        "tour_of_modulation_and_rooms",
        "tour_of_time_and_pitch",
        "tour_of_channels_editing_synthesis",
        "filters_seen",
        "reverb_explained",
        "time_and_pitch",
        "learning_an_effect",
        "parity_table",
    ),
    "augmentation": (
        "noise_at_an_snr",
        "rooms_from_images",
        "convolution_reverb",
        "random_recipes",
        "stretch_and_pitch",
        "telephone_line",
        "what_augmentation_buys",
        "coming_from_audiomentations",
    ),
    "codec": (
        "residual_vector_quantiser",
        "seanet_layer_by_layer",
        "streaming_and_latency",
        "container_and_entropy_coder",
        "where_the_time_goes",
        "what_six_kilobits_sound_like",
        "discrete_representations",
        "what_a_language_model_saves",
        "official_encodec_weights",
        "train_your_own",
        "losses_and_the_balancer",
    ),
}

#: Where links to other projects lead. Their inventories are the stubs that make_inventories.py
#: wrote.
INVENTORIES = {
    "python": "https://docs.python.org/3",
    "torch": "https://docs.pytorch.org/docs/stable",
    "torchcodec": "https://meta-pytorch.org/torchcodec/stable",
    "torchaudio": "https://docs.pytorch.org/audio/stable",
    "numpy": "https://numpy.org/doc/stable",
    "matplotlib": "https://matplotlib.org/stable",
}

#: Names that no inventory knows because they are prose: numpydoc's type lines are not all Python.
NITPICK_IGNORE: list[tuple[str, str]] = []

#: One folder of the gallery, for `make gallery ONLY=encoding`; the others are not even parsed.
ONLY = os.environ.get("AUDIOLAB_GALLERY", "").strip("/ ")


#: The warning filters to restore when a page has run.
_strict: list[warnings.catch_warnings[Any]] = []


# ------------------------------------------------------------------------------------------ gallery
def subjects() -> list[str]:
    """Return the folders of the gallery, in reading order.

    Returns
    -------
    list of str
        Names under ``examples/``.

    Raises
    ------
    ValueError
        If ``AUDIOLAB_GALLERY`` names no folder of the gallery.
    """
    if ONLY and ONLY not in GALLERY:
        raise ValueError(f"AUDIOLAB_GALLERY={ONLY!r}: choose one of {', '.join(GALLERY)}")
    return list(GALLERY)


def ignore_pattern() -> str:
    """Return the pattern of the files that sphinx-gallery must not touch.

    Returns
    -------
    str
        A regular expression on the name of a script, without its folder.
    """
    if not ONLY:
        return r"__init__\.py$"
    others = "|".join(page for name in subjects() if name != ONLY for page in GALLERY[name])
    return rf"__init__\.py$|^(?:{others})\.py$"


def suppressed_warnings() -> list[str]:
    """Return the kinds of warning that this build accepts.

    Returns
    -------
    list of str
        Nothing for a whole build; in a narrowed one, links to pages that were left out.
    """
    return ["ref.*", "toc.*"] if ONLY else []


def page_count() -> int:
    """Count the pages of the gallery.

    Returns
    -------
    int
        The number of scripts in ``examples/``.
    """
    return sum(1 for _ in EXAMPLES.glob("*/*.py"))


def page_order(filename: str) -> str:
    """Sort pages as `GALLERY` lists them.

    Parameters
    ----------
    filename : str
        A script's name or path; names are unique over the whole gallery.

    Returns
    -------
    str
        A key that sorts in reading order.

    Raises
    ------
    ValueError
        If the script is not listed.
    """
    stem = Path(filename).stem
    names = [name for pages in GALLERY.values() for name in pages]
    if stem not in names:
        raise ValueError(
            f"examples: {stem}.py has no place in GALLERY of docs/_ext/audiolab_docs.py"
        )
    return f"{names.index(stem):03d}"


def reset(gallery_conf: dict[str, Any], fname: str, when: str) -> None:
    """Give every page the same clean start, and turn warnings in pages into errors.

    Parameters
    ----------
    gallery_conf : dict
        sphinx-gallery's settings, unused.
    fname : str
        The script.
    when : {"before", "after"}
        Whether the script is about to run or has run.
    """
    import numpy as np
    import torch

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)
    # Pages take explicit generators; global seeds only guard the libraries that pages call.
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - the legacy state is what third-party code reads
    random.seed(0)
    if when == "before":
        _strict.append(warnings.catch_warnings())
        _strict[-1].__enter__()
        warnings.simplefilter("error")  # a warning in a page is a defect of the page
        # Figures are collected by sphinx-gallery, so plt.show() has nothing to show and says so.
        warnings.filterwarnings("ignore", message=".*non-interactive, and thus cannot be shown")
    else:
        while _strict:
            _strict.pop().__exit__(None, None, None)
        gc.collect()


# ----------------------------------------------------------------------------------- mini-galleries
def inject_minigallery(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Append "Gallery pages that use it" to the docstring of a public function or class.

    Parameters
    ----------
    app, what, name, obj, options, lines
        As ``autodoc-process-docstring`` passes them; `lines` is extended in place.
    """
    if what not in {"function", "class", "exception"}:
        return
    uses = Path(app.srcdir, "gen", "backreferences", f"{name}.examples")
    if uses.exists() and uses.stat().st_size > 0:
        lines += [
            "",
            ".. rubric:: In the gallery",
            "   :class: used-in",
            "",
            f".. minigallery:: {name}",
            "",
        ]


def drop_summary_table(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Leave out a module docstring's table of names: the page has a longer one, with links.

    Parameters
    ----------
    app, what, name, obj, options, lines
        As ``autodoc-process-docstring`` passes them; `lines` is shortened in place.
    """
    if what != "module":
        return
    rules = [number for number, line in enumerate(lines) if re.fullmatch(r"=+( +=+)+", line)]
    if rules:
        del lines[rules[0] : rules[-1] + 1]


# ------------------------------------------------------------------------------ pages and pictures
def drop_tag_lists(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Remove the place for tags that sphinx-gallery writes once a section, with one identifier.

    Parameters
    ----------
    app, pagename, templatename, context, doctree
        As ``html-page-context`` passes them.
    """
    if "body" in context:
        context["body"] = re.sub(r"<div id='sg-tag-list'[^>]*></div>", "", context["body"])


def shrink_figures(app: Any) -> None:
    """Store figures with 256 colours: a third of the bytes, and no difference that one could see.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The build; runs after sphinx-gallery has written its figures.
    """
    from PIL import Image

    for path in sorted(Path(app.srcdir, "auto_examples").rglob("*.png")):
        with Image.open(path) as picture:
            if picture.mode != "P":
                flat = Image.new("RGB", picture.size, "white")
                flat.paste(picture, mask=picture.getchannel("A") if "A" in picture.mode else None)
                few = flat.quantize(
                    256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
                )
                few.save(path, optimize=True)


# ---------------------------------------------------------------------------------------- downloads
def replace_notebooks(app: Any) -> None:
    """Offer our own notebooks for download, so that .py, .html and .ipynb are one page.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The build; runs after sphinx-gallery has written its own notebooks and archives.
    """
    from rest_to_markdown import ConversionError

    from notebooks import notebook_text

    gallery = Path(app.srcdir, "auto_examples")
    for script in sorted(EXAMPLES.glob("*/*.py")):
        target = gallery / script.relative_to(EXAMPLES).with_suffix(".ipynb")
        if target.exists():
            try:
                target.write_text(notebook_text(script), encoding="utf-8")
            except ConversionError as error:
                logger.warning("%s", error)
    for archive in sorted(gallery.rglob("*.zip")):
        rewrite_zip(archive)


def rewrite_zip(archive: Path) -> None:
    """Pack an archive again from the files beside it, with one fixed date and sorted names.

    Parameters
    ----------
    archive : Path
        A .zip whose members lie in its own folder.
    """
    with zipfile.ZipFile(archive) as packed:
        names = sorted(packed.namelist())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            member = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
            member.external_attr = 0o644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(member, (archive.parent / name).read_bytes())


# ----------------------------------------------------------------------------------------- versions
def build_versions() -> list[tuple[str, str]]:
    """Say what the pages were built with.

    Returns
    -------
    list of (str, str)
        Name and version of everything whose output the pages show.
    """
    packages = ("torch", "torchaudio", "torchcodec", "librosa", "soundfile")
    found = [("Python", ".".join(str(part) for part in sys.version_info[:3]))]
    return found + [(name, importlib.metadata.version(name)) for name in packages]


def setup(app: Any) -> dict[str, Any]:
    """Connect the hooks.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The build.

    Returns
    -------
    dict
        What Sphinx wants to know about an extension.
    """
    app.connect("builder-inited", replace_notebooks, priority=900)
    app.connect("builder-inited", shrink_figures, priority=900)
    app.connect("html-page-context", drop_tag_lists)
    app.connect("autodoc-process-docstring", drop_summary_table, priority=400)
    # After numpydoc (500), which rewrites the docstring's sections.
    app.connect("autodoc-process-docstring", inject_minigallery, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
