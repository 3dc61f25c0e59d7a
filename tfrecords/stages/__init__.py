"""The stages of a build: stacks, map, images, each whole or absent."""
