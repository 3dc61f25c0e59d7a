"""What the method competes with: other networks, trained on the same texts."""
