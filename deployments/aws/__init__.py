"""Sluice on AWS: the stack, the image, the work pool, the blocks."""
