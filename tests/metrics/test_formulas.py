"""Formulas: SQL's three-valued logic, real division, and unknown where a part is unknown.

Generated expressions are evaluated twice: by keepwell over many accounts at once, and by the few
lines of Python below, in which None is unknown.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pytest

from keepwell.definitions.expressions import MOST_CHARACTERS, parse
from keepwell.kit.errors import KeepwellError
from tests.metrics.measuring import Row, Values, account, given, measured, metrics

DAY = date(2026, 3, 10)
BASE = """
    x: {assessed: {from: -100, to: 100}}
    y: {assessed: {from: -100, to: 100}}
    s: {assessed: [a, b]}
    f: {assessed: ["yes", "no"], unit: yes_no}
    due: {assessed: ["2026-01-01"], unit: date}
"""


# --- what the language means, in Python -----------------------------------------------------------

Env = Mapping[str, Any]


@dataclass(frozen=True)
class Term:
    """An expression as text and as a function of the values of its names."""

    text: str
    value: Callable[[Env], Any]


def _known(work: Callable[..., Any]) -> Callable[..., Any]:
    """Unknown where any argument is."""
    return lambda *args: None if any(a is None for a in args) else work(*args)


def _and(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _or(a: bool | None, b: bool | None) -> bool | None:
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


NUMBERS: dict[str, Callable[..., Any]] = {
    "{} + {}": _known(lambda a, b: a + b),
    "{} - {}": _known(lambda a, b: a - b),
    "{} * {}": _known(lambda a, b: a * b),
    "{} / {}": _known(lambda a, b: None if b == 0 else a / b),
    "greatest({}, {})": _known(max),
    "least({}, {})": _known(min),
    "coalesce({}, {})": lambda a, b: b if a is None else a,
    "nullif({}, {})": lambda a, b: None if a is not None and a == b else a,
}
ONE_NUMBER: dict[str, Callable[..., Any]] = {
    "-{}": _known(lambda a: -a),
    "abs({})": _known(abs),
    "floor({})": _known(lambda a: float(math.floor(a))),
    "ceil({})": _known(lambda a: float(math.ceil(a))),
}
COMPARISONS: dict[str, Callable[..., Any]] = {
    "{} = {}": _known(lambda a, b: a == b),
    "{} <> {}": _known(lambda a, b: a != b),
    "{} < {}": _known(lambda a, b: a < b),
    "{} <= {}": _known(lambda a, b: a <= b),
    "{} > {}": _known(lambda a, b: a > b),
    "{} >= {}": _known(lambda a, b: a >= b),
}
LOGIC: dict[str, Callable[..., Any]] = {"{} and {}": _and, "{} or {}": _or}


class Maker:
    """Random expressions."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def number(self, depth: int) -> Term:
        roll = self.rng.random()
        if depth == 0 or roll < 0.2:
            name = self.rng.choice(["x", "y", "x", "y", "2", "0", "0.5", "25%", "100", "50"])
            if name in "xy":
                return Term(name, lambda env: env[name])
            value = float(name.rstrip("%")) / (100 if "%" in name else 1)
            return Term(name, lambda env: value)
        if roll < 0.75:
            return self._of(NUMBERS, [self.number(depth - 1) for _ in range(2)])
        if roll < 0.9:
            return self._of(ONE_NUMBER, [self.number(depth - 1)])
        when, then, other = self.truth(depth - 1), self.number(depth - 1), self.number(depth - 1)
        if self.rng.random() < 0.5:
            return Term(
                f"(case when {when.text} then {then.text} else {other.text} end)",
                lambda env: then.value(env) if when.value(env) else other.value(env),
            )
        return Term(
            f"(case when {when.text} then {then.text} end)",
            lambda env: then.value(env) if when.value(env) else None,
        )

    def truth(self, depth: int) -> Term:
        roll = self.rng.random()
        if depth == 0 or roll < 0.1:
            return self.rng.choice([
                Term("f", lambda env: _known(lambda v: v == "yes")(env["f"])),
                Term("(f = true)", lambda env: _known(lambda v: v == "yes")(env["f"])),
                Term("(s = 'a')", lambda env: _known(lambda v: v == "a")(env["s"])),
                Term("(s in ('b', 'c'))", lambda env: _known(lambda v: v in "bc")(env["s"])),
                Term("true", lambda env: True),
            ])  # fmt: skip
        if roll < 0.45:
            return self._of(COMPARISONS, [self.number(depth - 1) for _ in range(2)])
        if roll < 0.65:
            return self._of(LOGIC, [self.truth(depth - 1) for _ in range(2)])
        if roll < 0.8:
            inner = self.truth(depth - 1)
            return Term(
                f"(not {inner.text})", lambda env: _known(lambda v: not v)(inner.value(env))
            )
        if roll < 0.9:
            part = self.truth(depth - 1) if self.rng.random() < 0.5 else self.number(depth - 1)
            if self.rng.random() < 0.5:
                return Term(f"({part.text} is null)", lambda env: part.value(env) is None)
            return Term(f"({part.text} is not null)", lambda env: part.value(env) is not None)
        if roll < 0.95:
            inner = self.truth(depth - 1)
            return Term(f"({inner.text} is true)", lambda env: inner.value(env) is True)
        number, low = self.number(depth - 1), self.number(0)
        return Term(
            f"({number.text} between {low.text} and 50)",
            lambda env: _and(
                _known(lambda a, b: a >= b)(number.value(env), low.value(env)),
                _known(lambda a: a <= 50)(number.value(env)),
            ),
        )

    def _of(self, choices: Mapping[str, Callable[..., Any]], parts: list[Term]) -> Term:
        pattern = self.rng.choice(list(choices))
        work = choices[pattern]
        text = pattern.format(*(part.text for part in parts))
        inside = text if pattern[0].isalpha() else f"({text})"
        return Term(inside, lambda env: work(*(part.value(env) for part in parts)))


@cache
def terms() -> dict[str, Term]:
    maker = Maker(17)
    found: dict[str, Term] = {}
    while len(found) < 160:
        kind = "number" if len(found) % 2 else "truth"
        term = getattr(maker, kind)(4)
        if len(term.text) < 400:
            found[f"{kind}_{len(found)}"] = term
    return found


@cache
def environments() -> dict[str, Env]:
    rng = random.Random(4)
    numbers = [None, 0.0, 1.0, -2.0, 2.5, 50.0]
    return {
        f"a{i:02}": {
            "x": rng.choice(numbers), "y": rng.choice(numbers),
            "s": rng.choice([None, "a", "b"]), "f": rng.choice([None, "yes", "no"]),
        }
        for i in range(45)
    }  # fmt: skip


def assessments(values: Mapping[str, Env]) -> list[Row]:
    rows: list[Row] = []
    for name, env in values.items():
        for key, value in env.items():
            column = "answer_code" if isinstance(value, str) else "answer_number"
            if value is not None:
                rows.append({
                    "assessment_id": f"{name} {key}", "account_id": name, "question_key": key,
                    column: value, "author_id": "u", "assessed_at": "2026-03-10T00:00:00",
                })  # fmt: skip
    return rows


def evaluated(formulas: Mapping[str, str], values: Mapping[str, Env], more: str = "") -> Values:
    """Each formula for each account; the texts of truths are yes and no."""
    written = "\n".join(f'    {key}: {{formula: "{text}", {_unit(key)}}}'
                        for key, text in formulas.items())  # fmt: skip
    tables = {"accounts": [account(name) for name in values], "assessments": assessments(values)}
    return measured(metrics(BASE + more + written), given(tables), DAY, formulas)


def _unit(key: str) -> str:
    return "unit: yes_no" if key.startswith("truth") else "unit: count"


@cache
def generated() -> Values:
    return evaluated({key: term.text for key, term in terms().items()}, environments())


@pytest.mark.parametrize("kind", ["number", "truth"])
def test_generated_expressions_mean_what_python_makes_of_them(kind: str) -> None:
    unknown = known = 0
    for key, term in terms().items():
        if not key.startswith(kind):
            continue
        for name, env in environments().items():
            expected, found = term.value(env), generated()(key, name)
            if isinstance(expected, bool):
                expected = "yes" if expected else "no"
            if isinstance(expected, float) and isinstance(found, float):
                assert found == pytest.approx(expected, rel=1e-12, abs=1e-12), (term.text, env)
            else:
                assert found == expected, (term.text, env)
            unknown += expected is None
            known += expected is not None
    assert unknown > 300
    assert known > 300


# --- by hand --------------------------------------------------------------------------------------


def one(formulas: Mapping[str, str], **env: Any) -> dict[str, Any]:
    found = evaluated(formulas, {"a": {"x": None, "y": None, "s": None, "f": None} | env})
    return {formulas[key]: value for key, value in found.of("a").items()}


def test_division_is_real_and_by_zero_unknown() -> None:
    formulas = {
        f"number_{i}": text
        for i, text in enumerate((
            "7 / 2", "1 / 3 * 3", "x / 2", "x / 0", "x / y", "0 / 0", "(x + 1) / (x - 7)",
            "x / 4 / 2", "1 / (x / y)", "-x / 2",
        ))
    }  # fmt: skip
    assert one(formulas, x=7, y=0) == {
        "7 / 2": 3.5, "1 / 3 * 3": 1, "x / 2": 3.5, "x / 0": None, "x / y": None, "0 / 0": None,
        "(x + 1) / (x - 7)": None, "x / 4 / 2": 0.875, "1 / (x / y)": None, "-x / 2": -3.5,
    }  # fmt: skip


def test_numbers_are_as_large_as_they_need_to_be() -> None:
    formulas = {
        f"number_{i}": text
        for i, text in enumerate((
            "100 + 100", "7 * 24 * 60 * 60", "200 * 200", "50000 * 50000", "3000000000 * 4",
            "x * 1000000000", "60 * 60 * 24 * x", "-128 - 1",
        ))
    }  # fmt: skip
    assert one(formulas, x=50) == {
        "100 + 100": 200, "7 * 24 * 60 * 60": 604800, "200 * 200": 40000,
        "50000 * 50000": 2.5e9, "3000000000 * 4": 1.2e10, "x * 1000000000": 5e10,
        "60 * 60 * 24 * x": 4320000, "-128 - 1": -129,
    }  # fmt: skip


def test_rounding() -> None:
    texts = ["round(x)", "round(x, 1)", "round(-x)", "floor(x)", "ceil(x)", "floor(-x)",
             "round(x * 100) / 100"]  # fmt: skip
    formulas = {f"number_{i}": text for i, text in enumerate(texts)}
    assert list(one(formulas, x=2.46).values()) == [2, 2.5, -2, 2, 3, -3, 2.46]


def test_the_greatest_and_least_of_something_unknown_are_unknown() -> None:
    texts = ["greatest(x, y)", "least(x, y)", "greatest(x, 0, 1)", "least(y, 3)",
             "coalesce(greatest(x, y), x)", "greatest(x, coalesce(y, 0))"]  # fmt: skip
    formulas = {f"number_{i}": text for i, text in enumerate(texts)}
    assert list(one(formulas, x=5).values()) == [None, None, 5, None, 5, 5]


def test_texts_and_truths() -> None:
    texts = ["s = 'A'", "lower(upper(s)) = 'a'", "s <> 'b'", "f", "not f", "f = false",
             "f is true", "f is not false", "s is null", "not (s is null)", "s not in ('a', 'c')",
             "x > 1 and f", "x > 1 or f", "case s when 'a' then true else false end"]  # fmt: skip
    formulas = {f"truth_{i}": text for i, text in enumerate(texts)}
    assert [v == "yes" if v else None for v in one(formulas, s="a", f="yes").values()] == [
        False, True, True, True, False, False, True, True, False, True, False, None, True, True,
    ]  # fmt: skip


def test_days_in_formulas() -> None:
    texts = ["days_since(due)", "days_between(account.customer_since, due)",
             "days_since(account.customer_since) / 2",
             "coalesce(days_between(due, account.churned_on), -1)"]  # fmt: skip
    formulas = {f"number_{i}": text for i, text in enumerate(texts)}
    written = "\n".join(f'    {key}: {{formula: "{t}"}}' for key, t in formulas.items())
    tables = {
        "accounts": [account("a", customer_since="2024-02-28")],
        "assessments": assessments({"a": {"due": "2024-03-01"}}),
    }
    found = measured(metrics(BASE + written), given(tables), DAY, formulas)
    assert list(found.of().values()) == [739, 2, 370.5, -1]


def test_attributes_of_the_account_are_names_too() -> None:
    formulas = {
        "truth_0": "account.region = 'north' and account.employees >= 50",
        "truth_1": "account.status = 'active' or account.industry is null",
        "number_0": "account.employees / 4",
    }
    written = "\n".join(f'    {k}: {{formula: "{t}", {_unit(k)}}}' for k, t in formulas.items())
    tables = {
        "accounts": [
            account("a", region="north", employees=50), account("b", region="south"),
        ]
    }  # fmt: skip
    found = measured(metrics(BASE + written), given(tables), DAY, formulas)
    assert list(found.of("a").values()) == ["yes", "yes", 12.5]
    assert list(found.of("b").values()) == ["no", "yes", None]


def test_a_condition_can_be_a_category_a_truth_or_a_number() -> None:
    written = """\
    as_truth: {formula: x > 1, unit: yes_no}
    as_category: {formula: x > 1, unit: category}
    as_number: {formula: x > 1}
    text: {formula: "case when x > 1 then 'much' else 'little' end", unit: category}
    """
    tables = {"assessments": assessments({"a": {"x": 5.0}})}
    found = measured(metrics(BASE + written), given(tables), DAY)
    assert [found(k) for k in ("as_truth", "as_category", "as_number", "text")] == [
        "yes", "yes", 1, "much",
    ]  # fmt: skip


def test_a_formula_of_another_kind_than_its_unit_is_one_clear_error() -> None:
    for text, unit in (("s", "days"), ("x", "date"), ("due", "days"), ("s + 1", "count")):
        wanted = metrics(BASE + f"    m: {{formula: {text}, unit: {unit}}}")
        with pytest.raises(KeepwellError) as caught:
            measured(wanted, given({}), DAY, ["m"])
        assert caught.value.expected is not None


def test_an_expression_as_deep_and_long_as_allowed_can_be_evaluated() -> None:
    deep = "x" + " + x" * 90
    many = " or ".join(f"x = {i}" for i in range(60))
    listed = "x in (" + ", ".join(str(i) for i in range(400)) + ")"
    cases = "case " + " ".join(f"when x > {i} then {i}" for i in range(60, 0, -1)) + " end"
    for text in (deep, many, listed, cases):
        assert parse(text) is not None
        assert len(text) < MOST_CHARACTERS
    found = one({"number_0": deep, "truth_0": many, "truth_1": listed, "number_1": cases}, x=50)
    assert list(found.values()) == [91 * 50, "yes", "yes", 49]
