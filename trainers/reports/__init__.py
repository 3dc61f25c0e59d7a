"""Reports: Markdown, figures, tables."""
