"""What pods are made from, as far as rules read it that judge whether those pods can be made, and placed, later on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Self

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.objects import Api, Desired, KubernetesObject, OwnerReference, Planned, Pod
from kubepreflight.parts import Affinity, Part, PodSecurity, Timestamp, Volume
from kubepreflight.semantics.owners import owner_of

Key = tuple[str, str, str]
"""Kind, namespace and name."""


class Toleration(Part, frozen=True):
    """A taint that pods bear."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None

    def bears(self, key: str, value: str, effect: str) -> bool:
        """Whether it stands for a taint, as the scheduler reads it."""
        return (
            self.effect in (None, "", effect)
            and (self.key or key) == key
            and (self.operator == "Exists" or (bool(self.key) and (self.value or "") == value))
        )


class HostAlias(Part, frozen=True):
    """A line of a pod's /etc/hosts."""

    ip: str = ""


class DnsConfig(Part, frozen=True):
    """Where a pod looks names up."""

    nameservers: list[str] | None = None


class SecretVolume(Part, frozen=True):
    """A Secret as a volume."""

    secret_name: str | None = None


class NamedReference(Part, frozen=True):
    """A reference to an object of the same namespace."""

    name: str | None = None


class ProjectedSource(Part, frozen=True):
    """One of the objects that a volume joins."""

    secret: NamedReference | None = None


class ProjectedVolume(Part, frozen=True):
    """A volume that joins several objects."""

    sources: list[ProjectedSource] | None = None


class TemplateVolume(Volume, frozen=True):
    """A volume, and the Secrets that it may be made of."""

    secret: SecretVolume | None = None
    projected: ProjectedVolume | None = None


class ValueSource(Part, frozen=True):
    """Where a variable's value is taken from."""

    secret_key_ref: NamedReference | None = None


class Variable(Part, frozen=True):
    """A variable of the environment, without its value."""

    value_from: ValueSource | None = None


class VariableSource(Part, frozen=True):
    """An object all of whose keys become variables."""

    secret_ref: NamedReference | None = None


class TemplateContainer(Part, frozen=True):
    """A container: its image, and what of its environment is made of Secrets."""

    image: str | None = None
    env: list[Variable] | None = None
    env_from: list[VariableSource] | None = None


class TemplatePodSpec(Part, frozen=True):
    """The spec of the pods."""

    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    tolerations: list[Toleration] | None = None
    host_aliases: list[HostAlias] | None = None
    dns_config: DnsConfig | None = None
    volumes: list[TemplateVolume] | None = None
    containers: list[TemplateContainer] | None = None
    init_containers: list[TemplateContainer] | None = None
    security_context: PodSecurity | None = None
    restart_policy: str | None = None

    @property
    def secrets(self) -> Iterator[str]:
        """The names of the Secrets that volumes and variables are made of."""
        for volume in self.volumes or ():
            if volume.secret is not None:
                yield volume.secret.secret_name or ""
            for source in (volume.projected.sources or ()) if volume.projected else ():
                if source.secret is not None:
                    yield source.secret.name or ""
        for container in (*(self.containers or ()), *(self.init_containers or ())):
            for variable in container.env or ():
                if variable.value_from is not None and variable.value_from.secret_key_ref is not None:
                    yield variable.value_from.secret_key_ref.name or ""
            for each in container.env_from or ():
                if each.secret_ref is not None:
                    yield each.secret_ref.name or ""


class Template(Part, frozen=True):
    """A template of pods."""

    spec: TemplatePodSpec | None = None


class ControllerSpec(Part, frozen=True):
    """The spec of what makes pods."""

    selector: dict[str, Any] | None = None
    template: Template | None = None

    @property
    def makes_pods(self) -> bool:
        """Whether it says which containers they have; no API server takes one without."""
        return bool(self.template and self.template.spec and self.template.spec.containers)

    @property
    def makes_pods_of_jobs(self) -> bool:
        """Whether it says too what to do when one has failed; no API server takes a Job without."""
        return self.makes_pods and bool(self.template and self.template.spec and self.template.spec.restart_policy)


class Controller(KubernetesObject):
    """What keeps a number of pods."""

    spec: ControllerSpec | None = None

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """Those that people write."""
        return (
            Api("apps", "Deployment", "deployments", also=("extensions",)),
            Api("apps", "DaemonSet", "daemonsets", also=("extensions",)),
            Api("apps", "StatefulSet", "statefulsets"),
        )

    @property
    def is_whole(self) -> bool:
        """Whether it has its containers, and the selector that only the versions before apps/v1 made up."""
        spec = self.spec
        return spec is not None and spec.makes_pods and (self.api_version != "apps/v1" or bool(spec.selector))


class JobStatus(Part, frozen=True):
    """When a Job was done."""

    completion_time: Timestamp | None = None


class TemplatedJob(KubernetesObject):
    """A Job."""

    api = Api("batch", "Job", "jobs")
    spec: ControllerSpec | None = None
    status: JobStatus | None = None

    @property
    def is_done(self) -> bool:
        """Whether it makes no more pods, or a CronJob makes it."""
        return self.metadata.controller is not None or bool(self.status and self.status.completion_time)

    @property
    def is_whole(self) -> bool:
        """Whether it has what every Job must say."""
        return bool(self.spec and self.spec.makes_pods_of_jobs)


class JobTemplate(Part, frozen=True):
    """A template of Jobs."""

    spec: ControllerSpec | None = None


class CronJobSpec(Part, frozen=True):
    """The spec of what makes Jobs."""

    schedule: str | None = None
    job_template: JobTemplate | None = None


class TemplatedCronJob(KubernetesObject):
    """A CronJob."""

    api = Api("batch", "CronJob", "cronjobs")
    spec: CronJobSpec | None = None

    @property
    def job_spec(self) -> ControllerSpec | None:
        """The spec of its Jobs."""
        template = self.spec.job_template if self.spec else None
        return template.spec if template else None

    @property
    def is_whole(self) -> bool:
        """Whether it has its schedule, and what every Job must say."""
        return bool(self.spec and self.spec.schedule and self.job_spec and self.job_spec.makes_pods_of_jobs)


class BarePod(KubernetesObject):
    """A pod that somebody will make."""

    api = Api("", "Pod", "pods")
    spec: TemplatePodSpec | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it has its containers."""
        return bool(self.spec and self.spec.containers)


class PodTemplate(msgspec.Struct, frozen=True):
    """One template; `is_applied` says that the cluster holds it, and that it does not come from a file.

    `is_part` marks what an overlay lays over a whole one.
    """

    subject: Subject
    spec: TemplatePodSpec
    is_applied: bool
    is_part: bool = False

    @property
    def path(self) -> str:
        """Where the pods' spec is in the object, as a JSON pointer."""
        return {"Pod": "/spec", "CronJob": "/spec/jobTemplate/spec/template/spec"}.get(
            self.subject.kind, "/spec/template/spec"
        )


class PodTemplates(msgspec.Struct, frozen=True, dict=True):
    """All that are in the cluster and in manifests: pods without a template from manifests only.

    `scheduled` are the Jobs that a CronJob made, and that CronJob.
    """

    all: tuple[PodTemplate, ...]
    scheduled: Mapping[Key, OwnerReference]

    @classmethod
    def provide(
        cls,
        controllers: Planned[Controller],
        jobs: Planned[TemplatedJob] | None,
        cron_jobs: Planned[TemplatedCronJob] | None,
        pods: Desired[BarePod] | None = None,
    ) -> Self:
        """From what makes pods. Jobs that are done, or that a CronJob makes, are left out."""
        found: list[tuple[KubernetesObject, TemplatePodSpec | None]] = [
            *((one, _spec(one.spec)) for one in controllers),
            *((one, _spec(one.spec)) for one in jobs or () if not one.is_done),
            *((one, _spec(one.job_spec)) for one in cron_jobs or ()),
            *((one, one.spec) for one in pods or ()),
        ]
        owners = ((one, one.metadata.controller) for one in jobs or ())
        return cls(
            all=tuple(
                PodTemplate(one.subject, spec, is_applied=bool(one.metadata.uid), is_part=one.is_part)
                for one, spec in found
                if spec
            ),
            scheduled={_key(one.subject): owner for one, owner in owners if owner and owner.kind == "CronJob"},
        )

    @cached_property
    def makers(self) -> Makers:
        """Who makes each pod: a part of an overlay makes none, and replaces nothing."""
        return Makers({_key(one.subject): one for one in self.all if not one.is_part}, self.scheduled)


class Makers(msgspec.Struct, frozen=True):
    """Who makes a pod, as somebody would change it. Without templates that is told from the pod alone."""

    templates: Mapping[Key, PodTemplate] = {}
    scheduled: Mapping[Key, OwnerReference] = {}

    def maker_of(self, pod: Pod) -> Subject | None:
        """The owner, for a CronJob's pod the CronJob; None where a manifest replaces it, which counts in its place."""
        maker, template = self._found(pod)
        if template is None:
            return maker
        return template.subject if template.is_applied else None

    def replacing(self, pod: Pod) -> PodTemplate | None:
        """The template in a manifest that replaces what made the pod; None where there is none."""
        _, template = self._found(pod)
        return None if template is None or template.is_applied else template

    def _found(self, pod: Pod) -> tuple[Subject, PodTemplate | None]:
        maker = owner_of(pod)
        job = self.scheduled.get(_key(maker))
        if job is not None:
            maker = msgspec.structs.replace(maker, api_version=job.api_version, kind=job.kind, name=job.name)
        return maker, self.templates.get(_key(maker))


def _key(one: Subject) -> Key:
    return one.kind, one.namespace or "default", one.name


def _spec(controller: ControllerSpec | None) -> TemplatePodSpec | None:
    return controller.template.spec if controller and controller.template else None
