"""Stages of a build: stacks, map, images. Each result is whole or absent."""
