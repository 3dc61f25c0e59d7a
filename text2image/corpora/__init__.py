"""Labelled texts and captioned images from files, TFDS or WebVision.

A corpus is a stream that can be read again; `split` divides it into train,
validation and test.
"""
