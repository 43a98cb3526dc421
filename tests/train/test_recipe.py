"""The text of a `train` section as a recipe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

import archdsl
from archdsl.train import Recipe, recipe_of
from archdsl.train.augment import Shift
from archdsl.train.averaging import Ema, Swa
from archdsl.train.clipping import ClipNorm
from archdsl.train.early_stopping import EarlyStopping
from archdsl.train.initialisation import Bias, FromRun, He, Normal, Uniform
from archdsl.train.losses import CrossEntropy, MaximumAPosteriori, MeanSquare
from archdsl.train.optimizers import Adam, AlexNetSgd, Muon, RmsProp, Sgd
from archdsl.train.ramps import Ramp
from archdsl.train.recipe import BARE, FAMILIES, LISTS
from archdsl.train.schedules import (
    Constant,
    Cosine,
    Milestones,
    OneCycle,
    Plateau,
    Polynomial,
    Steps,
    WarmUp,
)
from archdsl.train.settings import Setting, Words, fields_of, is_flag, is_list, is_names, spellings

SMALL = "network small\ninput 8x8x1\nconv3-4 stride 2\nrelu\nFC-10\n"
RECIPE = "train on digits { optimizer adam lr 0.01; batch 64, epochs 2; schedule one-cycle }\n"


def recipe(section: str, **settings: str) -> Recipe:
    return recipe_of(archdsl.loads(SMALL + section), settings)


def test_recipe_of_lenet5():
    assert recipe_of(archdsl.load("lenet5")) == Recipe(
        optimizer=Adam(),
        lr=0.004,
        batch=32,
        epochs=20,
        schedule=OneCycle(),
        augment=(Shift(pixels=3),),
    )


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", {}),
        ("optimizer sgd lr 0.01 momentum 0.9 weight-decay 5e-4",
         {"optimizer": Sgd(momentum=0.9), "lr": 0.01, "weight_decay": 5e-4}),
        ("sgd, momentum 0.9, nesterov", {"optimizer": Sgd(momentum=0.9, nesterov=True)}),
        ("optimizer alexnet, lr 0.01", {"optimizer": AlexNetSgd(), "lr": 0.01}),
        ("adam betas (0.5, 0.99) eps 1e-6", {"optimizer": Adam(betas=(0.5, 0.99), eps=1e-6)}),
        ("adam betas 0.5, 0.99", {"optimizer": Adam(betas=(0.5, 0.99))}),
        ("rmsprop decay 0.9, epsilon 1.0, momentum 0.9, eps inside",
         {"optimizer": RmsProp(alpha=0.9, eps=1, momentum=0.9, inside=True)}),
        ("muon lr 0.02", {"optimizer": Muon(), "lr": 0.02}),
        ("learning rate: 0.1, batch size = 256", {"lr": 0.1, "batch": 256}),
        ("weight decay 1e-4, not on norms and biases", {"weight_decay": 1e-4, "spare": True}),
        ("schedule constant", {"schedule": Constant()}),
        ("schedule cosine", {"schedule": Cosine()}),
        ("cosine to 1e-5", {"schedule": Cosine(final=1e-5)}),
        ("schedule one-cycle", {"schedule": OneCycle()}),
        ("schedule divide lr by 10 every 30 epochs", {"schedule": Steps(divisor=10, every=30)}),
        ("schedule times 0.96 every epoch", {"schedule": Steps(factor=0.96)}),
        ("schedule exponential 0.96", {"schedule": Steps(factor=0.96)}),
        ("schedule halve every 50 epochs", {"schedule": Steps(every=50)}),
        ("lr 0.045, -6% every 2 epochs", {"lr": 0.045, "schedule": Steps(percent=6, every=2)}),
        ("divide lr by 10 at epochs 82, 123, epochs 164",
         {"schedule": Milestones(divisor=10, milestones=(82, 123)), "epochs": 164}),
        ("divide lr by 10 at steps 32000 and 48000",
         {"schedule": Milestones(divisor=10, milestones=(32000, 48000), unit="steps")}),
        ("divide lr by 10 on plateau, patience 3, at most 3 times",
         {"schedule": Plateau(divisor=10, patience=3, most=3)}),
        ("polynomial power 2", {"schedule": Polynomial(power=2)}),
        ("linear to 0.001", {"schedule": Polynomial(final=0.001)}),
        ("warm-up 5 epochs", {"warm_up": WarmUp(duration=5)}),
        ("warm-up 500 steps from 0.01",
         {"warm_up": WarmUp(duration=500, unit="steps", start=0.01)}),
        ("warm-up 400 steps at 0.01",
         {"warm_up": WarmUp(duration=400, unit="steps", constant=0.01)}),
        ("init normal 0.01, bias 0", {"init": (Normal(std=0.01), Bias(value=0))}),
        ("init he normal, fan out", {"init": (He(fan="out"),)}),
        ("init uniform 2.4 / fan in, bias 0",
         {"init": (Uniform(bound=2.4, over_fan=True), Bias(value=0))}),
        ("init bias 1 in conv2, Conv4_x and fc6, normal fan in",
         {"init": (Bias(value=1, layers=("conv2", "Conv4_x", "fc6")), Normal(fan="in"))}),
        ('init bias 1 in "conv2.0", lr 0.1',
         {"init": (Bias(value=1, layers=("conv2.0",)),), "lr": 0.1}),
        ('init from "runs/vgg/1" in conv1, fc1',
         {"init": (FromRun(path="runs/vgg/1", layers=("conv1", "fc1")),)}),
        ("augment random shift 4", {"augment": (Shift(pixels=4),)}),
        ("loss cross-entropy label-smoothing 0.1", {"loss": CrossEntropy(label_smoothing=0.1)}),
        ("loss mean square", {"loss": MeanSquare()}),
        ("loss lenet, rubbish 2", {"loss": MaximumAPosteriori(rubbish=2)}),
        ("side heads 0.3", {"side_weight": 0.3}),
        ("clip norm 2.0", {"clip": ClipNorm(limit=2)}),
        ("gradient clipping 2.0", {"clip": ClipNorm(limit=2)}),
        ("average ema 0.99", {"average": Ema(decay=0.99)}),
        ("ema 0.99, warm start", {"average": Ema(decay=0.99, warm=True)}),
        ("swa from epoch 75", {"average": Swa(start=75)}),
        ("early stopping patience 10 on validation loss", {"early_stopping": EarlyStopping()}),
        ("early stopping on accuracy, patience 3",
         {"early_stopping": EarlyStopping(patience=3, watched="accuracy")}),
        ("dropout 0.3", {"dropout": Ramp(rate=0.3)}),
        ("dropout from 0 to 0.5 over 10 epochs",
         {"dropout": Ramp(start=0, rate=0.5, duration=10)}),
        ("amp bf16, accumulate 4", {"amp": "bf16", "accumulate": 4}),
    ],
)  # fmt: skip
def test_settings_of_a_recipe(setting: str, expected: dict[str, Any]):
    read = recipe(f"train on digits {{ {setting} }}")
    assert read == Recipe(**expected)
    assert Recipe.model_validate(read.model_dump()) == read
    assert Recipe.model_validate_json(read.model_dump_json()) == read


MEMBERS = [
    (field, member)
    for field, family in {**FAMILIES, **LISTS}.items()
    for member in family.members.values()
]


def sample(member: type[Setting], name: str) -> tuple[str, Any]:
    """A value of a field as it is written, and as it is kept: the first that is valid."""
    field = member.model_fields[name]
    if is_flag(field):
        return "", True
    if is_names(field):
        return "conv1, fc1", ("conv1", "fc1")
    literals = [one for one in (field.annotation, *get_args(field.annotation))]
    for one in literals:
        if get_origin(one) is Literal:
            return get_args(one)[-1], get_args(one)[-1]
    if str in literals:
        return '"some/file"', "some/file"
    for number in (0.25, 3, 1.5):
        text, value = (f"({number}, {number})", (number,) * 2) if is_list(field) else (
            f"{number:g}", number
        )  # fmt: skip
        try:
            member.__pydantic_validator__.validate_assignment(member.model_construct(), name, value)
        except ValidationError as problem:
            if any(one["loc"][:1] == (name,) for one in problem.errors()):
                continue
        return text, value
    raise AssertionError(f"no sample of {member.__name__}.{name}")


def written_forms() -> Iterator[Any]:
    """Every form of every setting with values, and every spelling of every field after it."""
    for field, member in MEMBERS:
        for form in member.forms:
            names = re.findall(r"<(\w+)>", form)
            values = {name: sample(member, name) for name in names}
            text = form.replace("[", "").replace("]", "")
            for name, (shown, _) in values.items():
                text = text.replace(f"<{name}>", shown)
            keyword = field.replace("_", " ")
            expected = {name: value for name, (_, value) in values.items()}
            yield pytest.param(field, f"{keyword} {text}", member, expected, id=f"{keyword} {form}")
            for name, info in member.model_fields.items():
                for words in spellings(name, info) if name not in names else ():
                    shown, value = sample(member, name)
                    line = f"{keyword} {text} {' '.join(words)} {shown}"
                    yield pytest.param(field, line, member, {**expected, name: value}, id=line)


@pytest.mark.parametrize(("field", "text", "member", "expected"), list(written_forms()))
def test_every_form_of_every_setting(
    field: str, text: str, member: type[Setting], expected: dict[str, Any]
):
    try:
        setting = member(**expected)
    except ValidationError as problem:
        with pytest.raises(archdsl.ArchError) as caught:  # such as two factors of a schedule
            recipe(f"train on digits {{ {text} }}")
        assert problem.errors()[0]["msg"].removeprefix("Value error, ") in str(caught.value)
        return
    read = recipe(f"train on digits {{ {text} }}")
    assert getattr(read, field) == ((setting,) if field in LISTS else setting)
    assert Recipe.model_validate(read.model_dump()) == read
    assert Recipe.model_validate_json(read.model_dump_json()) == read
    assert recipe("train on digits {}", **{text.split()[0]: text.split(" ", 1)[1]}) == read


def test_spellings_do_not_hide_each_other():
    """A field of a setting is not spelled as one of the recipe, which would then never be read
    after it; a form that needs no keyword does not begin with the words of a field."""
    keywords = fields_of(Recipe)
    loose = {words for _, member in MEMBERS for words in fields_of(member)}
    shared = {words for words in loose & keywords.keys() if words != ("momentum",)}
    assert not shared
    for family in BARE:
        for member in FAMILIES[family].members.values():
            for form in member.forms:
                words = tuple(re.sub(r"(?<=\w)-(?=\w)", " ", form).split())
                assert not any(words[: len(one)] == one for one in (*keywords, *loose)), form


def test_every_setting_and_field_is_explained():
    for _, member in MEMBERS:
        assert member.__doc__ and member.__doc__ != Setting.__doc__, member
        assert member.forms and member.kind


def test_no_word_is_a_field_twice():
    for _, member in MEMBERS:
        words = [
            one for name, field in member.model_fields.items() for one in spellings(name, field)
        ]
        assert len(words) == len(set(words)), member
    assert Words(("a",)) == (("a",), False)


def test_settings_of_the_command_line_take_precedence():
    changed = recipe(RECIPE, epochs="7", label_smoothing="0.2", schedule="halve every 5 epochs")
    assert (changed.epochs, changed.loss, changed.lr) == (
        7,
        CrossEntropy(label_smoothing=0.2),
        0.01,
    )
    assert changed.schedule == Steps(every=5)
    assert recipe(RECIPE, augment="random shift 2").augment == (Shift(pixels=2),)
    assert recipe("train { init bias 0, he uniform }", init="normal 1").init == (Normal(std=1),)
    assert recipe("train { sgd momentum 0.9 }", momentum="0.5").optimizer == Sgd(momentum=0.5)


def test_another_optimizer_drops_the_momentum_of_the_recipe():
    for section in (
        "train on digits { optimizer sgd lr 0.1 momentum 0.9 weight-decay 0.01 }",
        "train on digits { sgd, lr 0.1; momentum 0.9; weight-decay 0.01 }",
    ):
        adam = recipe(section, optimizer="adam")
        assert (adam.optimizer, adam.lr, adam.weight_decay) == (Adam(), 0.1, 0.01)


ERRORS = [
    ("", "the network small has no recipe"),
    ("train on digits { lr 0 }", "`lr` must be above 0, not 0"),
    ("train on digits { epochs 2.5 }", "`epochs` must be a whole number, not 2.5"),
    ("train on digits { optimizer adm }", "there is no optimizer `adm`\n"),
    ("train on digits { optimizer adm }", "did you mean `adam`?"),
    ("train on digits { optimizer }", "`optimizer` has no value\n"),
    ("train on digits { momentun 0.9 }", "did you mean `momentum`?"),
    ("train on digits { lr }", "`lr` has no value"),
    ("train on digits { lr 1; lr 2 }", "`lr` is given twice"),
    ("train on digits { sgd momentum 0.9 momentum 0.8 }", "`momentum` is given twice"),
    ("train on digits { optimizer sgd, adam }", "`optimizer` is given twice"),
    ("train on digits { schedule sometimes }", "there is no schedule `sometimes`"),
    ("train on digits { schedule divide by 0 every epoch }", "`divisor` must be at least 1, not 0"),
    ("train on digits { divide lr by 10 }", "`divide` is not a complete schedule"),
    ("train on digits { halve at epochs }", "`halve` is not a complete schedule"),
    ("train on digits { halve every epoch factor 0.5 divisor 3 }", "a schedule has one factor"),
    ("train on digits { lr -0.1 }", "`lr` must be above 0, not -0.1"),
    ("train on digits { augment random shift -3 }", "`pixels` must be at least 0, not -3"),
    ("train on digits { lr - - 0.1 }", "`lr` has no value"),
    ("train on digits { lr nan }", "`lr` must be a finite number, not nan"),
    ("train on digits { lr 1e999 }", "`lr` must be a finite number, not 1e999"),
    ("train on digits { epochs 99999999999 }", "`epochs` must be at most 1e+06"),
    ("train on digits { schedule times nan every epoch }", "`factor` must be a finite number"),
    ("train on digits { schedule times 3 every epoch }", "`factor` must be at most 1, not 3"),
    ("train on digits { lr 1 }; train on digits { lr 2 }", "a second `train`"),
    ("train on digits { adam; momentum 0.9 }", "`adam` does not take `momentum`"),
    ("train on digits { adam; momentum 0.9 }", "or use `sgd` or `alexnet` or `rmsprop`"),
    ("train on digits { limit 3 }", "`limit` needs `norm` or `value`"),
    ("train on digits { early stopping patience 3; halve on plateau; patience 4 }",
     "`patience` could belong to `plateau` and `early stopping`"),
    ("train on digits { warm-up soon }", "`duration` must be a whole number, not soon"),
    ("train on digits { adam betas (0.9, 1.5) }", "`betas` must be below 1, not 1.5"),
    ("train on digits { adam betas 0.9 }", "`betas` needs more values"),
    ("train on digits { init bias }", "`bias` is not a complete initialisation\n"),
    ("train on digits { init bias }", "help: write `init bias <value>`"),
    ("train on digits { init bias 0 in }", "`in` has no value"),
    ("train on digits { amp fp8 }", "`amp` must be one of 'bf16' or 'fp16', not fp8"),
    ("train on digits { from 3 }", "a recipe has no setting `from`"),
    ("train on digits { dropout 1 }", "`rate` must be below 1, not 1"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "shown"), ERRORS)
def test_bad_recipes_are_refused(section: str, shown: str):
    with pytest.raises(archdsl.ArchError) as caught:
        recipe(section)
    assert shown in str(caught.value)
    if section:
        assert "<text>:6:" in str(caught.value)


def test_every_error_of_a_recipe_is_shown():
    with pytest.raises(archdsl.ArchError) as caught:
        recipe("train on digits { lr 0, epochs 0; schedule divide by 0 every 0 epochs }")
    assert str(caught.value).count("error: ") == 4


def test_bad_settings_of_the_command_line():
    for settings, shown in (
        ({"epoch": "3"}, "did you mean `epochs`"),
        ({"epochs": "many"}, "`epochs` must be a whole number, not many"),
        ({"momentum": "0.5"}, "`adam` does not take `momentum`"),
        ({"factor": "0.5"}, "`one-cycle` does not take `factor`"),
    ):
        with pytest.raises(archdsl.ArchError) as caught:
            recipe(RECIPE, **settings)
        assert shown in str(caught.value) and "--> --set:1:" in str(caught.value)
    for value in ("3 }", "3; batch 8", "3 }\nconv3-8\nlet a = {"):
        with pytest.raises(archdsl.ArchError, match="is not a setting"):
            recipe(RECIPE, epochs=value)


def test_a_recipe_exhausts_nothing():
    """Long lists are refused, and no file is read that a recipe names."""
    many = ", ".join(map(str, range(1, 5000)))
    with pytest.raises(archdsl.ArchError, match="`milestones` takes at most 100 values"):
        recipe(f"train on digits {{ halve at epochs {many} }}")
    assert recipe('train on digits { init from "/dev/zero" }').init == (FromRun(path="/dev/zero"),)
    names = ", ".join(f"c{i}" for i in range(10_000))
    with pytest.raises(archdsl.ArchError, match="`layers` takes at most 1000 values, not 10000"):
        recipe(f"train on digits {{ init bias 0 in {names} }}")


def test_nesterov_needs_a_momentum():
    with pytest.raises(archdsl.ArchError, match="`nesterov` needs a momentum"):
        Sgd(nesterov=True).build([], 0.1)
