"""Errors that end a scan with exit status 2: each says what to do next."""

from __future__ import annotations


class KubepreflightError(Exception):
    """The scan could not run or finish. Its text is for the user: what is wrong, and what to do about it."""


class UsageError(KubepreflightError):
    """What was asked for makes no sense: an option, a date, a target below the cluster."""


class SourceError(KubepreflightError):
    """A source that was named cannot be used at all: no kubeconfig, no such file, nothing readable in it."""


class KnowledgeError(KubepreflightError):
    """A knowledge file cannot be used; the text names the file and what is wrong in it."""


class PluginError(KubepreflightError):
    """A rule pack or report writer does not load, or two of them share a name."""
