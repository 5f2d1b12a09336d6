"""What only a person can answer: questions and their answers, best to worst.

An answer is a code, or a number where `codes` is empty. The key is the metric that it answers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """every and holds are in days; asked is the share of the accounts where anybody asks it."""

    key: str
    codes: tuple[str, ...] = ()
    every: int = 100
    holds: int = 120
    asked: float = 0.9


QUESTIONS: tuple[Question, ...] = (
    Question(
        "stated_outcome",
        ("transformed", "best_investment", "helpful", "okay", "unsure", "waste"),
        every=90,
    ),
    Question("executive_relationship", ("c_level", "vp", "manager"), asked=0.5),
    Question("team_relationships", ("strong", "moderate", "limited")),
    Question("executive_sponsorship", ("strong", "moderate", "weak")),
    Question("goal_alignment", ("high", "medium", "low"), every=150, holds=180),
    Question("future_planning", ("clear", "general", "none"), every=150, holds=180),
    Question("competitive_position", ("prefer", "neutral", "considering"), every=120),
    Question("loyalty_signals", ("committed", "mixed", "churn"), every=120),
    Question("user_satisfaction", ("high", "moderate", "low"), asked=0.7),
    Question("budget_utilisation", every=90, asked=0.75),
    Question("budget_availability", ("available", "tight", "cut"), every=120, asked=0.8),
    Question("procurement_fit", ("aligned", "partly", "misaligned"), every=180, asked=0.5),
    Question("pricing_satisfaction", ("satisfied", "neutral", "dissatisfied"), asked=0.75),
    Question("growth_potential", ("high", "medium", "low"), every=180, holds=240),
    Question("strategic_value", ("high", "medium", "low"), every=180, holds=240),
    Question("csm_sentiment", ("positive", "neutral", "negative"), every=45, holds=60),
    Question("contact_quality", ("high", "medium", "low"), every=120),
    Question("renewal_likelihood", every=90, asked=0.85),
    Question("business_value_progress", ("exceeding", "meeting", "partial", "minimal")),
)

QUOTES = {
    "transformed": "This transformed my business",
    "best_investment": "Best investment we made this year",
    "helpful": "It's helpful, solving my Excel problem",
    "okay": "It's okay, still learning",
    "unsure": "Not sure it's worth it yet",
    "waste": "Waste of money",
}
"""What customers said, as the plan-tiered framework prints it, by answer to stated_outcome."""
