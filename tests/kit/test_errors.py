"""Errors: one line for each thing that a person wants to know, near names, all problems at once."""

from __future__ import annotations

import pytest

from keepwell.kit.errors import DefinitionErrors, KeepwellError, Problem, did_you_mean, nearest


def test_an_error_says_where_what_was_expected_and_what_to_do() -> None:
    error = KeepwellError("no day", where="a.csv:3", expected="2026-03-01", todo="correct it")
    assert str(error) == "a.csv:3: no day\n  expected: 2026-03-01\n  to do: correct it"
    assert str(KeepwellError("no day")) == "no day"
    assert (error.what, error.where) == ("no day", "a.csv:3")
    assert (error.expected, error.todo) == ("2026-03-01", "correct it")


def test_a_problem_is_one_line_with_place_field_expectation_and_near_name() -> None:
    problem = Problem("m.yaml", 3, 5, "metrics.a", "no such table", "a table", "tickets")
    assert problem.text() == (
        "m.yaml:3:5: metrics.a: no such table; expected a table; did you mean 'tickets'?"
    )
    assert Problem("m.yaml", 1, 1, "file", "is empty").text() == "m.yaml:1:1: file: is empty"


def test_problems_come_in_the_order_of_files_and_lines() -> None:
    given = [
        Problem("b.yaml", 1, 1, "x", "fourth"),
        Problem("a.yaml", 10, 1, "x", "third"),
        Problem("a.yaml", 2, 9, "x", "second"),
        Problem("a.yaml", 2, 3, "x", "first"),
    ]
    error = DefinitionErrors(given)
    assert [p.message for p in error.problems] == ["first", "second", "third", "fourth"]
    assert str(error).splitlines()[0] == "4 problems in the definitions"
    assert len(str(error).splitlines()) == 5
    assert str(DefinitionErrors(given[:1])).startswith("1 problem in the definitions\n")


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("tickts", ["tickets", "people"], "did you mean 'tickets'?"),
        ("logins_7", ["logins_7d", "logins_30d", "seats"],
         "did you mean 'logins_7d' or 'logins_30d'?"),
        ("xyz", ["seats", "people", "people"], "known are: people, seats"),
        ("xyz", [], "none is known yet"),
        ("xyz", [f"name_{i}" for i in range(13)], "13 names are known, none is like it"),
    ],
)  # fmt: skip
def test_near_names_are_offered_and_few_names_are_all_listed(
    name: str, known: list[str], sentence: str
) -> None:
    assert did_you_mean(name, known) == sentence


def test_only_a_name_that_is_alike_is_the_nearest() -> None:
    assert nearest("plan_teir", ["plan_tier", "industry"]) == "plan_tier"
    assert nearest("plan_teir", ["industry"]) is None
    assert nearest("plan_teir", []) is None
