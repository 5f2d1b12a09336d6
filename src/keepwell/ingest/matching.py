"""Which canonical table a file may be, and which of its columns are which fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache

from keepwell.definitions.values import KEY
from keepwell.facts.model import Column, Table
from keepwell.facts.schema import IMPORTED
from keepwell.ingest.checks import STANDS_IN, target_columns
from keepwell.ingest.profile import ColumnProfile
from keepwell.ingest.vocabulary import (
    ACCOUNT_IDS,
    COLUMN_WORDS,
    DEFAULTS,
    TABLE_WORDS,
    VALUE_WORDS,
    plain_name,
)

LEAST = 0.4
SURE = 0.7
Profiles = Mapping[str, ColumnProfile]


@dataclass(frozen=True)
class Match:
    """A column that may be a field, and how sure that is (0 to 1)."""

    column: str
    confidence: float


@dataclass(frozen=True)
class Guess:
    """What a file may be: a table with its fields. missing: required fields without a column."""

    table: Table
    fields: Mapping[str, Match]
    missing: tuple[str, ...]
    score: float

    @property
    def is_possible(self) -> bool:
        return all(_can_do_without(self.table, name, self.fields) for name in self.missing)


def guesses(file: str, columns: Profiles, accounts: frozenset[str]) -> list[Guess]:
    """The tables that a file may be, the likeliest first. `accounts` are columns known to hold
    account ids because another file has the same ones."""
    found = []
    for name in COLUMN_WORDS:
        guess = _guess(IMPORTED[name], file, columns, accounts)
        if guess.is_possible and guess.score > 0:
            found.append(guess)
    return sorted(found, key=lambda g: -g.score)


def guess(table: str, columns: Profiles, accounts: frozenset[str]) -> Guess:
    """The fields of one table, whatever the file is called."""
    return _guess(IMPORTED[table], "", columns, accounts)


def _guess(table: Table, file: str, columns: Profiles, accounts: frozenset[str]) -> Guess:
    fields = _assigned(table, columns, accounts)
    known = target_columns(table)
    required = [c for c in known.values() if c.required and c.name != "currency"]
    missing = tuple(
        c.name
        for c in required
        if c.name not in fields and STANDS_IN.get((table.name, c.name)) not in fields
    )
    telling = [c for c in required if c.name != "account_id"]
    met = sum(fields[c.name].confidence for c in telling if c.name in fields)
    others = sum(m.confidence for n, m in fields.items() if not known[n].required)
    score = 2 * met / max(1, len(telling)) + 0.25 * others + 1.5 * _named(table.name, file)
    if table.name == "accounts" and "account_id" in fields:
        # A list of accounts has each of them once; other tables repeat them.
        score += 1.0 if columns[fields["account_id"].column].is_unique else -1.5
    elif table.has_account and "account_id" not in fields:
        score = 0.0
    elif table.has_account and columns[fields["account_id"].column].is_unique:
        score -= 0.75
    return Guess(table, fields, missing, score)


def _named(table: str, file: str) -> float:
    stem = plain_name(file.rpartition("/")[2].partition(".")[0])
    singular = {stem, stem.removesuffix("s"), *(w.removesuffix("s") for w in stem.split("_"))}
    words = TABLE_WORDS[table]
    return max((1.0 - 0.05 * i for i, w in enumerate(words) if w in singular), default=0.0)


def _can_do_without(table: Table, name: str, fields: Mapping[str, Match]) -> bool:
    if (table.name, name) in DEFAULTS or name == "name":
        return True
    if (table.name, name) == ("subscriptions", "mrr"):
        return "acv" in fields
    # An id can be made of the account and the day.
    return name == table.key[0] and name != "account_id" and (table.day or "start_on") in fields


def _assigned(table: Table, columns: Profiles, accounts: frozenset[str]) -> dict[str, Match]:
    """Each field its likeliest column, each column its likeliest field."""
    known = target_columns(table)
    pairs = []
    for field, words in COLUMN_WORDS[table.name].items():
        for column, profile in columns.items():
            confidence = _confidence(known[field], words, profile, table)
            if field == "account_id" and column in accounts:
                confidence = max(confidence, 0.9)
            if confidence >= LEAST:
                pairs.append((confidence, field, column))
    found: dict[str, Match] = {}
    taken: set[str] = set()
    # A list of names has no other id: the key of accounts chooses first.
    first = "account_id" if table.name == "accounts" else ""
    for confidence, field, column in sorted(pairs, key=lambda p: (p[1] != first, -p[0], *p[1:])):
        if field not in found and column not in taken:
            found[field] = Match(column, round(confidence, 2))
            taken.add(column)
    return found


def _confidence(field: Column, words: Sequence[str], profile: ColumnProfile, table: Table) -> float:
    name = _name_score(profile.plain, words)
    if name == 0:
        return 0.0
    fits = profile.fits(field)
    if field.values:
        fits = max(fits if fits < 0.5 else 0.0, *_value_scores(profile, field.values), 0.0)
    if field.name == table.key[0] and len(table.key) == 1 and table.name != "accounts":
        # Another table's id that stands here repeats; so does an invoice's beside its lines.
        fits *= 0.3 if profile.repeats and table.name != "invoices" else 1.0
    if fits < 0.3:
        return 0.0
    return name * (0.35 + 0.65 * fits)


def _value_scores(profile: ColumnProfile, allowed: Sequence[str]) -> list[float]:
    """How many of the values are some allowed one; a column of many values is no list."""
    if not profile.few:
        return [0.0]
    known = [v for v in profile.values if canonical(v, allowed) is not None]
    return [len(known) / len(profile.values)] if profile.values else [0.0]


@lru_cache(maxsize=65_536)
def _name_score(name: str, words: tuple[str, ...]) -> float:
    if name in words:
        return 1.0 - 0.01 * words.index(name)
    best = 0.0
    tokens = set(name.split("_"))
    for word in words:
        parts = set(word.split("_"))
        if word != "id" and len(word) > 2 and parts <= tokens:
            best = max(best, 0.6 + 0.2 * len(parts) / len(tokens))
        elif len(word) > 4 and _alike(name, word):
            best = max(best, 0.65)
    return best


def _alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one, other)
    return matcher.quick_ratio() > 0.86 and matcher.ratio() > 0.86


def canonical(value: str, allowed: Sequence[str]) -> tuple[str, float] | None:
    """The allowed value that a source's value means, and how sure that is; None where unknown."""
    plain = plain_name(value)
    if plain in allowed:
        return plain, 1.0
    for word in allowed:
        if plain in VALUE_WORDS.get(word, ()):
            return word, 0.9
    near = get_close_matches(plain, allowed, n=1, cutoff=0.75)
    if near:
        return near[0], 0.6
    for word in allowed:
        if any(len(w) > 3 and w in plain.split("_") for w in (word, *VALUE_WORDS.get(word, ()))):
            return word, 0.6
    return None


def may_list_accounts(file: str, column: str) -> bool:
    """Whether a file's unique column may be the list of all accounts' ids."""
    return plain_name(column) in ACCOUNT_IDS or _named("accounts", file) > 0


def metric_columns(left: Profiles, metrics: Mapping[str, str] | None) -> dict[str, str]:
    """Which columns of a sheet supply which metrics, by keys and labels; without a list of metrics
    each column is taken for a metric of its own name."""
    if metrics is None:
        return {c: p.plain for c, p in left.items() if KEY.match(p.plain)}
    names = {plain_name(key): key for key in metrics}
    names |= {plain_name(label): key for key, label in metrics.items()}
    found: dict[str, str] = {}
    for column, profile in left.items():
        near = get_close_matches(profile.plain, names, n=1, cutoff=0.8)
        if near and names[near[0]] not in found.values():
            found[column] = names[near[0]]
    return found
