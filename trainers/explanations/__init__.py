"""Why a model answers as it does: pixels, features and words, and tests."""
