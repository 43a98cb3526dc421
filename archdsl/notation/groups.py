"""Groups, joins and blocks in use: what a phrase is as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from archdsl.errors import Source
from archdsl.layers import JOINS
from archdsl.notation.ast import Blocks, Given, Hole, Joined, Side, Use, Whole
from archdsl.notation.block_uses import Uses
from archdsl.notation.labels import Labels
from archdsl.notation.numbers import REPEAT
from archdsl.notation.vocabulary import runs, vocabulary
from archdsl.syntax.ast import Part, Phrase


class Wholes(Uses):
    """Reads what a phrase is as a whole, its repeat and its stride.

    `labels` are those that the phrase may refer to.
    """

    def __init__(
        self,
        source: Source,
        phrase: Phrase,
        names: Collection[str],
        blocks: Blocks,
        labels: Labels,
    ) -> None:
        super().__init__(source, names, blocks)
        self.phrase = phrase
        self.labels = labels

    def take_whole(self, parts: list[Part]) -> Whole | None:
        """A group, a join, a block in use, or a word of blocks; with its repeat and its stride."""
        at = 0
        if len(parts) > 1 and REPEAT.fullmatch(parts[0].text):
            at = 1
        elif len(parts) > 2 and parts[1].kind == "times" and self.counts(parts[0]):
            at = 2
        whole, taken = self.whole_at(parts, at)
        if whole is None:
            return None
        if at == 1:
            count = REPEAT.fullmatch(parts[0].text)
            assert count is not None
            self.repeat = Given(int(count[1]), parts[0].start, parts[0].end)
        elif at:
            self.repeat = self.value(parts[:1])
        parts = parts[at + taken :]
        while parts:
            parts = parts[self.behind_whole(parts, isinstance(whole, Use)) :]
        return whole

    def whole_at(self, parts: Sequence[Part], at: int) -> tuple[Whole | None, int]:
        part, behind = parts[at], parts[at + 1 : at + 3]
        kinds = [p.kind for p in behind]
        word = part.text if part.kind == "word" else ""
        if part.kind in ("bracket", "braces"):
            return self.group(part), 1
        if word.lower() in JOINS:
            if kinds[:1] != ["braces"]:
                return self.joined(parts[at:])
            return self.group(behind[0], word.lower()), 2
        if word in ("identity", "body") and word not in self.names:
            return Hole(word, None, part.start, part.end), 1
        if word == "side" and word not in self.names:
            return self.side(parts[at:])
        if word == "shortcut":
            named = kinds[:1] == ["word"] and f"shortcut_{behind[0].text}" in self.blocks
            unknown = kinds[:1] == ["word"] and not self.knows(behind[0])
            option = behind[0] if named or unknown else None
            end = option.end if option else part.end
            return Hole(word, option, part.start, end), 2 if option else 1
        name, taken = self.block_at(parts, at)
        if name is None:
            groups = [k for k in kinds if k in ("bracket", "braces")]
            known = (word.lower(),) in vocabulary().layers and kinds[:1] != groups[:1]
            if word and not known and groups and kinds[0] in ("parens", groups[0]):
                raise self.unknown_block(part)
            return None, 0
        use, more = self.use(name, parts[at + taken :], part, parts[at + max(taken, 1) - 1])
        return use, taken + more

    def joined(self, parts: Sequence[Part]) -> tuple[Joined, int]:
        """What flows joined with labelled values, `concat conv4, conv3`."""
        word, end = parts[0].text, 2
        while end + 1 < len(parts) and parts[end].kind == "comma":
            end += 2
        named, behind = parts[1:end:2], parts[end : end + 1]
        wrong = any(part.kind not in ("word", "mixed") for part in named)
        if not named or wrong or (behind and behind[0].kind != "times"):
            raise self.fail(
                f"`{word}` without its branches",
                parts[0],
                f"write `{word} {{ a; b }}`; for what flows and labelled values `{word} a, b`",
            )
        references = tuple(self.labels.reference(self.source, part, self.blocks) for part in named)
        return Joined(word.lower(), references, parts[0].start, named[-1].end), end

    def side(self, parts: Sequence[Part]) -> tuple[Side, int]:
        """A side head, `side aux1 weight 0.3 { a; b }`."""
        form = "write `side aux1 weight 0.3 { average pool 5x5/3; FC-10 }`"
        at, name, weight = 1, None, None
        kinds = [part.kind for part in parts]
        if kinds[at : at + 1] in (["word"], ["mixed"]) and parts[at].text != "weight":
            name, at = parts[at], at + 1
        if kinds[at : at + 1] == ["word"] and parts[at].text == "weight":
            at += 1
            if kinds[at : at + 1] in (["equals"], ["colon"]):
                at += 1
            if at == len(parts) or not self.counts(parts[at]):
                raise self.fail("`weight` has no value", parts[at - 1], form)
            weight, at = self.value(parts[at : at + 1]), at + 1
        if kinds[at : at + 1] not in (["braces"], ["bracket"]):
            raise self.fail("`side` without its lines", parts[0], form)
        group = self.group(parts[at])
        if at + 1 < len(parts) or not group.lines:
            raise self.fail(
                f"`{parts[-1].text}` cannot stand behind a side head"
                if group.lines
                else "a side head without a line",
                parts[-1],
                form,
            )
        return Side(name, weight, group, parts[0].start, group.end), at + 1

    def behind_whole(self, parts: Sequence[Part], is_block: bool) -> int:
        """`x 3` and `stride 2` behind a group; the number of parts that they take."""
        part = parts[0]
        if part.kind == "comma" and len(parts) > 1 and parts[1].kind in ("times", "word"):
            return 1
        if part.kind == "times" and len(parts) > 1 and self.counts(parts[1]):
            if self.repeat is not None:
                raise self.fail("a second repeat", parts[1], "strike one of the two")
            self.repeat = self.value(parts[1:2])
            return 2
        if part.kind == "word" and part.text.lower() == "stride":
            value = parts[1:2] if len(parts) > 1 else ()
            taken = 2
            if value and value[0].kind in ("equals", "colon"):
                value, taken = parts[2:3], 3
            if not value or not (self.counts(value[0]) or value[0].kind == "size"):
                raise self.fail("`stride` has no value", part, "write `[ … ] x 3, stride 2`")
            if self.stride is not None:
                raise self.fail("a second stride", part, "strike one of the two")
            if value[0].kind == "size":
                self.stride = Given(self.tight(value[0]), value[0].start, value[0].end)
            else:
                self.stride = self.value(value)
            return taken
        if part.kind in ("bracket", "braces"):
            raise self.fail(
                "two groups side by side",
                part,
                "put each on a line, or write `->` between them; "
                "what is repeated together stands in one: `[3x3, 64; 3x3, 64] x 2`",
            )
        if is_block and part.kind == "word" and part.text.lower() in ("no", "bare"):
            raise self.fail(
                f"`{part.text}` cannot stand behind a block",
                part,
                "strike it in the block, on its layer; where only some uses go without, "
                "by a parameter: `block unit(w, norm=1) { conv3-(w); bn if norm == 1 }`",
            )
        if is_block and part.text == "-":
            raise self.fail(
                "`-` cannot stand behind a block",
                part,
                "it joins blocks that have digits, `C64-C128`; what else follows stands behind "
                "`->`: `C64 -> C(512, 1)`, `C64 -> conv3-16`",
            )
        raise self.fail(
            f"`{part.text}` cannot stand behind a {'block' if is_block else 'group'}",
            part,
            "a block takes arguments in parentheses or by name, a repeat and a stride: "
            "`bottleneck(6, 24) x 2, stride 2`; a layer stands on a line of its own, or behind `->`"
            if is_block
            else "a group takes a repeat and a stride: `[ … ] x 3, stride 2`; "
            "a layer stands on a line of its own, or behind `->`",
        )

    def knows(self, parts: Part | Sequence[Part]) -> bool:
        """Whether an attribute's word begins here."""
        run = [parts] if isinstance(parts, Part) else parts
        return any(words in vocabulary().attributes for words, _ in runs(run, 0))
