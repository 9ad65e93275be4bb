"""The command line: parse, call, print. What it does is in `kubepreflight.scan`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from kubepreflight import __version__
from kubepreflight.commands.streams import abandon, complete_streams
from kubepreflight.errors import KubepreflightError
from kubepreflight.policy import REQUIRABLE, ExitStatus
from kubepreflight.visible import visible

FAIL_ON = ("blocker", "warning", "note", "never")
DEFAULT_WINDOW = "14d"
ADDRESSES = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")


_KNOWLEDGE = click.option("--knowledge", metavar="DIR", help="Facts of your own, instead of or beside those shipped.")


class _Group(click.Group):
    """Shows commands in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kubepreflight")
def cli() -> None:
    """Look at a kubeadm cluster the day before its upgrade: go or no-go, why, and what to type.

    \b
    kubepreflight scan                           the current context, to the next minor
    kubepreflight scan --target 1.37             several hops are fine
    kubepreflight scan dump.yaml hosts/          offline: give it whatever you have
    kubepreflight scan --live gitops-repo/       the cluster and the manifests together
    kubepreflight collect --ssh cp1,cp2,w1       what lies on the nodes' disks
    """


def _source_options(command: Any) -> Any:
    for option in reversed(
        (
            click.argument("paths", nargs=-1),
            click.option("--live", is_flag=True, help="Read the cluster too when PATHS are given."),
            click.option("--kubeconfig", metavar="FILE", help="The kubeconfig, instead of the default one."),
            click.option("--context", metavar="NAME", help="The context in it, instead of the current one."),
            click.option("--as", "as_user", metavar="USER", default="", help="Act as another user, like kubectl --as."),
            click.option("--exclude", metavar="GLOB", multiple=True, help="Files to leave out; repeatable."),
            click.option(
                "--render",
                is_flag=True,
                help="Render the charts in folders (helm template, with their own values), and kustomizations that "
                "take in what lies elsewhere on this machine; nothing is fetched.",
            ),
            click.option("--rules", "rule_folders", metavar="DIR", multiple=True, help="More rules; repeatable."),
            _KNOWLEDGE,
            click.option(
                "--config", metavar="FILE", help="The configuration.  [default: kubepreflight.toml in this folder]"
            ),
            click.option(
                "--opt-in",
                metavar="WHAT",
                multiple=True,
                help="Read what is not read unasked: tls-secrets (tls.crt alone); helm-releases (of each revision "
                "its name, its chart and what its objects are, no values); served-certificates (TLS handshakes with "
                "the control-plane nodes' API servers, etcd and kubelets, 10 s at most); repeatable.",
            ),
            click.option("-v", "--verbose", is_flag=True, help="Tell what is read and how long it took."),
        )
    ):
        command = option(command)
    return command


@cli.command()
@_source_options
@click.option("--target", metavar="VERSION", help="Where the upgrade goes.  [default: the next minor]")
@click.option(
    "--at",
    metavar="DATE",
    help="When it is planned to begin: 2026-12-01, or 2026-12-01T22:00+01:00; in UTC where no offset is given.  "
    "[default: now]",
)
@click.option("--window", metavar="DAYS", help=f"How long the work may take: 14d, 36h.  [default: {DEFAULT_WINDOW}]")
@click.option(
    "-o", "--output", metavar="FORMAT[=FILE]", multiple=True, help="text, json, html; repeatable.  [default: text]"
)
@click.option(
    "--fail-on", type=click.Choice(FAIL_ON), default="blocker", show_default=True, help="What ends with status 1."
)
@click.option("--require", metavar="WHAT", help=f"Incomplete without it: any of {','.join(REQUIRABLE)}.")
@click.option("--allow-incomplete", is_flag=True, help="End with 0, not 3, when something could not be read.")
@click.option("--only", metavar="RULE", multiple=True, help="Just these rules, globs allowed; repeatable.")
@click.option("--disable", metavar="RULE", multiple=True, help="Rules to leave out, globs allowed; repeatable.")
@click.pass_context
def scan(ctx: click.Context, /, **options: Any) -> int:
    """Say go or no-go for an upgrade.

    Without PATHS the cluster of the current kubeconfig context is read; with PATHS these are, whatever they
    are: manifests, dumps (kubectl get -o json|yaml), host archives, support bundles, snapshots, an API
    server's audit log or metrics (kubectl get --raw /metrics), folders of them, or - for standard input.

    \b
    Exit status
      0  nothing at or above --fail-on
      1  something is
      3  nothing is, but something that was asked for could not be read
      2  the scan could not run or finish
    """
    from kubepreflight.commands.scan import run_scan

    return run_scan(options, _given(ctx))


def _given(ctx: click.Context) -> frozenset[str]:
    """The options that were typed: configuration gives way to these."""
    source = click.core.ParameterSource
    return frozenset(name for name in ctx.params if ctx.get_parameter_source(name) not in (source.DEFAULT, None))


@cli.command(short_help="Collect what lies on the nodes' disks.")
@click.option("--ssh", "hosts", metavar="NODE,…", help="Nodes to log in to, as ssh knows them.")
@click.option(
    "--ssh-from-cluster",
    "from_cluster",
    is_flag=True,
    help="All nodes of the cluster: by name, or by address where ssh does not know the name.",
)
@click.option("--local", is_flag=True, help="This machine.")
@click.option(
    "--print-script", is_flag=True, help="Print the script, to carry it there: ssh w1 sudo sh -s < script > w1.tar"
)
@click.option("--print-daemonset", is_flag=True, help="Print a DaemonSet that collects on every node; it says how.")
@click.option("--ssh-user", "user", metavar="USER", help="Who logs in, where ssh's configuration does not say it.")
@click.option(
    "--ssh-address",
    "address",
    type=click.Choice(ADDRESSES, case_sensitive=False),
    help="Log in to this address of each node of the cluster, not to its name.",
)
@click.option("--no-sudo", "sudo", flag_value=False, default=True, help="Do not become root: see less, and say so.")
@click.option("--kubeconfig", metavar="FILE", help="The kubeconfig, instead of the default one.")
@click.option("--context", metavar="NAME", help="The context in it, instead of the current one.")
@click.option("--as", "as_user", metavar="USER", help="Act as another user, like kubectl --as.")
@click.option("--image", metavar="IMAGE", help="What the DaemonSet runs: any image with sh and chroot.")
@click.option("--to", metavar="DIR", default="hosts", show_default=True, help="Where the archives go, one per node.")
@click.option("--parallel", metavar="N", default=8, show_default=True, help="How many nodes at once.")
@click.option("--timeout", metavar="SECONDS", default=120.0, show_default=True, help="How long one node may take.")
def collect(**options: Any) -> int:
    """Collect what lies on the nodes' disks: packages, certificates, settings.

    It needs nothing on the node but a shell, changes nothing there, and never takes a private key.
    """
    from kubepreflight.commands.collect import CollectOptions, run_collect

    return run_collect(CollectOptions(**options))


@cli.command(short_help="Save what a scan would read, in one file.")
@_source_options
@click.option("--to", metavar="FILE", required=True, help="Where it goes: a tar.gz.")
@click.pass_context
def snapshot(ctx: click.Context, /, to: str, **options: Any) -> int:
    """Save what a scan would read, in one file that `scan` reads back to the same report.

    Target, date and window are not part of it: give them to that scan again. Environment values, Secrets and
    last-applied bodies are cut out. It ends with 3 when something could not be read: that is said, and kept in it.
    """
    from kubepreflight.commands.scan import run_snapshot

    return run_snapshot(to, options, _given(ctx))


@cli.command()
@click.option("--rules", "rule_folders", metavar="DIR", multiple=True, help="More rules; repeatable.")
def rules(rule_folders: Sequence[str]) -> None:
    """List all rules."""
    from kubepreflight.commands.pages import list_rules

    click.echo(list_rules(rule_folders))


@cli.command(short_help="Print the page of one rule.")
@click.argument("rule")
@click.option("--rules", "rule_folders", metavar="DIR", multiple=True, help="More rules; repeatable.")
def explain(rule: str, rule_folders: Sequence[str]) -> None:
    """Print the page of one rule: why, what happens, when it stays silent, how to see it yourself."""
    from kubepreflight.commands.pages import explain_rule

    click.echo(explain_rule(rule, rule_folders))


@cli.command(short_help="Show what is known of Kubernetes and of add-ons.")
@click.argument("table", required=False)
@_KNOWLEDGE
def knowledge(table: str | None, **options: Any) -> None:
    """Show what is known of Kubernetes and of add-ons: for which versions, of when, and from where.

    With the name of a TABLE: its files, its sources, and what they say of themselves.
    """
    from kubepreflight.commands.knowledge import list_tables, show_table

    folder = options["knowledge"]
    click.echo(show_table(table, folder) if table else list_tables(folder))


@cli.command(short_help="Print the ClusterRole that a scan needs.")
@click.option("--name", default="kubepreflight", show_default=True, help="The name of the ClusterRole.")
def rbac(name: str) -> None:
    """Print the ClusterRole that a scan needs: read-only, and made from the rules' own needs."""
    from kubepreflight.commands.pages import cluster_role

    click.echo(cluster_role(name), nl=False)


def main() -> None:
    """The program. Ends with one of `policy.ExitStatus`; Python's own status 1 never shows for an error of ours."""
    complete_streams()
    signal.signal(signal.SIGTERM, _terminate)
    output = sys.stdout
    status: int = ExitStatus.COULD_NOT_RUN
    try:
        status = cli(standalone_mode=False)
        if output is not None:
            output.flush()
    except click.ClickException as error:
        _tell(error.show)
    except KubepreflightError as error:
        _say(error)
    except (KeyboardInterrupt, click.Abort) as error:
        terminated = isinstance(error.__cause__ or error, _Terminated)
        _leave(ExitStatus.TERMINATED if terminated else ExitStatus.INTERRUPTED)
    except OSError as error:  # the system's word, not an error of ours: a full disk, a folder that is gone
        status = ExitStatus.COULD_NOT_RUN
        if output is not None:
            abandon(output)
        _say(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error)
    except BaseException as error:  # Python's own answers would be 1 or 0, which mean something else here
        if sys.stdout is output:  # else click has replaced it, because its reader has left, and ends the program
            import traceback

            _tell(traceback.print_exc)
            _say(f"an error of its own: {error!r}")
    sys.exit(status)


class _Terminated(KeyboardInterrupt):
    """Told to end: leaves like Ctrl-C, with a clean terminal and nothing left in temporary folders."""


def _terminate(*_: object) -> None:
    raise _Terminated


def _say(what: object) -> None:
    _tell(lambda: click.secho(f"kubepreflight: {visible(str(what))}", err=True, fg="red"))


def _tell(show: Callable[[], object]) -> None:
    try:
        show()
    except OSError:
        abandon(sys.stderr)  # nobody can be told; the status says it


def _leave(status: ExitStatus) -> None:
    """End at once, without waiting for threads that still wait for a server."""
    _tell(lambda: click.echo("interrupted", err=True))
    os._exit(status)
