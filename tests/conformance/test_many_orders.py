"""More orders than one message may bring, and than may be told of at once."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from conformance.simulators.messages import Person
from tests.conformance.scene import Scene, heavier, staged

MOST = 49
"""Orders in one message."""


def several(messages: list[bytes]) -> bytes:
    """Join messages about one patient: the first, and the orders of the others."""
    first, *others = messages
    return first + b"".join(m[m.index(b"ORC|") :] for m in others)


def numbers(scene: Scene, count: int) -> list[str]:
    return [scene.number() for _ in range(count)]


def product(number: str) -> str:
    """Name a product for each order: of one product a patient has one."""
    return f"P{int(number[2:]) % 1000:03}"


def widen(mappings: Path) -> None:
    """Let the manufacturer make a thousand products, which its portal refuses."""
    codes = [f"P{n:03}" for n in range(1000)]
    with (mappings / "sites/st_elm/codes/products.csv").open("a") as table:
        table.writelines(f"{code},HELIX-{code},\n" for code in codes)
    with (mappings / "manufacturers/helix/routes.yaml").open("a") as routes:
        routes.writelines(
            f"  HELIX-{code}: {{ title: {code}, countries: [US] }}\n" for code in codes
        )


@pytest.fixture
async def wide(tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(tmp_path, edit=widen) as scene:
        yield scene


def written(
    write: Callable[..., bytes], placed: list[str], person: Person
) -> list[bytes]:
    return [write(number, person, product=product(number)) for number in placed]


async def place(scene: Scene, person: Person, placed: list[str]) -> str:
    orders = written(scene.st_elm.new_order, placed, person)
    return (await scene.send("st_elm", several(orders))).code


async def test_one_order_too_many_is_refused_with_all_others(wide: Scene) -> None:
    scene, person = wide, wide.person()

    assert await place(scene, person, numbers(scene, MOST + 1)) == "CE"

    assert await scene.rows("orders") == []
    (row,) = await scene.rows("messages")
    assert row["problems"][0]["code"] == "message.too_many_orders"


async def test_a_hundred_orders_of_one_patient_can_all_be_held(
    wide: Scene,
) -> None:
    """A merge holds each of them, although the hospital is told of 99 at once."""
    scene, person = wide, wide.person()
    placed = numbers(scene, 2 * MOST + 2)
    for some in (placed[:MOST], placed[MOST : 2 * MOST], placed[2 * MOST :]):
        assert await place(scene, person, some) == "CA"

    merge = scene.st_elm.merge(scene.person(), person.mrn)
    assert (await scene.send("st_elm", merge)).code == "CA"

    orders = await scene.rows("orders")
    assert len(orders) == 2 * MOST + 2
    assert all("hold.identity" in order["flags"] for order in orders)
    await scene.alarm("message.too_many_orders")


async def test_what_causes_more_deliveries_than_have_numbers_waits_for_a_person(
    wide: Scene,
) -> None:
    """49 new orders, each sent and told of, and 49 changes of others."""
    scene, person = wide, wide.person()
    placed, fresh = numbers(scene, MOST), numbers(scene, MOST)
    await place(scene, person, placed)
    orders = written(scene.st_elm.new_order, fresh, person)
    changes = written(scene.st_elm.change_order, placed, heavier(person))

    ack = await scene.send("st_elm", several(orders + changes))

    row = await scene.message(ack)
    assert (ack.code, row["state"]) == ("CA", "held")
    assert row["problems"][0]["code"] == "message.too_many_orders"
