"""Limits across the parameters of a model, as the mapping has them. Pure."""

from __future__ import annotations

from ...mapping import Apart, Beside, Joint, Rule
from ._takes import Model


def joints_of(model: Model) -> tuple[Joint, ...]:
    """Return what one value leaves possible of another field."""
    return tuple(Joint(limit.when, limit.values, limit.limits, limit.to) for limit in model.limits)


def rules_of(model: Model) -> tuple[Rule, ...]:
    """Return what excludes each other, and what needs each other."""
    return (
        *(Apart(one.these, one.those) for one in model.apart),
        *(Beside(one.these, one.those) for one in model.beside),
    )
