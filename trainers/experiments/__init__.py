"""Tables of many trainings: plan, baselines, significance."""
