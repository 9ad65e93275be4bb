"""A plain client of an API server that can write: what tests and benchmarks fill a cluster with."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3
import yaml

Object = dict[str, Any]
"""A Kubernetes object, as JSON has it."""
TIMEOUT_SECONDS = 60


class Refused(Exception):  # noqa: N818 - it is an answer
    """An answer that is an error: HTTP's `status`, the server's `message`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


class Client:
    """Requests as the user of a kubeconfig with a client certificate or a token, as kubeadm writes them."""

    def __init__(self, kubeconfig: Path, connections: int = 8) -> None:
        document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self.url: str = cluster["server"]
        context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        if "client-certificate-data" in user:
            with tempfile.NamedTemporaryFile("w") as both:
                both.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
                both.flush()
                context.load_cert_chain(both.name)
        headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._pool = urllib3.PoolManager(
            maxsize=connections,
            block=True,
            ssl_context=context,
            headers=headers,
            retries=False,
            timeout=TIMEOUT_SECONDS,
        )
        self._plurals: dict[str, dict[str, Object]] = {}

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        patch: str = "merge",
    ) -> bytes:
        """The body of one answer; `patch` is the sort of a PATCH, `headers` go beyond the usual.

        Raises Refused, OSError when there is no answer.
        """
        kind = f"application/{patch}-patch+json" if method == "PATCH" else "application/json"
        sent = {**self._pool.headers, "Accept": "application/json", "Content-Type": kind, **(headers or {})}
        data = None if body is None else json.dumps(body)
        try:
            answer = self._pool.request(method, self.url + path, body=data, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise OSError(str(error)) from error
        if answer.status >= 300:
            raise Refused(answer.status, _message(answer.data))
        return answer.data

    def get(self, path: str) -> bytes:
        """The body of one GET. Raises Refused and OSError."""
        return self.request("GET", path)

    def json(self, path: str) -> Any:
        """The decoded body of one GET. Raises Refused and OSError."""
        return json.loads(self.get(path))

    def path_of(self, value: Mapping[str, Any], *, named: bool = True) -> str:
        """The path of an object, or with `named` false of its list. Raises LookupError for an unknown kind."""
        version, metadata = value["apiVersion"], value["metadata"]
        resource = self._resource(version, value["kind"])
        space = f"/namespaces/{metadata.get('namespace', 'default')}" if resource["namespaced"] else ""
        return f"{root_of(version)}{space}/{resource['name']}" + (f"/{metadata['name']}" if named else "")

    def create(self, value: Mapping[str, Any]) -> Object:
        """Create an object, and its status too when it has one. Raises Refused."""
        created: Object = json.loads(self.request("POST", self.path_of(value, named=False), value))
        status = value.get("status")
        if status and created.get("status") != status:
            path = f"{self.path_of(value)}/status"
            created = json.loads(self.request("PATCH", path, {"status": status}))
        return created

    def delete(self, value: Mapping[str, Any]) -> None:
        """Delete an object at once, whatever would hold it back but its finalizers. Raises Refused."""
        self.request("DELETE", self.path_of(value), {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})

    def resources(self) -> Iterator[tuple[str, Object]]:
        """Everything that can be listed and deleted, once: its API version (the preferred one) and its description."""
        groups = self.json("/apis")["groups"]
        for version in ("v1", *(group["preferredVersion"]["groupVersion"] for group in groups)):
            try:
                found = self.json(root_of(version))["resources"]
            except Refused:
                continue  # an aggregated API that is down
            yield from ((version, one) for one in found if {"list", "delete"} <= set(one["verbs"]))

    def _resource(self, version: str, kind: str) -> Object:
        if kind not in self._plurals.get(version, {}):
            found: Iterable[Object] = self.json(root_of(version))["resources"]
            self._plurals[version] = {one["kind"]: one for one in found if "/" not in one["name"]}
        try:
            return self._plurals[version][kind]
        except KeyError:
            raise LookupError(f"{self.url} serves no {kind} of {version}") from None


def root_of(version: str) -> str:
    """The path of an API version: `/apis/apps/v1`, `/api/v1`."""
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode("ascii")


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:500].decode("utf-8", "replace")
