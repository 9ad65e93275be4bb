"""python -m tools.kubernetes: builds Kubernetes' own programs from Go modules."""

from __future__ import annotations

import sys

import click

from tools.kubernetes.build import BuildError, build, build_other, folder
from tools.kubernetes.modules import OTHERS, PACKAGES, ModuleError, add, add_other, versions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Build Kubernetes' own programs, and etcd, from their published Go modules."""


@main.command("build")
@click.argument("version")
@click.argument("programs", nargs=-1, type=click.Choice(sorted(PACKAGES)))
def build_command(version: str, programs: tuple[str, ...]) -> None:
    """Build PROGRAMS (all by default) of VERSION unless they are there, and print the folder that holds them."""
    print(build(version, programs or PACKAGES))


@main.command("add")
@click.argument("version")
def add_command(version: str) -> None:
    """Write the Go module that builds VERSION, in place of another patch of the same minor."""
    print(add(version))


@main.command("build-other")
@click.argument("name")
def build_other_command(name: str) -> None:
    """Build the module NAME that is not Kubernetes' own (coredns-1.14.6, helm-3.22.0), and print the program's path."""
    print(build_other(name))


@main.command("add-other")
@click.argument("name", type=click.Choice(sorted(OTHERS)))
@click.argument("version")
def add_other_command(name: str, version: str) -> None:
    """Write the Go module that builds NAME in VERSION: CoreDNS for the image that some Kubernetes asks for, or Helm."""
    print(add_other(name, version))


@main.command("list")
def list_command() -> None:
    """Say which versions can be built, and what of each is there."""
    for version in versions():
        there = [name for name in PACKAGES if (folder(version) / name).exists()]
        print(f"{version:10}{', '.join(there) or 'nothing built yet'}")


if __name__ == "__main__":
    try:
        main()
    except (BuildError, ModuleError) as error:
        sys.exit(f"tools.kubernetes: {error}")
