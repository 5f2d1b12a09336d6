"""A proposed mapping as YAML: a rule per table, a comment on whatever is unsure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from keepwell.facts.model import Column
from keepwell.facts.schema import TOUCH_KINDS
from keepwell.ingest.checks import NUMERIC, TIMES, target_columns
from keepwell.ingest.matching import SURE, Guess, Match, Profiles, canonical
from keepwell.ingest.parts import SHARES
from keepwell.ingest.profile import ColumnProfile, asked
from keepwell.ingest.tables import Opened
from keepwell.ingest.vocabulary import DEFAULTS, plain_name
from keepwell.kit import clock
from keepwell.kit.views import quoted

CHECK = "# check"
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "rp": "IDR"}
_CODE = re.compile(r"(?:^|_)(usd|eur|gbp|chf|jpy|idr|inr|aud|cad|sek|nok|dkk|pln|brl)(?:_|$)")


@dataclass
class FileGuess:
    """Files of one kind: the same columns, named alike."""

    pattern: str
    names: list[str]
    opened: Opened
    columns: Profiles
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Plan:
    """What is made of a file: its tables, another one that it may be, and metrics by column."""

    tables: tuple[Guess, ...]
    other: str | None
    metrics: Mapping[str, str]
    account: str | None


def head(
    con: duckdb.DuckDBPyConnection,
    found: Sequence[FileGuess],
    name: str,
    rules: Sequence[str],
    currency: str | None,
) -> Iterator[str]:
    """The lines above the tables. What the columns are used for must be decided already."""
    yield "# Proposed by looking at names and values. Read it through, above all what says check."
    yield f"source: {name}"
    yield f"timezone: UTC  {CHECK}: the zone of times that name none"
    if any(re.match(r"    to: (subscriptions|invoices)", r) for r in rules):
        known = currency or _currency(found)
        yield f"currency: {known or 'USD'}  {CHECK}"
    times = [(f, c) for f in found for c, p in f.columns.items() if p.is_time and c in f.used]
    if any(asked(con, f.opened, c) == "order" for f, c in times):
        yield f"day_first: true  {CHECK}: is 03/04/2025 in April?"
    nothing = {v for f in found for c in f.used for v in f.columns[c].nothing}
    if nothing:
        yield f"empty: [{', '.join(scalar(v) for v in sorted(nothing))}]  {CHECK}"


def _currency(found: Sequence[FileGuess]) -> str | None:
    for file in found:
        for profile in file.columns.values():
            if code := _CODE.search(profile.plain):
                return code[1].upper()
            if profile.plain in ("currency", "currency_code") and profile.values:
                code_value = profile.values[0].upper()
                return code_value if re.fullmatch("[A-Z]{3}", code_value) else None
            for value in profile.values[:3]:
                for sign, meant in _CURRENCIES.items():
                    if profile.is_number and sign in value.lower():
                        return meant
    return None


def rules_of(con: duckdb.DuckDBPyConnection, file: FileGuess, plan: Plan) -> list[str]:
    """The lines about a file: its tables, what else it may be, and the columns that are left."""
    if not plan.tables and not plan.metrics:
        return ["", *_not_recognised(file)]
    lines: list[str] = []
    for one in plan.tables:
        lines += ["", *_rule(con, file, one)]
    if plan.metrics and plan.account:
        lines += ["", f"  - from: {scalar(file.pattern)}", "    to: metrics"]
        lines += [f"    account: {scalar(plan.account)}"]
        lines += [
            f"    as_of: {clock.now().date()}  {CHECK}: the day of these values",
            "    fields:",
        ]
        file.used.add(plan.account)
        for column, key in plan.metrics.items():
            file.used.add(column)
            profile = file.columns[column]
            written = f", number: {_style(profile)}" if profile.written_numbers > 0 else ""
            said = f"{{column: {scalar(column)}{written}}}" if written else scalar(column)
            lines.append(f"      {key}: {said}  {CHECK}: the metric's key")
    if plan.other:
        lines.insert(1, f"  {CHECK}: {file.names[0]} may also be {plan.other}")
    left = [c for c in file.columns if c not in file.used]
    return [*lines, *(f"    # not used: {_shown(c)}{_examples(file.columns[c])}" for c in left)]


def _not_recognised(file: FileGuess) -> list[str]:
    lines = [f"  {CHECK}: {file.pattern} was not recognised; its columns are"]
    return lines + [f"  #   {_shown(c)}{_examples(p)}" for c, p in file.columns.items()]


def _examples(profile: ColumnProfile) -> str:
    shown = ", ".join(_shown(v)[:24] for v in profile.values[:3])
    return f" ({shown})" if shown else " (empty)"


def _shown(text: str) -> str:
    """A text as part of a comment."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+", " ", text)


def _rule(con: duckdb.DuckDBPyConnection, file: FileGuess, found: Guess) -> list[str]:
    table = found.table
    lines = [f"  - from: {scalar(file.pattern)}", f"    to: {table.name}"]
    key = found.fields.get(table.key[0])
    if table.name == "usage_daily":
        lines.append("    group: true")
    elif key is not None and table.name == "invoices" and file.columns[key.column].repeats:
        lines.append(f"    group: true  {CHECK}: lines of one invoice are added up")
    lines.append("    fields:")
    known = target_columns(table)
    for name in [c for c in known if c in found.fields]:
        match = found.fields[name]
        file.used.add(match.column)
        lines += _field(con, file, table.name, known[name], match)
    for name in found.missing:
        lines.append(f"      {name}: {_stand_in(found, file, name)}  {CHECK}: no column for it")
    if table.name == "accounts" and "status" in found.missing and "churned_on" in found.fields:
        column = _in_sql(found.fields["churned_on"].column)
        told = f"case when {column} is null then 'active' else 'churned' end"
        at = next(i for i, line in enumerate(lines) if line.startswith("      status:"))
        lines[at] = f"      status: {{expression: {scalar(told)}}}"
    return lines


def _stand_in(found: Guess, file: FileGuess, name: str) -> str:
    table, fields = found.table, found.fields
    if name == "name" and table.name != "usage_events":
        return scalar(fields[table.key[0]].column)
    if (table.name, name) == ("subscriptions", "mrr") and "acv" in fields:
        acv = fields["acv"].column
        return f"{{expression: {scalar(_in_sql(acv) + ' / 12')}}}"
    if name == table.key[0] and (table.name, name) not in DEFAULTS:
        account = fields["account_id"].column
        if file.columns[account].is_unique:
            return scalar(account)
        parts = [fields[f].column for f in ("account_id", table.day or "start_on") if f in fields]
        joined = " || ':' || ".join(f"cast({_in_sql(p)} as text)" for p in parts)
        return f"{{expression: {scalar(joined)}}}"
    return f"{{value: {scalar(DEFAULTS[table.name, name])}}}"


def _in_sql(column: str) -> str:
    return column if re.fullmatch(r"[A-Za-z_]\w*", column) else quoted(column)


def _field(
    con: duckdb.DuckDBPyConnection, file: FileGuess, table: str, column: Column, match: Match
) -> list[str]:
    profile = file.columns[match.column]
    sure = f"# {match.confidence:.0%}"
    note = sure if match.confidence >= SURE else f"{CHECK}: {match.confidence:.0%}"
    if (table, column.name) == ("touchpoints", "kind") and profile.few:
        # Any text may be a kind; a list that is begun must be complete.
        kinds = replace(column, values=TOUCH_KINDS)
        return _listed(kinds, profile, match.column, note, every=True)
    if column.values:
        return _listed(column, profile, match.column, note)
    options: dict[str, str] = {}
    if column.type in NUMERIC and profile.written_numbers > 0:
        options["number"] = _style(profile)
    if column.type in NUMERIC and _is_percent(table, column.name, profile):
        options["scale"] = "0.01"
    if column.type in TIMES and asked(con, file.opened, match.column) == "mixed":
        options["date"] = "['%Y-%m-%d', '%d/%m/%Y', '%m/%d/%Y']"
    if not options:
        return [f"      {column.name}: {scalar(match.column)}  {note}"]
    said = ", ".join(f"{k}: {v}" for k, v in options.items())
    return [f"      {column.name}: {{column: {scalar(match.column)}, {said}}}  {CHECK}"]


def _is_percent(table: str, name: str, profile: ColumnProfile) -> bool:
    return (table, name) in SHARES and profile.most is not None and profile.most > 1


def _listed(
    column: Column, profile: ColumnProfile, source: str, note: str, *, every: bool = False
) -> list[str]:
    """An enumeration with every value that occurs, or only those that differ from ours."""
    flipped = column.name == "status" and profile.plain in ("active", "is_active")
    lines = []
    for value in profile.values:
        meant = canonical(value, column.values)
        if flipped and meant is not None:
            meant = ("churned" if meant[0] == "active" else "active", meant[1])
        if meant is None:
            unsure = [v for v in column.values if v in ("unknown", "other")]
            fallback = [*unsure, column.values[-1]][0]
            lines.append(f"          {scalar(value)}: {fallback}  {CHECK}")
        elif every or meant[0] != plain_name(value):
            check = f"  {CHECK}" if meant[1] < SURE else ""
            lines.append(f"          {scalar(value)}: {meant[0]}{check}")
    if not lines:
        return [f"      {column.name}: {scalar(source)}  {note}"]
    return [f"      {column.name}:  {note}", f"        column: {scalar(source)}",
            "        values:", *lines]  # fmt: skip


def _style(profile: ColumnProfile) -> str:
    """How numbers are written, by the look of the values."""
    shown = [v for v in profile.values if re.search(r"\d", v)]
    text = max(shown, key=lambda v: (len(set(v) & set(",. '")), len(v)), default="")
    signs = re.findall(r"[.,' \u00a0](?=\d)", text)
    before, after = re.match(r"^\D*", text), re.search(r"[^\d]*$", text)
    point, thousands = ".", ""
    if len(set(signs)) > 1:
        thousands, point = signs[0], signs[-1]
    elif signs and signs[0] != ".":
        is_thousands = bool(re.search(re.escape(signs[0]) + r"\d{3}(\D|$)", text))
        thousands, point = (signs[0], ".") if is_thousands else ("", signs[0])
    around = (before[0] if before else "").replace("-", ""), after[0] if after else ""
    return scalar(f"{around[0]}1{thousands}234{point}56{around[1]}")


def scalar(value: str) -> str:
    """A text as YAML writes it, in quotes where it might be taken for something else."""
    words = ("yes", "no", "true", "false", "on", "off", "y", "n", "null", "none", "~")
    if re.fullmatch(r"[A-Za-z_][\w./-]*( [\w./-]+)*", value) and value.lower() not in words:
        return value
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]", value):
        return json.dumps(value)
    return "'" + value.replace("'", "''") + "'"
