"""Whatever a provider answers, a collector ends with an answer or with one of the five errors of a poll."""

import copy
import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from advisor.errors import InputError
from advisor.polling.contract import CollectError
from advisor.polling.registry import providers
from advisor.testing import ask, samples
from advisor.testing.samples import Sample

#: What stands in the place of a value: another kind, nothing, a number that is none.
_ODD: tuple[Any, ...] = (None, "soon", -1, [], {}, [None], True)
_MOST = 80  # Places that are changed in all samples of a collector; of more every n-th.


def module(provider: str) -> ModuleType:
    return importlib.import_module(f"advisor.collectors.{provider.replace('-', '_')}")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value within an answer, the whole first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def with_odd(body: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    changed = copy.deepcopy(body)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = odd
    return changed


def changed(sample: Sample, most: int) -> Iterator[Sample]:
    found = list(places(sample.body))
    for place, path in enumerate(found[:: max(1, len(found) // most)]):
        odd = _ODD[place % len(_ODD)]
        yield sample.model_copy(update={"body": with_odd(sample.body, path, odd)})


SAMPLED = [name for name in providers() if samples(module(name))]


async def said(one: ModuleType, served: dict[str, Sample]) -> str:
    """Return the error that a poll ended with, "" for an answer; anything else is raised."""
    settings = one.Settings.model_validate(dict(one.ABOUT.example))
    try:
        await ask(one, served, settings)
    except (CollectError, InputError) as error:
        return str(error)
    except AssertionError as error:
        # A page that leads nowhere has no sample: the collector went on asking, which is well.
        if "no sample for" not in str(error):
            raise
    return ""


@pytest.mark.parametrize("provider", SAMPLED)
async def test_an_answer_of_another_shape_is_no_crash(provider: str) -> None:
    one = module(provider)
    good = {name: sample for name, sample in samples(one).items() if not sample.is_error}
    for name, sample in good.items():
        for odd in changed(sample, max(2, _MOST // len(good))) if sample.text is None else ():
            try:
                assert "\n" not in await said(one, {**good, name: odd})
            except Exception as error:
                error.add_note(f"{provider}, sample {name}: {odd.body!r:.600}")
                raise


@pytest.mark.parametrize("provider", SAMPLED)
@pytest.mark.parametrize("text", ["<html>", '{"data": null}', "[" * 5000])
async def test_what_is_no_answer_at_all_is_no_crash(provider: str, text: str) -> None:
    one = module(provider)
    good = {name: sample for name, sample in samples(one).items() if not sample.is_error}
    for name, sample in good.items():
        odd = sample.model_copy(update={"text": text, "body": None})
        assert "\n" not in await said(one, {**good, name: odd})
