"""Training: the frozen half, its cache, the loop, metrics."""
