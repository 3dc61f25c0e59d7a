"""Ours, timed beside what a user would pick instead."""
