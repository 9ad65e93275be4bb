"""Programs for the maintainers of kubepreflight."""
