"""Where facts come from: all input and output of a scan."""
