"""Property tests have no deadline: how long one example takes says more of the machine than of the code.

In CI they try the same examples each time: what a change breaks there, the change broke.
"""

import os

from hypothesis import settings

settings.register_profile("kubepreflight", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("kubepreflight")
