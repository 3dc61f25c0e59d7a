"""Weights of the slices: fetched, verified, read, converted, drawn."""
