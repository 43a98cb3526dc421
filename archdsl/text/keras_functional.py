"""Turns the assignments of a pasted functional Keras model into lines, labels and joins.

    inputs = keras.Input(shape=(32, 32, 3))       input 32x32x3
    x = layers.Conv2D(8, 3)(inputs)               v1: Conv2D(8, 3)
    y = layers.ReLU()(x)                     =>   ReLU()
    y = layers.add([x, y])                        add v1
    model = keras.Model(inputs, y)

A value has a label if another line than the next one reads it. What is not such an assignment stays
as it is, for the error about a program to show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from archdsl.text.keras_names import CLASS, MODULE

_NAME = r"[A-Za-z_]\w*"
_NAMES = rf"\s*({_NAME}(?:\s*,\s*{_NAME})*)\s*,?\s*"
_HAS_INPUT = re.compile(rf"^[ \t]*{_NAME}[ \t]*=[ \t]*{MODULE}\bInput\(", re.MULTILINE)
_CALLED = re.compile(rf"[ \t]*({_NAME})[ \t]*=[ \t]*{MODULE}\b({_NAME})\(")
_SHAPE = re.compile(
    r"\s*(?:shape\s*=\s*)?[(\[]\s*(\d+(?:\s*,\s*\d+)*)\s*,?\s*[)\]]"
    r"(?:\s*,\s*(?:name|dtype)\s*=\s*[\w.\"'-]+)*,?\s*"
)
_OF = re.compile(rf"\({_NAMES}(?:,\s*training\s*=\s*\w+\s*)?\)")
_OF_LIST = re.compile(rf"\(\s*[\[(]{_NAMES}[\])]\s*\)")
_LIST = re.compile(rf"\s*[\[(]{_NAMES}[\])]\s*(?:,(.*))?", re.DOTALL)
_AXIS = re.compile(r"\s*axis\s*=\s*(-?\d+)\s*")
_NAMED = re.compile(r",?\s*name\s*=\s*[\w.\"'-]+\s*")
_ALIAS = re.compile(rf"[ \t]*({_NAME})[ \t]*=[ \t]*({_NAME})[ \t]*")
_MODEL = re.compile(
    rf"[ \t]*{_NAME}[ \t]*=[ \t]*{MODULE}\bModel\(\s*(?:inputs?\s*=\s*)?\[?\s*({_NAME})\s*\]?\s*,"
    rf"\s*(?:outputs?\s*=\s*)?\[?{_NAMES}\]?\s*(?:,?\s*name\s*=\s*[\w.\"'-]+)?\s*,?\s*\)[ \t]*"
)
_JOINS = {"add": "add", "multiply": "multiply", "concatenate": "concat"}
_LABEL = re.compile(r"(?!x\d*$)(?=.*[\d_])[A-Za-z]\w*")  # other names may be words of the language
_BOUNDARY = re.compile(r"""\#[^\n]*|"[^"\n]*"|'[^'\n]*'|[()\[\]{}]|\n|\Z""")


class _Line(NamedTuple):
    """A line from `start` to `end`, of the `kind` "input", "layer", "alias", "model", "blank" or
    "other", or of a join by its word in the language.

    `name` is the variable that it sets, `inputs` are those that it reads, `text` is the size of the
    input. The call of a layer is from `call` to `called`.
    """

    start: int
    end: int
    kind: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    call: int = 0
    called: int = 0
    text: str = ""


def unwrapped(text: str) -> str:
    """The text with lines and joins in place of a functional model, in as many characters."""
    found = _HAS_INPUT.search(text) if "Input(" in text else None
    if found is None:
        return text
    lines = [_read(text, *place) for place in _logical_lines(text, found.start())]
    if sum(line.kind == "input" for line in lines) != 1:
        return text
    pieces, here = [], 0
    for line, written in zip(lines, _Values(text, lines).lines(), strict=True):
        pieces += [text[here : line.start], written]
        here = line.end
    return "".join([*pieces, text[here:]])


def _logical_lines(text: str, start: int) -> Iterator[tuple[int, int]]:
    """The lines from an offset on, each with those within its parentheses, without comments."""
    depth, end = 0, None
    for token in _BOUNDARY.finditer(text, start):
        depth += (token[0] in ("(", "[", "{")) - (token[0] in (")", "]", "}"))
        if token[0].startswith("#") and depth <= 0:
            end = token.start()
        elif token[0] in ("\n", "") and depth <= 0:
            yield start, token.start() if end is None else end
            start, depth, end = token.end(), 0, None


def _closing(text: str, start: int, end: int) -> int:
    """The end of the parentheses that open at `start`, or `end` if they do not close."""
    depth = 0
    for token in _BOUNDARY.finditer(text, start, end):
        depth += (token[0] in ("(", "[", "{")) - (token[0] in (")", "]", "}"))
        if not depth:
            return token.end()
    return end


def _read(text: str, start: int, end: int) -> _Line:
    """What the line from `start` to `end` is."""
    if not text[start:end].strip():
        return _Line(start, end, "blank")
    if alias := _ALIAS.fullmatch(text, start, end):
        return _Line(start, end, "alias", alias[1], (alias[2],))
    if model := _MODEL.fullmatch(text, start, end):
        return _Line(start, end, "model", "", (model[1], *_names(model[2])))
    other = _Line(start, end, "other")
    found = _CALLED.match(text, start, end)
    if found is None:
        return other
    closing = _closing(text, found.end() - 1, end)
    name, word, rest = found[1], found[2], text[closing:end].strip()
    inside = text[found.end() : closing - 1]
    if word == "Input":
        shape = _SHAPE.fullmatch(inside)
        sizes = "x".join(re.findall(r"\d+", shape[1])) if shape and not rest else ""
        return _Line(start, end, "input", name, text=sizes) if sizes else other
    line = _Line(start, end, "layer", name, (), found.start(2), closing)
    join = _JOINS.get(word.lower())
    if join is not None:
        listed = _LIST.fullmatch(inside) if word.islower() else _OF_LIST.fullmatch(rest)
        options = (listed[2] or "") if listed and word.islower() else inside
        is_whole = word.islower() != bool(rest)
        if listed is None or not is_whole or (axis := _axis(options)) is None:
            return other
        return line._replace(kind=join, inputs=_names(listed[1]), text=axis)
    of = _OF.fullmatch(rest)
    if of is None or len(_names(of[1])) > 1 or not re.fullmatch(CLASS, word):
        return other
    return line._replace(inputs=_names(of[1]))


def _names(text: str) -> tuple[str, ...]:
    return tuple(re.findall(_NAME, text))


def _axis(options: str) -> str | None:
    """The axis of a join, "-1" by default. None if there are options that we do not know."""
    options = _NAMED.sub("", options, count=1).strip().rstrip(",")
    axis = _AXIS.fullmatch(options)
    return axis[1] if axis else None if options else "-1"


class _Values:
    """The values of the variables of a model: each is that of the line which sets it."""

    def __init__(self, text: str, lines: Sequence[_Line]) -> None:
        self.text = text
        self.source = lines
        self.read: list[tuple[int, ...] | None] = []  # the lines that a line reads; None: not ours
        self.flows: list[int | None] = []  # the line before it that has the current value
        self.names: dict[int, list[str]] = {}  # the variables of each value
        self._resolve()
        self.labels = self._labels()

    def _resolve(self) -> None:
        values: dict[str, int] = {}
        flow: int | None = None
        axes = {"-1"}
        for index, line in enumerate(self.source):
            known = line.kind not in ("other", "blank") and all(n in values for n in line.inputs)
            if line.text and line.kind in _JOINS.values():
                known = known and line.text in axes
            self.read.append(tuple(values[n] for n in line.inputs) if known else None)
            self.flows.append(flow)
            if line.kind == "input":
                axes.add(str(line.text.count("x") + 1))
            if line.kind == "alias":
                value = values.get(line.inputs[0])
                values.pop(line.name, None)
                if value is not None:
                    values[line.name] = value
                    self.names[value].append(line.name)
            elif line.kind not in ("blank", "model"):
                flow = index if known else None
                values.pop(line.name, None)
                if known:
                    values[line.name] = index
                    self.names[index] = [line.name]

    def _labels(self) -> Mapping[int, str]:
        """The labels of the values that another line than the next one reads."""
        needed: dict[int, None] = {}
        for line, read, flow in zip(self.source, self.read, self.flows, strict=True):
            if line.kind == "alias" or not read:
                continue
            values = read[1:] if line.kind == "model" else read
            is_flow = line.kind == "model" and values == (flow,)
            needed |= dict.fromkeys(
                v
                for v in values
                if not is_flow and (v != flow or line.kind == "model" or values.count(v) > 1)
            )
        labels: dict[int, str] = {}
        used = {name for names in self.names.values() for name in names}
        for index in needed:
            free = (
                n for n in self.names[index] if _LABEL.fullmatch(n) and n not in labels.values()
            )
            label = next(free, None)
            number = 1
            while label is None:
                label = f"v{number}" if f"v{number}" not in used else None
                number += 1
            used.add(label)
            labels[index] = label
        return labels

    def lines(self) -> Iterator[str]:
        """What becomes of each line. One that is not part of the model stays as it is, and so does
        one whose replacement would be longer."""
        for index, line in enumerate(self.source):
            own = self.text[line.start : line.end]
            written = self._line(index, line)
            room = len(own)
            if written is None or len(written) > room:
                yield own
            elif line.kind == "layer":
                call = self.text[line.call : line.called]
                before = max(len(written) - len(call), line.call - line.start)
                prefix = written[: len(written) - len(call)]
                yield (prefix.ljust(min(before, room - len(call))) + call).ljust(room)
            else:
                yield written.ljust(room)

    def _line(self, index: int, line: _Line) -> str | None:
        """A line in the language, as short as it can be."""
        read, flow = self.read[index], self.flows[index]
        if read is None:
            return None
        label = f"{self.labels[index]}:" if index in self.labels else ""
        names = [self.labels.get(value, "") for value in read]
        match line.kind:
            case "input":
                return f"{label}input {line.text}"
            case "alias":
                return ""
            case "model":
                return "" if read[1:] == (flow,) else f"output {','.join(names[1:])}"
            case "layer":
                start = "" if read == (flow,) else f"{names[0]}->"
                return f"{label}{start}{self.text[line.call : line.called]}"
        others = [name for value, name in zip(read, names, strict=True) if value != flow]
        if line.kind == "add" and len(others) == len(read) - 1:
            return f"{label}add {','.join(others)}"
        branches = [
            "identity" if value == flow and read.count(value) == 1 else name
            for value, name in zip(read, names, strict=True)
        ]
        return f"{label}{line.kind}{{{';'.join(branches)}}}"
