"""Echoes."""
