"""The network between image and logits."""
