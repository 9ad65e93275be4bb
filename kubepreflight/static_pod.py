"""A static pod's spec, as far as rules read it: the same in its manifest on a node and in its mirror in the API.

Values of environment variables are not read: they may be secrets.
"""

from __future__ import annotations

from typing import Any

from kubepreflight.parts import Part


class VolumeMount(Part, frozen=True):
    """Where a container sees a volume."""

    name: str = ""
    mount_path: str = ""


class EnvironmentVariable(Part, frozen=True):
    """An environment variable without its value; `value_from` says which object it is taken from."""

    name: str = ""
    value_from: dict[str, Any] | None = None


class StaticContainer(Part, frozen=True):
    """A container of a static pod."""

    name: str = ""
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[EnvironmentVariable] | None = None
    env_from: list[dict[str, Any]] | None = None
    volume_mounts: list[VolumeMount] | None = None

    @property
    def command_line(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return (*(self.command or ()), *(self.args or ()))


class StaticPodSpec(Part, frozen=True):
    """A static pod's spec. Volumes stay as they are written: what matters is which sources they have."""

    node_name: str | None = None
    service_account_name: str | None = None
    service_account: str | None = None
    image_pull_secrets: list[dict[str, Any]] | None = None
    resource_claims: list[dict[str, Any]] | None = None
    volumes: list[dict[str, Any]] | None = None
    containers: list[StaticContainer] | None = None
    init_containers: list[StaticContainer] | None = None
    ephemeral_containers: list[StaticContainer] | None = None

    @property
    def all_containers(self) -> tuple[StaticContainer, ...]:
        """Its containers of every sort."""
        return (*(self.containers or ()), *(self.init_containers or ()), *(self.ephemeral_containers or ()))
