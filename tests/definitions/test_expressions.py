"""The expression language: its two spellings beyond SQL, and the allow-list."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from keepwell.definitions.expressions import (
    FUNCTIONS,
    MOST_CHARACTERS,
    SHIFTS,
    Expression,
    can_be_named,
    function_name,
    length,
    parse,
)
from keepwell.kit.errors import KeepwellError

# What may stand in a tree, told here once more: a type that slips into the code's own list is seen.
HARMLESS = {
    "Column", "Identifier", "Literal", "Boolean", "Null", "Paren", "Neg", "Not", "And", "Or", "EQ",
    "NEQ", "GT", "GTE", "LT", "LTE", "Is", "In", "Between", "Add", "Sub", "Mul", "Div", "Case",
    "If", "Interval", "Var", "Anonymous", "Abs", "Ceil", "Coalesce", "Floor", "Greatest", "Least",
    "Lower", "Nullif", "Round", "Upper",
}  # fmt: skip


def refused(text: str) -> KeepwellError:
    with pytest.raises(KeepwellError) as caught:
        parse(text)
    return caught.value


def literals(text: str) -> list[str]:
    return [node.name for node in parse(text).tree.find_all(exp.Literal)]


# --- percent and lengths of time ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("x > 20%", "x > 0.2"),
        ("x > 20 %", "x > 0.2"),
        ("x > 12.5%", "x > 0.125"),
        ("x > 0%", "x > 0"),
        ("x > -5%", "x > -0.05"),
        ("x * 20% + y", "x * 0.2 + y"),
        ("(20%) < x", "(0.2) < x"),
        ("x between 10% and 20%", "x between 0.1 and 0.2"),
        ("case when x > 5% then 1 else 2% end", "case when x > 0.05 then 1 else 0.02 end"),
        ("x in (5%, 10%)", "x in (0.05, 0.1)"),
        ("20% - x", "0.2 - x"),
    ],
)
def test_a_percentage_is_a_share(text: str, same: str) -> None:
    def numbers(tree: exp.Expression) -> exp.Expression:
        for node in tree.find_all(exp.Literal):
            node.set("this", str(float(node.name)))
        return tree

    assert numbers(parse(text).tree.copy()) == numbers(parse(same).tree.copy())


def test_a_percentage_is_the_share_that_a_division_gives() -> None:
    assert [float(v) for v in literals("x in (70%, 7%, 29%, 57%, 100%)")] == [
        70 / 100, 7 / 100, 29 / 100, 57 / 100, 1.0,
    ]  # fmt: skip
    # Where a division of floats would miss the nearest one.
    assert [float(v) for v in literals("x in (0.7%, 0.9%, 1.1%)")] == [0.007, 0.009, 0.011]


@pytest.mark.parametrize("text", ["20 % 3", "x % 3", "20 % x", "20 % (x)", "20% 'a'"])
def test_the_rest_of_a_division_is_not_mistaken_for_a_percentage(text: str) -> None:
    refused(text)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1 day", 1), ("30 days", 30), ("30 DAYS", 30), ("2 weeks", 14), ("3 months", 90),
        ("1 year", 365), ("48 hours", 2), ("36500 days", 36_500),
    ],
)  # fmt: skip
def test_a_length_of_time_is_a_whole_number_of_days(text: str, days: int) -> None:
    ((_, interval),) = parse(f"before(x, {text})").calls("before")
    assert length(interval) == days


@pytest.mark.parametrize(
    "text",
    ["0 days", "12 hours", "1.5 days", "36501 days", "99999999999 years", "30 fortnights",
     "30 dayss", "30", "'30'", "x", "interval 'abc' day", "interval 'nan' day"],
)  # fmt: skip
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    refused(f"before(x, {text})")


@pytest.mark.parametrize("text", ["x > 30 days", "x + 2 weeks", "30 days", "abs(30 days)"])
def test_a_length_of_time_stands_only_where_one_looks_back(text: str) -> None:
    assert "a length of time" in refused(text).what


word = st.text(st.sampled_from("20% days'it –\n;é—x"), max_size=20)


@given(word)
def test_a_text_stays_as_it_is_written(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    tree = parse(f"x = {quoted} and y > 20% and before(z, 30 days) > 1").tree
    assert text in [node.name for node in tree.find_all(exp.Literal) if node.is_string]
    assert "0.2" in [node.name for node in tree.find_all(exp.Literal)]


def test_a_quoted_name_stays_as_it_is_written() -> None:
    assert parse('"30 days" > 20%').names == {"30 days"}


# --- what it says ---------------------------------------------------------------------------------


def test_names_are_metrics_and_paths() -> None:
    found = parse("logins_30d >= 15 and person.seniority in ('vp') and before(seats, 7 days) > 1")
    assert found.names == {"logins_30d", "person.seniority", "seats"}
    assert found.text.startswith("logins_30d >= 15")
    assert [len(args) for args in found.calls("before")] == [2]
    assert list(found.calls("change")) == []


def test_each_function_of_the_list_can_be_called_and_takes_its_number_of_arguments() -> None:
    for name, (least, most) in FUNCTIONS.items():
        for count in range(most + 2):
            args = ["x"] * count
            if name in SHIFTS and count > 1:
                args[1] = "30 days"
            if name in ("in_period", "days_in_period") and count:
                args[0] = "'closure'"
            if name == "round" and count > 1:
                args[1] = "2"
            text = f"{name}({', '.join(args)})"
            if least <= count <= most:
                assert len(list(parse(text).calls(name))) == 1, text
            else:
                refused(text)


# --- what is refused ------------------------------------------------------------------------------

REFUSED = {
    "statements": [
        "select 1", "select * from accounts", "x; drop table accounts", "drop table accounts",
        "insert into a values (1)", "copy a to 'f'", "attach 'f'", "pragma version", "set a = 1",
        "with a as (select 1) select * from a", "create table a (b int)", "call f()", "describe a",
        "install httpfs", "load httpfs", "use a", ";", "", "   ", "-- nothing",
    ],
    "subqueries": [
        "(select 1)", "x in (select y from z)", "exists (select 1)", "x = any(select 1)",
        "x > all(select 1)", "(values (1))", "(from accounts)", "x in (from accounts)",
    ],
    "casts": [
        "x::int", "cast(x as int)", "try_cast(x as int)", "date '2026-01-01'",
        "timestamp '2026-01-01'", "x::text::int", "int '5'",
    ],
    "functions that read files or the machine": [
        "read_csv('/etc/passwd')", "read_text('/etc/passwd')", "read_parquet('x')", "glob('*')",
        "getenv('HOME')", "current_setting('x')", "query('select 1')", "query_table('x')",
        "pg_read_file('x')", "copy_database('x')", "duckdb_secrets()",
    ],
    "functions outside of the list": [
        "count(*)", "sum(x)", "row_number() over ()", "sum(x) over (order by y)", "now()",
        "random()", "current_date", "length(x)", "concat(x, y)", "x || y", "regexp_matches(x, 'a')",
        "list_transform(x, y -> y)", "sleep(10)", "eval('1')", "__import__('os')", "power(x, 2)",
        "x ** 2", "main.abs(x)", "columns('x')", "extract(day from x)", "trim(x)", "unnest(x)",
    ],
    "operators and literals outside of the language": [
        "x like 'a%'", "x ilike 'a'", "x ~ 'a'", "x similar to 'a'", "x // 2", "x & 1", "x << 2",
        "x[1]", "[1, 2]", "{'a': 1}", "(a, b) = (1, 2)", "x -> 'y'", "x as y", "a.b.c.d", "a.b.c",
        "a.*", "*", "$1", "?", ":x", "x collate nocase", "x at time zone 'utc'",
        "x is distinct from y",
        "lambda x: x", "x is 5", "x between symmetric 1 and 2", "x in y", "x in ()", "x in 5",
        "x in (1, null)", "x = null", "null <> x", "null < 1", "round(x, y)", "round(x, -1)",
        "round(x, 99)", "ceil(x to day)", "coalesce(x) filter (where y)", "lower(distinct x)",
        "x = 1e", "x > 1e999", "x > 99999999999999999999", "abs(x).y", "x = 'a", 'x = "a',
        "x = $$a$$", "interval 3 day", "in_period(x)", "in_period(5)",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "text", [t for texts in REFUSED.values() for t in texts], ids=lambda t: repr(t)[:40]
)
def test_what_is_not_in_the_language_is_refused_with_its_text(text: str) -> None:
    error = refused(text)
    assert error.what
    assert "\n" not in error.what
    assert repr(text)[:20] in str(error) or "interval" in text.lower()


def test_an_unknown_function_is_named_with_near_ones() -> None:
    error = refused("flor(x) > 1")
    assert error.what == "the function flor() in 'flor(x) > 1' is not allowed"
    assert error.todo is not None
    assert error.todo.startswith("did you mean 'floor'")
    assert error.expected is not None
    assert all(name in error.expected for name in FUNCTIONS)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1500 + "x" + ")" * 1500,
        "not " * 900 + "x",
        "x" + " + x" * 900,
        "x" + " or x" * 110,
        "- " * 1500 + "x",
        "case when x then " * 200 + "1" + " end" * 200,
        "abs(" * 400 + "x" + ")" * 400,
        "x in (" + ", ".join(["1"] * 1200) + ")",
        "x = '" + "a" * MOST_CHARACTERS + "'",
        "((" * 30 + "x" + "))" * 30 + " or x" * 90,
    ],
    ids=lambda text: f"{text[:8]}…{len(text)}",
)
def test_what_is_too_long_or_too_deep_is_refused_without_exhausting_anything(text: str) -> None:
    error = refused(text)
    assert len(str(error)) < 500


def test_an_expression_as_long_as_allowed_is_read() -> None:
    assert parse("x in (" + ", ".join(str(i) for i in range(500)) + ")").names == {"x"}
    assert parse("x" + " or x" * 90).names == {"x"}


@pytest.mark.parametrize("before", ["", "x and ", "abs("])
def test_no_word_of_sql_causes_any_other_error(before: str) -> None:
    for word in DuckDB.Tokenizer.KEYWORDS:
        check(before + word)
        check(f"{before}{word} x {word}")


def test_words_that_an_expression_could_not_name_are_known() -> None:
    for key in ("case", "when", "and", "null", "select", "grant", "current_date", "true"):
        assert not can_be_named(key), key
    for key in ("logins_7d", "rank", "day", "status", "plan", "value", "first", "interval"):
        assert can_be_named(key), key
        assert parse(f"{key} > 5 or 5 < {key}").names == {key}


# --- nothing else can happen ----------------------------------------------------------------------


def check(text: str) -> Expression | None:
    """Parsed and harmless, or refused with a KeepwellError; any other error fails the test."""
    try:
        found = parse(text)
    except KeepwellError:
        return None
    for node in found.tree.walk():
        assert type(node).__name__ in HARMLESS, text
        if isinstance(node, exp.Anonymous):
            assert function_name(node) in FUNCTIONS, text
        if isinstance(node, exp.Column):
            assert not node.args.get("db"), text
    return found


PIECES = [
    "x", "y.z", "20%", "30 days", "1", "2.5", ".5", "1e9", "'a'", "'it''s 5%'", '"q"', "null",
    "true", "(", ")", ",", "and", "or", "not", "=", "<>", "<=", ">", "in", "between", "is", "case",
    "when", "then", "else", "end", "+", "-", "*", "/", "%", "abs(", "before(", "coalesce(",
    "in_period('a')", "interval", "day", "select", "from", "::", "cast(", "as", "int", ";", "--",
    "/*", "*/", "->", ":=", "over", "read_csv('a')", "[", "]", "{", "}", "?", "$1", "@", "\\", "'",
    '"', "distinct", "exists", "date", "any", "like", "²", "٣", "\x00", "\n", "values", "with",
]  # fmt: skip
SLOW = [HealthCheck.too_slow]


@settings(max_examples=150, suppress_health_check=SLOW, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
@example("grant")
@example("interval 'abc' day")
@example("x = ²")
@example("x > 1e400 days")
def test_no_text_made_of_the_language_s_words_gets_past_the_list(text: str) -> None:
    check(text)


@settings(max_examples=100, suppress_health_check=SLOW, deadline=None)
@given(st.text(max_size=40))
def test_no_text_at_all_gets_past_the_list(text: str) -> None:
    check(text)


numbers = st.one_of(
    st.integers(0, 10**6).map(str), st.decimals(0, 1000, places=2).map(str), st.just("20%")
)
atoms = st.one_of(st.sampled_from(["x", "y.z", "'a'", "true", "null"]), numbers)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "and", "or"]), inner)
    return st.one_of(
        two.map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"(not {t})"),
        inner.map(lambda t: f"coalesce({t}, 0)"),
        inner.map(lambda t: f"({t} is not null)"),
        st.tuples(inner, inner).map(lambda t: f"(case when {t[0]} then {t[1]} end)"),
        st.tuples(inner, inner).map(lambda t: f"greatest({t[0]}, {t[1]})"),
        inner.map(lambda t: f"({t} in (1, 2))"),
    )


@settings(max_examples=60, suppress_health_check=SLOW, deadline=None)
@given(st.recursive(atoms, _larger, max_leaves=12))
def test_whatever_is_well_formed_is_read(text: str) -> None:
    assert check(text) is not None, text
