"""YAML read safely: positions, plain values only, and every slip with its line and column."""

from __future__ import annotations

from contextlib import suppress
from textwrap import dedent
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keepwell.definitions.yaml import DEEPEST, MOST_CHARACTERS, Document, Position, merge, parse
from keepwell.kit.errors import DefinitionErrors, Problem


def document(text: str) -> Document:
    return parse(dedent(text), "a.yaml")


def wrong(text: str) -> list[Problem]:
    with pytest.raises(DefinitionErrors) as caught:
        parse(dedent(text), "a.yaml")
    return list(caught.value.problems)


def test_every_field_knows_its_line_and_column() -> None:
    found = document("""\
        # a comment
        metrics:
          logins: {label: "Logins: all", over: 30 days}
          list:
            - one
            -   two
        """)
    assert found.value == {
        "metrics": {
            "logins": {"label": "Logins: all", "over": "30 days"},
            "list": ["one", "two"],
        }
    }
    assert found.position(("metrics", "logins")) == Position("a.yaml", 3, 3)
    assert found.position(("metrics", "logins", "over")) == Position("a.yaml", 3, 34)
    assert found.position(("metrics", "list", 1)) == Position("a.yaml", 6, 9)
    # What is not there stands where it would be.
    assert found.position(("metrics", "logins", "unit")) == Position("a.yaml", 3, 3)
    assert found.at("metrics", "logins").position(("over",)) == Position("a.yaml", 3, 34)
    assert found.at("metrics", "logins").position(()) == Position("a.yaml", 3, 3)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5), ("-5", -5), ("1_000", 1000), ("0.5", 0.5), ("1e3", "1e3"), ("1.0e+3", 1000.0),
        ("70%", "70%"), ("30 days", "30 days"), ("", None), ("null", None), ("~", None),
        ("true", True), ("False", False),
        # What YAML 1.1 reads in a way that nobody means stays as it is written.
        ("yes", "yes"), ("No", "No"), ("on", "on"), ("off", "off"),
        ("010", 10), ("0x1F", "0x1F"), ("0b11", "0b11"), ("1:30", "1:30"), ("12:30:45", "12:30:45"),
        ("'5'", "5"), ('"true"', "true"), ("a: b", {"a": "b"}), ("[1, x]", [1, "x"]),
        ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_scalars_mean_what_people_mean(written: str, value: Any) -> None:
    found = parse(f"field:\n  {written}", "a.yaml").value
    assert found == {"field": value}
    assert type(found["field"]) is type(value)


def test_keys_are_texts_as_written() -> None:
    found = document("{yes: 1, 70%: 2, 50: 3, 0.5: 4, true: 5, null: 6, 2026-03-01: 7}")
    assert found.value == {
        "yes": 1, "70%": 2, "50": 3, "0.5": 4, "true": 5, "null": 6, "2026-03-01": 7,
    }  # fmt: skip


def test_every_key_that_stands_twice_is_found() -> None:
    found = wrong("""\
        a: 1
        b:
          c: 1
          d: 2
          c: 3
        e: [{f: 1, "f": 2}]
        a: 2
        """)
    assert [p.text() for p in found] == [
        "a.yaml:5:3: b.c: this key stands twice; expected each key once",
        "a.yaml:6:12: e.0.f: this key stands twice; expected each key once",
        "a.yaml:7:1: a: this key stands twice; expected each key once",
    ]


@pytest.mark.parametrize("number", [".nan", ".inf", "-.Inf", "1.0e+999"])
def test_a_number_is_finite(number: str) -> None:
    (problem,) = wrong(f"a:\n  weight: {number}")
    assert problem.text() == (
        f"a.yaml:2:11: a.weight: '{number}' is not a number; expected a finite number"
    )


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb: [1, 2", "3:1", "this is not YAML"),
        ("a: 1\n b: 2", "2:3", "this is not YAML"),
        ("a: 'x", "1:6", "this is not YAML"),
        ("a:\n\tb: 1", "2:1", "this is not YAML"),
        ("a: 1\n---\nb: 2", "2:1", "this is not YAML"),
        ("a: \x07", "1:1", "this is not YAML"),
        ("? [a, b]\n: 1", "1:3", "a key that is not a word"),
    ],
)
def test_what_is_no_yaml_says_where(text: str, place: str, message: str) -> None:
    (problem,) = wrong(text)
    assert f"{problem.line}:{problem.column}" == place
    assert problem.message.startswith(message)
    assert "\n" not in problem.text()


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{two}: &{two} [*{one}, *{one}, *{one}, *{one}, *{one}, *{one}, *{one}, *{one}, *{one}]"
    for one, two in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message", "expected"),
    [
        ("a: &x 1\nb: *x", "anchors and aliases are not used here", "the value itself"),
        ("a: 1\nb: *x", "anchors and aliases are not used here", "the value itself"),
        ("a: &x {b: *x}", "anchors and aliases are not used here", "the value itself"),
        ("a: {<<: *x}", "anchors and aliases are not used here", "the value itself"),
        (BOMB, "anchors and aliases are not used here", "the value itself"),
        ("a: !!python/object/apply:os.system ['true']", "the tag ", "a plain value"),
        ("a: !!str 5", "the tag 'tag:yaml.org,2002:str' is not used here", "a plain value"),
        ("!env SECRET", "the tag '!env' is not used here", "a plain value"),
        ("a: !include /etc/passwd", "the tag '!include' is not used here", "a plain value"),
        ("[" * 5000, "too deeply nested", f"at most {DEEPEST} levels"),
        ("{a: " * 5000, "too deeply nested", f"at most {DEEPEST} levels"),
        ("\n".join(" " * i + "a:" for i in range(1000)), "too deeply nested", "at most"),
        ("a: " + "x" * MOST_CHARACTERS, "2,000,003 characters", "at most 2,000,000"),
    ],
    ids=lambda v: str(v)[:24],
)
def test_what_could_run_code_or_fill_the_memory_is_refused_at_once(
    text: str, message: str, expected: str
) -> None:
    start = perf_counter()
    (problem,) = wrong(text)
    assert problem.message.startswith(message)
    assert (problem.expected or "").startswith(expected)
    assert perf_counter() - start < 20


def test_a_list_as_deep_as_allowed_is_read() -> None:
    assert document("[" * DEEPEST + "]" * DEEPEST).value is not None
    flat = document("\n".join(f"- [{i}]" for i in range(500))).value
    assert len(flat) == 500


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@?,\n\t 0.~\x00é<="), max_size=30))
def test_no_text_causes_any_other_error(text: str) -> None:
    with suppress(DefinitionErrors):
        assert parse(text, "a.yaml").position(()).line >= 1


plain = st.recursive(
    st.one_of(st.integers(-9, 9), st.sampled_from(["x", "y"])),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=6,
)


def laid(base: Any, over: Any) -> Any:
    return merge(Document(base, {}, "base"), Document(over, {}, "over")).value


@given(plain)
def test_nothing_laid_on_a_definition_changes_nothing(base: Any) -> None:
    mapping = {"a": base}
    assert laid(mapping, {}) == mapping
    assert laid(mapping, mapping) == mapping


def test_mappings_merge_null_removes_and_the_rest_is_replaced() -> None:
    base = {"a": {"b": 1, "c": {"d": 2, "e": 3}}, "list": [1, 2], "f": 5}
    over = {"a": {"c": {"d": 9, "g": 4}}, "list": [7], "f": {"x": 1}, "new": {"y": 1}}
    assert laid(base, over) == {
        "a": {"b": 1, "c": {"d": 9, "e": 3, "g": 4}}, "list": [7], "f": {"x": 1}, "new": {"y": 1},
    }  # fmt: skip
    assert laid(base, {"a": {"b": None, "c": {"e": None}}, "f": None, "none": None}) == {
        "a": {"c": {"d": 2}}, "list": [1, 2],
    }  # fmt: skip
    assert base["f"] == 5


def test_what_is_one_thing_is_replaced_as_a_whole() -> None:
    base = Document({"components": {"bands": {"bands": {"a": 1, "b": 2}, "w": 1}}}, {}, "base")
    over = Document({"components": {"bands": {"bands": {"c": 3}}}}, {}, "over")
    found = merge(base, over, frozenset({"bands"})).value
    # The component that is called `bands` is merged, what stands under its field `bands` is not.
    assert found == {"components": {"bands": {"bands": {"c": 3}, "w": 1}}}


def test_a_field_stands_where_it_was_last_said() -> None:
    base = parse("a: 1\nb: {c: 2, d: 3}", "base.yaml")
    over = parse("\n\nb: {c: 5}", "over.yaml")
    merged = merge(base, over)
    assert merged.position(("a",)) == Position("base.yaml", 1, 1)
    assert merged.position(("b", "c")) == Position("over.yaml", 3, 5)
    assert merged.position(("b", "d")) == Position("base.yaml", 2, 11)
