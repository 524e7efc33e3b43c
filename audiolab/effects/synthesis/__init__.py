"""Making sound: SoX's noise generator, oscillators, a plucked string."""
