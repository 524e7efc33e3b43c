"""Channels: which go where, and how loud."""

from audiolab.effects.mixing.matrices import change_channels, divide, oops, remix, swap

__all__ = ["change_channels", "divide", "oops", "remix", "swap"]
