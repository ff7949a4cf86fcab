"""Messages that come before their order wait for it, and for all of them."""

from dataclasses import replace

import pytest

from conformance.simulators.messages import Person
from tests.conformance.scene import Scene, changed, heavier

pytestmark = pytest.mark.asyncio(loop_scope="module")


OTHER = "TIL2H"
"""The product of the second order: of one product a patient has one."""


def both(scene: Scene, one: str, other: str, person: Person) -> bytes:
    """A message that changes two orders of one patient."""
    first = scene.st_elm.change_order(one, heavier(person))
    second = scene.st_elm.change_order(other, heavier(person), product=OTHER)
    orders = second[second.index(b"ORC|") :]
    return first + orders


def second_new(message: bytes, number: str) -> bytes:
    """The same message with its second command a new order."""
    old = f"ORC|XO|{number}".encode()
    return changed(message, old, old.replace(b"|XO|", b"|NW|"))


async def state(scene: Scene, message_id: str) -> str:
    return str((await scene.message_by_id(message_id))["state"])


async def test_a_change_before_its_order_is_applied_after_it(scene: Scene) -> None:
    number, person = scene.number(), scene.person()
    change = scene.st_elm.change_order(number, heavier(person))
    ack = await scene.send("st_elm", change)
    early = await scene.message(ack)
    assert (ack.code, early["state"]) == ("CA", "waiting")

    await scene.send("st_elm", scene.st_elm.new_order(number, person))
    await scene.rests(number)

    assert await state(scene, early["id"]) == "applied"
    assert await scene.done(number) == ["submit", "change"]


async def test_several_early_messages_are_applied_in_the_order_they_came(
    scene: Scene,
) -> None:
    number, person = scene.number(), scene.person()
    for message in (
        scene.rheintal.change_order(number, heavier(person)),
        scene.rheintal.cancel_order(number, person),
    ):
        assert (await scene.send("rheintal", message)).code == "AA"

    await scene.send("rheintal", scene.rheintal.new_order(number, person))

    await scene.shows(number, status="cancelled")
    assert await scene.done(number) == ["submit", "change", "cancel"]


@pytest.mark.parametrize("later", [0, 1])
async def test_a_message_about_two_orders_waits_for_both(
    scene: Scene, later: int
) -> None:
    """Whichever comes last: both are changed, by one message, once."""
    numbers, person = (scene.number(), scene.number()), scene.person()
    ack = await scene.send("st_elm", both(scene, *numbers, person))
    early = await scene.message(ack)
    first, last = numbers[1 - later], numbers[later]
    orders = {
        numbers[0]: scene.st_elm.new_order(numbers[0], person),
        numbers[1]: scene.st_elm.new_order(numbers[1], person, product=OTHER),
    }

    await scene.send("st_elm", orders[first])
    await scene.rests(first)
    assert await state(scene, early["id"]) == "waiting"
    assert await scene.done(first) == ["submit"]

    await scene.send("st_elm", orders[last])
    for number in numbers:
        await scene.rests(number)
        assert await scene.done(number) == ["submit", "change"]
    assert await state(scene, early["id"]) == "applied"


async def test_one_order_being_there_already_is_no_obstacle(scene: Scene) -> None:
    placed, _ = await scene.settled()
    number, person = scene.number(), placed.person
    ack = await scene.send("st_elm", both(scene, placed.number, number, person))
    early = await scene.message(ack)

    await scene.send("st_elm", scene.st_elm.new_order(number, person, product=OTHER))

    for each in (placed.number, number):
        await scene.rests(each)
        assert await scene.done(each) == ["submit", "change"]
    assert await state(scene, early["id"]) == "applied"


async def test_an_order_that_waited_wakes_what_waits_for_it(scene: Scene) -> None:
    """A waits with B in it; C waits for B; A comes."""
    a, b, person = scene.number(), scene.number(), scene.person()
    await scene.send("st_elm", second_new(both(scene, a, b, person), b))
    weighed = replace(person, weight_kg="88.8")
    change = scene.st_elm.change_order(b, weighed, product=OTHER)
    late = await scene.message(await scene.send("st_elm", change))
    assert not await scene.orders(b)

    await scene.send("st_elm", scene.st_elm.new_order(a, person))

    await scene.rests(a)
    await scene.rests(b)
    assert await scene.done(a) == ["submit", "change"]
    assert await scene.done(b) == ["submit", "change"]
    assert await state(scene, late["id"]) == "applied"


async def test_an_order_that_waited_is_compared_with_the_one_that_wakes_it(
    scene: Scene,
) -> None:
    """Both are for one patient and product: the second may mean the first."""
    a, b, person = scene.number(), scene.number(), scene.person()
    change = scene.st_elm.change_order(a, person)
    order = scene.st_elm.new_order(b, person)
    waits = change + order[order.index(b"ORC|") :]
    early = await scene.message(await scene.send("st_elm", waits))

    await scene.send("st_elm", scene.st_elm.new_order(a, person))

    await scene.rests(a)
    held = await scene.message_by_id(early["id"])
    codes = [problem["code"] for problem in held["problems"]]
    assert (held["state"], codes) == ("held", ["order.possible_replacement"])
    assert not await scene.orders(b)


async def test_an_early_message_for_somebody_else_is_held_and_its_order_too(
    scene: Scene,
) -> None:
    number, person = scene.number(), scene.person()
    change = scene.st_elm.change_order(number, scene.person())
    early = await scene.message(await scene.send("st_elm", change))

    ack = await scene.send("st_elm", scene.st_elm.new_order(number, person))

    assert ack.code == "CA"
    await scene.shows(number, flag="hold.identity")
    assert await state(scene, early["id"]) == "held"
    assert await state(scene, (await scene.message(ack))["id"]) == "applied"
    await scene.rests(number)
    assert await scene.done(number) == []
