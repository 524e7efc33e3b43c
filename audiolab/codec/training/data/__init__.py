"""Where training audio comes from: rendered sets, folders of files, and what is done to them.

``python -m audiolab.codec.training.data --minutes 180 --out data`` renders a set (`render`) of
speech, music and other sounds, all of it computed: nothing is recorded or downloaded. `open_source`
opens such a set, or any folder of audio files, as batches that are a pure function of (seed, step,
item), so that runs can be stopped, taken up again and shared among processes without a trace.
"""

from audiolab.codec.training.data.augmentation import Augmentation
from audiolab.codec.training.data.folder import FolderAudio, read_folder
from audiolab.codec.training.data.opening import open_source
from audiolab.codec.training.data.prefetching import Prefetched
from audiolab.codec.training.data.rendering import LICENCES, render, render_shard
from audiolab.codec.training.data.segments import TrainingAudio
from audiolab.codec.training.data.tracks import Library, ShardTrack, Track, read_shards

__all__ = [
    "LICENCES",
    "Augmentation",
    "FolderAudio",
    "Library",
    "Prefetched",
    "ShardTrack",
    "Track",
    "TrainingAudio",
    "open_source",
    "read_folder",
    "read_shards",
    "render",
    "render_shard",
]
