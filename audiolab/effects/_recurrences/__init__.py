"""Recurrences that many effects share: compiled loops on the CPU, scans elsewhere.

All of them keep their state in float64, whatever the samples are; take and return that state, so
that a stream can be cut anywhere; and have gradients to samples, coefficients and state.
"""

from audiolab._rows import run_rows
from audiolab.effects._recurrences.iir import iir, iir_cascade
from audiolab.effects._recurrences.linear import linear_recurrence

__all__ = ["iir", "iir_cascade", "linear_recurrence", "run_rows"]
