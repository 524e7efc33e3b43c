"""What stands between a mouth and a model: microphones, air, lines, codecs, converters, clocks.

Each function is deterministic, has a value an item for its parameters, and computes an item from
that item alone; `audiolab.augment` exports them all.
"""

from audiolab.augment.channels.air import air_absorption, air_attenuation_db
from audiolab.augment.channels.clipping import alias, clip_amplitude, tanh_distortion
from audiolab.augment.channels.clocks import clock_drift
from audiolab.augment.channels.codecs import codec_round_trip
from audiolab.augment.channels.microphones import MICROPHONES, apply_microphone, microphone_response
from audiolab.augment.channels.packets import draw_packet_loss, num_packets, packet_loss
from audiolab.augment.channels.quantization import reduce_bit_depth
from audiolab.augment.channels.speakers import small_speaker
from audiolab.augment.channels.telephone import compand_bits, telephone

__all__ = [
    "MICROPHONES",
    "air_absorption",
    "air_attenuation_db",
    "alias",
    "apply_microphone",
    "clip_amplitude",
    "clock_drift",
    "codec_round_trip",
    "compand_bits",
    "draw_packet_loss",
    "microphone_response",
    "num_packets",
    "packet_loss",
    "reduce_bit_depth",
    "small_speaker",
    "tanh_distortion",
    "telephone",
]
