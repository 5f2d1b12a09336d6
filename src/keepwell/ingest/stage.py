"""One step of a mapping as set-based SQL: a table of converted rows and why some are rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import duckdb

from keepwell.definitions.yaml import FieldPath
from keepwell.facts.model import Column
from keepwell.ingest import questions
from keepwell.ingest.checks import EXTRA
from keepwell.ingest.convert import Written, as_text, cleaned, converted, out_of_range
from keepwell.ingest.expressions import RowExpression, resolve
from keepwell.ingest.grammar import FieldRule, Origin
from keepwell.ingest.mapping import Loaded
from keepwell.ingest.parts import ANSWER, NO_FUTURE, Filled, Part, named
from keepwell.ingest.tables import ROW, Opened
from keepwell.kit import clock
from keepwell.kit.errors import DefinitionErrors, KeepwellError, Problem, nearest
from keepwell.kit.views import quoted, text

WHY = "__why"

EMPTY = "required and empty"
FAILED = "cannot be computed"
UNLISTED = "value is not in the list"
OUT_OF_RANGE = "day out of range"
FUTURE = "day in the future"
NOT_A = {
    "int": "not a whole number",
    "decimal": "not a number",
    "rate": "not a number",
    "money": "not a number",
    "bool": "neither yes nor no",
    "date": "not a day",
    "timestamp": "not an instant",
    "text": UNLISTED,
}


@dataclass(frozen=True)
class Reason:
    """Why a row is rejected: the field, and the column of the file that it comes from."""

    text: str
    field: str
    column: str | None = None


@dataclass(frozen=True)
class Staged:
    """What a step made of a file: the table `name` with every row that was not left out.

    Its column WHY is null for good rows, else an index into `reasons`.
    """

    part: Part
    opened: Opened
    name: str
    columns: tuple[str, ...]
    reasons: tuple[Reason, ...]
    read: int
    left_out: int


def missing_columns(loaded: Loaded, part: Part, columns: Sequence[str], file: str) -> list[Problem]:
    """Columns that the step names and the file does not have."""
    known = dict.fromkeys(columns, "VARCHAR")
    problems = []
    for name, path in named(part):
        try:
            resolve(name, known)
        except KeepwellError:
            shown = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
            folded = {c.casefold(): c for c in columns}
            near = folded.get(nearest(name.casefold(), folded) or "")
            message = f"{file} has no column '{name}'"
            problems.append(loaded.problem(path, message, f"one of {shown}", near))
    return list(dict.fromkeys(problems))


class _Step:
    """Builds the relation of one step layer by layer; each layer names the columns of the last."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        loaded: Loaded,
        part: Part,
        opened: Opened,
        source: str,
    ) -> None:
        self.con = con
        self.source = source
        self.loaded = loaded
        self.mapping = loaded.mapping
        self.part = part
        self.opened = opened
        self.types = opened.types
        self.reasons: list[Reason] = []
        self.conditions: list[str] = []

    def rows(self) -> duckdb.DuckDBPyRelation:
        """All rows of the file that say something here."""
        rows = self.con.table(self.source)
        if self.part.not_empty is not None:
            name = resolve(self.part.not_empty, self.types)
            value = cleaned(name, self.types[name], self._empty())
            rows = rows.filter(f"({value}) IS NOT NULL")
        return rows

    def _empty(self) -> list[str]:
        return [e for e in self.mapping.empty if e]

    def picked(self, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """Source values: r = the field's own, d and l = its default and else, w = where."""
        parts = [ROW]
        where = self.part.rule.where
        if where is not None:
            parts.append(f"{self._guarded(where, (*self.part.path, 'where'))} AS w")
        for i, filled in enumerate(self.part.fields):
            own = filled.rule.model_copy(update={"default": None, "else_": None})
            parts.append(self._origin(own, filled.path, f"r{i}"))
            if filled.rule.default is not None:
                parts.append(self._origin(filled.rule.default, filled.path, f"d{i}"))
            if filled.rule.else_ is not None:
                parts.append(self._origin(filled.rule.else_, filled.path, f"l{i}"))
        return rows.project(", ".join(parts))

    def _origin(self, origin: Origin, path: FieldPath, name: str) -> str:
        if origin.column is not None:
            column = resolve(origin.column, self.types)
            return f"{cleaned(column, self.types[column], self._empty())} AS {name}"
        if origin.expression is not None:
            return f"{self._guarded(origin.expression, path)} AS {name}"
        return f"CAST({'NULL' if not origin.value else text(origin.value)} AS VARCHAR) AS {name}"

    def _guarded(self, expression: RowExpression, path: FieldPath) -> str:
        """A struct with the value, null where computing it fails for the row."""
        sql = f"TRY(struct_pack(v := {expression.sql(self.types)}))"
        try:
            self.con.table(self.opened.view).project(f"{sql} AS v")
        except duckdb.Error as error:
            detail = str(error).splitlines()[0].partition(": ")[2] or str(error)
            problem = self.loaded.problem(path, f"{expression.text!r} cannot be computed: {detail}")
            raise DefinitionErrors([problem]) from None
        return sql

    def unpacked(self, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """Values of expressions taken out of their structs; b tells where one failed."""
        parts = []
        for name, kind in zip(rows.columns, rows.types, strict=True):
            if not str(kind).startswith("STRUCT(v "):
                parts.append(quoted(name))
            elif name == "w":
                parts += ["coalesce(w.v, false) AS kept", "w IS NULL AS bw"]
            else:
                parts += [f"{name}.v AS {name}", f"{name} IS NULL AS b{name}"]
        rows = rows.project(", ".join(parts))
        # Texts that an expression made are trimmed like those of a column.
        types = dict(zip(rows.columns, (str(t) for t in rows.types), strict=True))
        made = {n[1:] for n in rows.columns if n.startswith("b")}
        return rows.project(
            ", ".join(
                f"{cleaned(n, types[n])} AS {n}" if n in made else n for n in rows.columns
            )
        )  # fmt: skip

    def mapped(self, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """m = values after `default`, `values`, `match` and `else`; u tells of unlisted ones."""
        types = dict(zip(rows.columns, (str(t) for t in rows.types), strict=True))
        parts = [c for c in rows.columns if c == ROW or c.startswith(("b", "kept"))]
        for i, filled in enumerate(self.part.fields):
            rule = filled.rule
            if rule.values is None and rule.match is None and rule.default is None:
                parts.append(f"r{i} AS m{i}")
                continue
            value = as_text(f"r{i}", types[f"r{i}"])
            if rule.default is not None:
                value = f"coalesce({value}, {as_text(f'd{i}', types[f'd{i}'])})"
            rest = as_text(f"l{i}", types[f"l{i}"]) if rule.else_ is not None else None
            parts += _looked_up(i, filled, value, rest)
        return rows.project(", ".join(parts))

    def converted(self, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """v = values in the types of the canonical columns, beside what they were made of."""
        types = dict(zip(rows.columns, (str(t) for t in rows.types), strict=True))
        parts = list(rows.columns)
        for i, filled in enumerate(self.part.fields):
            kind, column = types[f"m{i}"], filled.column
            value = f"m{i}"
            if filled.codes:
                listed = ", ".join(text(c) for c in filled.codes)
                value = f"(CASE WHEN m{i} IN ({listed}) THEN NULL ELSE m{i} END)"
                parts.append(f"CASE WHEN m{i} IN ({listed}) THEN m{i} END AS c{i}")
            written = self._written(rows, filled, f"m{i}", kind)
            parts.append(f"{converted(value, kind, column, written)} AS v{i}")
        return rows.project(", ".join(parts))

    def _written(
        self, rows: duckdb.DuckDBPyRelation, filled: Filled, name: str, kind: str
    ) -> Written:
        """How the values are written: as declared, or as they show it by themselves."""
        rule, column = filled.rule, filled.column
        number = rule.number or self.mapping.number
        dates = tuple(rule.date or ())
        asked: questions.Question | None = None
        is_constant = rule.column is None and rule.expression is None
        if column.type in ("date", "timestamp"):
            if dates and self.opened.native_dates:
                dates = (*dates, "iso")
            elif not dates and kind == "VARCHAR" and not is_constant:
                answer = questions.dates(rows, name, self.mapping.day_first)
                asked, dates = (None, answer) if isinstance(answer, tuple) else (answer, ())
        written = Written(self.mapping.timezone, dates, number, rule.scale, filled.share)
        if column.type in ("int", "decimal", "rate", "money") and not is_constant:
            if kind == "VARCHAR" and number is None and not filled.share:
                asked = questions.number(rows, name)
            if asked is None and filled.share:
                asked = questions.share(rows, name, kind, written)
        if asked is not None:
            where = f"{self.opened.shape.where}, column {rule.column or filled.column.name}"
            message = f"{where}: {asked.message}"
            raise DefinitionErrors([self.loaded.problem(filled.path, message, asked.expected)])
        return written

    def judged(self, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """The columns of the target and WHY."""
        for i, filled in enumerate(self.part.fields):
            self._judge(i, filled, rows.columns)
        why = " ".join(f"WHEN {c} THEN {k}" for k, c in enumerate(self.conditions))
        parts = [ROW, f"CASE {why} END AS {WHY}" if why else f"CAST(NULL AS INT) AS {WHY}"]
        for i, filled in enumerate(self.part.fields):
            if filled.column.name == ANSWER:
                parts += _answer(i, filled)
            else:
                parts.append(f"v{i} AS {quoted(filled.column.name)}")
        rows = rows.project(", ".join(parts))
        return self._with_identity(rows) if self.part.metric else rows

    def _judge(self, i: int, filled: Filled, columns: Sequence[str]) -> None:
        column, source = filled.column, filled.rule.column
        value = f"v{i}"
        present = (
            f"(v{i} IS NOT NULL OR c{i} IS NOT NULL)" if filled.codes else f"{value} IS NOT NULL"
        )
        for failed in (f"br{i}", f"bd{i}", f"bl{i}"):
            if failed in columns:
                self._reject(failed, FAILED, column.name, source)
        if f"u{i}" in columns:
            self._reject(f"u{i}", UNLISTED, column.name, source)
        wrong = "not a share" if filled.share else NOT_A[column.type]
        self._reject(f"m{i} IS NOT NULL AND NOT {present}", wrong, column.name, source)
        if column.required or column.name == ANSWER:
            self._reject(f"NOT {present}", EMPTY, column.name, source)
        if limits := out_of_range(value, column):
            self._reject(limits, OUT_OF_RANGE, column.name, source)
        if self.part.table.name in NO_FUTURE and column.name in _happened(self.part, column):
            latest = (clock.now() + timedelta(days=1)).isoformat(sep=" ")
            at = f"CAST({value} AS TIMESTAMPTZ) > CAST({text(latest)} AS TIMESTAMPTZ)"
            self._reject(at, FUTURE, column.name, source)

    def _reject(self, condition: str, reason: str, field: str, source: str | None) -> None:
        self.conditions.append(condition)
        self.reasons.append(Reason(reason, self.part.metric or field, source))

    def _with_identity(self, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        source = text(self.mapping.source)
        at = "strftime(assessed_at, '%Y-%m-%dT%H:%M:%SZ')"
        parts = f"{source} || ':' || account_id || ':' || question_key || ':' || {at}"
        expires = f"assessed_at + INTERVAL '{self.part.rule.expires or 0} days'"
        if self.part.rule.expires is None:
            expires = "CAST(NULL AS TIMESTAMPTZ)"
        return rows.project(f"*, {parts} AS assessment_id, {expires} AS expires_at")


def _happened(part: Part, column: Column) -> tuple[str, ...]:
    if part.table.name == "survey_responses":
        return ("sent_at", "responded_at")
    return (part.table.day,) if part.table.day and column.name not in EXTRA else ()


def _looked_up(i: int, filled: Filled, value: str, rest: str | None) -> list[str]:
    rule = filled.rule
    listed = {key.casefold(): v for key, v in (rule.values or {}).items()}
    whens = [
        f"WHEN lower({value}) = {text(k)} THEN {'NULL' if v is None else text(v)}"
        for k, v in listed.items()
    ]
    known = [f"lower({value}) IN ({', '.join(text(k) for k in listed)})"] if listed else []
    if rule.match is not None:
        whole = text(f"^(?:{rule.match})$")
        whens.append(
            f"WHEN regexp_matches({value}, {whole}) THEN regexp_extract({value}, {whole}, 1)"
        )
        known.append(f"regexp_matches({value}, {whole})")
    is_open = rest is not None or (rule.match is None and not _closed(rule, filled))
    otherwise = rest if rest is not None else (value if is_open else "NULL")
    empty = f"WHEN {value} IS NULL THEN NULL"
    parts = [f"CASE {empty} {' '.join(whens)} ELSE {otherwise} END AS m{i}"]
    if not is_open:
        parts.append(f"{value} IS NOT NULL AND NOT ({' OR '.join(known)}) AS u{i}")
    return parts


def _closed(rule: FieldRule, filled: Filled) -> bool:
    """Whether a value that is not listed is wrong by itself: nothing else says what is right."""
    return rule.values is not None and filled.column.type == "text" and not filled.column.values


def _answer(i: int, filled: Filled) -> list[str]:
    number, code = "CAST(NULL AS DECIMAL(18,9))", "CAST(NULL AS VARCHAR)"
    if filled.column.type == "rate":
        number = f"v{i}"
    elif filled.column.type == "bool":
        code = f"CASE WHEN v{i} THEN 'yes' WHEN NOT v{i} THEN 'no' END"
    else:
        code = f"CAST(v{i} AS VARCHAR)"
    if filled.codes:
        code = f"coalesce(c{i}, {code})"
    return [f"{number} AS answer_number", f"{code} AS answer_code"]


def stage(
    con: duckdb.DuckDBPyConnection,
    loaded: Loaded,
    part: Part,
    opened: Opened,
    source: str,
    name: str,
) -> Staged:
    """Run one step on the relation `source`, which has the columns of the file that the step names,
    and keep its rows in the table `name`.

    Raises DefinitionErrors for what must be asked about a column and for expressions that do not
    fit the file, and KeepwellError for a file that turns out to be damaged.
    """
    step = _Step(con, loaded, part, opened, source)
    try:
        rows = step.rows()
        read = _count(rows)
        picked = step.unpacked(step.picked(rows))
        if "kept" in picked.columns:
            step._reject("bw", FAILED, "where", None)
            picked = picked.filter("kept OR bw")
        judged = step.judged(step.converted(step.mapped(picked)))
        judged.create(name)
    except duckdb.Error as error:
        raise KeepwellError(
            f"the rows cannot be read: {str(error).splitlines()[0]}",
            where=opened.shape.where,
            todo="if the file is complete, look at the expressions of the mapping",
        ) from None
    made = con.table(name)
    columns = tuple(c for c in made.columns if c not in (ROW, WHY))
    return Staged(
        part, opened, name, columns, tuple(step.reasons), read, read - _count(made)
    )  # fmt: skip


def _count(rows: duckdb.DuckDBPyRelation) -> int:
    found = rows.aggregate("count(*)").fetchone()
    return int(found[0]) if found else 0
