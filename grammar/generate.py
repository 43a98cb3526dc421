"""arch.lark to tables.py, the parse table that ships: `make grammar`.

lark computes the table (LALR, contextual lexer), so a program that reads specs need not import
lark. archdsl/syntax/lalr.py describes what each part of the table means.
"""

from __future__ import annotations

import re
from pathlib import Path
from pprint import pformat
from typing import Any

from lark import Lark
from lark.grammar import Rule, Terminal
from lark.lexer import ContextualLexer
from lark.parsers.lalr_analysis import LALR_Analyzer, Shift

GRAMMAR = Path(__file__).with_name("arch.lark")
TABLES = Path(__file__).with_name("tables.py")
START = "start"
STAY = 0  # in place of a state to go to: stay in the current one
_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?!\?)")  # `\(` and `[(]` are not groups


def built(grammar: str) -> Lark:
    return Lark(grammar, start=START, parser="lalr", lexer="contextual", maybe_placeholders=False)


def tables(grammar: str) -> str:
    """The text of tables.py. Raises GrammarError for a grammar with conflicts."""
    frontend = built(grammar).parser
    analysis = LALR_Analyzer(frontend.parser_conf, strict=True)
    analysis.compute_lalr()
    terminals, ignored = _terminals(frontend.lexer)
    kept = _kept(frontend.parser_conf.rules)
    automaton = _Automaton(analysis.parse_table, [name for name, _ in terminals])
    parts = {
        "TERMINALS": [(name, regex, name in kept) for name, regex in terminals],
        "IGNORED": ignored,
        "RULES": automaton.rules,
        "EXPECTED": automaton.expected,
        "SHIFTS": automaton.shifts,
        "REDUCTIONS": automaton.reductions,
        "GOTOS": automaton.gotos,
    }
    head = '"""The parse table of arch.lark. `make grammar` writes this file; do not edit it."""\n'
    return head + "".join(f"\n{name} = {_literal(value)}\n" for name, value in parts.items())


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return repr(value)
    return "(\n" + "".join(f"    {pformat(one, width=10**6)},\n" for one in value) + ")"


def _terminals(lexer: ContextualLexer) -> tuple[list[tuple[str, str]], str]:
    """Name and regex of every terminal in the order of lark's lexers, and what is skipped."""
    ordered = lexer.root_lexer.terminals
    lexer.root_lexer.scanner  # noqa: B018 - fills `callback`
    _demand(not lexer.root_lexer.callback, "a string is matched by a regex: give it a priority")
    found = [(t.name, _plain(t.pattern.to_regexp())) for t in ordered]
    ignored = [regex for name, regex in found if name in lexer.root_lexer.ignore_types]
    others = [(name, regex) for name, regex in found if name not in lexer.root_lexer.ignore_types]
    _demand(found[len(ignored) :] == others, "%ignore needs terminals of the highest priority")
    return others, "|".join(f"(?:{regex})" for regex in ignored)


def _plain(regex: str) -> str:
    """The regex without capturing groups: the scanner numbers groups of its own."""
    plain = _GROUP.sub(lambda found: "(?:" if found[0] == "(" else found[0], regex)
    _demand(re.compile(plain).groups == 0, f"{regex} keeps a group")
    return plain


def _kept(rules: list[Rule]) -> set[str]:
    """The terminals that are passed to callbacks; `_NAMES` and strings are not."""
    # Symbols of one name are equal, kept or not.
    symbols = [s for rule in rules for s in rule.expansion if isinstance(s, Terminal)]
    kept = {s.name for s in symbols if not s.filter_out}
    dropped = {s.name for s in symbols if s.filter_out}
    _demand(not kept & dropped, f"{kept & dropped} is kept here and dropped there")
    _demand(not any(r.options.keep_all_tokens for r in rules), "`!rule` is not supported")
    return kept


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise SystemExit(f"{GRAMMAR.name}: {message}")


def _helper(symbol: Any) -> bool:
    """Whether a rule's children become those of the rule that names it."""
    return not symbol.is_term and symbol.name.startswith("_")


def _callback(rule: Rule) -> str:
    """The callback of a rule; "" keeps the children as they are, "?" does so for a single child."""
    name = str(rule.alias or rule.options.template_source or rule.origin.name)
    if _helper(rule.origin):
        return ""
    if not rule.options.expand1 or rule.alias:
        return name
    children = [s for s in rule.expansion if not (s.is_term and s.filter_out)]
    if any(map(_helper, children)):
        return f"?{name}"
    return "" if len(children) == 1 else name


class _Automaton:
    """lark's states, numbered in the order of a walk from the first; lark's own order varies.

    A reduction that has no callback and does not depend on the next token is done here, once:
    `conv` becomes a part, and the part is added to its phrase, in a single step.
    """

    def __init__(self, table: Any, terminals: list[str]) -> None:
        self._states = table.states
        self._end_state = table.end_states[START]
        self._terminals = {name: n for n, name in enumerate([*terminals, "$END"], 1)}
        self._order = [table.start_states[START]]
        self.expected: list[tuple[int, ...]] = []
        self._expect(self._order[0])
        rows = [self._row(state) for state in self._order]  # the order grows meanwhile
        rules = {rule for _, reductions, _ in rows for rule in reductions.values()}
        ordered = sorted(rules, key=lambda r: (r.origin.name, [s.name for s in r.expansion]))
        origins = {name: n for n, name in enumerate(sorted({r.origin.name for r in rules}))}
        self.rules = [(origins[r.origin.name], len(r.expansion), _callback(r)) for r in ordered]
        self.shifts = [shifts for shifts, _, _ in rows]
        self.reductions = [{n: ordered.index(r) for n, r in row.items()} for _, row, _ in rows]
        self.gotos = [
            {origins[name]: target for name, target in gotos.items() if name in origins}
            for _, _, gotos in rows
        ]

    def _row(
        self, state: int
    ) -> tuple[dict[int, tuple[int, int]], dict[int, Rule], dict[str, int]]:
        shifts, reductions, gotos = {}, {}, {}
        for name, (action, argument) in sorted(self._states[state].items()):
            if action is not Shift:
                reductions[self._terminals[name]] = argument
            elif name in self._terminals:
                target = self._number(self._settled(state, name))
                shifts[self._terminals[name]] = target, self._expect(argument)
            else:
                gotos[name] = self._number(self._settled(state, name))
        if state == self._end_state:
            shifts[self._terminals["$END"]] = STAY, 0
        return shifts, reductions, gotos

    def _settled(self, state: int, name: str) -> int | None:
        """The state after a symbol and the reductions that follow from it; None to stay."""
        target: int = self._states[state][name][1]
        while True:
            found = set(self._states[target].values())
            rule = found.pop()[1] if len(found) == 1 else None
            if not isinstance(rule, Rule) or _callback(rule):
                return target
            if len(rule.expansion) == 1:
                target = self._states[state][rule.origin.name][1]
            elif len(rule.expansion) == 2 and rule.expansion[0] == rule.origin:
                return None  # `parts: parts part` again
            else:
                return target

    def _number(self, state: int | None) -> int:
        if state is None:
            return STAY
        if state not in self._order:
            self._order.append(state)
        return self._order.index(state)

    def _expect(self, state: int) -> int:
        """The number of the set of terminals that lark's lexer reads in a state."""
        names = {*self._states[state], "$END"} & self._terminals.keys()
        expected = tuple(sorted(self._terminals[name] for name in names))
        if expected not in self.expected:
            self.expected.append(expected)
        return self.expected.index(expected)


if __name__ == "__main__":
    TABLES.write_text(tables(GRAMMAR.read_text("utf-8")), "utf-8")
