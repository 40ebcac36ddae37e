"""A decision for the eye: the ranked options and every way that was not taken, with reasons in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from rich.table import Table

from casebook.events import Decision, Option, Reason, Rejection
from casebook.picture import Picture
from casebook.words import Language
from scenarios.report_page.voice import Voice

HEADS = ("hospital", "mode", "door", "definitive", "p_bay", "why")
CAUSES = "routing.term"


def page_of(decision: Decision, picture: Picture, language: Language) -> list[Any]:
    """What is to be printed, from top to bottom."""
    return _Page(decision, picture, Voice(language, None)).parts()


class _Page:
    def __init__(self, decision: Decision, picture: Picture, voice: Voice) -> None:
        self._decision, self._hospitals, self._voice = decision, picture.hospitals, voice

    def parts(self) -> list[Any]:
        decision, say = self._decision, self._voice.say
        parts: list[Any] = [self._best(decision.options[0])] if decision.options else list(self._none())
        parts.append(self._table())
        if decision.unmeasured:
            what = self._voice.listed([self._said(reason) for reason in decision.unmeasured])
            parts.append(say("decide.unmeasured", what=what))
        versions = {"id": decision.id, "rules": decision.rules, "traffic": decision.traffic_version or "-"}
        versions |= {"capacity": decision.capacity, "roads": decision.roads or "-", "inputs": decision.inputs}
        return [*parts, say("decide.versions", **versions)]

    def _best(self, option: Option) -> str:
        spans = (option.definitive_s, option.definitive_low_s, option.definitive_high_s)
        told = dict(zip(("definitive", "low", "high"), map(self._voice.minutes, spans), strict=True))
        return self._voice.say("decide.best", hospital=self._name(option.hospital), mode=self._mode(option), **told)

    def _none(self) -> Iterable[str]:
        """Never nothing: where to stabilise and whom to ask, or that there is none of either."""
        decision, say = self._decision, self._voice.say
        yield say("decide.none")
        if decision.stabilise_at:
            yield say("decide.stabilise_at", hospital=self._name(decision.stabilise_at))
        else:
            yield say("decide.no_stabilising")
        asked = self._voice.listed([self._name(id) for id in decision.ask])
        yield say("decide.ask", hospitals=asked) if decision.ask else say("decide.no_ask")

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("", justify="right", no_wrap=True)
        for head in HEADS:
            short = head in ("door", "definitive", "p_bay")
            table.add_column(self._voice.say(f"decide.head.{head}"), no_wrap=short, overflow="fold")
        losers = {(one.hospital, one.mode): one for one in self._decision.rejected}
        for number, option in enumerate(self._decision.options, start=1):
            loser = losers.pop((option.hospital, option.mode), None)
            table.add_row(str(number), *self._row(option, loser))
        for one in losers.values():
            if one.eta_s is not None or one.would_win is not None:
                table.add_row("", *self._row(one, one))
        for (mode, why), hospitals in self._absent(losers.values()).items():
            nothing = self._voice.say("decide.none_there")
            table.add_row("", self._voice.listed(hospitals), mode, nothing, nothing, nothing, why)
        return table

    def _absent(self, losers: Iterable[Rejection]) -> dict[tuple[str, str], list[str]]:
        """Ways that there are not: (mode, why) -> hospitals."""
        found: dict[tuple[str, str], list[str]] = {}
        for one in losers:
            if one.eta_s is None and one.would_win is None:
                key = self._mode(one), self._reasons(one)
                found.setdefault(key, []).append(self._name(one.hospital))
        return found

    def _row(self, way: Option | Rejection, loser: Rejection | None) -> Iterable[str]:
        yield self._name(way.hospital)
        yield self._mode(way)
        yield self._minutes(way.eta_s)
        yield self._minutes(way.definitive_s)
        yield self._chance(way)
        yield self._why(way, loser)

    def _why(self, way: Option | Rejection, loser: Rejection | None) -> str:
        lines = [self._reasons(loser or way)]
        spans = {**way.terms_s, **way.causes_s}
        causes = [f"{self._voice.word(CAUSES, name)} {self._minutes(span_s)}" for name, span_s in spans.items()]
        lines += [self._voice.listed(causes)] if causes else []
        if loser is not None and loser.would_win is not None:
            lines.append(self._voice.say("decide.would_win", change=self._said(loser.would_win)))
        elif loser is not None:
            lines.append(self._voice.say("decide.no_change"))
        return "\n".join(lines)

    def _reasons(self, way: Option | Rejection) -> str:
        return self._voice.listed([self._said(reason) for reason in way.reasons])

    def _chance(self, way: Option | Rejection) -> str:
        if way.eta_s is None or way.definitive_s is None:  # what is needed is not there: a place would not help
            return self._voice.say("decide.none_there")
        if way.p_bay is None:
            return self._voice.say("decide.unknown")
        return self._voice.say("decide.percent", n=min(99, max(1, round(way.p_bay * 100))))

    def _minutes(self, span_s: float | None) -> str:
        say = self._voice.say
        return say("decide.none_there") if span_s is None else say("decide.minutes", n=self._voice.minutes(span_s))

    def _mode(self, way: Option | Rejection) -> str:
        return self._voice.word("report.way", way.mode)

    def _name(self, id: str) -> str:
        if not id:
            return self._voice.say("destination.any_hospital")
        return self._voice.named(self._hospitals.get(id), id)

    def _said(self, reason: Reason) -> str:
        return self._voice.reason(msgspec.to_builtins(reason), self._hospitals)
