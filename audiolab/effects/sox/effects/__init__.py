"""The effects themselves, a file a family: importing this package registers them all."""
