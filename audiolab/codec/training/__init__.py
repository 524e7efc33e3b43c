"""Training of neural codecs: losses, discriminator, balancer, data, trainer."""

__all__: list[str] = []
