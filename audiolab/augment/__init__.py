"""Augmentation: noise, rooms, channels, stretch and pitch, at random and reproducibly."""

__all__: list[str] = []
