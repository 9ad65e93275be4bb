"""Real dpkg and apt for tests and replays: small packages, a signed repository, a Debian root to install them in."""
