"""Which images of a node are known, and how much it matters when they are not."""

import pytest

from kubepreflight.host import NO_CRICTL, Host, Missing
from kubepreflight.semantics.kubeadm_images import images_gap


@pytest.mark.parametrize(
    ("missing", "asked"), [(NO_CRICTL, False), (Missing("crictl-images did not end in time on the node"), True)]
)
def test_a_node_without_crictl_is_in_good_order(missing: Missing, asked: bool) -> None:
    gap = images_gap(Host(name="cp1", file="cp1.tar"), missing)
    assert (gap.subject, gap.reason, gap.asked) == ("cp1", missing.reason, asked)
