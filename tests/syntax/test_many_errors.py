"""Looking for what a misspelt word may mean stays fast in texts with thousands of names."""

from __future__ import annotations

import time

import pytest

import archdsl
from archdsl.errors import nearest

BLOCKS = (
    "\n".join(f"block blocknumber{i}(c) {{ conv3-(c) }}" for i in range(600))
    + "\nnetwork n\ninput 8x8x3\n"
    + "\n".join(f"blocknmber{i}x(8)" for i in range(600))
)
LABELS = (
    "input 8x8x3\n"
    + "\n".join(f"label{i}: conv3-8" for i in range(2000))
    + "\n"
    + "\n".join(f"concat lable{i}q" for i in range(2000))
)
WORDS = "input 8x8x3\n" + "\n".join(f"cnov{i}z 3x3 8" for i in range(1000))


@pytest.mark.parametrize(("text", "errors"), [(BLOCKS, 600), (LABELS, 1000), (WORDS, 1000)])
def test_thousands_of_misspelt_names_take_seconds(text: str, errors: int):
    began = time.process_time()
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(text)
    assert len(caught.value.others) + 1 == errors
    assert time.process_time() - began < 12  # 1 to 4 s; it took 15 s and 54 s


@pytest.mark.parametrize("word", ["convx17", "lable400", "labl9", "LABEL1234x", "labell77"])
def test_of_many_names_the_nearest_is_found(word: str):
    known = [f"label{i}" for i in range(2000)] + ["conv17", "convolution"]
    found = nearest(word, known)
    assert found is not None
    digits = "".join(one for one in word if one.isdigit())
    assert digits in found


def test_nothing_near_is_nothing():
    assert nearest("zzzz", [f"label{i}" for i in range(2000)]) is None


def test_similar_names_are_searched_only_for_errors_that_are_shown(monkeypatch):
    from archdsl.notation import unknown_words

    searched = []
    search = unknown_words.did_you_mean

    def counted(word, known):
        searched.append(word)
        return search(word, known)

    monkeypatch.setattr(unknown_words, "did_you_mean", counted)
    lines = "\n".join(f"unnit{i}a" for i in range(500))
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(f"block unit5a {{ conv3-4 }}\nnetwork n\ninput 8x8x3\n{lines}")
    assert len(caught.value.others) == 499
    assert len({*searched}) < 3
    assert "did you mean `unit5a`?" in str(caught.value)
    assert 20 <= len({*searched}) < 30
    assert all(one.help for one in caught.value.others)
    assert len({*searched}) == 500
