"""Rooms: impulse responses simulated and measured, reverberation, and what acousticians measure."""

__all__: list[str] = []
