"""DeepInsight: features to pixels; numpy and scipy alone."""
