"""Expressions over a row: what they may say, and that they can do nothing else."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from keepwell.ingest.expressions import parse
from keepwell.kit.errors import KeepwellError

ROW = (
    "SELECT '2025-01-31' AS created, '5' AS hours_open, 3 AS n, 'x' AS \"Customer ID\","
    " '2' AS a, '1.5' AS price, NULL AS nothing"
)


def _value(text: str) -> object:
    with duckdb.connect() as con:
        rows = con.sql(ROW)
        types = dict(zip(rows.columns, map(str, rows.types), strict=True))
        found = rows.project(parse(text).sql(types)).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("created + hours_open hours", datetime.fromisoformat("2025-01-31T05:00")),
        ("created + 1 month", datetime.fromisoformat("2025-02-28T00:00")),
        ("created - n days", datetime.fromisoformat("2025-01-28T00:00")),
        ("date '2025-12-31' - n months", datetime.fromisoformat("2025-09-30T00:00")),
        ("a * price", 3.0),
        ("a > 1", True),
        ("a between 1 and 3", True),
        ("20%", Decimal("0.2")),
        ("n % 2", 1),
        ("\"customer id\" || ':' || a", "x:2"),
        ("case when nothing is null then 'none' else 'some' end", "none"),
        ('coalesce(nothing, upper("Customer ID"))', "X"),
        ("cast(created as date)", date(2025, 1, 31)),
        ("regexp_extract(created, '(\\d+)-', 1)", "2025"),
        ("split_part(created, '-', 2)", "01"),
        ("a in ('1', '2') and not (n = 4)", True),
        ("created like '2025%'", True),
        ("strptime('31.01.2025', '%d.%m.%Y')", datetime.fromisoformat("2025-01-31T00:00")),
    ],
)
def test_what_an_expression_says(text: str, expected: object) -> None:
    assert _value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "(select 1)",
        "a in (select 1)",
        "exists(select 1)",
        "1; drop table t",
        "read_csv('/etc/passwd')",
        "read_text('x')",
        "getenv('HOME')",
        "pg_sleep(1)",
        "repeat(a, 1000000000)",
        "current_setting('x')",
        "row_number() over ()",
        "count(a)",
        "t.a",
        "a[1]",
        "*",
        "columns('.*')",
        "struct_pack(x := a)",
        "$1",
        "cast(a as blob)",
        "try(a)",
        "error('x')",
        "a as b",
        "nothing +",
        "'unclosed",
        "",
        "-" * 5_000,
        "(" * 600 + "a" + ")" * 600,
        " + ".join(["a"] * 500),
        "interval '1 fortnight'",
    ],
)
def test_what_an_expression_may_not(text: str) -> None:
    with pytest.raises(KeepwellError) as caught:
        parse(text)
    assert len(caught.value.text()) < 1_000


def test_an_unknown_function_names_the_allowed_ones() -> None:
    with pytest.raises(KeepwellError) as caught:
        parse("uper(a)")
    assert "the function uper() in 'uper(a)' is not allowed" in caught.value.what
    assert "upper" in str(caught.value.todo)


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(KeepwellError, match="did you mean 'created'"):
        parse("creted + 1 day").sql({"created": "VARCHAR"})


def test_texts_and_names_stay_what_they_are() -> None:
    hostile = "x' || (select 1) || '"
    doubled = hostile.replace("'", "''")
    assert _value(f"'{doubled}'") == hostile
    with pytest.raises(KeepwellError, match="no column"):
        parse('"a""; drop table t; --"').sql({"a": "VARCHAR"})
