"""Amounts of different currencies: converted at the last known rate, or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from keepwell.facts.context import Rate

PLACES = Decimal("0.000000000000001")  # of a rate: a rupiah is worth few millionths of a euro


def rates_on(day: date, rates: Sequence[Rate]) -> dict[tuple[str, str], Decimal]:
    """What one unit of a currency is worth in another on that day, at the last rate up to it.

    Pairs without a rate of their own go the other way round, or over one third currency.
    """
    latest: dict[tuple[str, str], Rate] = {}
    for rate in rates:
        pair = (rate.from_ccy, rate.to_ccy)
        if rate.day <= day and (pair not in latest or latest[pair].day < rate.day):
            latest[pair] = rate
    known = {pair: rate.rate for pair, rate in latest.items()}
    for (one, two), worth in list(known.items()):
        if worth:
            known.setdefault((two, one), Decimal(1) / worth)
    currencies = sorted({c for pair in known for c in pair})
    direct = dict(known)
    for one in currencies:
        for two in currencies:
            if one == two or (one, two) in known:
                continue
            over = next((c for c in currencies if (one, c) in direct and (c, two) in direct), None)
            if over is not None:
                known[one, two] = direct[one, over] * direct[over, two]
    return {pair: rate.quantize(PLACES) for pair, rate in known.items()}


RATE_TYPE = "decimal(28, 15)"
RATES = ibis.schema(
    {"rate_on": "date", "rate_from": "string", "rate_to": "string", "rate": RATE_TYPE}
)


def rates_table(days: Sequence[date], rates: Sequence[Rate]) -> pa.Table:
    """rate_on, rate_from, rate_to, rate for every pair on every asked day."""
    rows = [(d, f, t, r) for d in days for (f, t), r in rates_on(d, rates).items()]
    schema = RATES.to_pyarrow()
    columns = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(schema.types)]
    return pa.table(columns, schema=schema)


def converted(rows: ir.Table, rates: ir.Table, name: str, target: ir.StringValue) -> ir.Table:
    """The rows with a column of that name: the rate from their currency to the target's."""
    near = rates.select(
        **{f"{name} on": rates.rate_on, f"{name} from": rates.rate_from},
        **{f"{name} to": rates.rate_to, f"{name} found": rates.rate},
    )
    rows = rows.mutate(**{f"{name} target": target})
    joined = rows.left_join(
        near,
        [
            rows.asked_on == near[f"{name} on"],
            rows.currency == near[f"{name} from"],
            rows[f"{name} target"] == near[f"{name} to"],
        ],
    )
    same = joined.currency == joined[f"{name} target"]
    one = ibis.literal(Decimal(1), RATE_TYPE)
    return joined.mutate(**{name: ibis.cases((same, one), else_=joined[f"{name} found"])})
