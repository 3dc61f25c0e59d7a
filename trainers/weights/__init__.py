"""Weights of the slices: found, fetched, checked, converted, fitted."""
