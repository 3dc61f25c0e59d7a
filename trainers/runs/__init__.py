"""One run's directory: files, checkpoints, provenance, loading."""
