"""Property tests have no deadline: how long one example takes says more of the machine than of the code."""

from hypothesis import settings

settings.register_profile("kubepreflight", deadline=None)
settings.load_profile("kubepreflight")
