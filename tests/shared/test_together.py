"""Commands that share a commit: each has its own answer, and none fails for another's sake."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from shared.decision import Refused, Unworkable
from shared.delivery.desk import Applied, Busy, Desk
from shared.delivery.together import MOST_ACTS, Act, Together
from tests.shared.world import Tally, World, Write

Toy = Desk[Tally, World]


async def ask(desk: Toy, *texts: str, key: UUID | None = None) -> list[Applied[Tally] | BaseException]:
    """All at once, each about a complaint of its own, or all about this one."""
    asked = (desk.command_with_others(key or uuid4(), Write(text=text)) for text in texts)
    return await asyncio.gather(*asked, return_exceptions=True)


def written(answers: Sequence[Applied[Tally] | BaseException]) -> list[tuple[str, ...] | type[BaseException]]:
    return [one.state.texts if isinstance(one, Applied) else type(one) for one in answers]


@pytest.mark.store
async def test_what_queued_while_the_last_commit_ran_shares_the_next_one(desk: Toy) -> None:
    answers = await ask(desk, *("fine",) * 50)
    assert written(answers) == [("fine",)] * 50
    assert all(isinstance(one, Applied) and len(one.says) == 1 for one in answers)
    assert await desk.pool.fetchval("SELECT count(DISTINCT xmin::text) FROM tallies") <= 3
    assert await desk.pool.fetchval("SELECT count(*) FROM delivery.said") == 50


@pytest.mark.store
@pytest.mark.parametrize(
    ("how", "why"), [("forbidden", Refused), ("raise", KeyError), ("refused by the store", Unworkable)]
)
async def test_one_that_cannot_be_done_fails_none_of_its_neighbours(
    desk: Toy, how: str, why: type[Exception]
) -> None:
    answers = await ask(desk, *("fine",) * 20, how, *("fine",) * 20)
    assert written(answers) == [*[("fine",)] * 20, why, *[("fine",)] * 20]
    assert await desk.pool.fetchval("SELECT count(*) FROM tallies") == 40
    assert await desk.pool.fetchval("SELECT count(*) FROM delivery.said") == 40


@pytest.mark.store
async def test_one_whose_complaint_somebody_holds_keeps_its_neighbours_waiting_and_fails_alone(
    desk: Toy,
) -> None:
    held = uuid4()
    await desk.command(held, Write(text="before"))
    async with desk.transaction([held]):
        asked = [asyncio.create_task(ask(desk, "fine")), asyncio.create_task(ask(desk, "mine", key=held))]
        asked += [asyncio.create_task(ask(desk, "fine")) for _ in range(5)]
        answers = written([answer for answers in await asyncio.gather(*asked) for answer in answers])
    assert answers == [("fine",), Busy, *[("fine",)] * 5]


@pytest.mark.store
async def test_two_about_one_complaint_are_done_in_order_and_each_hears_of_its_own(desk: Toy) -> None:
    answers = await ask(desk, "1", "2", "3", key=uuid4())
    assert written(answers) == [("1",), ("1", "2"), ("1", "2", "3")]


@pytest.mark.store
async def test_what_was_asked_is_done_though_whoever_asked_is_gone(desk: Toy) -> None:
    key = uuid4()
    asked = asyncio.create_task(desk.command_with_others(key, Write(text="gone")))
    await asyncio.sleep(0)
    asked.cancel()
    await ask(desk, "later")
    assert await desk.pool.fetchval("SELECT texts FROM tallies WHERE key = $1", key) == ["gone"]


async def test_a_group_that_fails_as_a_whole_tells_all_of_it_and_the_next_goes_on() -> None:
    groups: list[int] = []

    async def do_all(acts: Sequence[Act]) -> Sequence[str | Exception]:
        groups.append(len(acts))
        await asyncio.sleep(0)
        if len(groups) == 2:
            raise ConnectionError("the store is away")
        return ["done"] * len(acts)

    together = Together[str](do_all)
    act = (uuid4(), Write(text=""))
    first = asyncio.create_task(together.do(act))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answers = await asyncio.gather(*(together.do(act) for _ in range(9)), return_exceptions=True)
    assert await first == "done"
    assert [type(one) for one in answers] == [ConnectionError] * 9
    assert await together.do(act) == "done"
    assert groups == [1, 9, 1]


async def test_a_group_has_a_size_that_a_transaction_can_bear() -> None:
    groups: list[int] = []

    async def do_all(acts: Sequence[Act]) -> Sequence[int]:
        groups.append(len(acts))
        return range(len(acts))

    together = Together[int](do_all)
    await asyncio.gather(*(together.do((uuid4(), Write(text=""))) for _ in range(MOST_ACTS + 7)))
    assert groups == [MOST_ACTS, 7]
