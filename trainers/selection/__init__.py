"""The best classifier for given texts, chosen on their train side alone."""
