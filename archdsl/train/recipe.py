"""The `train` section of a spec as a checked record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.syntax.ast import NetworkText, Train
from archdsl.text.source import Source
from archdsl.train.augment import Augmentation
from archdsl.train.losses import CrossEntropy, Loss
from archdsl.train.normalisation import Interval, Normalisation
from archdsl.train.optimizers import Optimizer, Sgd
from archdsl.train.recipe_reader import Draft, Section, SectionReader, Written, places_of
from archdsl.train.schedules import Constant, Schedule
from archdsl.train.settings import Setting, Words, fields_of, one_of

EXAMPLE = """train on digits {
  optimizer adam lr 0.002
  batch 32, epochs 20
  schedule one-cycle
}"""
_FORM = "a recipe looks like this:\n" + EXAMPLE

# The fields of a recipe that name one of a family, and those that name several.
FAMILIES: dict[str, type[Setting]] = {
    "optimizer": Optimizer,
    "schedule": Schedule,
    "loss": Loss,
    "normalise": Normalisation,
}
LISTS: dict[str, type[Setting]] = {"augment": Augmentation}


class Recipe(BaseModel):
    """How a network is trained.

    `lr` is the highest learning rate of the schedule. `split` is the seed of the stratified 80/20
    split of data that has no test set of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Literal["digits"] = "digits"
    optimizer: one_of(Optimizer) = Sgd()  # type: ignore[valid-type]
    lr: Annotated[float, Field(gt=0, le=1000), Words(("learning rate",))] = 0.01
    weight_decay: Annotated[float, Field(ge=0, le=10), Words(("l2",))] = 0.0
    batch: Annotated[int, Field(ge=1, le=2**20), Words(("batch size", "mini batch"))] = 32
    epochs: Annotated[int, Field(ge=1, le=10**6)] = 10
    schedule: one_of(Schedule) = Constant()  # type: ignore[valid-type]
    loss: one_of(Loss) = CrossEntropy()  # type: ignore[valid-type]
    normalise: Annotated[one_of(Normalisation), Words(("normalize",))] = Interval()  # type: ignore[valid-type]
    augment: tuple[one_of(Augmentation), ...] = ()  # type: ignore[valid-type]
    split: Annotated[int, Field(ge=0, lt=2**32)] = 0


_READER = SectionReader(Recipe, FAMILIES, LISTS, _FORM)


def recipe_of(network: Network, settings: Mapping[str, str] | None = None) -> Recipe:
    """The recipe of a network's `train` section, with settings replaced.

    Settings are written as in the section: `{"epochs": "3", "schedule": "halve every 5 epochs"}`.
    Raises ArchError if there is no section, or a setting is unknown or out of range.
    """
    if not network.train_sections:
        raise ArchError(
            f"the network {network.name} has no recipe",
            help="add a `train` section to its spec:\n" + EXAMPLE,
        )
    return read_recipe(network.text, settings)


def read_recipe(text: NetworkText, settings: Mapping[str, str] | None = None) -> Recipe:
    """The recipe of a text that has a `train` section. Raises ArchError."""
    statement = text.only(Train)
    assert statement is not None
    section = _READER.read(text, statement.settings)
    if (data := statement.data) is not None:
        section.values["data"] = Written(data.text, data.start, data.end, text)
    replaced = _replacements(settings or {})
    _assign(section, keep=set(replaced.drafts))
    section = section.replaced_by(replaced)
    _assign(section)
    return _checked(section)


def _replacements(settings: Mapping[str, str]) -> Section:
    """The settings that replace those of the text, each read as a line of a section."""
    replaced = Section()
    for name, value in settings.items():
        if re.search(r"[{};\n]", f"{name}{value}"):
            message = f"`--set {name}={value}` is not a setting"
            raise ArchError(message, help="write `--set epochs=3`")
        (option,) = parse(Source("--set", f"train {{ {name} {value} }}"))
        setting = option.only(Train)
        assert setting is not None
        replaced = replaced.replaced_by(_READER.read(option, setting.settings))
    return replaced


def _assign(section: Section, keep: set[str] | None = None) -> None:
    """Give each field that is a line of its own, `momentum 0.9`, to the setting that has it.

    With `keep`, the families that something else replaces, what only those have is dropped.
    """
    for name, written in list(section.loose.items()):
        for field in FAMILIES:
            draft = section.drafts.get(field) or _default(field, written)
            if name in draft.setting.model_fields:
                section.drafts[field] = draft
                if keep is None:
                    draft.fields[name] = written  # `--set momentum=0.5`
                elif field not in keep:
                    draft.put(name, written)
                del section.loose[name]
                break
        else:
            if keep is None:
                raise _misplaced(section, name, written)


def _default(field: str, written: Written) -> Draft:
    """The default setting of a family, to be given a field."""
    default = Recipe.model_fields[field].default
    return Draft(type(default), written)


def _misplaced(section: Section, name: str, written: Written) -> ArchError:
    """The error of a field that none of the recipe's settings has: `momentum` with `adam`."""
    words = name.replace("_", " ")
    owners = {
        field: [member for member in family.members.values() if name in member.model_fields]
        for field, family in FAMILIES.items()
    }
    field = next(field for field, members in owners.items() if members)
    draft = section.drafts.get(field) or _default(field, written)
    others = " or ".join(f"`{member.kind}`" for member in owners[field][:3])
    return written.error(
        f"`{draft.setting.kind}` does not take `{words}`", f"leave it out, or use {others}"
    )


def _checked(section: Section) -> Recipe:
    values: dict[str, Any] = {name: written.value for name, written in section.values.items()}
    values |= {name: draft.value for name, draft in section.drafts.items()}
    values |= {name: [one.value for one in drafts] for name, drafts in section.lists.items()}
    try:
        return Recipe.model_validate(values)
    except ValidationError as problems:
        _raise_translated(problems, section)


_LIMITS = {
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "one of {expected}",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
}


def _raise_translated(problems: ValidationError, section: Section) -> NoReturn:
    """Raise the errors of pydantic, each at the text that it is about."""
    places = dict(places_of(section))
    raise ArchError.several([_translated(one, places) for one in problems.errors()]) from None


def _translated(problem: Any, places: Mapping[tuple[Any, ...], Written]) -> ArchError:
    path = tuple(problem["loc"])
    while path not in places and path:
        path = path[:-1]
    where = places[path]
    name = str(next((one for one in reversed(path) if isinstance(one, str)), "")).replace("_", " ")
    if problem["type"] in _LIMITS:
        limit = _LIMITS[problem["type"]].format(**problem.get("ctx", {}))
        return where.error(f"`{name}` must be {limit}, not {problem['input']}", _FORM)
    if problem["type"] == "missing":
        missing = str(problem["loc"][-1]).replace("_", " ")
        return where.error(f"`{missing}` is missing", f"write `{missing} …` after it")
    if problem["type"] == "value_error":
        return where.error(str(problem["ctx"]["error"]), _FORM)
    return where.error(f"`{name}` must be another value, not {problem['input']}", _FORM)


def spelled_fields() -> dict[tuple[str, ...], str]:
    """The recipe's own fields, by their spellings."""
    return fields_of(Recipe)
