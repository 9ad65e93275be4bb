"""Property tests have no deadline: how long one example takes says more of the machine than of the code.

In CI they try the same examples each time: what a change breaks there, the change broke.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One more than there are processors: a tenth of the pure tests wait for what hangs, and is cut off."""
    is_pure = not any("real" in Path(argument).parts for argument in config.args)
    asked_for = "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ
    return (os.cpu_count() or 1) + 1 if is_pure and not asked_for else None


settings.register_profile("kubepreflight", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("kubepreflight")
