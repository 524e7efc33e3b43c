"""Every SoX effect on tensors: functions in physical units, and chains in SoX's own words."""

from audiolab.effects import sox

__all__ = ["sox"]
