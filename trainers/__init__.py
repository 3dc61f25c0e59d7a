"""Frozen ImageNet slices with a trainable autoencoder and head.

Letters: N examples, H and W pixels, C channels, M feature maps, K classes.
"""
