"""Several maps of the same stacks, a run for each, and their vote.

Sharma et al.'s MRep: DeepInsight with more than one manifold.
"""
