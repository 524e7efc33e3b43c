"""What stands between a mouth and a model: microphones, air, lines, codecs, converters, clocks.

Each function is deterministic, has a value an item for its parameters, and computes an item from
that item alone; `audiolab.augment` exports them all.
"""
