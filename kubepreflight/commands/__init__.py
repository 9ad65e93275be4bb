"""The commands behind the command line, each importing what it needs."""
