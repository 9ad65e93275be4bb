"""How long a scan takes and what memory it needs, as ratios within one run: `make bench`."""
