"""A `train` section as values for a recipe.

Each line holds settings between commas: `optimizer sgd lr 0.1 momentum 0.9, nesterov`. A keyword
is the name of a field of the recipe; if that field names one of a family, such as `optimizer`, one
of the family's forms follows it, then fields of its own. A field of a setting may also be a line of
its own, `momentum 0.9`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from archdsl.errors import ArchError, did_you_mean
from archdsl.syntax.arguments import duplicate_error
from archdsl.syntax.ast import NetworkText, Token
from archdsl.train.atoms import Atom, atoms_of
from archdsl.train.settings import Setting, fields_of, is_flag, is_list, is_number

Words = tuple[str, ...]
NOISE = frozenset({"with", "of", "to", "by", "for", "and"})  # may come before a value or a name
UNITS = frozenset({"epochs", "epoch", "steps", "px", "pixels", "degrees"})  # after a value
VALUES = ("number", "list", "string")
MOST_WORDS = 8  # of a spelling


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
            raise duplicate_error(f"`{_shown(name)}`", span)
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
    """

    def __init__(
        self,
        recipe: type[BaseModel],
        families: Mapping[str, type[Setting]],
        lists: Mapping[str, type[Setting]],
        help: str,
    ) -> None:
        self.recipe = recipe
        self.families = families
        self.lists = lists
        self.help = help
        self.keywords = fields_of(recipe)
        self.members = {name: _forms(family) for name, family in {**families, **lists}.items()}
        # Every field of every setting, by its spelling, with one setting that has it.
        self.loose: dict[Words, tuple[type[Setting], str]] = {}
        for family in families.values():
            for member in family.members.values():
                for words, name in fields_of(member).items():
                    self.loose.setdefault(words, (member, name))

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
        if self.atoms[self.at].text in NOISE:
            self.at += 1
            return
        raise self.unknown()

    def spelled(self, known: Mapping[Words, Any]) -> tuple[Words, Any] | None:
        """The longest run of words from here that is known, with what it means."""
        words = _run(self.atoms, self.at)
        for count in range(len(words), 0, -1):
            if words[:count] in known:
                return words[:count], known[words[:count]]
        return None

    def read_keyword(self, words: Words, name: str) -> None:
        if name in self.reader.members:
            place = self.atoms[self.at]
            self.at += len(words)
            self.list = name if name in self.reader.lists else ""
            if not self.read_member(name):
                raise self.no_member(name, place)
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
            raise duplicate_error(f"`{_shown(name)}`", span)
        self.section.drafts[name] = draft

    def put(self, into: dict[str, Written], name: str, written: Written) -> None:
        if name in into:
            raise duplicate_error(f"`{_shown(name)}`", self.text.span(written.start, written.end))
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
        value, self.at = value_at(self.atoms, self.at, is_list(field), self.text)
        if value is None:
            message = f"`{' '.join(words)}` has no value"
            raise Written("", first.start, last.end, self.text).error(message, self.reader.help)
        while self.at < len(self.atoms) and self.atoms[self.at].text in UNITS:
            self.at += 1
        return name, value

    def no_member(self, name: str, keyword: Atom) -> ArchError:
        """The error of a keyword without one of its family's settings."""
        forms = [form.text for form in self.reader.members[name]]
        rest = _run(self.atoms, self.at)
        place = self.atoms[self.at] if self.at < len(self.atoms) else keyword
        written = Written("", place.start, place.end, self.text)
        shown = self.text.source.text[place.start : place.end] if rest else ""
        family = {**self.reader.families, **self.reader.lists}[name].__name__.lower()
        what = f"there is no {family} `{shown}`" if shown else f"`{_shown(name)}` has no value"
        near = did_you_mean(shown, [form.setting.kind for form in self.reader.members[name]])
        every = "; ".join(f"`{_shown(name)} {form}`" for form in forms)
        return written.error(what, near or f"write one of: {every}")

    def unknown(self) -> ArchError:
        atom = self.atoms[self.at]
        text = self.text.source.text[atom.start : atom.end]
        written = Written("", atom.start, atom.end, self.text)
        known = [" ".join(words) for words in (*self.reader.keywords, *self.reader.loose)]
        if self.draft is not None:
            known += [" ".join(words) for words in fields_of(self.draft.setting)]
        near = did_you_mean(text, known)
        names = ", ".join(" ".join(words) for words in self.reader.keywords)
        return written.error(f"a recipe has no setting `{text}`", near or f"settings: {names}")


class Form(NamedTuple):
    """A form of a setting: words, `<field>`s and optional words."""

    setting: type[Setting]
    text: str
    parts: tuple[str, ...]


def _forms(family: type[Setting]) -> list[Form]:
    """The forms of all members of a family, the ones with most words first, so that `every epoch`
    comes before `every <every>`."""
    forms = [
        Form(member, form, tuple(form.replace("-", " ").split()))
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
        if part.startswith("<"):
            name = part.strip("<>")
            field = form.setting.model_fields.get(name)
            if field is not None and is_number(field) and _is_word(atoms, at):
                return {}, start  # `flip p 0.5` is not `flip <p>`
            value, at = value_at(atoms, at, field is not None and is_list(field), text)
            if value is None:
                return {}, start
            values[name] = value
        elif at < len(atoms) and atoms[at].kind == "word" and atoms[at].text == part.strip("[]"):
            at += 1
        elif not part.startswith("["):
            return {}, start
    return values, at


def _is_word(atoms: Sequence[Atom], at: int) -> bool:
    return at < len(atoms) and atoms[at].kind == "word"


def value_at(
    atoms: Sequence[Atom], at: int, is_list: bool, text: NetworkText
) -> tuple[Written | None, int]:
    """The value that begins at `at`, and the end of it; None if no value begins there.

    Numbers are kept as text, so that errors show them as they are written.
    """
    if at >= len(atoms) or atoms[at].kind not in (*VALUES, "word"):
        return None, at
    first = atoms[at]
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


def _run(atoms: Sequence[Atom], at: int) -> Words:
    """The words from here on, at most as many as the longest spelling has."""
    words: list[str] = []
    for atom in atoms[at : at + MOST_WORDS]:
        if atom.kind != "word":
            break
        words.append(atom.text)
    return tuple(words)


def _shown(name: str) -> str:
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
