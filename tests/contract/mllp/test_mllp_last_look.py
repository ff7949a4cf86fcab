"""The last look before the first byte to an EHR (ADR 0013)."""

from gateway.delivery.outcome import Delivered, Evidence, Guarded, NotTaken
from tests.contract.mllp.ehr import Ehr
from tests.contract.mllp.peer import turns
from tests.contract.mllp.test_mllp_sender import AA_1, claim, sending


async def objecting() -> str:
    return "identity.conflict"


async def test_an_objection_is_heard_when_all_that_is_left_is_to_write() -> None:
    """The connection stands by then; not a byte goes over it."""
    ehr = Ehr((AA_1,))
    async with sending(ehr) as sender:
        shown = await sender.send(claim(), objecting)
        await turns()
        then = len(ehr.connections)
        again = await sender.send(claim())

    assert shown == Guarded(Evidence("identity.conflict"))
    assert then == 1
    assert isinstance(again, Delivered)
    assert len(ehr.messages) == 1


async def test_what_an_ehr_says_during_the_last_look_is_no_answer() -> None:
    ehr = Ehr((AA_1,), (AA_1,))

    async def interrupted() -> str:
        ehr.connections[0].write(AA_1)
        await turns()
        return ""

    async with sending(ehr) as sender:
        await sender.send(claim())
        shown = await sender.send(claim(), interrupted)

    assert shown == NotTaken(Evidence("mllp.unreachable"))
    assert len(ehr.messages) == 1
