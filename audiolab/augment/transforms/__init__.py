"""The single transforms, by family; `audiolab.augment` exports them all."""
