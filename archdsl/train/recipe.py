"""The `train` section of a spec as a checked record."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archdsl.errors import ArchError, Note, did_you_mean
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.syntax.arguments import duplicate_error, entries_of
from archdsl.syntax.ast import NetworkText, Token, Train
from archdsl.text.source import Source

EXAMPLE = """train on digits {
  optimizer adam lr 0.002
  batch 32, epochs 20
  schedule one-cycle
}"""


class Recipe(BaseModel):
    """How a network is trained.

    `lr` is the highest learning rate of the schedule: `step` multiplies it by `factor` every
    `every` epochs, `cosine` takes it to zero, `one-cycle` raises it first (Smith & Topin 2018).
    `shift` moves each training image by up to that many pixels in both directions. `split` is the
    seed of the stratified 80/20 split of the data.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Literal["digits"] = "digits"
    optimizer: Literal["sgd", "adam"] = "sgd"
    lr: Annotated[float, Field(gt=0, le=1000)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    batch: Annotated[int, Field(ge=1, le=2**20)] = 32
    epochs: Annotated[int, Field(ge=1, le=10**6)] = 10
    schedule: Literal["constant", "step", "cosine", "one-cycle"] = "constant"
    every: Annotated[int, Field(ge=1)] = 1
    factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    shift: Annotated[int, Field(ge=0, le=1024)] = 0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    split: Annotated[int, Field(ge=0, lt=2**32)] = 0


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


def read_recipe(text: NetworkText, settings: Mapping[str, str] | None = None) -> Recipe:
    """The recipe of a text that has a `train` section. Raises ArchError."""
    section = text.only(Train)
    assert section is not None
    written = _SettingsReader(text).read(section.settings)
    if section.data is not None:
        written["data"] = Setting(section.data.text, section.data, text)
    replaced: dict[str, Setting] = {}
    for name, value in (settings or {}).items():
        if re.search(r"[{};\n]", f"{name}{value}"):
            message = f"`--set {name}={value}` is not a setting"
            raise ArchError(message, help="write `--set epochs=3`")
        (option,) = parse(Source("--set", f"train {{ {name} {value} }}"))
        setting = option.only(Train)
        assert setting is not None
        replaced |= _SettingsReader(option).read(setting.settings)
    if "schedule" in replaced:
        # Another schedule has its own steps.
        written = {k: v for k, v in written.items() if k not in ("schedule", "every", "factor")}
    if "optimizer" in replaced and replaced["optimizer"].value == "adam":
        written = {k: v for k, v in written.items() if k != "momentum"}  # adam has none
    written |= replaced
    try:
        recipe = Recipe.model_validate({name: setting.value for name, setting in written.items()})
    except ValidationError as problems:
        raise ArchError.several([_translated(p, written) for p in problems.errors()]) from None
    if recipe.optimizer == "adam" and "momentum" in written:
        message = "`adam` does not take a momentum"
        raise written["momentum"].error(message, "leave it out, or use `sgd`")
    return recipe


class Setting(NamedTuple):
    """A value and the token that it comes from."""

    value: Any
    token: Token
    text: NetworkText

    def error(self, message: str, help: str) -> ArchError:
        return ArchError(message, self.text.span(self.token.start, self.token.end), help=help)


def _translated(problem: Any, written: Mapping[str, Setting]) -> ArchError:
    """A validation error of pydantic, as an error at the text that it is about."""
    name = problem["loc"][0]
    limits = {
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
    limit = limits.get(problem["type"], "another value").format(**problem.get("ctx", {}))
    message = f"`{name}` must be {limit}, not {problem['input']}"
    return written[name].error(message, _FORM)


# The spellings of each setting, and the words that may come before one.
SPELLINGS = {
    "optimizer": ("optimizer",),
    "lr": ("lr", "learning rate"),
    "momentum": ("momentum",),
    "weight_decay": ("weight decay",),
    "batch": ("batch size", "batch"),
    "epochs": ("epochs",),
    "shift": ("random shift", "shift"),
    "label_smoothing": ("label smoothing",),
    "split": ("split",),
    "": ("augment", "loss", "cross entropy", "with"),
}
SETTINGS = {text: name for name, texts in SPELLINGS.items() for text in texts}
SCHEDULES = (
    "constant",
    "cosine",
    "one-cycle",
    "divide lr by 10 every 30 epochs",
    "times 0.96 every epoch",
    "halve every 50 epochs",
)


class _SettingsReader:
    """Reads settings, words with their values, in any order."""

    def __init__(self, text: NetworkText) -> None:
        self.text = text
        self.values: dict[str, Setting] = {}

    def error(self, message: str, token: Token, help: str) -> ArchError:
        return Setting("", token, self.text).error(message, help)

    def read(self, settings: Sequence[tuple[Token, ...]]) -> dict[str, Setting]:
        for setting in settings:
            for entry in entries_of(setting):
                tokens = entry.tokens
                if tokens[0].text.lower() == "schedule":
                    self.schedule(tokens)
                else:
                    self.pairs(tokens)
        return self.values

    def put(self, name: str, value: Any, token: Token) -> None:
        if name in self.values:
            raise duplicate_error(f"`{name}`", self.text.span(token.start, token.end))
        self.values[name] = Setting(value, token, self.text)

    def pairs(self, tokens: Sequence[Token]) -> None:
        at = 0
        while at < len(tokens):
            key, count = self.key(tokens, at)
            at += count
            if not key:
                continue
            if at < len(tokens) and tokens[at].kind in ("equals", "colon"):
                at += 1
            sign = ""
            if at + 1 < len(tokens) and tokens[at].text == "-" and tokens[at + 1].kind == "number":
                sign, at = "-", at + 1
            if at >= len(tokens) or tokens[at].kind not in ("number", "word"):
                raise self.error(f"`{key}` has no value", tokens[at - 1], _FORM)
            self.put(key, sign + tokens[at].text.lower(), tokens[at])
            at += 1

    def key(self, tokens: Sequence[Token], at: int) -> tuple[str, int]:
        """The setting whose spelling begins here ("" for words before one), and its tokens."""
        for count in range(min(4, len(tokens) - at), 0, -1):
            words = " ".join(token.text.lower() for token in tokens[at : at + count])
            name = SETTINGS.get(re.sub(r"[\s_-]+(?=\w)", " ", words))
            if name is not None:
                return name, count
        run = list(takewhile(lambda token: token.kind == "word", tokens[at:])) or [tokens[at]]
        if tokens[0].text.lower() == "augment" and not any(
            token.text.lower() == "shift" for token in run
        ):
            text = " ".join(token.text for token in run)
            help = "a recipe augments with `random shift 2` alone: leave the others out"
            raise self.error(f"there is no augmentation `{text}`", tokens[at], help)
        text = tokens[at].text
        known = [text for text, name in SETTINGS.items() if name] + ["schedule"]
        help = did_you_mean(text, known) or f"settings: {', '.join(known)}"
        raise self.error(f"a recipe has no setting `{text}`", tokens[at], help)

    def schedule(self, tokens: Sequence[Token]) -> None:
        words = [p.text.lower() for p in tokens[1:] if p.text != "-"]
        words = [w for w in words if w not in ("lr", "by", "epoch", "epochs")]
        token = tokens[-1]
        match words:
            case ["constant" | "cosine" as name]:
                self.put("schedule", name, token)
            case ["one", "cycle"] | ["one_cycle"] | ["onecycle"]:
                self.put("schedule", "one-cycle", token)
            case ["halve", "every", *epochs] if len(epochs) <= 1:
                self.step(0.5, epochs, token)
            case ["divide" | "times" as verb, factor, "every", *epochs] if len(epochs) <= 1:
                try:
                    number = float(factor)
                    factor_ = 1 / number if verb == "divide" else number
                    if not math.isfinite(factor_):
                        raise ValueError(factor)
                except (ValueError, ZeroDivisionError):
                    raise self.error(f"`{factor}` is not a valid factor", token, _ONE_OF) from None
                self.step(factor_, epochs, token)
            case _:
                raise self.error("unknown schedule", token, _ONE_OF)

    def step(self, factor: float, epochs: Sequence[str], token: Token) -> None:
        self.put("schedule", "step", token)
        self.put("factor", factor, token)
        self.put("every", epochs[0] if epochs else 1, token)


_FORM = "a recipe looks like this:\n" + EXAMPLE
_ONE_OF = "write one of: " + "; ".join(f"`schedule {s}`" for s in SCHEDULES)
