"""Groups, joins and blocks in use: what a phrase is as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from archdsl.errors import ArchError
from archdsl.layers import JOINS
from archdsl.notation.ast import (
    Blocks,
    BlockUse,
    Composite,
    LabelJoin,
    Placeholder,
    Side,
    ValueText,
)
from archdsl.notation.block_uses import Uses
from archdsl.notation.labels import Labels
from archdsl.notation.numbers import REPEAT
from archdsl.notation.vocabulary import runs, vocabulary
from archdsl.syntax.ast import Phrase, Token
from archdsl.text.source import Source


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

    def take_whole(self, tokens: list[Token]) -> Composite | None:
        """A group, a join, a block in use, or a word of blocks; with its repeat and its stride."""
        at = 0
        if len(tokens) > 1 and REPEAT.fullmatch(tokens[0].text):
            at = 1
        elif len(tokens) > 2 and tokens[1].kind == "times" and self.counts(tokens[0]):
            at = 2
        composite, taken = self.composite_at(tokens, at)
        if composite is None:
            return None
        if at == 1:
            count = REPEAT.fullmatch(tokens[0].text)
            assert count is not None
            self.repeat = ValueText(int(count[1]), tokens[0].start, tokens[0].end)
        elif at:
            self.repeat = self.value(tokens[:1])
        tokens = tokens[at + taken :]
        while tokens:
            tokens = tokens[self.after_composite(tokens, isinstance(composite, BlockUse)) :]
        self.repeat_by_row()
        for column in self.phrase.columns or ():
            if column.name == "stride" and column.role == "attribute":
                self.set_stride(self.value(column.tokens))
            elif column.role != "times" and not isinstance(composite, BlockUse):
                raise self.not_after(column.tokens[0], is_block=False)
        return composite

    def repeat_by_row(self) -> None:
        """Take the repeat of a row of a table from its column."""
        for column in self.phrase.columns or ():
            if column.role == "times":
                self.set_repeat(self.value(column.tokens))

    def set_repeat(self, count: ValueText) -> None:
        if self.repeat is not None:
            raise self.fail("a second repeat", count, "strike one of the two")
        self.repeat = count

    def set_stride(self, stride: ValueText, where: Token | None = None) -> None:
        if self.stride is not None:
            raise self.fail("a second stride", where or stride, "strike one of the two")
        self.stride = stride

    def composite_at(self, tokens: Sequence[Token], at: int) -> tuple[Composite | None, int]:
        token, behind = tokens[at], tokens[at + 1 : at + 3]
        kinds = [p.kind for p in behind]
        word = token.text if token.kind == "word" else ""
        if token.kind in ("bracket", "braces"):
            return self.group(token), 1
        if word.lower() in JOINS:
            if kinds[:1] != ["braces"]:
                return self.joined(tokens[at:])
            return self.group(behind[0], word.lower()), 2
        if word in ("identity", "body") and word not in self.names:
            return Placeholder(word, None, token.start, token.end), 1
        if word == "side" and word not in self.names:
            return self.side(tokens[at:])
        if word == "shortcut":
            named = kinds[:1] == ["word"] and f"shortcut_{behind[0].text}" in self.blocks
            unknown = kinds[:1] == ["word"] and not self.knows(behind[0])
            option = behind[0] if named or unknown else None
            end = option.end if option else token.end
            return Placeholder(word, option, token.start, end), 2 if option else 1
        name, taken = self.block_at(tokens, at)
        if name is None:
            groups = [k for k in kinds if k in ("bracket", "braces")]
            known = (word.lower(),) in vocabulary().layers and kinds[:1] != groups[:1]
            if word and not known and groups and kinds[0] in ("parens", groups[0]):
                raise self.unknown_block(token)
            return None, 0
        last = tokens[at + max(taken, 1) - 1]
        columns = [c for c in self.phrase.columns or () if c.role == "argument"]
        use, more = self.use(name, tokens[at + taken :], token, last, columns)
        return use, taken + more

    def joined(self, tokens: Sequence[Token]) -> tuple[LabelJoin, int]:
        """What flows joined with labelled values, `concat conv4, conv3`."""
        word, end = tokens[0].text, 2
        while end + 1 < len(tokens) and tokens[end].kind == "comma":
            end += 2
        named, behind = tokens[1:end:2], tokens[end : end + 1]
        wrong = any(token.kind not in ("word", "mixed") for token in named)
        if not named or wrong or (behind and behind[0].kind != "times"):
            raise self.fail(
                f"`{word}` without its branches",
                tokens[0],
                f"write `{word} {{ a; b }}`; for what flows and labelled values `{word} a, b`",
            )
        references = tuple(
            self.labels.reference(self.source, token, self.blocks) for token in named
        )
        return LabelJoin(word.lower(), references, tokens[0].start, named[-1].end), end

    def side(self, tokens: Sequence[Token]) -> tuple[Side, int]:
        """A side head, `side aux1 weight 0.3 { a; b }`."""
        form = "write `side aux1 weight 0.3 { average pool 5x5/3; FC-10 }`"
        at, name, weight = 1, None, None
        kinds = [token.kind for token in tokens]
        if kinds[at : at + 1] in (["word"], ["mixed"]) and tokens[at].text != "weight":
            name, at = tokens[at], at + 1
        if kinds[at : at + 1] == ["word"] and tokens[at].text == "weight":
            at += 1
            if kinds[at : at + 1] in (["equals"], ["colon"]):
                at += 1
            if at == len(tokens) or not self.counts(tokens[at]):
                raise self.fail("`weight` has no value", tokens[at - 1], form)
            weight, at = self.value(tokens[at : at + 1]), at + 1
        if kinds[at : at + 1] not in (["braces"], ["bracket"]):
            raise self.fail("`side` without its lines", tokens[0], form)
        group = self.group(tokens[at])
        if at + 1 < len(tokens) or not group.lines:
            raise self.fail(
                f"`{tokens[-1].text}` cannot stand behind a side head"
                if group.lines
                else "a side head without a line",
                tokens[-1],
                form,
            )
        return Side(name, weight, group, tokens[0].start, group.end), at + 1

    def after_composite(self, tokens: Sequence[Token], is_block: bool) -> int:
        """`x 3` and `stride 2` behind a group; the number of parts that they take."""
        token = tokens[0]
        if token.kind == "comma" and len(tokens) > 1 and tokens[1].kind in ("times", "word"):
            return 1
        if token.kind == "times" and len(tokens) > 1 and self.counts(tokens[1]):
            self.set_repeat(self.value(tokens[1:2]))
            return 2
        if token.kind == "word" and token.text.lower() == "stride":
            value = tokens[1:2] if len(tokens) > 1 else ()
            taken = 2
            if value and value[0].kind in ("equals", "colon"):
                value, taken = tokens[2:3], 3
            if not value or not (self.counts(value[0]) or value[0].kind == "size"):
                raise self.fail("`stride` has no value", token, "write `[ … ] x 3, stride 2`")
            if value[0].kind == "size":
                size = ValueText(self.tight(value[0]), value[0].start, value[0].end)
                self.set_stride(size, token)
            else:
                self.set_stride(self.value(value), token)
            return taken
        if token.kind in ("bracket", "braces"):
            raise self.fail(
                "two groups side by side",
                token,
                "put each on a line, or write `->` between them; "
                "what is repeated together stands in one: `[3x3, 64; 3x3, 64] x 2`",
            )
        if is_block and token.kind == "word" and token.text.lower() in ("no", "bare"):
            raise self.fail(
                f"`{token.text}` cannot stand behind a block",
                token,
                "strike it in the block, on its layer; where only some uses go without, "
                "by a parameter: `block unit(w, norm=1) { conv3-(w); bn if norm == 1 }`",
            )
        if is_block and token.text == "-":
            raise self.fail(
                "`-` cannot stand behind a block",
                token,
                "it joins blocks that have digits, `C64-C128`; what else follows stands behind "
                "`->`: `C64 -> C(512, 1)`, `C64 -> conv3-16`",
            )
        raise self.not_after(token, is_block)

    def not_after(self, token: Token, is_block: bool) -> ArchError:
        return self.fail(
            f"`{token.text}` cannot stand behind a {'block' if is_block else 'group'}",
            token,
            "a block takes arguments in parentheses or by name, a repeat and a stride: "
            "`bottleneck(6, 24) x 2, stride 2`; a layer stands on a line of its own, or behind `->`"
            if is_block
            else "a group takes a repeat and a stride: `[ … ] x 3, stride 2`; "
            "a layer stands on a line of its own, or behind `->`",
        )

    def knows(self, tokens: Token | Sequence[Token]) -> bool:
        """Whether an attribute's word begins here."""
        run = [tokens] if isinstance(tokens, Token) else tokens
        return any(words in vocabulary().attributes for words, _ in runs(run, 0))
