"""How far text images are from natural ones, inside every frozen slice.

Letters: N images, H and W pixels, M feature maps, P numbers per image.
"""
