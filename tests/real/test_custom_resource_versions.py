"""What the API server and kubectl say to versions of custom resources that are stored or written, and gone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.real.cluster import PLAN, Cluster, Scan
from tests.real.objects import custom_resource_definition
from tools.kubernetes.client import Object
from tools.waiting import until

STORED, WRITTEN = "crd-stored-version-gone", "custom-resource-version-gone"


def definition(**versions: bool) -> Object:
    """A CRD whose objects are written in the last version."""
    return custom_resource_definition("example.org", "Thing", versions, storage=list(versions)[-1])


def thing(version: str) -> Object:
    metadata = {"name": "one", "namespace": "default"}
    return {"apiVersion": f"example.org/{version}", "kind": "Thing", "metadata": metadata}


def applied(cluster: Cluster, value: Object) -> subprocess.CompletedProcess[str]:
    return cluster.kubectl("apply", "-f", "-", text=json.dumps(value))


def refused(cluster: Cluster, value: Object, cache: Path) -> str:
    """What kubectl says that has not seen this server before: it asks for what it remembers, and gets a 404."""
    shutil.rmtree(cache, ignore_errors=True)
    return cluster.kubectl("--cache-dir", str(cache), "apply", "-f", "-", text=json.dumps(value)).stderr


def listed(cluster: Cluster) -> str:
    """The names of the objects; nothing as long as the server says that its storage is (re)initializing."""
    return cluster.kubectl("get", "things", "--all-namespaces", "-o", "name").stdout


def scanned(cluster: Cluster, folder: Path, *manifests: Object) -> Scan:
    for number, one in enumerate(manifests):
        (folder / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
    return cluster.scan("--live", str(folder), *PLAN)


def kept_in_the_old_version(cluster: Cluster) -> None:
    """An object of v1alpha1, and a definition that writes v1 since."""
    cluster.holds(definition(v1alpha1=True))
    assert until(lambda: applied(cluster, thing("v1alpha1")).returncode == 0)
    assert applied(cluster, definition(v1alpha1=True, v1=True)).returncode == 0
    assert until(lambda: listed(cluster))


def test_a_definition_without_a_stored_version_is_refused_until_the_remedy_is_typed(
    cluster: Cluster, tmp_path: Path
) -> None:
    kept_in_the_old_version(cluster)
    new = definition(v1=True)
    (found,) = scanned(cluster, tmp_path, new).findings(STORED)
    assert "missing from spec.versions" in applied(cluster, new).stderr
    *_, replace, patch = found["remedy"].splitlines()
    kubectl = f'kubectl() {{ command {" ".join(cluster.kubectl_command())} "$@"; }}'
    script = "\n".join((kubectl, "set -e", replace, patch))
    subprocess.run(["bash", "-c", script], check=True, capture_output=True, timeout=60)
    assert not scanned(cluster, tmp_path, new).findings(STORED)
    assert applied(cluster, new).returncode == 0
    assert until(lambda: listed(cluster))


def test_a_manifest_is_a_blocker_when_the_definition_beside_it_drops_its_version(
    cluster: Cluster, tmp_path: Path
) -> None:
    kept_in_the_old_version(cluster)
    (found,) = scanned(cluster, tmp_path, definition(v1alpha1=False, v1=True), thing("v1alpha1")).findings(WRITTEN)
    assert found["severity"] == "blocker"
    assert applied(cluster, definition(v1alpha1=False, v1=True)).returncode == 0
    assert until(lambda: "no matches for kind" in refused(cluster, thing("v1alpha1"), tmp_path / "cache"))
    (found,) = scanned(cluster, tmp_path, thing("v1"), thing("v1alpha1")).findings(WRITTEN)
    assert found["severity"] == "warning"
