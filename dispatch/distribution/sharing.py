"""Share out a case: compile it, build plans, prove how good the best is, compare it with simple rules, and tell it.
Pure.

The same case, rules and seed give the same bytes unless the answer says that it was `hurried` by the time limit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from dispatch.distribution.answer import Answer, Proofs, Row
from dispatch.distribution.ask import Ask
from dispatch.distribution.building import Builder
from dispatch.distribution.compiling import case_of, compile_case
from dispatch.distribution.improving import good_plans, kept_plan
from dispatch.distribution.places import STANDING
from dispatch.distribution.problem import Problem
from dispatch.distribution.proving import Proof, prove
from dispatch.distribution.reporting import not_taken_of, outcome_of, rows_of, summary_of, totals_of, triage_of
from dispatch.distribution.rules import DistributionRules
from dispatch.distribution.simple_rules import simple_plans
from dispatch.needs import rows_for
from dispatch.policy import Policy
from dispatch.ranking import canonical
from dispatch.rule_files import default_distribution, default_policy

ID_LENGTH = 12


def distribute(
    ask: Ask, rules: DistributionRules | None = None, policy: Policy | None = None, *, quick: bool = False
) -> Answer:
    """The plan for a checked case (dispatch/distribution/reading.py). `quick`: the first good plan, without a proof.

    Never worse than any simple rule, nor than the quick plan.
    """
    rules, policy = rules or default_distribution(), policy or default_policy()
    builder = Builder(compile_case(ask, rules, policy))
    simple = simple_plans(builder)
    known = [*good_plans(builder, rules.search.starts, ask.seed), *simple.values()]
    kept = kept_plan(builder)
    known += [kept] if kept is not None else []
    best = min(known, key=lambda plan: plan.cost)
    proof = Proof(best, 0.0, False, False, 0, 0) if quick else prove(builder, known, rules.search, ask.seed)
    rows, left = rows_of(builder, proof.plan), not_taken_of(builder, proof.plan)
    problem, inputs = builder.problem, digest(ask, rules, policy)
    return Answer(
        id=f"DP-{inputs[:ID_LENGTH]}", inputs=inputs, rules=rules.version, destination_rules=policy.version,
        fired=rules_fired(problem, policy, rows), seed=ask.seed, at=ask.at, rows=rows, not_taken=left,
        not_carried=tuple(one.id for one, _ in problem.left),
        summary=summary_of(problem, rows, left), totals=totals_of(problem, rows, left),
        outcome=outcome_of(builder, proof.plan),
        compared={name: outcome_of(builder, plan) for name, plan in simple.items()},
        proof=Proofs(
            bound=round(proof.bound, 6), gap=round(proof.gap, 6), proven=proof.proven, hurried=proof.hurried,
            rounds=proof.rounds, trips_considered=proof.columns, nodes=proof.nodes,
        ),
        triage=triage_of(problem, rows), redirections=sum(row.redirected for row in rows),
        standing=tuple(sorted({row.hospital for row in rows if row.place == "standing"})),
    )  # fmt: skip


def rules_fired(problem: Problem, policy: Policy, rows: Sequence[Row]) -> tuple[str, ...]:
    """Ids of the rules that shaped the plan: of the needs those that a casualty met, of the table what applied."""
    ask, rules = problem.ask, problem.rules
    met_by = [rows_for(case_of(one), policy, ask.at) for one in ask.casualties]
    needs = {f"needs.{row.rule}" for fitting in met_by for row in (*fitting.firm, *fitting.within)}
    met = {
        "first_wave": any(group.category in rules.first_wave.by_category for group in problem.groups),
        "not_carried": bool(problem.left),
        "redirection_cost": bool(ask.before),
        "reserve": bool(problem.kept),
        "rpm": any(one.rpm is not None for one in ask.casualties),
        "sitting": any(group.sits for group in problem.groups),
        "standing": any(row.place == STANDING for row in rows),
        "survival": any(one.rpm is None for one in ask.casualties),
    }
    return tuple(sorted(needs | {name for name, is_met in met.items() if is_met}))


def digest(ask: Ask, rules: DistributionRules, policy: Policy) -> str:
    """SHA-256 over everything that was looked at."""
    return hashlib.sha256(canonical([ask, rules, policy])).hexdigest()
