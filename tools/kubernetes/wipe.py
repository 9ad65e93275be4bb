"""Makes a cluster as it was at first, through its API: quicker than a new one, and needing no controller."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

from tools.kubernetes.client import Client, Object, Refused, root_of
from tools.waiting import until

SECONDS = 20
"""No server takes longer for one of the things that are waited for."""
Key = tuple[str, str, str, str]
"""API version, plural, namespace and name of an object."""

_NOT_STATE = frozenset({"events", "leases"})
"""What servers write by themselves all the time."""
_FIRST = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations", "validatingadmissionpolicybindings")
"""What may refuse that anything else is deleted."""
_LAST = ("customresourcedefinitions", "namespaces")
"""What others lie in."""


def contents(client: Client) -> dict[Key, Object]:
    """Everything in the cluster, in the order in which it can be deleted. Raises Refused."""
    found = dict(_all(client))
    return dict(sorted(found.items(), key=lambda one: _rank(one[0][1])))


def wipe(client: Client, before: dict[Key, Object]) -> None:
    """Delete what is not in `before` (from `contents`), restore what was changed or deleted since. Raises Refused."""
    now = contents(client)
    new = [value for key, value in now.items() if key not in before]
    for value in new:
        _delete(client, value)
    for value in new:
        if value["kind"] == "CustomResourceDefinition":
            # the server deletes its objects before the CRD itself, which cannot come again until then
            until(partial(_is_gone, client, client.path_of(value)), SECONDS)
    for key, value in before.items():
        if key not in now:
            client.create(_bare(value))
        elif _bare(now[key]) != _bare(value):
            version = now[key]["metadata"]["resourceVersion"]
            restored = _bare(value)
            restored["metadata"]["resourceVersion"] = version
            client.request("PUT", client.path_of(value), restored)


def _all(client: Client) -> Iterator[tuple[Key, Object]]:
    for version, resource in client.resources():
        plural = resource["name"]
        if plural in _NOT_STATE:
            continue
        for item in _items(client, f"{root_of(version)}/{plural}"):
            item |= {"apiVersion": version, "kind": resource["kind"]}
            metadata = item["metadata"]
            yield (version, plural, metadata.get("namespace", ""), metadata["name"]), item


def _items(client: Client, path: str) -> list[Object]:
    """A list's items; of a CRD that has just come or gone the server may not know them yet, or any more."""

    def ask() -> Object | None:
        try:
            return cast(Object, client.json(path))
        except Refused as error:
            if error.status == 404:
                return {"items": []}
            if error.status == 429:
                return None
            raise

    items: list[Object] = (until(ask, SECONDS) or client.json(path))["items"]
    return items


def _is_gone(client: Client, path: str) -> bool:
    try:
        client.get(path)
    except Refused:
        return True
    return False


def _rank(plural: str) -> int:
    if plural in _FIRST:
        return -1
    return 1 + _LAST.index(plural) if plural in _LAST else 0


def _delete(client: Client, value: Object) -> None:
    path = client.path_of(value)
    try:
        if value["metadata"].get("finalizers") and value["kind"] != "CustomResourceDefinition":
            client.request("PATCH", path, {"metadata": {"finalizers": None}})
        client.delete(value)
        if value["kind"] == "Namespace":
            value = client.json(path)
            client.request("PUT", f"{path}/finalize", value | {"spec": {"finalizers": []}})
    except Refused as error:
        if error.status != 404:
            raise


def _bare(value: Object) -> Object:
    """An object without what the server writes into it."""
    bare: dict[str, Any] = copy.deepcopy({key: one for key, one in value.items() if key != "status"})
    for name in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"):
        bare["metadata"].pop(name, None)
    return bare
