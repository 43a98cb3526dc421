"""What a recipe can name, as checked records that a `train` section spells.

    class Steps(Schedule):
        forms = ("divide [lr] by <divisor> every <every> [epochs]",)
        every: Annotated[int, Field(ge=1)]
        …

makes `schedule divide lr by 10 every 30 epochs` a setting of the family of schedules. This module
and the records need pydantic alone; what they build with torch is imported where it is built.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.fields import FieldInfo


class Words(NamedTuple):
    """Further spellings of a field, besides its name: `Annotated[float, Words(("probability",))]`.

    `replace`: the name itself is not a spelling.
    """

    spellings: tuple[str, ...]
    replace: bool = False


Forms = tuple[str, ...]


class Setting(BaseModel):
    """One thing that a recipe names, `sgd` or `rotation 5`, with its fields.

    `forms` are the ways to write it, most beginning with the words that name it: `<field>` is a
    value, `-<field>%` one between signs, words in brackets may be left out. After a form its fields
    follow in any order, each as its name and a value; a field that is true or false is a word
    alone. A class directly below this one is a family, in which each class with forms is
    registered, itself too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    forms: ClassVar[Forms] = ()
    kind: ClassVar[str] = ""  # its name in records: the first words of its first form
    members: ClassVar[dict[str, type[Setting]]] = {}  # of a family, by kind

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if Setting in cls.__bases__:
            cls.members = {}
        if "forms" in vars(cls):
            if "kind" not in vars(cls):
                cls.kind = " ".join(_leading_words(cls.forms[0]))
            cls.members[cls.kind] = cls

    @model_serializer(mode="wrap")
    def _with_kind(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = {name: value for name, value in serialize(self).items() if value is not None}
        return {"kind": self.kind, **fields}


def _leading_words(form: str) -> Iterator[str]:
    for word in form.split():
        if word[0] in "<[":
            return
        yield word


def member_of(family: type[Setting]) -> Callable[[Any], Any]:
    """A validator: from a dictionary with its `kind`, the member of a family."""

    def validate(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        fields = dict(value)
        kind = fields.pop("kind", None)
        if kind not in family.members:
            raise ValueError(f"there is no {family.__name__.lower()} `{kind}`")
        return family.members[kind].model_validate(fields)

    return validate


def one_of(family: type[Setting]) -> Any:
    """The type of a field that holds any member of a family."""
    return Annotated[SerializeAsAny[family], BeforeValidator(member_of(family))]  # type: ignore[misc, valid-type]


# Spellings of fields, and the values that they take.


def spellings(name: str, field: FieldInfo) -> Iterator[tuple[str, ...]]:
    """The ways to write the name of a field, each as its words."""
    words = next((one for one in field.metadata if isinstance(one, Words)), Words(()))
    if not words.replace:
        yield tuple(name.split("_"))
    for spelling in words.spellings:
        yield tuple(spelling.split())


def fields_of(setting: type[BaseModel]) -> dict[tuple[str, ...], str]:
    """The fields of a setting by their spellings."""
    return {
        words: name
        for name, field in setting.model_fields.items()
        for words in spellings(name, field)
    }


def is_flag(field: FieldInfo) -> bool:
    """Whether a field is true or false, and so written as a word alone."""
    return bool in alternatives(field.annotation)


def is_list(field: FieldInfo) -> bool:
    """Whether a field takes several values: `epochs 82, 123`, `betas (0.9, 0.999)`."""
    return any(get_origin(one) is tuple for one in alternatives(field.annotation))


def is_names(field: FieldInfo) -> bool:
    """Whether a field takes several names: `in conv2, conv4 and fc6`."""
    return tuple[str, ...] in alternatives(field.annotation)


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The words that a field takes, if it takes only some."""
    return tuple(
        word
        for one in alternatives(field.annotation)
        if get_origin(one) is Literal
        for word in get_args(one)
    )


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types of a union, without their annotations."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(one for part in get_args(annotation) for one in alternatives(part))
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    return (annotation,)
