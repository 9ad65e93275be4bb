from __future__ import annotations

import msgspec
import pytest

from kubepreflight.objects import Pod
from kubepreflight.semantics.owners import owner_of

CASES = [
    (None, {}, "Pod a/p on n1"),
    (("Node", "n1"), {}, "Pod a/p on n1"),
    (("DaemonSet", "agent"), {}, "DaemonSet a/agent"),
    (("ReplicaSet", "web-57d6b8bcb8"), {"pod-template-hash": "57d6b8bcb8"}, "Deployment a/web"),
    (("ReplicaSet", "by-hand"), {"pod-template-hash": "57d6b8bcb8"}, "ReplicaSet a/by-hand"),
    (("ReplicaSet", "by-hand"), {}, "ReplicaSet a/by-hand"),
    (("ReplicaSet", "web-57d6b8bcb8"), {"rollouts-pod-template-hash": "57d6b8bcb8"}, "Rollout a/web"),
]


@pytest.mark.parametrize(("owner", "labels", "subject"), CASES)
def test_the_owner_of_a_pod(owner: tuple[str, str] | None, labels: dict[str, str], subject: str) -> None:
    owners = [{"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    value = {
        "metadata": {"name": "p", "namespace": "a", "labels": labels, "ownerReferences": owners},
        "spec": {"nodeName": "n1"},
    }
    one = msgspec.convert(value, Pod)
    one.kind = "Pod"
    assert str(owner_of(one)) == subject


def test_an_owner_that_would_not_replace_it_is_none() -> None:
    value = {"metadata": {"name": "p", "ownerReferences": [{"kind": "Job", "name": "j"}]}}
    assert owner_of(msgspec.convert(value, Pod)).name == "p"
