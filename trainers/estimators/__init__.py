"""Scikit-learn's interface to a run."""
