"""The search language: reading, printing, completing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.domain.search import (
    AnyOf,
    Bounds,
    Search,
    SearchError,
    Sort,
    Term,
    check_labels,
    matcher,
    parse,
)
from samdesk.domain.search_words import FIELDS, SortKey, ValueKind, completions, vocabulary

ALL = (
    "class:person score:<0.5 mask:<0.8 state:pending source:auto area:<400 count:>10 run:last is:flagged "
    "is:touching-border name:IMG_2 -model:yolo11n note:* doubt:0.2..0.7 without:car sort:doubt"
)

shares = st.floats(0, 1)
numbers = st.floats(0, 1e9)
LETTERS = "aZ9é語_*-.,:;<>=()\"'\\ \t\n%"
texts = st.text(LETTERS, min_size=1, max_size=8)


def bounds(values: st.SearchStrategy[float]) -> st.SearchStrategy[Bounds]:
    return st.one_of(
        st.builds(lambda v, above: Bounds(low=v, above=above), values, st.booleans()),
        st.builds(lambda v, below: Bounds(high=v, below=below), values, st.booleans()),
        st.tuples(values, values).map(lambda pair: Bounds(*sorted(pair))),
    )


@st.composite
def terms(draw: st.DrawFn) -> Term:
    field = FIELDS[draw(st.sampled_from(list(FIELDS)))]
    negated = draw(st.booleans())
    if field.kind is ValueKind.SHARE:
        return Term(field.name, draw(bounds(shares)), negated)
    if field.kind is ValueKind.NUMBER:
        return Term(field.name, draw(bounds(numbers)), negated)
    own = [value.text for value in field.values]
    one = st.sampled_from(own) if field.kind is ValueKind.CHOICE else texts
    values = draw(st.lists(one, min_size=1, max_size=3, unique_by=str.lower))
    return Term(field.name, AnyOf(tuple(v.lower() if v.lower() in own else v for v in values)), negated)


sorts = st.builds(Sort, st.sampled_from([k for k in SortKey if k is not SortKey.RANDOM]), st.booleans())
randoms = st.builds(Sort, st.just(SortKey.RANDOM), st.booleans(), st.integers(0, 999_999_999))
searches = st.builds(Search, st.lists(terms(), max_size=4).map(tuple), st.one_of(st.none(), sorts, randoms))


@settings(max_examples=30)
@given(searches)
def test_a_search_prints_as_text_that_reads_back_as_it(search: Search) -> None:
    assert parse(str(search)) == search


@settings(max_examples=30)
@given(st.lists(st.sampled_from([*LETTERS, "class:", "score:<", "sort:", "0.5"]), max_size=20).map("".join))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    search = read(text)
    if isinstance(search, SearchError):
        assert 0 <= search.start <= search.end <= len(text)
        assert search.what
        assert search.where == f"character {search.start + 1}"
    else:
        assert parse(str(search)) == search


def read(text: str) -> Search | SearchError:
    try:
        return parse(text)
    except SearchError as error:
        return error


def test_the_words_of_the_language_read_and_print_as_they_are_written() -> None:
    assert str(parse(ALL)) == ALL


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("IMG_2", "name:IMG_2"),
        ('"my image" dog', 'name:"my image" name:dog'),
        ("label:person Status:PENDING", "class:person state:pending"),
        ("score: < 50%", "score:<0.5"),
        ("score<0.5 count>=3", "score:<0.5 count:>=3"),
        ("class: person, traffic", "class:person,traffic"),
        ('-class:"traffic light"', '-class:"traffic light"'),
        ("score:0.20..0.5 mask:0.9.. doubt:..0.1", "score:0.2..0.5 mask:>=0.9 doubt:<=0.1"),
        ("score:none source:yolo+sam", "score:none source:auto"),
        ("sort:-score name:a", "name:a sort:-score"),
        ("sort:random(7)", "sort:random(7)"),
        ("  ", ""),
    ],
)  # fmt: skip
def test_other_ways_to_write_it_are_understood(typed: str, read: str) -> None:
    assert str(parse(typed)) == read


@pytest.mark.parametrize(
    ("typed", "start", "fixed"),
    [
        ("class:car scroe:<0.5", 10, "class:car score:<0.5"),
        ("state:pendng", 6, "state:pending"),
        ("mask:<80", 6, "mask:<0.8"),
        ("score:0.5..0.2", 6, "score:0.2..0.5"),
        ("sort:dubt", 5, "sort:doubt"),
        ('name:"abc', 5, 'name:"abc"'),
        ("score:abc", 6, ""),
        ("score:<0,5", 7, ""),
        ("class: state:pending", 0, ""),
        ("dog >3", 4, ""),
        ("sort:random(x)", 5, "sort:random"),
        ("area:1e999", 5, ""),
        ("zzz:1", 0, ""),
    ],
)
def test_a_typo_names_its_place_and_the_nearest_word(typed: str, start: int, fixed: str) -> None:
    with pytest.raises(SearchError) as caught:
        parse(typed)
    assert (caught.value.start, caught.value.fixed) == (start, fixed)
    assert caught.value.next
    if fixed:
        parse(fixed)


def test_a_search_has_a_limit() -> None:
    for text in ("a" * 2001, "a " * 51):
        with pytest.raises(SearchError, match="at most"):
            parse(text)


def test_an_unknown_class_is_refused_with_the_nearest() -> None:
    names = ("person", "traffic light", "car")
    check_labels(parse('class:PERSON,"traffic light" without:c*'), "", names)
    text = "count:>1 class:persn"
    with pytest.raises(SearchError, match="Did you mean person") as caught:
        check_labels(parse(text), text, names)
    assert caught.value.fixed == "count:>1 class:person"


def test_a_star_stands_for_any_letters() -> None:
    assert matcher("veh*/C*")("Vehicle/car")
    assert not matcher("car")("racecar")
    assert matcher("a*c", anywhere=True)("xxAbCxx")
    assert not matcher("a.c", anywhere=True)("abc")


def test_searches_are_changed_by_their_terms() -> None:
    pending, accepted = parse("state:pending").terms[0], parse("state:accepted").terms[0]
    search = parse("state:pending dog")
    assert search.plus(pending) == search
    assert str(search.minus(pending)) == "name:dog"
    assert str(search.with_only(accepted).sorted_by(SortKey.AGE)) == "name:dog state:accepted sort:age"


def offered(text: str, position: int | None = None) -> list[str]:
    position = len(text) if position is None else position
    return [c.applied(text) for c in completions(text, position, ["person", "traffic light"], ["yolo11n.pt"])]


def test_completion_offers_words_then_their_values() -> None:
    assert offered("sta") == ["stability:", "state:"]
    assert offered("dog -cl") == ["dog -class:"]
    assert offered("class:") == ["class:person ", 'class:"traffic light" ']
    assert offered("class:person,tr") == ['class:person,"traffic light" ']
    assert offered('class:"traffic l') == ['class:"traffic light" ']
    assert offered("state:pend dog", 10) == ["state:pending  dog"]
    assert offered("model:")[-1] == "model:yolo11n.pt "
    assert offered("sort:sc") == ["sort:score "]
    assert len(offered("")) == len(FIELDS) + 1


def test_all_values_offered_are_understood() -> None:
    for word, values in vocabulary(["person"], ["yolo11n.pt"]).items():
        for value in values:
            parse(f"{word}:{value.text}")
    for field in FIELDS.values():
        parse(field.example)
