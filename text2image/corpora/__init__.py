"""Corpora: texts and images with captions, read, checked and split."""
