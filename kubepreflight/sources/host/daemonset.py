"""The collector as manifests, for a cluster whose nodes nobody can log in to."""

from __future__ import annotations

from importlib import resources

from kubepreflight.sources.host.script import collect_script

IMAGE = "docker.io/library/busybox:1.37"
"""What runs where nobody names another: anything with sh and chroot does."""

_CONFIG_MAP = """\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: collector
  namespace: kubepreflight-collect
data:
  collect.sh: |
"""


def daemonset(image: str = IMAGE) -> str:
    """The Namespace and the DaemonSet, as deploy/ has them; `image` is a name that YAML takes as it is."""
    manifest = (resources.files("kubepreflight.sources.host") / "daemonset.yaml").read_text(encoding="utf-8")
    return manifest.replace("image: IMAGE", f"image: {image}")


def daemonset_with_script(image: str = IMAGE) -> str:
    """The same with the script as a ConfigMap: all that `kubectl apply` needs."""
    return daemonset(image) + _CONFIG_MAP + "".join(_indented(line) for line in collect_script().splitlines())


def _indented(line: str) -> str:
    return f"    {line}\n" if line else "\n"
