"""What a finding about a removed API version says: what fails after the hop, for whom, and what to do first."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from kubepreflight.finding import NOTE, Subject
from kubepreflight.knowledge.api_lifecycle import ApiKind
from kubepreflight.semantics.api_requests import resource_of
from kubepreflight.semantics.api_uses import CLIENTS, Basis, Cause
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.several import full_name, listed

SHOWN = 3
NOT_FOUND = "`the server could not find the requested resource`"


def message(cause: Cause, when: str, *, is_replaced: bool) -> str:
    """What breaks. `when` says from when on: ` after the hop 1.24 → 1.25`, ` already now`."""
    if cause.basis in (Basis.MANIFEST, Basis.LEFT_OUT):
        return _of_files(cause, when, is_replaced=is_replaced)
    if cause.basis is Basis.EMBEDDED:
        return _of_texts(cause, when)
    if cause.client:
        return _of_client(cause, when)
    return _of_nobody(cause, when) if cause.basis is Basis.METRIC else _of_objects(cause, when)


def _dropped(row: ApiKind) -> str:
    return f"which Kubernetes does not serve from {row.removed} on"


def _refused(row: ApiKind) -> str:
    return f'`no matches for kind "{row.kind}" in version "{row.api_version}"`'


def _names(places: Iterable[Subject]) -> str:
    return listed(full_name(place) for place in places)


def _day(cause: Cause) -> str:
    return f"{cause.last:%Y-%m-%d}" if cause.last else "a day that is not told"


def _of_files(cause: Cause, when: str, *, is_replaced: bool) -> str:
    row, places = cause.row, cause.places
    one = len(places) == 1
    it = "it" if one else "them"
    several = f"{len(places)} manifests of kind {row.kind} are"
    what = f"The manifest of the {row.kind} {_names(places)} is" if one else several
    written = f"{what} written in {row.api_version}, {_dropped(row)}"
    if cause.basis is Basis.LEFT_OUT:
        file = "The kustomization beside it does not name the file"
        files = "The kustomizations beside them do not name these files"
        return (
            f"{written}. {file if one else files}, so nobody seems to apply {it}; whoever does{when} gets "
            f"{_refused(row)}."
        )
    if cause.variants:
        files = "another file has" if one else "other files have"
        they = "it" if one else "they"
        written += f"; {files} the same in a version that stays, so that {they} may be meant for another cluster"
    lasting = "What was applied before stays." if is_replaced else "Nothing takes the place of this kind."
    return f"{written}. Applying {it}{when} ends in {_refused(row)}. {lasting}"


def _of_texts(cause: Cause, when: str) -> str:
    row = cause.row
    names, files = _names(cause.places), len(cause.places)
    which = f"ConfigMap {names} holds" if files == 1 else f"ConfigMap {names} (in {files} places) holds"
    return (
        f"The data of the {which} a manifest of a {row.kind} in {row.api_version}, "
        f"{_dropped(row)}. Whoever applies it from there{when} gets {_refused(row)}."
    )


def _of_objects(cause: Cause, when: str) -> str:
    row, objects = cause.row, cause.objects
    one = len(objects) == 1
    again = f"whoever applies that manifest again{when} gets {_refused(row)}."
    if not objects:
        return (
            f"{_who(cause)} wrote {resource_of(row.kind)} in {row.api_version}, {_dropped(row)}, last on "
            f"{_day(cause)}: from a manifest, most likely. What is there stays, but {again}"
        )
    it = (
        f"The {row.kind} {_names(objects)}" if one else f"{len(objects)} objects of kind {row.kind} ({_names(objects)})"
    )
    how = " from the last `kubectl apply`" if cause.rests_on(Basis.LAST_APPLIED) else ""
    lately = f", written last on {_day(cause)}" if cause.last else ""
    return (
        f"{it} remember{'s' if one else ''}{how} a manifest in {row.api_version}{lately}, {_dropped(row)}. "
        f"What is there stays, but {again}"
    )


def _who(cause: Cause) -> str:
    """The programs and the users for whom they ask."""
    programs = listed(use.client for use in cause.uses if use.client)
    return f"{programs}, as {_names(place for place in cause.places if place.kind in CLIENTS)},"


def _of_client(cause: Cause, when: str) -> str:
    row, client = cause.row, cause.client
    if not cause.rests_on(Basis.AUDIT_LOG):
        old = " Whether it still does is not told: an old entry stays." if cause.severity is NOTE else ""
        return (
            f"{client} wrote the {row.kind} {_names(cause.places)} in {row.api_version}, {_dropped(row)}, last on "
            f"{_day(cause)}. If it writes so{when}, it gets {NOT_FOUND}; the objects stay.{old}"
        )
    about = f"{resource_of(row.kind)} in {row.api_version}, {_dropped(row)}, last on {_day(cause)}"
    fails = f"Each such request{when} ends in {NOT_FOUND}"
    if cause.severity is NOTE:
        return (
            f"{_who(cause)} only reads {about}: somebody, or a script, that names the version. {fails}; "
            "nothing else breaks."
        )
    return (
        f"{_who(cause)} asks for {about}. {fails}, and {client} no longer does what it does with them; the "
        "objects stay."
    )


def _of_nobody(cause: Cause, when: str) -> str:
    row = cause.row
    quiet = " It may be just Kubernetes' own controllers, which need no change." if cause.severity is NOTE else ""
    return (
        f"Some client has asked for {resource_of(row.kind)} in {row.api_version}, {_dropped(row)}, since the API "
        f"server started; which one, and whether it still does, the metrics do not tell.{quiet} Each such request"
        f"{when} ends in {NOT_FOUND}."
    )


def first_steps(cause: Cause) -> list[str]:
    """How to find what is to be changed."""
    if cause.basis in (Basis.MANIFEST, Basis.EMBEDDED):
        return []
    if cause.basis is Basis.LEFT_OUT:
        return ["Delete what nobody needs."]
    if cause.client:
        return _find_client(cause)
    if cause.basis is Basis.METRIC:
        return [
            "An audit log says who it is, a policy of level Metadata is enough; give its files to the scan:",
            "kubepreflight scan --live audit*.log",
            "The metric itself stays until that API server starts anew.",
        ]
    if not cause.objects:
        return ["Find where the manifest is kept."]
    one = cause.objects[0]
    namespace = in_namespace(one.namespace)
    name = quote(f"{one.kind.lower()}/{one.name}")
    if cause.rests_on(Basis.LAST_APPLIED):
        show = f"kubectl apply view-last-applied{namespace} {name}"
    else:
        show = f"kubectl get{namespace} {name} -o yaml --show-managed-fields"
    return ["Find where the manifest is kept; this shows what it was:", show]


def _find_client(cause: Cause) -> list[str]:
    lines: list[str] = []
    for place in [one for one in cause.places if one.kind == "ServiceAccount"][:SHOWN]:
        selector = f"spec.serviceAccountName={quote(place.name)}"
        lines.append(f"This shows what runs as {place.namespace}/{place.name}:")
        lines.append(f"kubectl -n {quote(place.namespace)} get pods --field-selector {selector}")
    return lines
