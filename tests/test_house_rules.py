"""Rules of this repository that no other tool checks."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "keepwell"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())
LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
MOST_LINES = 400


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def _pinned(lock: Path) -> dict[str, set[Version]]:
    """The versions of each package in a lock; several where they depend on the platform."""
    found: dict[str, set[Version]] = {}
    entry = re.compile(r"^([\w.-]+)==([^ \\;]+)", re.MULTILINE)
    for name, version in entry.findall(lock.read_text("utf-8")):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def test_no_module_is_long() -> None:
    lengths = {_name(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lengths.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("room", ROOMS, ids=_name)
def test_a_room_says_what_it_is_for_and_only_re_exports(room: Path) -> None:
    tree = ast.parse((room / "__init__.py").read_text("utf-8"))
    assert ast.get_docstring(tree), f"{_name(room)} has no docstring"
    beside = [node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom)]
    assert all(
        isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for node in beside
    ), f"{_name(room)}/__init__.py holds code"


@pytest.mark.parametrize("lock", LOCKS, ids=_name)
def test_a_lock_names_hashes_and_no_place(lock: Path) -> None:
    text = lock.read_text("utf-8")
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize(
    ("lock", "extras"), [("base.txt", ()), ("dev.txt", ("dev", "docs", "pandas", "polars"))]
)
def test_a_lock_has_what_the_package_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    pinned = _pinned(REPOSITORY / "requirements" / lock)
    for text in wanted:
        requirement = Requirement(text)
        if requirement.name == project["name"]:
            continue
        versions = pinned.get(canonicalize_name(requirement.name), set())
        assert versions, f"{text} is not in {lock}: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), text


def test_the_default_installation_has_neither_pandas_nor_numpy() -> None:
    assert not {"pandas", "numpy"} & set(_pinned(REPOSITORY / "requirements" / "base.txt"))


def test_both_locks_pin_the_same_versions() -> None:
    base = _pinned(REPOSITORY / "requirements" / "base.txt")
    dev = _pinned(REPOSITORY / "requirements" / "dev.txt")
    assert {name: dev.get(name) for name in base} == base
