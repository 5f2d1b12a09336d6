"""Which encoding a text file has: UTF-8 and UTF-16 surely, Western text with some care."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import BinaryIO

from keepwell.kit.errors import KeepwellError

CHUNK = 1 << 20
SAMPLE = 1 << 15
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Opener = Callable[[], BinaryIO]


def detect(open_file: Opener, where: str, declared: str | None = None) -> str:
    """The encoding of a whole text file, as Python names it.

    The file is read through once, so that a byte far down is not found while importing. Raises
    KeepwellError for bytes that are no text, for a declared encoding that does not fit, and where
    several encodings fit and would read different letters.
    """
    with open_file() as file:
        head = file.read(SAMPLE)
    if declared is not None:
        _known(declared, where)
        _check(open_file, where, declared, head)
        return declared
    for bom, name in _BOMS:
        if head.startswith(bom):
            _check(open_file, where, name, head)
            return name
    if unmarked := _utf16_without_mark(head):
        _check(open_file, where, unmarked, head)
        return unmarked
    wrong = _first_not_utf8(open_file)
    if wrong is None:
        if b"\0" in head:
            raise _no_text(where, "it contains zero bytes")
        return "utf-8"
    with open_file() as file:
        sample = _around(file, wrong)
    return _single_byte(sample, where, wrong)


def _known(name: str, where: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise KeepwellError(
            f"there is no encoding named '{name}'",
            where=where,
            expected="a name such as utf-8, utf-16, cp1252 (Windows, Western), latin-1, cp1250",
        ) from None


def _check(open_file: Opener, where: str, name: str, head: bytes) -> None:
    decoder = codecs.getincrementaldecoder(name)()
    at = 0
    with open_file() as file:
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
                at += len(chunk)
            decoder.decode(b"", final=True)
        except UnicodeError as error:
            raise KeepwellError(
                f"the file is not {name}: {getattr(error, 'reason', error)} near byte {at:,}",
                where=where,
                expected=f"a text file in {name}{_looks_like(head)}",
                todo="correct `encoding:` in the mapping, or leave it out to have it recognised",
            ) from None


def _utf16_without_mark(head: bytes) -> str | None:
    """UTF-16 of mostly Western text has a zero in every second byte."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    even, odd = head[0 : pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    if odd > 0.7 * pairs and even == 0:
        return "utf-16-le"
    if even > 0.7 * pairs and odd == 0:
        return "utf-16-be"
    return None


def _first_not_utf8(open_file: Opener) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    at = 0
    with open_file() as file:
        while True:
            chunk = file.read(CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return at - pending + error.start
            if not chunk:
                return None
            at += len(chunk)


def _around(file: BinaryIO, at: int) -> bytes:
    """Whole lines around that byte."""
    start = max(0, at - SAMPLE)
    remaining = start
    while remaining > 0:  # a compressed stream cannot jump
        remaining -= len(file.read(min(CHUNK, remaining))) or remaining
    sample = file.read(2 * SAMPLE)
    cut = sample.find(b"\n", 0, at - start) + 1 if start else 0
    return sample[cut:]


def _single_byte(sample: bytes, where: str, at: int) -> str:
    # Not even a file of the oldest encodings has control characters beyond these.
    control = sum(sample.count(c) for c in range(32) if c not in (9, 10, 12, 13, 26, 27))
    if control * 100 > len(sample):
        raise _no_text(where, f"bytes near {at:,} are no letters")
    if _is_western(sample):
        return "cp1252"
    guessed = _guesses(sample)
    maybe = f"it may be {' or '.join(guessed[:4])}" if guessed else "no other one fits surely"
    raise KeepwellError(
        f"the encoding cannot be decided: byte {at:,} is not UTF-8, {maybe}",
        where=where,
        expected="UTF-8, UTF-16 with a byte order mark, or Western text (cp1252, latin-1)",
        todo=f"say `encoding: {(guessed or ['cp1250'])[0]}` for this file in the mapping, "
        "or save it as UTF-8",
    )


def _is_western(sample: bytes) -> bool:
    """Whether the bytes are words in Latin letters with a few accents, read as Windows' cp1252.

    Other one-byte encodings read as cp1252 give words that are all accents (Cyrillic, Greek), or
    signs such as ³ and £ in the middle of a word (Central European).
    """
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    accented = plain = 0
    for word in text.split():
        marks = [c for c in word if ord(c) > 127]
        if not marks:
            continue
        for before, here, after in zip(" " + word, word, word[1:] + " ", strict=False):
            sign = ord(here) > 127 and not here.isalpha()
            if sign and before.isalpha() and after.isalpha() and here not in "’–·":
                return False
        accented += sum(c.isalpha() for c in marks)
        plain += sum(c.isalpha() and ord(c) < 128 for c in word)
    return accented == 0 or plain >= accented


def _guesses(sample: bytes) -> list[str]:
    from charset_normalizer import from_bytes

    found: list[str] = []
    for match in from_bytes(sample):
        found += [e for e in match.could_be_from_charset if e not in found and e != "utf_8"]
    return found


def _looks_like(head: bytes) -> str:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            guessed = _guesses(head)
            return f"; it looks like {guessed[0]}" if guessed else ""
    return "; it looks like utf-8"


def _no_text(where: str, why: str) -> KeepwellError:
    return KeepwellError(
        f"this is not a text file: {why}",
        where=where,
        expected="rows of text separated by commas, semicolons, tabs or |",
        todo="export the file anew as CSV in UTF-8, or give the XLSX or Parquet file itself",
    )
