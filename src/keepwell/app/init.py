"""A new project folder."""

from __future__ import annotations

import re
from pathlib import Path

from keepwell import catalog
from keepwell.app.built_in import built_in
from keepwell.kit.errors import KeepwellError, did_you_mean

# The shorter keys of D's other cards are part of its page, not frameworks of their own.
FRAMEWORKS = (
    "leading-indicators", "value-realization", "enterprise", "portfolio-360", "plan-tiered",
)  # fmt: skip
COMPANIONS = {"portfolio-360": ("engagement-trends", "product-adoption", "customer-value")}


def init_project(
    folder: Path,
    framework: str,
    *,
    copy: bool = False,
    name: str | None = None,
    timezone: str = "UTC",
    currency: str = "EUR",
) -> list[Path]:
    """Make a project folder with keepwell.yaml, the framework extended by name (or copied whole),
    a .gitignore and a README. Returns the files; nothing that exists is touched.

    Raises KeepwellError for an unknown framework and for a folder that holds a project already.
    """
    library = built_in()
    if framework not in library.scorecards:
        raise KeepwellError(
            f"no framework is called '{framework}'",
            expected="one of " + ", ".join(FRAMEWORKS),
            todo=did_you_mean(framework, library.scorecards),
        )
    if (folder / "keepwell.yaml").exists():
        raise KeepwellError(f"{folder} holds a project already", todo="choose another folder")
    cards = [framework, *COMPANIONS.get(framework, ())]
    title = name or folder.resolve().name.replace("-", " ").replace("_", " ").title()
    files = {
        "keepwell.yaml": _settings(title, cards, timezone, currency),
        f"scorecards/{framework}.yaml": (
            _copied(framework) if copy else _extended(framework, library.scorecard(framework).label)
        ),
        "metrics/README.md": _METRICS,
        ".gitignore": "# What Keepwell keeps: facts, history, workspace\n/data/\n",
        "README.md": _readme(title, framework),
    }
    made = []
    for relative, text in files.items():
        path = folder / relative
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        made.append(path)
    return made


def _settings(title: str, cards: list[str], timezone: str, currency: str) -> str:
    listed = "\n".join(f"  - {card}" for card in cards)
    quoted = '"' + title.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"""\
name: {quoted}
timezone: {timezone}      # days end at midnight here; an account may have its own
currency: {currency}
scorecards:               # the first one is the primary score
{listed}
# Whom an account is compared with: accounts alike in all of these, fewer where they are too few.
peers:
  by: [size_band, plan_tier]
  at_least: 8
# fresh_for: {{usage_daily: 3 days}}   # when a feed counts as stale
"""


def _extended(framework: str, label: str) -> str:
    return f"""\
# {label}, as it comes with Keepwell. What is written here replaces that part of it; everything else
# stays. To see what a change would do before you score with it, make it in a copy of this project:
# `keepwell simulate --with COPY`.
scorecard: {framework}
extends: {framework}
# For example:
# components:
#   usage:
#     weight: 40
"""


def _copied(framework: str) -> str:
    for name, text in catalog.definitions():
        if name == f"catalog/scorecards/{framework}.yaml":
            return text
    raise KeepwellError(f"'{framework}' has no file of its own")


_METRICS = """\
# Metrics

Put YAML files here to add metrics or to replace built-in ones by their key:

```yaml
metrics:
  logins_14d:
    label: Logins, 14 days
    sum: value
    from: usage_daily
    where: metric = 'login'
    over: 14 days
    unit: count
    good: high
```

`keepwell check` says at once what does not fit, with file and line.
"""


def _readme(title: str, framework: str) -> str:
    folder = re.sub(r"[^A-Za-z0-9_.-]", "-", title.lower())
    return f"""\
# {title}: customer health

Scores as code: `keepwell.yaml`, `metrics/`, `scorecards/` and `segments/` belong in git, `data/`
does not.

    keepwell import --suggest PATH > {folder}-mapping.yaml   # how your files become facts
    keepwell import PATH --map {folder}-mapping.yaml
    keepwell status                                          # what is there, late or missing
    keepwell score
    keepwell accounts
    keepwell explain ACCOUNT

The framework is `{framework}`, and `scorecards/{framework}.yaml` is where you change it. To look at
the effect first, change a copy of this folder and run `keepwell simulate --with COPY` here.
"""
