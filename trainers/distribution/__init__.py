"""One training by several devices or processes, each with a part of a batch."""
