"""Training of neural codecs: losses, discriminator, balancer, data, trainer.

``audiolab codec train`` is the whole of it in a command; these are its parts. `TrainingConfig` says
what a run is, a `BatchSource` where its audio comes from (`audiolab.codec.training.data` renders
speech and music, and reads folders), and `Trainer` trains. Recipes lie in ``recipes/``. Nothing
else in the package imports this subpackage, but for the command.
"""

from audiolab.codec.training.adversarial import discriminator_loss, feature_loss, generator_loss
from audiolab.codec.training.balancer import Balancer
from audiolab.codec.training.config import TrainingConfig
from audiolab.codec.training.discriminator import Judgement, MultiScaleSTFTDiscriminator
from audiolab.codec.training.losses import MultiScaleMelLoss, SpectralLosses, time_l1
from audiolab.codec.training.sources import BatchSource, WaveformSource
from audiolab.codec.training.trainer import Event, Trainer, TrainingDivergedError

__all__ = [
    "Balancer",
    "BatchSource",
    "Event",
    "Judgement",
    "MultiScaleMelLoss",
    "MultiScaleSTFTDiscriminator",
    "SpectralLosses",
    "Trainer",
    "TrainingConfig",
    "TrainingDivergedError",
    "WaveformSource",
    "discriminator_loss",
    "feature_loss",
    "generator_loss",
    "time_l1",
]
