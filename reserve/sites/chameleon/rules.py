"""What Chameleon's rules and its accounting say no to: their own sentence, and what to do about it."""

from __future__ import annotations

import re

POLICY = re.compile(r"policy does|not authorized to|not allowed to|disallowed by policy", re.I)
"""How Keystone and the services' own policies speak: about who may ask, not about what was asked for."""
MALFORMED = re.compile(r"invalid|malformed|missing parameter|required format|must be later|not yours|quota", re.I)

PORTAL = "https://chameleoncloud.org (Projects)"
REMEDIES = (
    (
        r"user budget",
        "Your own budget in this project is used up: ask your instructor to raise it, or take a shorter block.",
    ),
    (
        r"would spend|service units|\bSUs?\b",
        f"The project's service units are used up: its PI (your instructor) asks for more on {PORTAL}; give "
        "back leases that nobody needs with `servelab down`.",
    ),
    (
        r"expiration date|expired|not active|inactive",
        "The project's allocation ends before the lease would: take an earlier block, or its PI renews it on "
        f"{PORTAL}.",
    ),
    (
        r"lease duration",
        "A lease lasts at most 7 days: see `block_hours` in reserve/hardware.toml, and reserve another block instead.",
    ),
    (
        r"only be extended|extended within",
        "A lease can be made longer in its last 48 hours only, each time by at most 7 days: repeat the command then.",
    ),
    (
        r"stack|advance reservation|half of|too many (leases|reservations)",
        "Holding a node type for weeks by several leases is against the rules of use: give back what is not needed "
        "(`servelab status`, `servelab down`); an instructor asks the help desk before a class does.",
    ),
    (
        r"external service|enforcement",
        "Chameleon's accounting did not answer as it should: repeat the command in a few minutes.",
    ),
)
OTHERWISE = (
    "It is a rule of the testbed or of the project: ask your instructor, or the help desk "
    "(https://chameleoncloud.org/user/help/)."
)


def is_rule(sentence: str) -> bool:
    """Whether a refusal of Blazar is about the testbed's rules: neither a malformed request nor who may ask."""
    return bool(sentence.strip()) and not POLICY.search(sentence) and not MALFORMED.search(sentence)


def remedy(sentence: str) -> str:
    """What to do about a refusal by the testbed's rules, told by the portal's own sentence."""
    return next((text for pattern, text in REMEDIES if re.search(pattern, sentence, re.I)), OTHERWISE)
