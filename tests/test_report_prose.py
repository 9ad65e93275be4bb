import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.reports._plain import plain, plain_lines, shorten
from kubepreflight.reports._prose import Span, blocks, spans
from kubepreflight.visible import visible


def told(text: str) -> list[str]:
    """Paragraphs as they are, commands with a sign before each line."""
    return [block.text if not block.is_command else "$" + block.text.replace("\n", "\n$") for block in blocks(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Tell those who use it.", ["Tell those who use it."]),
        ("apt-mark hold kubelet", ["$apt-mark hold kubelet"]),
        ("Hold it on w2: apt-mark hold kubelet", ["Hold it on w2:", "$apt-mark hold kubelet"]),
        ("Hold it:\napt-mark hold x\napt-mark showhold", ["Hold it:", "$apt-mark hold x\n$apt-mark showhold"]),
        ("Do:\n  for n in 1 2; do\n    x $n\n  done\nWait.", ["Do:", "$for n in 1 2; do\n$  x $n\n$done", "Wait."]),
        ("$ ./run.sh now", ["$./run.sh now"]),
        ("Who has it: fuser -v /var/lib/dpkg/lock", ["Who has it:", "$fuser -v /var/lib/dpkg/lock"]),
        ("du -x /var | sort -n\ndf -h /var", ["$du -x /var | sort -n\n$df -h /var"]),
        ("KUBECONFIG=a.conf kubectl get nodes", ["$KUBECONFIG=a.conf kubectl get nodes"]),
        ("kubectl apply -f .", ["$kubectl apply -f ."]),
        ("kubeadm refuses that, so go to 1.36 first.", ["kubeadm refuses that, so go to 1.36 first."]),
        ("kubectl drain does this:", ["kubectl drain does this:"]),
        ("Two lines that\nare one paragraph.", ["Two lines that are one paragraph."]),
        ("One.\n\nTwo.", ["One.", "Two."]),
        ("1. this\n2. that", ["1. this", "2. that"]),
        ("Run `kubectl get x: -o yaml` there.", ["Run `kubectl get x: -o yaml` there."]),
        ("", []),
    ],
)
def test_commands_are_told_from_prose(text: str, parts: list[str]) -> None:
    assert told(text) == parts


def test_backquotes_mark_code() -> None:
    assert spans("with `--force` it is `gone`") == [
        Span(False, "with "),
        Span(True, "--force"),
        Span(False, " it is "),
        Span(True, "gone"),
    ]
    assert spans("a lone ` is none") == [Span(False, "a lone ` is none")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – café 日本", "plain – café 日本"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31mred\x9b", r"\x1b[31mred\x9b"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("\ud800\U000e0041\u2028\x00", r"\ud800\U000e0041\u2028\x00"),
    ],
)
def test_what_acts_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_what_is_endless_is_shortened() -> None:
    assert shorten("x" * 50, 50) == "x" * 50
    assert shorten("a" * 5000 + "z" * 5000, 60).startswith("aaa")
    assert shorten("a" * 5000 + "z" * 5000, 60).endswith("zzz")
    assert len(shorten("x" * 10_000, 60)) == 60
    assert plain("start " + "x" * 10_000 + " end").startswith("start xxx")
    assert plain("start " + "x" * 10_000 + " end").endswith("xxx end")
    assert plain_lines("x\n" * 1000)[-1] == "…and 800 more lines"


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_that_acts_is_left(text: str) -> None:
    assert plain(text).isprintable()
    assert all(line.isprintable() for block in blocks(text) for line in block.text.split("\n"))
