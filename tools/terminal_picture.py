"""Draws what commands print on a terminal as SVG pictures for the README and the documentation.

    .venv/bin/python tools/terminal_picture.py demo-company

takes a project (the example company, as `make demo` makes it), runs the commands below in it on a
terminal of its own, and writes docs/assets/*.svg. The pictures need nothing from elsewhere: no
font, no script. It runs on Linux and macOS.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WIDTH, HEIGHT = 108, 50
ASSETS = Path(__file__).resolve().parent.parent / "docs" / "assets"
FONT_FACE = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)
FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

# Black, red, green, yellow, blue, magenta, cyan, white; each readable on the background.
_COLOURS = [
    (72, 79, 88), (248, 113, 105), (86, 194, 112), (230, 180, 80),
    (121, 170, 255), (200, 150, 250), (86, 200, 210), (215, 220, 226),
]  # fmt: skip
THEME = TerminalTheme((17, 22, 29), (215, 220, 226), _COLOURS, _COLOURS)


@dataclass(frozen=True)
class Picture:
    """A command and its picture, which ends before the line that begins with `until`."""

    name: str
    arguments: tuple[str, ...]
    until: str = ""


def pictures(account: str) -> list[Picture]:
    """The pictures; `account` is the one that is explained."""
    columns = "name,score,tier,change_30d,coverage,reason"
    return [
        Picture("accounts", ("accounts", "--limit", "12", "--columns", columns)),
        Picture("explain", ("explain", account, "--scorecard", "plan-tiered"), "Compared with"),
    ]


def printed(project: Path, picture: Picture) -> str:
    """What the command prints on a terminal, with its colours. Raises RuntimeError if it fails."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    command = [sys.executable, "-m", "keepwell", *picture.arguments, "--project", str(project)]
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    environment["TERM"] = "xterm-256color"
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        os.close(theirs)
        found = b"".join(_read(ours))
    os.close(ours)
    if process.returncode:
        raise RuntimeError(f"{' '.join(picture.arguments)} ended with {process.returncode}")
    lines = found.decode("utf-8").replace("\r", "").splitlines()
    ends = (i for i, x in enumerate(lines) if Text.from_ansi(x).plain.startswith(picture.until))
    end = next(ends, None) if picture.until else None
    return "\n".join(lines[:end]).rstrip()


def _read(terminal: int) -> list[bytes]:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so when the other side has closed
            return parts
        if not part:
            return parts
        parts.append(part)


def drawn(picture: Picture, text: str) -> str:
    """The SVG of a terminal that shows the command and its output."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    shown = " ".join(f'"{a}"' if " " in a else a for a in picture.arguments)
    console.print(Text(f"$ keepwell {shown}", style="bold"), soft_wrap=True)
    console.print(Text.from_ansi(text), soft_wrap=True)
    svg = console.export_svg(
        title=f"keepwell {picture.arguments[0]}", theme=THEME, unique_id=picture.name
    )
    # Nothing is fetched: the reader's own monospaced font is used.
    svg = FONT_FACE.sub("", svg).replace("Fira Code, monospace", FONTS)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("usage: terminal_picture.py PROJECT [ACCOUNT]\n")
        return 2
    project = Path(arguments[0])
    account = arguments[1] if len(arguments) == 2 else "Garnet Consulting"
    ASSETS.mkdir(parents=True, exist_ok=True)
    for picture in pictures(account):
        path = ASSETS / f"{picture.name}.svg"
        path.write_text(drawn(picture, printed(project, picture)), encoding="utf-8")
        sys.stdout.write(f"docs/assets/{path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
