"""DeepInsight (Sharma et al. 2019): feature vectors drawn as images.

Statistics, scaler, projection, geometry and the pixel map need only numpy and
scipy; `keras_layers` draws the same images inside a model; `figures` plots
them.
"""
