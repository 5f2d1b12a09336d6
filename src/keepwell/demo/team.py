"""The company's own people: who looks after whom, and with how much time."""

from __future__ import annotations

from datetime import date
from random import Random

from keepwell.demo.frames import Row

_MEMBERS: tuple[tuple[str, str, str, str, str, str, int, str, str], ...] = (
    ("U-01", "Helen Marsh", "lead", "escalation, executive", "UK, DACH, Nordics, US, APAC", "all",
     900, "Europe/London", "GB"),
    ("U-02", "Owen Price", "csm", "onboarding, retail", "UK", "UK", 1500, "Europe/London", "GB"),
    ("U-03", "Ruth Adeyemi", "csm", "renewal, enterprise", "UK", "UK", 1500, "Europe/London", "GB"),
    ("U-04", "Stefan Kolb", "csm", "technical, manufacturing", "DACH", "DACH", 1600,
     "Europe/Berlin", "DE"),
    ("U-05", "Miriam Voss", "csm", "onboarding, renewal", "DACH", "DACH", 1100, "Europe/Berlin",
     "DE"),
    ("U-06", "Linnea Sund", "csm", "technical, enterprise", "Nordics", "Nordics", 1500,
     "Europe/Stockholm", "SE"),
    ("U-07", "Marcus Bell", "csm", "enterprise, renewal", "US", "US", 1800, "America/New_York",
     "US"),
    ("U-08", "Dana Whitfield", "csm", "onboarding, hospitality", "US", "US", 1800,
     "America/Chicago", "US"),
    ("U-09", "Sari Wulandari", "csm", "onboarding, retail", "APAC", "APAC", 1500, "Asia/Jakarta",
     "ID"),
    ("U-10", "Peter Lowe", "account_executive", "expansion, renewal", "UK, US", "sales", 2000,
     "Europe/London", "GB"),
    ("U-11", "Jana Reuter", "account_executive", "expansion", "DACH, Nordics, APAC", "sales", 2000,
     "Europe/Berlin", "DE"),
    ("U-12", "Ivo Brandt", "support", "technical", "UK, DACH, Nordics, US, APAC", "support", 2100,
     "Europe/Berlin", "DE"),
)  # fmt: skip

LEAD = "U-01"
LEFT = ("U-05", "U-04")
"""A success manager who left, and who took over."""

LEFT_MONTHS_BEFORE_END = 5

SALES = {"UK": "U-10", "US": "U-10", "DACH": "U-11", "Nordics": "U-11", "APAC": "U-11"}

_MANAGERS = {
    region: tuple(m[0] for m in _MEMBERS if m[2] == "csm" and m[5] == region and m[0] != LEFT[0])
    for region in SALES
}


def owner_for(region: str, rank: int, seats: int, chance: Random) -> str | None:
    """The success manager of an account; many small ones have none."""
    share = 1.0 if seats >= 25 else (0.55, 0.92, 1.0)[rank - 1]
    if chance.random() >= share:
        return None
    return chance.choice(_MANAGERS[region])


def staff_rows(left_on: date) -> list[Row]:
    """The canonical table staff; one of them left on that day."""
    return [
        {
            "user_id": key,
            "name": name,
            "email": name.lower().replace(" ", ".") + "@quayside.example",
            "team": "sales" if team == "sales" else "support" if team == "support" else "success",
            "role": role,
            "skills": skills,
            "territories": territories,
            "minutes_per_week": minutes,
            "timezone": timezone,
            "holidays_country": country,
            "active_from": date(2020, 1, 6),
            "active_to": left_on if key == LEFT[0] else None,
        }
        for key, name, role, skills, territories, team, minutes, timezone, country in _MEMBERS
    ]
