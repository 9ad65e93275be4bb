"""python -m tools.lab: brings a lab up and down, and runs commands in it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import click
import yaml

from tools.kubernetes.build import BuildError, usable
from tools.kubernetes.modules import ModuleError, versions
from tools.lab import cgroups, machine
from tools.lab.kubeadm import Document
from tools.lab.lab import Lab
from tools.lab.outcomes import keep, told
from tools.lab.plan import LabError, Plan
from tools.lab.programs import NODE_PROGRAMS

OUTSIDE = "outside"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--name", default="lab", show_default=True, help="Which lab; several do not meet.")
@click.pass_context
def main(context: click.Context, name: str) -> None:
    """Real kubeadm nodes on this machine, with no route out. docs/lab.md tells how to work with them."""
    context.obj = name


@main.command()
@click.option("--version", help="Kubernetes' version; by default the last but one that can be built here.")
@click.option("--upgrade-to", "upgrades", multiple=True, help="Have that version there too; by default the next.")
@click.option("--control-planes", default=1, show_default=True)
@click.option("--workers", default=1, show_default=True)
@click.option("--certificate-validity", metavar="DURATION", help="How long kubeadm's certificates live, as in 48h.")
@click.option("--authority-validity", metavar="DURATION", help="How long its authorities live.")
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Your kubeadm configuration."
)
@click.option(
    "--files", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Copy over each node's root."
)
@click.pass_obj
def up(name: str, /, version: str | None, config: Path | None, files: Path | None, **wishes: Any) -> None:
    """Bring the lab up; programs that are missing are built first."""
    chosen = version or versions()[-2:][0]
    wishes["upgrades"] = wishes["upgrades"] or _later(chosen)
    lab, start = Lab(Plan(name=name, version=chosen, **wishes)), time.monotonic()

    def say(step: str) -> None:
        click.echo(f"{time.monotonic() - start:5.0f} s  {step}", err=True)

    try:
        lab.up(_documents(config) if config else [], files, say)
    except KeyboardInterrupt:
        raise LabError(_interrupted(lab)) from None
    say("up")
    there = f"python -m tools.lab --name {name} run outside -- kubectl get nodes"
    click.echo(f"KUBECONFIG={lab.kubeconfig} works in the lab's network: {there}")


def _interrupted(lab: Lab) -> str:
    if not lab.folder.exists():
        return "interrupted before anything was made"
    which = "" if lab.plan.name == "lab" else f" LAB={lab.plan.name}"
    return f"interrupted; what was made is still there: make lab-down{which} removes it"


def _later(version: str) -> tuple[str, ...]:
    known = versions()
    return tuple(known[known.index(version) + 1 :][:1]) if version in known else ()


def _documents(path: Path) -> list[Document]:
    try:
        return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LabError(f"{path} is not YAML: {error}") from error


@main.command()
@click.pass_obj
def down(name: str) -> None:
    """Remove the lab, also one that never came up; whatever cannot be removed is named."""
    left = Lab(Plan(name=name, version="1.0.0")).down()
    if left:
        raise LabError("\n".join(["could not be removed:", *left]))


@main.command()
@click.pass_obj
def status(name: str) -> None:
    """Say what the lab consists of, and what of it runs."""
    lab = Lab.existing(name)
    ready = (lab.folder / "ready").exists()
    click.echo(f"{name}: Kubernetes {lab.plan.version}, {'up' if ready else 'never became ready'}")
    for node in lab.nodes:
        count = len(cgroups.processes(node.group))
        click.echo(f"{node.name:5}{node.member.address}  {f'{count} processes' if count else 'not running'}")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def load(name: str, files: tuple[Path, ...]) -> None:
    """Apply the manifests of FILES, every container doing nothing, whatever its image."""
    documents = [document for file in files for document in _documents(file)]
    Lab.existing(name).load(documents, stand_ins=True)


@main.command()
@click.argument("version")
@click.argument("node")
@click.argument("programs", nargs=-1, required=True, type=click.Choice(NODE_PROGRAMS))
@click.pass_obj
def use(name: str, version: str, node: str, programs: tuple[str, ...]) -> None:
    """Make PROGRAMS on NODE those of VERSION, as installing packages would; a kubelet runs on until it is restarted."""
    Lab.existing(name).node(node).install(version, *programs)


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def collect(name: str, folder: Path) -> None:
    """Collect every node's facts into FOLDER, with kubepreflight's own collector."""
    folder.mkdir(parents=True, exist_ok=True)
    for node in Lab.existing(name).nodes:
        click.echo(node.archive(folder / f"{node.name}.tar"))


@main.command()
@click.argument("node")
@click.pass_obj
def shell(name: str, node: str) -> None:
    """Open a shell on NODE."""
    Lab.existing(name).node(node).become(["bash"])


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("node")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(name: str, node: str, command: tuple[str, ...]) -> None:
    """Run COMMAND on NODE; or, with "outside" for a node, this machine's own COMMAND in the lab's network."""
    lab = Lab.existing(name)
    if node != OUTSIDE:
        lab.node(node).become(command)
    entered = lab.outside(command)
    os.execvpe(entered[0], entered, lab.environment())


@main.command()
@click.argument("names", nargs=-1, metavar="[SCENARIO]...")
@click.option("--logs", type=click.Path(file_okay=False, path_type=Path), help="Keep the nodes' logs there.")
def replay(names: tuple[str, ...], logs: Path | None) -> None:
    """Have accidents and upgrades happen, and compare with what the scan predicts; all scenarios, or the named ones.

    Renews docs/replays.md. Status 1 when a prediction and what happened disagree, or a story does not come to its end.
    """
    from tools.lab import replay as stage

    machine.require_root()
    usable(machine.home())
    disagreeing = []
    for scenario in stage.chosen(names):
        click.secho(f"{scenario.name}: {scenario.title}", bold=True)
        outcome = stage.run(scenario, lambda line: click.echo(f"  {time.strftime('%H:%M:%S')} {line}"), logs)
        keep(outcome, stage.FOLDER)
        click.echo(told(outcome))
        if not outcome.agrees:
            disagreeing.append(scenario.name)
    if disagreeing:
        raise LabError(f"disagree: {', '.join(disagreeing)}")


if __name__ == "__main__":
    try:
        main()
    except (BuildError, LabError, ModuleError) as error:
        sys.exit(f"tools.lab: {error}")
