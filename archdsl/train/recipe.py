"""The `train` section of a spec as a checked record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archdsl.errors import ArchError, Note
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.syntax.ast import NetworkText, Train
from archdsl.text.source import Source
from archdsl.train.augment import Augmentation
from archdsl.train.averaging import Averaging
from archdsl.train.clipping import Clipping
from archdsl.train.data.name import DataName, read_data
from archdsl.train.early_stopping import EarlyStopping
from archdsl.train.initialisation import Initialisation
from archdsl.train.losses import CrossEntropy, Loss
from archdsl.train.normalisation import Interval, Normalisation
from archdsl.train.optimizers import Optimizer, Sgd
from archdsl.train.ramps import Ramp
from archdsl.train.recipe_reader import Draft, Section, SectionReader, Written, places_of, shown
from archdsl.train.schedules import Constant, Schedule, WarmUp
from archdsl.train.settings import Setting, Words, one_of
from archdsl.train.views import CenterView, View

EXAMPLE = """train on digits {
  optimizer adam lr 0.002
  batch 32, epochs 20
  schedule one-cycle
}"""
_FORM = "a recipe looks like this:\n" + EXAMPLE
_SPARE = Words(
    (
        "not on norms and biases",
        "not on biases and norms",
        "no weight decay on norms and biases",
        "no decay on norms and biases",
    ),
    replace=True,
)
_CLIP = Words(("clip gradients", "gradient clipping", "clipping"))

# The fields of a recipe that name one of a family, those that name several, and those families
# that need no keyword.
FAMILIES: dict[str, type[Setting]] = {
    "optimizer": Optimizer,
    "schedule": Schedule,
    "warm_up": WarmUp,
    "loss": Loss,
    "normalise": Normalisation,
    "view": View,
    "clip": Clipping,
    "average": Averaging,
    "early_stopping": EarlyStopping,
    "dropout": Ramp,
    "stochastic_depth": Ramp,
}
LISTS: dict[str, type[Setting]] = {"init": Initialisation, "augment": Augmentation}
BARE = ("optimizer", "schedule", "average")


class Recipe(BaseModel):
    """How a network is trained.

    `lr` is the highest learning rate of the schedule. `spare`: norms and biases do not decay. An
    optimizer step takes up `accumulate` batches. `side_weight` replaces the weights of the side
    heads. `val_split` is the share of the training images, of each class, that is held out to
    measure the epochs by (0.2 of data without test images), `split` the seed of that split.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data: DataName = DataName(name="digits")
    init: tuple[one_of(Initialisation), ...] = ()  # type: ignore[valid-type]
    optimizer: one_of(Optimizer) = Sgd()  # type: ignore[valid-type]
    lr: Annotated[float, Field(gt=0, le=1000), Words(("learning rate",))] = 0.01
    weight_decay: Annotated[float, Field(ge=0, le=10), Words(("l2",))] = 0.0
    spare: Annotated[bool, _SPARE] = False
    schedule: one_of(Schedule) = Constant()  # type: ignore[valid-type]
    warm_up: one_of(WarmUp) | None = None  # type: ignore[valid-type]
    batch: Annotated[int, Field(ge=1, le=2**20), Words(("batch size", "mini batch"))] = 32
    accumulate: Annotated[int, Field(ge=1, le=2**20), Words(("accumulate batches",))] = 1
    epochs: Annotated[int, Field(ge=1, le=10**6)] = 10
    loss: one_of(Loss) = CrossEntropy()  # type: ignore[valid-type]
    side_weight: Annotated[float | None, Field(ge=0, le=1000), Words(("side heads",))] = None
    normalise: Annotated[one_of(Normalisation), Words(("normalize",))] = Interval()  # type: ignore[valid-type]
    augment: tuple[one_of(Augmentation), ...] = ()  # type: ignore[valid-type]
    dropout: one_of(Ramp) | None = None  # type: ignore[valid-type]
    stochastic_depth: Annotated[one_of(Ramp) | None, Words(("drop path",))] = None  # type: ignore[valid-type]
    clip: Annotated[one_of(Clipping) | None, _CLIP] = None  # type: ignore[valid-type]
    average: Annotated[one_of(Averaging) | None, Words(("averaging",))] = None  # type: ignore[valid-type]
    early_stopping: one_of(EarlyStopping) | None = None  # type: ignore[valid-type]
    view: Annotated[one_of(View), Words(("views", "evaluate", "evaluation"))] = CenterView()  # type: ignore[valid-type]
    amp: Annotated[Literal["bf16", "fp16"] | None, Words(("mixed precision",))] = None
    split: Annotated[int, Field(ge=0, lt=2**32)] = 0
    val_split: Annotated[float | None, Field(gt=0, lt=1), Words(("validation split",))] = None


_READER = SectionReader(Recipe, FAMILIES, LISTS, BARE, _FORM)


def recipe_of(network: Network, settings: Mapping[str, str] | None = None) -> Recipe:
    """The recipe of a network's `train` section, with settings replaced.

    Settings are written as in the section: `{"epochs": "3", "schedule": "halve every 5 epochs"}`.
    Raises ArchError if there is no section, or a setting is unknown or out of range.
    """
    if not network.train_sections:
        texts = parse(network.text.source) if network.text.source.text else ()
        others = [f"`{text.name}`" for text in texts if text.only(Train)]
        what = ", ".join(others)
        raise ArchError(
            f"the network {network.name} has no recipe",
            notes=[Note(f"the `train` section belongs to the network before it, {what}")]
            if others
            else (),
            help="add a `train` section to its spec:\n" + EXAMPLE,
        )
    return read_recipe(network.text, settings)


def read_view(text: str) -> View:
    """The view that an option names: `10-crop`, `dense scales 256, 384`. Raises ArchError."""
    view: View = _checked(_replacements({"view": text})).view
    return view


def read_recipe(text: NetworkText, settings: Mapping[str, str] | None = None) -> Recipe:
    """The recipe of a text that has a `train` section. Raises ArchError."""
    statement = text.only(Train)
    assert statement is not None
    section = _READER.read(text, statement.settings)
    if statement.data:
        first, last = statement.data[0], statement.data[-1]
        data = read_data(text, statement.data)
        section.values["data"] = Written(data, first.start, last.end, text)
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
        drafts = {
            field: section.drafts.get(field) or _default(field, written) for field in FAMILIES
        }
        owners = {
            field: draft
            for field, draft in drafts.items()
            if draft is not None and name in draft.setting.model_fields
        }
        if len(owners) > 1:
            kinds = " and ".join(f"`{draft.setting.kind}`" for draft in owners.values())
            help = f"write it after the one that it is about: both {kinds} take it"
            raise written.error(f"`{shown(name)}` could belong to {kinds}", help)
        if not owners:
            if keep is None:
                raise _misplaced(name, written, drafts)
            continue
        ((field, draft),) = owners.items()
        section.drafts[field] = draft
        if keep is None:
            draft.fields[name] = written  # `--set momentum=0.5`
        elif field not in keep:
            draft.put(name, written)
        del section.loose[name]


def _default(field: str, written: Written) -> Draft | None:
    """The default setting of a family, if it has one, to be given a field."""
    default = Recipe.model_fields[field].default
    return None if default is None else Draft(type(default), written)


def _misplaced(name: str, written: Written, drafts: Mapping[str, Draft | None]) -> ArchError:
    """The error of a field that none of the recipe's settings has: `momentum` with `adam`."""
    owners = {
        field: [member for member in family.members.values() if name in member.model_fields]
        for field, family in FAMILIES.items()
    }
    field = next(field for field, members in owners.items() if members)
    others = " or ".join(f"`{member.kind}`" for member in owners[field][:3])
    if (draft := drafts[field]) is None:
        return written.error(f"`{shown(name)}` needs {others}", f"write it after {others}")
    return written.error(
        f"`{draft.setting.kind}` does not take `{shown(name)}`", f"leave it out, or use {others}"
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
    if problem["type"] == "too_long":
        most, count = problem["ctx"]["max_length"], problem["ctx"]["actual_length"]
        return where.error(f"`{name}` takes at most {most} values, not {count}", _FORM)
    if problem["type"] == "missing":
        if isinstance(problem["loc"][-1], int):
            return where.error(f"`{name}` needs more values", _FORM)
        missing = str(problem["loc"][-1]).replace("_", " ")
        return where.error(f"`{missing}` is missing", f"write `{missing} …` after it")
    if problem["type"] == "value_error":
        return where.error(str(problem["ctx"]["error"]), _FORM)
    return where.error(f"`{name}` must be another value, not {problem['input']}", _FORM)
