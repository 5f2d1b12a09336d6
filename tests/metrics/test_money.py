"""Money: never added without conversion, converted at the last known rate, exact to the cent."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from keepwell.facts.context import Rate
from keepwell.metrics.money import rates_on
from tests.metrics.measuring import Row, Tables, account, given, measured, metrics

METRICS = metrics("""
    paid: {sum: amount, from: invoices, unit: money}
    paid_30d: {sum: amount, from: invoices, over: 30 days, unit: money}
    in_project: {sum: amount, from: invoices, currency: project, unit: money}
    mean: {mean: amount, from: invoices, unit: money}
    middle: {median: amount, from: invoices, unit: money}
    least: {min: amount, from: invoices, unit: money}
    most: {max: amount, from: invoices, unit: money}
    last: {latest: amount, from: invoices, unit: money}
    best_contract: {sum: amount, from: invoices, per: subscription_id, then: max, unit: money}
    yearly: {sum: amount * 12, from: invoices, unit: money}
    open: {sum: amount - amount_paid, from: invoices, unit: money}
    number: {count: rows, from: invoices}
    large: {count: amount > 50, from: invoices}
    """)
DAY = date(2026, 3, 10)


def invoice(amount: Any, currency: str, account_id: str = "a", **more: Any) -> Row:
    number = more.pop("number", f"{account_id} {amount} {currency} {len(more)}")
    return {"invoice_id": number, "account_id": account_id, "amount": amount, "currency": currency,
            "issued_on": "2026-03-01", **more}  # fmt: skip


def rate(day: str, one: str, two: str, worth: str) -> Row:
    return {"day": day, "from_ccy": one, "to_ccy": two, "rate": worth}


RATES = [
    rate("2026-01-01", "EUR", "USD", "2.0"),
    rate("2026-03-05", "EUR", "USD", "1.25"),
    rate("2026-03-11", "EUR", "USD", "9.0"),
    rate("2026-01-01", "USD", "IDR", "16000"),
]


def test_amounts_are_converted_to_the_account_s_currency_at_the_last_known_rate() -> None:
    invoices = [
        invoice(100, "EUR", subscription_id="s", amount_paid=40, settled_on="2026-03-02"),
        invoice(50, "USD", issued_on="2026-03-02", amount_paid=50, settled_on="2026-03-20"),
    ]
    tables: Tables = {
        "accounts": [account("a", currency="USD"), account("e", currency="EUR")],
        "invoices": [*invoices, *({**i, "invoice_id": f"e{n}", "account_id": "e"}
                                  for n, i in enumerate(invoices))],
        "fx_rates": RATES,
    }  # fmt: skip
    found = measured(METRICS, given(tables, project_currency="EUR"), DAY)
    assert found.of("a") == {
        "paid": 175, "paid_30d": 175, "in_project": 140, "mean": 87.5, "middle": 87.5,
        "least": 50, "most": 125, "last": 50, "best_contract": 125, "yearly": 2100,
        # Of what was settled later nothing is known yet.
        "open": 125, "number": 2, "large": 1,
    }  # fmt: skip
    assert found("paid", "e") == found("in_project", "e") == 140
    assert found("open", "e") == 100


def test_on_each_day_the_rate_of_that_day_holds() -> None:
    tables: Tables = {
        "accounts": [account("a", currency="USD")],
        "invoices": [invoice(100, "EUR", issued_on="2025-12-01")],
        "fx_rates": RATES,
    }
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 3, 4), date(2026, 3, 5), DAY,
            date(2026, 3, 11)]  # fmt: skip
    found = measured(METRICS, given(tables), days, ["paid", "number"])
    assert found.by_day("paid") == [None, 200, 200, 125, 125, 900]
    assert found.by_day("number") == [1] * 6


def test_one_amount_that_cannot_be_converted_makes_the_whole_unknown() -> None:
    tables: Tables = {
        "accounts": [account("a", currency="USD"), account("b", currency="USD")],
        "invoices": [
            invoice(100, "USD", subscription_id="s"),
            invoice(5, "XAU", subscription_id="t", issued_on="2026-03-02"),
            invoice(100, "USD", "b", issued_on="2026-03-02"),
            invoice(7, "XAU", "b", issued_on="2025-01-01"),
        ],
        "fx_rates": RATES,
    }
    keys = ["paid", "paid_30d", "mean", "middle", "least", "most", "last", "best_contract"]
    found = measured(METRICS, given(tables), DAY, [*keys, "number"])
    assert found.of("a") == {**dict.fromkeys(keys), "number": 2}
    assert found("paid_30d", "b") == found("last", "b") == 100
    assert found("paid", "b") is None


def test_without_any_rate_the_own_currency_still_adds_up() -> None:
    tables: Tables = {
        "accounts": [account("a"), account("b", currency="EUR")],
        "invoices": [invoice(1, "EUR"), invoice(2, "EUR", "b")],
    }
    found = measured(METRICS, given(tables, project_currency="EUR"), DAY, ["paid"])
    assert found.by_account("paid") == {"a": 1, "b": 2}


def test_an_amount_of_no_named_currency_is_unknown() -> None:
    wanted = metrics("value: {sum: amount, from: opportunities, unit: money}")
    rows = [{"opportunity_id": "1", "account_id": "a", "amount": 5, "created_on": "2026-01-01"}]
    assert measured(wanted, given({"opportunities": rows}), DAY)("value") is None


def test_sums_are_exact_in_any_order() -> None:
    rng = random.Random(3)
    names = [f"a{i}" for i in range(40)]
    amounts = {
        name: [Decimal(rng.randrange(10**9)) / 100 for _ in range(rng.randrange(1, 30))]
        for name in names
    }
    amounts["a0"] = [Decimal("0.10")] * 10
    amounts["a1"] = [Decimal("0.10"), Decimal("0.20")]
    amounts["a2"] = [Decimal("99999999999999.99"), Decimal("0.01")]
    invoices = [
        invoice(amount, "USD", name, number=f"{name} {n}")
        for name in names
        for n, amount in enumerate(amounts[name])
    ]
    accounts = [account(name) for name in names]
    found = measured(METRICS, given({"accounts": accounts, "invoices": invoices}), DAY, ["paid"])
    for name in names:
        assert found("paid", name) == float(sum(amounts[name])), amounts[name]
    rng.shuffle(invoices)
    again = measured(METRICS, given({"accounts": accounts, "invoices": invoices}), DAY, ["paid"])
    assert again.table.equals(found.table)


@pytest.mark.parametrize("direction", ["there", "back"])
def test_rupiahs_and_dollars_keep_their_digits_both_ways(direction: str) -> None:
    worth = Decimal("15873.123456789")
    to_idr = direction == "there"
    amount = Decimal("123456789.12") if to_idr else Decimal("98765432109876.54")
    tables: Tables = {
        "accounts": [account("a", currency="IDR" if to_idr else "USD")],
        "invoices": [invoice(amount, "USD" if to_idr else "IDR")],
        "fx_rates": [rate("2026-01-01", "USD", "IDR", str(worth))],
    }
    found = measured(METRICS, given(tables), DAY, ["paid"])("paid")
    exact = Fraction(amount) * Fraction(worth) if to_idr else Fraction(amount) / Fraction(worth)
    # To a part in ten thousand million: of six thousand million dollars not a dollar is lost.
    assert abs(Fraction(found) - exact) / exact < Fraction(1, 10**10)


# --- rates ----------------------------------------------------------------------------------------


def rates(*rows: tuple[str, str, str]) -> dict[tuple[str, str], Decimal]:
    given_rates = [Rate(date(2026, 1, 1), one, two, Decimal(worth)) for one, two, worth in rows]
    return rates_on(DAY, given_rates)


def test_a_rate_goes_both_ways() -> None:
    assert rates(("EUR", "USD", "1.25")) == {
        ("EUR", "USD"): Decimal("1.25"), ("USD", "EUR"): Decimal("0.8"),
    }  # fmt: skip
    both = rates(("EUR", "USD", "1.25"), ("USD", "EUR", "0.81"))
    assert both["USD", "EUR"] == Decimal("0.81")


def test_a_pair_without_a_rate_goes_over_one_third_currency() -> None:
    found = rates(("EUR", "USD", "1.25"), ("USD", "JPY", "150"), ("GBP", "JPY", "200"))
    assert found["EUR", "JPY"] == Decimal("187.5")
    assert found["JPY", "EUR"] == pytest.approx(Decimal(1) / Decimal("187.5"))
    assert found["USD", "GBP"] == Decimal("0.75")
    # Over two others is too far to be trusted.
    assert ("EUR", "GBP") not in found
    assert ("EUR", "EUR") not in found


def test_only_rates_of_the_past_count_and_the_last_of_them() -> None:
    given_rates = [
        Rate(date(2026, 3, 11), "EUR", "USD", Decimal(9)),
        Rate(date(2026, 3, 10), "EUR", "USD", Decimal(4)),
        Rate(date(2026, 3, 9), "EUR", "USD", Decimal(3)),
    ]
    assert rates_on(DAY, given_rates)["EUR", "USD"] == 4
    assert rates_on(DAY, given_rates[::-1])["EUR", "USD"] == 4
    assert rates_on(date(2026, 3, 8), given_rates) == {}


def test_a_currency_that_is_worth_nothing_has_no_way_back() -> None:
    assert rates(("ZWL", "USD", "0")) == {("ZWL", "USD"): Decimal(0)}
