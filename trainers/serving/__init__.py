"""Finished runs as SavedModels and as predictors."""
