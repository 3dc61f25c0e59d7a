"""Settings of explanations that need no model."""

# How words get their contributions.
METHODS = ("gradients", "occlusion")
