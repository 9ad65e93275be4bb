"""Charts and kustomizations of a folder, in place of their templates what the tools make of them (`--render`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from shlex import quote

from kubepreflight.objects import Origin
from kubepreflight.semantics.several import listed
from kubepreflight.sources.helm_output import places, without
from kubepreflight.sources.objects_in_files import ObjectsInFiles
from kubepreflight.sources.rendering import Renderer, RenderError, tested_versions
from kubepreflight.sources.tree import joined


class RenderedFiles:
    """Renders what lies in a folder, and hands what comes of it to `objects`; what does not work goes to `gap`."""

    def __init__(self, renderer: Renderer, objects: ObjectsInFiles, gap: Callable[[str, str, str], None]) -> None:
        self.charts = self.kustomizations = 0
        objects.kustomize = self._kustomization
        self._renderer = renderer
        self._objects = objects
        self._gap = gap

    def render_charts(self, charts: Iterable[str]) -> tuple[str, ...]:
        """Render the charts in these folders, but not those within others. Returns what need not be read as it is."""
        done: list[str] = []
        outer: list[str] = []
        for chart in sorted(charts, key=lambda one: one.count("/") if one else -1):
            if not any(chart.startswith(joined(one, "charts/")) for one in outer):
                outer.append(chart)
                done += self._chart(chart)
        return tuple(done)

    def _chart(self, chart: str) -> list[str]:
        folder = Path(chart)
        try:
            rendered = self._renderer.chart(folder)
            tested = tested_versions(folder)
        except RenderError as error:
            self._gap(chart or ".", error.reason, error.how)
            self._objects.explained.add(chart)
            return []
        except OSError as error:
            self._gap(chart or ".", error.strerror or str(error), "make it readable, or leave it out: --exclude")
            return []
        self.charts += 1
        rendered, doubted = without(rendered, tested)
        self._objects.take(chart, rendered, places(chart, rendered, lambda name: joined(chart, name.partition("/")[2])))
        if doubted:
            self._gap(
                chart or ".",
                f"it asks whether the server has {listed(doubted)}, and `helm template` says always yes: what it then "
                "renders, which a later server does not get, was left out",
                f"helm template NAME {quote(str(folder))} --validate | kubepreflight scan -",
            )
        return [joined(chart, "templates/"), joined(chart, "charts/")]

    def _kustomization(self, folder: str, file: str) -> None:
        self._objects.kustomize = None  # what is rendered has nothing to render
        try:
            rendered = self._renderer.kustomization(Path(folder))
            self._objects.take(file, rendered, lambda _: Origin(file))
            self.kustomizations += 1
        except RenderError as error:
            self._gap(file, error.reason, error.how)
        except OSError as error:
            self._gap(file, error.strerror or str(error), "make it readable, or leave it out: --exclude")
        finally:
            self._objects.kustomize = self._kustomization

    def told(self) -> list[str]:
        """What was rendered, for the description of the source."""
        counts = ((self.charts, "chart"), (self.kustomizations, "kustomization"))
        texts = [f"{count} {what}{'s' if count > 1 else ''} rendered" for count, what in counts if count]
        return [f"{text} with the charts' own values" if "chart" in text else text for text in texts]
