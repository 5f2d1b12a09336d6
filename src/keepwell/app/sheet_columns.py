"""What the columns of a sheet are: the account, its attributes, metrics, or of no concern.

A column that nobody knows may be a misspelt metric, and leaving it out would move the score without
a word. So it is an error, except where it is empty, describes the account (owner, notes, status),
or is named in `ignore`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from keepwell.app.sheet_cells import compact
from keepwell.app.sheet_problems import SheetProblem
from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import Library
from keepwell.definitions.library import conditions as scorecard_conditions
from keepwell.facts.schema import TABLES
from keepwell.kit.errors import did_you_mean, nearest
from keepwell.metrics.instances import needed
from keepwell.scoring.plan import Plan

ACCOUNT = (
    "account_id", "account", "customer_id", "customer", "client_id", "client", "company_id",
    "company", "organisation", "organization", "id", "name", "account_name", "customer_name",
    "client_name", "company_name",
)  # fmt: skip
"""What the column with the account may be called, in order; else it is the first column."""

NAMES = ("name", "account_name", "customer_name", "client_name", "company_name", "account",
         "customer", "client", "company")  # fmt: skip

DESCRIPTIVE = (
    "owner", "csm", "success_manager", "customer_success_manager", "account_manager", "team",
    "contact", "contact_name", "email", "phone", "website", "country", "city", "language", "notes",
    "note", "comment", "comments", "remark", "remarks", "status", "score", "health_score", "health",
    "date", "as_of", "updated", "updated_at", "updated_on", "last_updated",
)  # fmt: skip
"""Columns that describe an account or repeat a result, and are left without asking."""


@dataclass
class Columns:
    """The columns of a sheet by what they are.

    metrics: header by metric key. attributes: header by column of accounts. left: headers that are
    not read, with the reason.
    """

    account: str = ""
    name: str | None = None
    metrics: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What a scorecard can read from a sheet: metrics and what they are made of, attributes."""

    library: Library
    plan: Plan
    metrics: frozenset[str]
    attributes: frozenset[str]

    @classmethod
    def of(cls, plan: Plan, library: Library) -> Known:
        nodes = needed(library, plan.metrics)
        expressions = [c for _, c in scorecard_conditions(plan.scorecard)]
        for node in nodes:
            metric = node.metric
            made_of = (metric.formula, metric.share_of_accounts, *metric.states.values())
            expressions += [e for e in made_of if e is not None]
        return cls(
            library, plan, frozenset(n.key for n in nodes), frozenset(_attributes(expressions))
        )


def _attributes(expressions: Iterable[Expression]) -> Iterator[str]:
    for expression in expressions:
        for name in expression.names:
            if name.startswith("account."):
                yield name.removeprefix("account.")


def resolve(
    headers: Sequence[str], known: Known, ignore: Collection[str], empty: Collection[str] = ()
) -> tuple[Columns, list[SheetProblem]]:
    """What each header is, and everything that is wrong with them.

    empty: headers of columns that hold nothing; these are left where nobody knows them.
    """
    found, problems = Columns(), []
    ignored = {compact(i): i for i in ignore}
    for unmatched in sorted(set(ignored) - {compact(h) for h in headers}):
        name = ignored[unmatched]
        problems.append(
            SheetProblem("", f"no column is called '{name}', so it cannot be ignored", None,
                         did_you_mean(name, headers))
        )  # fmt: skip
    open_headers = []
    for header in headers:
        if compact(header) in ignored:
            found.left[header] = "ignored as asked"
        else:
            open_headers.append(header)
    names = metric_names(known.library)
    taken = _account(open_headers, names, known, found, problems)
    for header in open_headers:
        if header not in taken:
            _place(header, names, known, empty, found, problems)
    return found, problems


def metric_names(library: Library) -> dict[str, list[str]]:
    """Every way of writing a metric's key or label -> the keys that it may mean."""
    keys = {compact(key): [key] for key in library.metrics}
    labels: dict[str, list[str]] = {}
    for key, metric in library.metrics.items():
        labels.setdefault(compact(metric.label), []).append(key)
    return labels | keys


def _account(
    headers: Sequence[str],
    names: Mapping[str, list[str]],
    known: Known,
    found: Columns,
    problems: list[SheetProblem],
) -> set[str]:
    """Find the columns with the account and its name; those are returned."""
    by_name = {compact(h): h for h in reversed(headers) if compact(h) not in names}
    candidates = [by_name[compact(a)] for a in ACCOUNT if compact(a) in by_name]
    if candidates:
        found.account = candidates[0]
    elif headers and headers[0] in by_name.values() and compact(headers[0]) not in _ATTRIBUTES:
        found.account = headers[0]
    else:
        problems.append(
            SheetProblem("", "no column says which account a row is about",
                         "a column 'account', or the account in the first column")
        )  # fmt: skip
        return set()
    named = [by_name[compact(n)] for n in NAMES if compact(n) in by_name]
    found.name = next((n for n in named if n != found.account), None)
    return {h for h in (found.account, found.name) if h is not None}


_ATTRIBUTES = {
    compact(prefix + c): c for c in TABLES["accounts"].column_names for prefix in ("account.", "")
}
_DESCRIPTIVE = {compact(d) for d in (*DESCRIPTIVE, *ACCOUNT)}


def _place(
    header: str,
    names: Mapping[str, list[str]],
    known: Known,
    empty: Collection[str],
    found: Columns,
    problems: list[SheetProblem],
) -> None:
    word = compact(header)
    card = known.plan.scorecard.scorecard
    if word in names:
        keys = [k for k in names[word] if k in known.metrics] or names[word]
        if len(keys) > 1:
            problems.append(
                SheetProblem(f"column '{header}'", "this may mean several metrics",
                             "the key of one of them: " + ", ".join(keys), column=header)
            )  # fmt: skip
        elif keys[0] in known.metrics:
            _take(keys[0], header, found.metrics, "the metric", problems)
        else:
            found.left[header] = f"{card} does not read it"
    elif word in _ATTRIBUTES:
        if _ATTRIBUTES[word] in known.attributes:
            _take(_ATTRIBUTES[word], header, found.attributes, "the attribute", problems)
        else:
            found.left[header] = "it describes the account"
    elif word in _DESCRIPTIVE:
        found.left[header] = "it describes the account"
    elif header in empty:
        found.left[header] = "it is empty"
    else:
        problems.append(_unknown(header, known))


def _take(
    key: str, header: str, taken: dict[str, str], what: str, problems: list[SheetProblem]
) -> None:
    first = taken.setdefault(key, header)
    if first != header:
        problems.append(
            SheetProblem(f"columns '{first}' and '{header}'", f"both are {what} '{key}'", None,
                         "keep one of them", column=header)
        )  # fmt: skip


def _unknown(header: str, known: Known) -> SheetProblem:
    """A column that nobody knows, with the name that comes nearest."""
    near = _meant(header, known)
    leave = f"--ignore '{header}' leaves it out"
    return SheetProblem(
        f"column '{header}'",
        "no metric or attribute is called so",
        "a metric's key or label",
        f"did you mean '{near}'? {leave}" if near else leave,
        column=header,
    )


def _meant(header: str, known: Known) -> str | None:
    """The metric or attribute that a header could mean: the one that shares most words with it,
    those that the scorecard judges first; else the one that is spelt most like it."""
    names: dict[str, str] = {}  # as written -> key
    for key in dict.fromkeys((*known.plan.metrics, *sorted(known.metrics))):
        names |= {key: key, known.library.metrics[key].label: key}
    names |= {attribute: attribute for attribute in sorted(known.attributes)}
    words = [w for w in _words(header) if len(w) > 2 and w not in _COMMON]
    best, most = None, 0
    for name, key in names.items():
        shared = sum(any(own.startswith(w) for own in _words(name)) for w in words)
        if shared > most:
            best, most = key, shared
    if best is not None:
        return best
    by_spelling = {" ".join(_words(name)): key for name, key in names.items()}
    near = nearest(" ".join(_words(header)), by_spelling)
    return by_spelling[near] if near else None


_COMMON = frozenset({"count", "number", "last", "days", "day", "per", "the", "month", "week"})


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name.casefold())
