"""One node's disk and packages, as its host archive tells them."""
