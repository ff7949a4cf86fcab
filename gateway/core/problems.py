"""Every problem code: what it means, what to do next, its HL7 table 0357 number.

Codes are a public contract: they reach acknowledgements, alarms and runbooks and
are never reused. ``docs/problems.md`` is generated from this table.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code's explanation.

    Attributes:
        hl7: HL7 table 0357 (message error condition), for ERR-3 or ERR-1.4.
        says: What is wrong, in one sentence.
        then: What to do next, in one sentence.
    """

    hl7: int
    says: str
    then: str


CATALOGUE: Final[dict[str, Meaning]] = {}


def _codes(hl7: int, /, **entries: str) -> None:
    for name, text in entries.items():
        says, then = text.split(" | ")
        CATALOGUE[name.replace("__", ".")] = Meaning(hl7, says, then)


# 100: segment sequence error
_codes(
    100,
    message__no_header="The frame does not begin with a usable MSH segment. | "
    "Send one HL7 message per frame, starting with MSH and its delimiters.",
    message__two_headers="One frame holds more than one MSH segment. | "
    "Frame every message on its own.",
    message__fragment="The message continues another one (MSH-14, DSC or ADD). | "
    "Send the message whole; fragments are not joined.",
    message__batch="The frame holds a batch (FHS or BHS). | "
    "Send the messages of the batch one by one.",
    message__too_many_segments="The message has more segments than the limit. | "
    "Split it.",
    message__too_many_orders="The message holds more orders than one may. | "
    "Send at most 49 orders in one message.",
    segment__missing="A required segment is missing. | Send the segment.",
    segment__repeated="A segment that says whom the message is about is there twice. "
    "| Send one message for each patient.",
    segment__not_a_segment="A line does not begin with a segment id. | "
    "Escape line breaks inside fields as \\.br\\ and end segments with CR, or have the "
    "site's file say line_ends: any.",
)
# 101: required field missing
_codes(
    101,
    message__no_control_id="MSH-10 is empty, so no answer could be matched to it. | "
    "Give every message its own control id.",
    field__missing="A required field is empty. | "
    "Fill it in and send the message again.",
)
# 102: data type error
_codes(
    102,
    field__not_a_date="A date cannot be read. | Send YYYYMMDD.",
    field__not_a_time="A time cannot be read. | Send YYYYMMDDHHMM[SS][+ZZZZ].",
    field__not_a_number="A number cannot be read. | Send digits with a decimal point.",
    field__unit_missing="A number has no unit. | Send the unit; it is never guessed.",
    field__unit_unknown="A unit is not one we can convert. | Send a UCUM unit.",
    field__not_a_quantity="A unit measures something else, such as cm for a weight. | "
    "Send a unit of what the field holds.",
    field__not_valid="A value breaks a rule of the canonical order. | "
    "Compare it with docs/order.schema.json.",
    field__too_long="A value is longer than its limit. | Shorten it.",
    field__too_many="A field has more repetitions than the limit, 1000. | Send fewer.",
    field__more_than_one="A field that decides which patient, order, product or dose "
    "is meant holds more than one value. | Send one: a repetition, component or "
    "subcomponent beside it is never cut away, nor is one of two results taken.",
    field__implausible="No body has this weight (0.3 to 700 kg) or this height (20 to "
    "280 cm). | Check the value and its unit.",
    field__malformed="A value cannot be read as what its place should hold. | "
    "Send it in the form the interface agreement names.",
    time__ambiguous="A local time without offset happens twice that night. | "
    "Send the offset, or release the message after checking the hour.",
    time__nonexistent="A local time without offset does not exist that night. | "
    "Send the offset, or correct the hour.",
    charset__unknown="MSH-18 names a character set we do not know. | "
    "Send a name of HL7 table 0211, or have the site's file name it.",
    charset__mismatch="Bytes are not in the character set the message declares. | "
    "Correct MSH-18 or the encoding; nothing is replaced here.",
    payload__control_bytes="The message holds a framing byte as payload. | "
    "Nothing to do; look at the message in hex if it recurs.",
)
# 103: table value not found
_codes(
    103,
    code__unknown="A code is not in its code table. | "
    "Add it to the table named in the mapping, or correct the code.",
    command__unlisted="The order control code is not one this site may send. | "
    "Send NW, XO or CA, or list the code in the site's mapping.",
    product__not_routed="No manufacturer makes this product in this country. | "
    "Add a route, or correct the product.",
)
# 200: unsupported message type or event
_codes(
    200,
    message__unsupported_type="This site does not handle the message type. | "
    "List it under messages: or ignore: in the site's file.",
)
# 201: unsupported event code
_codes(
    201,
    message__unsupported_event="This site does not handle the trigger event. | "
    "List it under messages: or ignore: in the site's file.",
)
# 202: unsupported processing id
_codes(
    202,
    message__processing_id="MSH-11 is blank or not one this site may send. | "
    "Send the agreed processing id; test traffic never reaches production.",
)
# 203: unsupported version id
_codes(
    203,
    message__unsupported_version="MSH-12 is not a version of HL7 v2 we read. | "
    "Send 2.1 to 2.9.",
)
# 204: unknown key identifier
_codes(
    204,
    order__placer_mismatch="Two places that must name the same order differ. | "
    "Send the same placer number in both.",
    order__second_service="Two services (OBR) stand under one order (ORC). | "
    "Send an ORC with each, and no earlier results.",
    order__reference_mismatch="An answer names another order than it answers. | "
    "It is not believed: the request is repeated where that is safe, else held. "
    "Ask the manufacturer if it goes on.",
    patient__two_numbers="Two different numbers could each be the patient's. | "
    "Send the one that holds.",
    patient__merge_into_itself="A merge names the same patient twice. | "
    "Correct the message.",
    order__unknown="The message refers to an order we do not have. | "
    "Check the reference.",
    message__control_id_reused="A control id came again with another content. | "
    "A person compares the two messages and releases or resolves this one.",
    order__second_new="A second new order has a placer number already in use. | "
    "A person decides whether it is a change; release or resolve it.",
    order__possible_replacement="The patient has an open order for this product. | "
    "A person decides: release it if both are wanted, else cancel one.",
    order__closed="The order has ended; nothing can follow. | "
    "A person decides; a new therapy needs a new placer number.",
    order__newer_change="A newer change of the order was applied in the meantime. | "
    "A person compares the two; a second release lets the older one overrule.",
    order__number_conflict="The manufacturer gives the order a second number, or "
    "the number of another order. | "
    "Two people ask the manufacturer which order it has, and whether twice.",
    order__other_product="A change names another product than the order. | "
    "A person decides; another product needs a new order.",
    order__impossible_step="A step cannot follow the order's present status. | "
    "A person compares the ledger with the sender's record.",
    order__other_route="A change names a facility whose orders go elsewhere. | "
    "A person decides; another manufacturer needs a new order.",
    order__stale_report="A report is older than the order's last submission, so it "
    "may be about one that was refused. | "
    "A person asks the manufacturer, and releases it if it is about the last one.",
    order__cancel_blocked="A cancellation waits behind a delivery that is held. | "
    "See to that: baton deliveries list --state held; call the manufacturer meanwhile.",
    order__cancel_unanswered="The site cancels again what the manufacturer has not "
    "answered yet. | Ask the manufacturer: baton orders show, baton deliveries list.",
    order__backward_step="A later report names an earlier step. | "
    "A person compares the ledger with the sender's record.",
    identity__conflict="The patient disagrees with the order's ledger. | "
    "Two people compare the identities before anything is sent.",
    identity__hold="The order has an identity hold. | "
    "Two people resolve it; it cannot be released by one.",
    identity__merge="A patient with an open order was merged, linked or renumbered. | "
    "Two people confirm which order belongs to whom.",
    coi__conflict="The chain-of-identity number disagrees with the ledger. | "
    "Two people compare the labels before anything is sent.",
    coi__in_use="The chain-of-identity number is another order's. | "
    "Two people compare the labels before anything is sent.",
)
# 207: application internal error, and what no sender hears
_codes(
    207,
    sender__stranger="No site recognises this sender here. | "
    "Compare MSH-3, MSH-4 and the network with the site's file; the open test site "
    "takes MSH-11 T and D, and P only with --open.",
    site__paused="The site is paused or its mapping does not compile. | "
    "Run: baton check. Send again afterwards.",
    manufacturer__paused="The product's manufacturer is paused: its files do not "
    "compile. | Run: baton check. Send again afterwards.",
    store__unavailable="The message could not be stored. | "
    "Send it again; see the alarms for the cause.",
    message__too_large="The message is over the size limit. | "
    "Send it in a smaller form, or raise the limit.",
    message__new_order_waits="A new order waits with a change or cancellation in the "
    "same message, whose order has not come. | "
    "Look what it waits for: baton messages show; ask the sender for it.",
    message__waits_long="A message has waited long for the order it is about. | "
    "Look what it waits for: baton messages show; ask the sender, then dismiss it.",
    message__failed="Deciding the message failed here; it is kept. | "
    "Report the message id; it is released after the repair.",
    body__too_deep="The body is nested deeper than 64 levels. | Correct the sender.",
    body__not_json="The body is not the JSON it claims to be. | Correct the sender.",
    render__unrepresentable="A value cannot be written in the receiver's form. | "
    "A person decides how to tell the receiver; nothing is replaced.",
    delivery__outcome_unknown="It is not known whether the receiver acted. | "
    "Ask the receiver, then: baton deliveries resolve.",
    delivery__retries_spent="Every planned attempt failed. | "
    "Mend the destination, then: baton deliveries resolve.",
    delivery__rejected="The receiver refused it. | "
    "Read its reasons: baton deliveries show; correct the order at its source.",
    delivery__answer_unreadable="The receiver took a delivery, but what its answer "
    "says could not be mapped or applied. | "
    "Read it: baton deliveries show; mend the answer's mapping.",
    delivery__overtaken="Something was sent after the delivery, or its order ended, "
    "so it cannot be sent again. | Correct the order at its source.",
    destination__fault="The destination refuses us as a whole. | "
    "Check its address, certificate and credentials.",
    destination__behind="Something for the destination has been on its way for long: "
    "it is down, refuses us, asks us to wait, or lacks a setting. | "
    "Look why: baton deliveries show; the alarm closes once it takes deliveries.",
    destination__not_configured="The destination lacks an address or a secret. | "
    "Set what the log names in the line destination.not_configured, and restart.",
    webhook__signature="A webhook's signature, time or id is not valid. | "
    "Check the shared secret and the sender's clock.",
    answer__suppressed="A negative answer was suppressed by MSH-15. | "
    "Ask the sender to send MSH-15 AL.",
    ledger__broken="A ledger does not verify. | "
    "Stop, keep the disk, and compare with the last backup.",
    books__open="The closed books do not balance. | "
    "Run: baton audit, and report its output.",
    # what a person at the command line asked for
    message__not_held="The message is in no state in which this can be done. | "
    "Look at its state: baton messages show. A held one is released or dismissed; a "
    "waiting one is decided when its order comes, or dismissed.",
    message__unknown="There is no message with this id. | "
    "Look it up: baton messages list.",
    message__refused_again="Decided anew, the message would be refused, but its "
    "sender was told that we have it. | Mend what the other problems name, "
    "or dismiss it and tell the sender.",
    delivery__unknown="There is no delivery with this id. | "
    "Look it up: baton deliveries list.",
    delivery__leased="The delivery is being sent at this moment. | "
    "Wait for its outcome, then try again.",
    delivery__final="The delivery has ended. | "
    "Nothing to do; a correction is a new operation.",
    delivery__never_sent="The delivery was never attempted, so it has not arrived. | "
    "Let it go, or resolve it as superseded and correct the order at its source.",
    delivery__not_held="The delivery is neither held nor dead. | "
    "Look at its state: baton deliveries show.",
    alarm__not_open="No such alarm is open. | Look it up: baton alarms list.",
    # what keeps a server from starting
    settings__token_file="The token file is too short, or others may read it. | "  # noqa: S106 - a code
    "Delete it and start again: a new one is made with mode 0600.",
    settings__unusable="The setting is not of its kind, or not above zero. | "
    "Write sizes like 16777216 or 16MiB, seconds like 25 or 0.5, counts like 128, "
    "and BATON_OPEN as true or false.",
    settings__missing="A destination needs this setting, and it is not set. | "
    "Set it, or set its name with _FILE behind it to the path of a file that holds it.",
    settings__not_an_endpoint="The setting is not HOST:PORT. | "
    "Write it like 127.0.0.1:2575.",
    settings__not_a_portal="The setting is not an address that orders may be sent "
    "to. | Write https://HOST/PATH, without user, query and fragment; http only to "
    "this machine or a simulator.",
    settings__not_a_webhook_secret="The setting is not a webhook secret. | "  # noqa: S106 - a code
    "Write it as the portal gives it: whsec_ and base64.",
    settings__address_unusable="Nothing can listen at this address: another program "
    "does, or it is not this machine's. | Stop the other program, or choose another "
    "address with --http or --mllp.",
    settings__unreadable_secret="The file that holds a secret cannot be read, "  # noqa: S106 - a code
    "or is empty. | Correct the path, the file's owner or its contents.",
    settings__no_mappings="The mappings folder is not there. | "
    "Correct BATON_MAPPINGS or --mappings.",
    settings__open_beside_real_sites="The open test site would serve beside messages "
    "of real sites. | Start without --open, or with another data folder.",
    store__locked="Another server uses the data folder. | "
    "Stop it, or give this one a folder of its own.",
    store__missing="There is no database in the data folder. | "
    "Start a server on it once, or correct BATON_DATA.",
    store__folder="The data folder cannot be made or written. | "
    "Create it, or correct its owner or BATON_DATA.",
    store__cannot_open="The database cannot be opened. | "
    "Check the folder's owner, its free space and the disk.",
    store__library="The SQLite library is too old to be safe. | "
    "Install the apsw version that the lock file names.",
    store__pragma="The database does not accept a setting that durability needs. | "
    "Move the data folder to a local disk.",
    store__migration_missing="The database was made by an older release. | "
    "Start the server of this release once; it brings the database up to date.",
    store__migration_newer="The database was used by a newer release. | "
    "Install that release again, or restore a backup from before it.",
    store__migration_changed="A migration was edited after it was applied. | "
    "Install an unaltered release.",
)
