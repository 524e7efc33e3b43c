"""Where training audio comes from: rendered sets, folders of files, and what is done to them.

``python -m audiolab.codec.training.data`` renders a set; `open_source` opens one, or any folder of
audio, as batches that are a pure function of (seed, step, item).
"""

from audiolab.codec.training.data.opening import open_source

__all__ = ["open_source"]
