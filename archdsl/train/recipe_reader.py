"""A `train` section as values for a recipe.

Each line holds settings between commas: `optimizer sgd lr 0.1 momentum 0.9, nesterov`. A keyword
is the name of a field of the recipe; if that field names one of a family, such as `optimizer`, one
of the family's forms follows it, then fields of its own. Families that are known by their forms
need no keyword: `lr 0.045, -6% every 2 epochs`. A field of a setting may also be a line of its own,
`momentum 0.9`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from pydantic import BaseModel

from archdsl.errors import ArchError, did_you_mean
from archdsl.syntax.arguments import duplicate_error
from archdsl.syntax.ast import NetworkText, Token
from archdsl.train.atoms import Atom, atoms_of
from archdsl.train.settings import Setting, choices, fields_of, is_flag, is_list, is_names

Words = tuple[str, ...]
NOISE = frozenset({"with", "of", "to", "by", "for", "and"})  # may come before a value or a name
UNITS = frozenset({"epochs", "epoch", "steps", "px", "pixels", "degrees", "times"})  # after a value
# These name a field only within its setting.
PREPOSITIONS = frozenset({"at", "at most", "by", "for", "from", "in", "of", "on", "over", "to"})
VALUES = ("number", "list", "string")
MOST_WORDS = 8  # of a spelling
MOST_SHOWN = 8  # forms of which help shows the values


class Written(NamedTuple):
    """A value, and where it is written."""

    value: Any
    start: int
    end: int
    text: NetworkText

    def error(self, message: str, help: str | None = None) -> ArchError:
        return ArchError(message, self.text.span(self.start, self.end), help=help)


class Draft:
    """A setting while it is read: one of a family, with the fields that the text gives it."""

    def __init__(self, setting: type[Setting], place: Written) -> None:
        self.setting = setting
        self.place = place
        self.fields: dict[str, Written] = {}

    def put(self, name: str, written: Written) -> None:
        if name in self.fields:
            span = written.text.span(written.start, written.end)
            raise duplicate_error(f"`{shown(name)}`", span)
        self.fields[name] = written

    @property
    def value(self) -> dict[str, Any]:
        return {"kind": self.setting.kind, **{n: one.value for n, one in self.fields.items()}}


class Section:
    """What a `train` section says: values of the recipe's fields, drafts, and loose fields."""

    def __init__(self) -> None:
        self.values: dict[str, Written] = {}
        self.drafts: dict[str, Draft] = {}  # by the recipe's field
        self.lists: dict[str, list[Draft]] = {}
        self.loose: dict[str, Written] = {}  # fields of settings, as lines of their own

    def replaced_by(self, other: Section) -> Section:
        """This section with what another one says instead."""
        merged = Section()
        merged.values = {**self.values, **other.values}
        merged.drafts = {**self.drafts, **other.drafts}
        merged.lists = {**self.lists, **other.lists}
        merged.loose = {**self.loose, **other.loose}
        return merged


class SectionReader:
    """Reads the lines of a section by the fields of a recipe.

    `families` are the recipe's fields that name one of a family, `lists` those that name several.
    The families `bare` need no keyword.
    """

    def __init__(
        self,
        recipe: type[BaseModel],
        families: Mapping[str, type[Setting]],
        lists: Mapping[str, type[Setting]],
        bare: Sequence[str],
        help: str,
    ) -> None:
        self.recipe = recipe
        self.families = families
        self.lists = lists
        self.bare = bare
        self.help = help
        self.keywords = fields_of(recipe)
        self.members = {name: _forms(family) for name, family in {**families, **lists}.items()}
        self.loose = _loose_fields(families)

    def read(self, text: NetworkText, lines: Iterable[tuple[Token, ...]]) -> Section:
        """Raises ArchError."""
        section = Section()
        for line in lines:
            _LineReader(self, section, text, atoms_of(line)).read()
        return section


class _LineReader:
    """Reads one line of a section into it."""

    def __init__(
        self, reader: SectionReader, section: Section, text: NetworkText, atoms: Sequence[Atom]
    ) -> None:
        self.reader = reader
        self.section = section
        self.text = text
        self.atoms = atoms
        self.at = 0
        self.draft: Draft | None = None  # whose fields may follow
        self.list = ""  # the recipe's field of which settings may follow a comma

    def read(self) -> None:
        begins = True  # an entry
        while self.at < len(self.atoms):
            if self.atoms[self.at].kind == "comma":
                self.at, begins = self.at + 1, True
                continue
            self.read_one(begins)
            begins = False

    def read_one(self, begins: bool) -> None:
        """What begins here, the longest spelling first; a new member of a list after a comma."""
        if begins and self.list and self.read_member(self.list):
            return
        if self.draft is not None and (found := self.spelled(fields_of(self.draft.setting))):
            self.draft.put(*self.field(self.draft.setting, *found))
            return
        if (found := self.spelled(self.reader.keywords)) is not None:
            self.read_keyword(*found)
            return
        if (loose := self.spelled(self.reader.loose)) is not None:
            words, (member, name) = loose
            name, written = self.field(member, words, name)
            self.put(self.section.loose, name, written)
            return
        if any(self.read_member(family) for family in self.reader.bare):
            return
        if self.atoms[self.at].text in NOISE:
            self.at += 1
            return
        raise self.unknown()

    def begins(self) -> bool:
        """Whether something other than a name begins here."""
        reader = self.reader
        known: list[Mapping[Words, Any]] = [reader.keywords, reader.loose]
        known += [fields_of(self.draft.setting)] if self.draft is not None else []
        families = [*reader.bare, self.list] if self.list else reader.bare
        forms = [form for family in families for form in reader.members[family]]
        return any(self.spelled(spellings) for spellings in known) or any(
            _match(form, self.atoms, self.at, self.text)[1] > self.at for form in forms
        )

    def spelled(self, known: Mapping[Words, Any]) -> tuple[Words, Any] | None:
        """The longest run of words from here that is known, with what it means."""
        return _spelled(self.atoms, self.at, known)

    def read_keyword(self, words: Words, name: str) -> None:
        if name in self.reader.members:
            place = self.atoms[self.at]
            self.at += len(words)
            self.list = name if name in self.reader.lists else ""
            while not self.read_member(name):
                if self.at == len(self.atoms) or self.atoms[self.at].text not in NOISE:
                    raise self.no_member(name, place)
                self.at += 1
            return
        name, written = self.field(self.reader.recipe, words, name)
        self.put(self.section.values, name, written)

    def read_member(self, name: str) -> bool:
        """Read a setting of a family in one of its forms."""
        forms = self.reader.members[name]
        for form in forms:
            values, end = _match(form, self.atoms, self.at, self.text)
            if end > self.at:
                place = Written("", self.atoms[self.at].start, self.atoms[end - 1].end, self.text)
                self.draft = Draft(form.setting, place)
                self.at = end
                for field, written in values.items():
                    self.draft.put(field, written)
                self.keep(name, self.draft)
                return True
        return False

    def keep(self, name: str, draft: Draft) -> None:
        if name in self.reader.lists:
            self.section.lists.setdefault(name, []).append(draft)
            return
        if name in self.section.drafts:
            span = self.text.span(draft.place.start, draft.place.end)
            raise duplicate_error(f"`{shown(name)}`", span)
        self.section.drafts[name] = draft

    def put(self, into: dict[str, Written], name: str, written: Written) -> None:
        if name in into:
            raise duplicate_error(f"`{shown(name)}`", self.text.span(written.start, written.end))
        into[name] = written

    def field(self, setting: type[BaseModel], words: Words, name: str) -> tuple[str, Written]:
        """A field that is spelled here, with its value."""
        first, field = self.atoms[self.at], setting.model_fields[name]
        self.at += len(words)
        last = self.atoms[self.at - 1]
        if is_flag(field):
            return name, Written(True, first.start, last.end, self.text)
        while self.at + 1 < len(self.atoms) and self.atoms[self.at].text in NOISE:
            self.at += 1
        if is_names(field):
            value = self.names()
        else:
            value, self.at = value_at(self.atoms, self.at, is_list(field), self.text)
        if value is None:
            message = f"`{' '.join(words)}` has no value"
            raise Written("", first.start, last.end, self.text).error(message, self.reader.help)
        while self.at < len(self.atoms) and self.atoms[self.at].text in UNITS:
            self.at += 1
        return name, value

    def names(self) -> Written | None:
        """Names as they are written, `conv2, "conv3.1" and fc6`, up to the next setting."""
        start, end = self.at, 0
        found: list[str] = []
        while self.at < len(self.atoms) and self.atoms[self.at].kind in ("word", "string"):
            atom = self.atoms[self.at]
            found.append(self.text.source.text[atom.start : atom.end].strip('"'))
            end = atom.end
            while self.at < len(self.atoms) and self.atoms[self.at].start == atom.start:
                self.at += 1  # `conv2_x` is two words elsewhere
            after = self.at
            if after == len(self.atoms) or self.atoms[after].text not in (",", "and"):
                break
            self.at += 1
            if self.atoms[after].text == "," and self.begins():
                self.at = after
                break
        if not found:
            return None
        return Written(tuple(found), self.atoms[start].start, end, self.text)

    def no_member(self, name: str, keyword: Atom) -> ArchError:
        """The error of a keyword without one of its family's settings."""
        forms = self.reader.members[name]
        run = _run(self.atoms, self.at)
        if not run:
            help = _listed(name, _one_each(forms))
            return self.written(keyword).error(f"`{shown(name)}` has no value", help)
        if begun := [form for form in forms if _begins_so(form, run)]:
            return self.incomplete(name, begun)
        first, last = self.atoms[self.at], self.atoms[self.at + len(run) - 1]
        whole = self.written(first._replace(end=last.end))
        near = did_you_mean(" ".join(run), [_leading(form) for form in forms])
        message = f"there is no {self.family(name)} `{whole.value}`"
        return whole.error(message, near or _listed(name, _one_each(forms)))

    def family(self, name: str) -> str:
        """The family of a field in words: `early stopping`."""
        family = {**self.reader.families, **self.reader.lists}[name]
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", family.__name__).lower()

    def incomplete(self, name: str, forms: Iterable[Form]) -> ArchError:
        """The error of a form that begins here but does not end."""
        atom = self.atoms[self.at]
        return self.written(atom).error(
            f"`{self.written(atom).value}` is not a complete {self.family(name)}",
            _listed(name, forms),
        )

    def unknown(self) -> ArchError:
        atom = self.atoms[self.at]
        for name in self.reader.bare:
            forms = self.reader.members[name]
            if begun := [form for form in forms if _begins_so(form, _run(self.atoms, self.at))]:
                return self.incomplete(name, begun)
        known = [" ".join(words) for words in (*self.reader.keywords, *self.reader.loose)]
        if self.draft is not None:
            known += [" ".join(words) for words in fields_of(self.draft.setting)]
        known += [form.parts[0] for name in self.reader.bare for form in self.reader.members[name]]
        near = did_you_mean(self.written(atom).value, known)
        first = {name: words for words, name in reversed(self.reader.keywords.items())}
        names = ", ".join(" ".join(words) for words in reversed(first.values()))
        message = f"a recipe has no setting `{self.written(atom).value}`"
        return self.written(atom).error(message, near or f"settings: {names}")

    def written(self, atom: Atom) -> Written:
        """An atom as it is written."""
        text = self.text.source.text[atom.start : atom.end]
        return Written(text, atom.start, atom.end, self.text)


def _begins_so(form: Form, run: Words) -> bool:
    """Whether a form has the words of a run, as far as its first value."""
    parts = list(form.parts)
    for word in run:
        while parts and parts[0].startswith("[") and parts[0].strip("[]") != word:
            parts.pop(0)
        if not parts or parts[0].strip("[]") != word:
            return bool(parts) and word != run[0] and "<" in parts[0]
        parts.pop(0)
    return True


def _one_each(forms: Iterable[Form]) -> list[Form]:
    """The first form of each setting."""
    firsts = {form.setting: form.setting.forms[0] for form in forms}
    return [form for form in forms if form.text == firsts[form.setting]]


def _leading(form: Form) -> str:
    """The words before the first value of a form."""
    return " ".join(takewhile(lambda part: part[0] not in "<[-", form.parts))


def _listed(name: str, forms: Iterable[Form]) -> str:
    forms = list(forms)
    if len(forms) > MOST_SHOWN:
        kinds = dict.fromkeys(f"`{_leading(form)}`" for form in forms if _leading(form))
        return f"write `{shown(name)}` with one of {', '.join(kinds)}"
    every = ", ".join(f"`{shown(name)} {form.text}`" for form in forms)
    return f"write {every}" if every.count("`") == 2 else f"write one of {every}"


def _loose_fields(families: Mapping[str, type[Setting]]) -> dict[Words, tuple[type[Setting], str]]:
    """The fields of all settings of families by their spellings, each with a setting that has it.

    Left out is what only its setting explains: prepositions, and spellings of several fields.
    """
    found: dict[Words, list[tuple[type[Setting], str]]] = {}
    for family in families.values():
        for member in family.members.values():
            for words, name in fields_of(member).items():
                found.setdefault(words, []).append((member, name))
    return {
        words: owners[0]
        for words, owners in found.items()
        if len({name for _, name in owners}) == 1 and " ".join(words) not in PREPOSITIONS
    }


class Form(NamedTuple):
    """A form of a setting: words, `<field>`s and optional words."""

    setting: type[Setting]
    text: str
    parts: tuple[str, ...]


def _forms(family: type[Setting]) -> list[Form]:
    """The forms of all members of a family, the ones with most words first, so that `every epoch`
    comes before `every <every>`."""
    forms = [
        Form(member, form, tuple(re.sub(r"(?<=\w)-(?=\w)", " ", form).split()))
        for member in family.members.values()
        for form in member.forms
    ]
    return sorted(forms, key=lambda form: -sum(part[0] not in "<[" for part in form.parts))


def _match(
    form: Form, atoms: Sequence[Atom], at: int, text: NetworkText
) -> tuple[dict[str, Written], int]:
    """The values of a form that is written at `at`, and the end of it; `at` if it is not."""
    start, values = at, {}
    for part in form.parts:
        if field := re.fullmatch(r"(-?)<(\w+)>(%?)", part):
            before, name, after = field.groups()
            info = form.setting.model_fields[name]
            is_choice = at < len(atoms) and atoms[at].text in choices(info)
            if not is_choice and _spelled(atoms, at, fields_of(form.setting)):
                return {}, start  # `he fan out` has no <shape>
            value, at = value_at(atoms, at, is_list(info), text, (before, after))
            if value is None:
                return {}, start
            values[name] = value
        elif at < len(atoms) and atoms[at].text == part.strip("[]"):
            at += 1
        elif not part.startswith("["):
            return {}, start
    return values, at


def value_at(
    atoms: Sequence[Atom],
    at: int,
    is_list: bool,
    text: NetworkText,
    between: tuple[str, str] = ("", ""),
) -> tuple[Written | None, int]:
    """The value that begins at `at`, and the end of it; None if no value begins there, or not one
    `between` two signs.

    Numbers are kept as text, so that errors show them as they are written.
    """
    if at >= len(atoms) or atoms[at].kind not in (*VALUES, "word"):
        return None, at
    first = atoms[at]
    before, after = between
    if before or after:
        if not (first.text.startswith(before) and first.text.endswith(after)):
            return None, at
        first = first._replace(text=first.text.removeprefix(before).removesuffix(after))
    if not is_list:
        value: Any = list(first.values) if first.kind == "list" else first.text
        return Written(_number(value), first.start, first.end, text), at + 1
    if first.kind == "list":
        values = tuple(map(_number, first.values))
        return Written(values, first.start, first.end, text), at + 1
    if first.kind != "number":
        return None, at
    found = [first]
    at += 1
    while at < len(atoms):
        skip = 1 if atoms[at].kind == "comma" or atoms[at].text in ("and", "to") else 0
        if at + skip >= len(atoms) or atoms[at + skip].kind != "number":
            break
        found.append(atoms[at + skip])
        at += skip + 1
    values = tuple(_number(one.text) for one in found)
    return Written(values, first.start, found[-1].end, text), at


def _number(text: Any) -> Any:
    """A percentage as a share; everything else as it is."""
    if isinstance(text, str) and text.endswith("%"):
        return str(float(text[:-1]) / 100)
    return text


def _spelled(
    atoms: Sequence[Atom], at: int, known: Mapping[Words, Any]
) -> tuple[Words, Any] | None:
    words = _run(atoms, at)
    for count in range(len(words), 0, -1):
        if words[:count] in known:
            return words[:count], known[words[:count]]
    return None


def _run(atoms: Sequence[Atom], at: int) -> Words:
    """The words from here on, at most as many as the longest spelling has."""
    words: list[str] = []
    for atom in atoms[at : at + MOST_WORDS]:
        if atom.kind not in ("word", "sign"):
            break
        words.append(atom.text)
    return tuple(words)


def shown(name: str) -> str:
    """The name of a field as it is written."""
    return name.replace("_", " ")


def places_of(section: Section) -> Iterator[tuple[tuple[Any, ...], Written]]:
    """Where each value is written, by its path in the recipe."""
    for name, written in section.values.items():
        yield (name,), written
    for name, draft in section.drafts.items():
        yield (name,), draft.place
        for field, written in draft.fields.items():
            yield (name, field), written
    for name, drafts in section.lists.items():
        for index, draft in enumerate(drafts):
            yield (name, index), draft.place
            for field, written in draft.fields.items():
                yield (name, index, field), written
