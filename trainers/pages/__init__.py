"""The local page: its server, what it answers, and its files."""
