"""What to type to have one version of Kubernetes' packages on a node."""

from __future__ import annotations

from collections.abc import Sequence

from kubepreflight.host import Host
from kubepreflight.semantics.package_repositories import families
from kubepreflight.version import Version


def pattern(version: Version, family: str) -> str:
    """How a package manager is told of a version whose package revision is not known: `1.37.2-*`, `1.37.*`."""
    if version.patch is None:
        return f"{version}.*"
    # A preview's own dash is a tilde in both families.
    text = str(version).replace("-", "~")
    return f"{text}-*" if family == "deb" or "~" not in text else f"{text}*"


def install(names: Sequence[str], version: Version, hosts: Sequence[Host], *, downgrade: bool = False) -> str:
    """The commands that bring packages to a version, on hosts of one family or of both; holds are put back.

    `version` without a patch is the newest of its minor.
    """
    return "\n".join(_install(names, version, family, downgrade=downgrade) for family in families(hosts))


def _install(names: Sequence[str], version: Version, family: str, *, downgrade: bool) -> str:
    all_names, wanted = " ".join(names), pattern(version, family)
    if family == "rpm":
        # Excluded in the repository's file, as Kubernetes' documentation has it, and maybe locked.
        verb = "downgrade" if downgrade else "install"
        packages = " ".join(f"{name}-'{wanted}'" for name in names)
        return f"dnf {verb} -y {packages} --disableexcludes=kubernetes --disableplugin=versionlock"
    option = " --allow-downgrades" if downgrade else ""
    packages = " ".join(f"{name}='{wanted}'" for name in names)
    steps = (f"apt-mark unhold {all_names}", "apt-get update", f"apt-get install -y{option} {packages}")
    return f"{' && '.join(steps)}\napt-mark hold {all_names}"
