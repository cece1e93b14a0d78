"""Between the hub and LAPOR: the same reports, the same words, the same endings, each once on either side."""

from collections.abc import Callable, Collection, Iterator, Mapping

from ops.demo.evidence import Evidence, Item
from ops.demo.sums.check import Check, none, once_each, same

Forwards = Callable[[str, str | None], bool]
"""The city's policy: whether a complaint by this channel and of this klasifikasi goes to LAPOR."""

ENDED = ("Ditutup", "Diarsipkan", "Konten Terblokir")
"""How the statuses of ended reports begin in LAPOR: closed, archived, blocked."""


OUR_WORDS: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {
    "tindak_lanjut": (
        "each answer given here stands in LAPOR once",
        {"complaint.answered": (), "complaint.rejected": ("unclear", "no_evidence", "abusive", "duplicate")},
    ),
    "permintaan_kelengkapan": (
        "each question asked here stands in LAPOR once",
        {"information.requested": ()},
    ),
    "bukan_wewenang": (
        "each “not our business” said here stands in LAPOR once",
        {"complaint.rejected": ("not_ours",)},
    ),
}
"""By LAPOR's template: which events stand there with it; of rejections, those of these kinds."""


def shared_reports(evidence: Evidence, forwards: Forwards) -> Iterator[Check]:
    """The reports that both sides know are the same, made once, and those that the policy wants."""
    linked = [link for link in evidence.links if link["linked"]]
    from_there = [link["lapor_id"] for link in linked if link["origin"] == "lapor"]
    from_here = [link for link in linked if link["origin"] == "hub"]
    yield once_each("every report born in LAPOR is linked", numbers(evidence, "control:"), from_there)
    ours = numbers(evidence, "api:")
    yield once_each("every report that the hub made is linked", ours, [one["lapor_id"] for one in from_here])
    yield same(
        "each of them carries the ticket of its complaint",
        {(str(one["lapor_id"]), str(one["ticket"])) for one in from_here},
        {(number, _ticket(evidence.reports[number]["content"])) for number in ours},
    )
    yield once_each(
        "each link was said once",
        {(str(link["complaint_id"]), str(link["lapor_id"])) for link in linked},
        [(one.key, one.data["lapor_id"]) for one in evidence.of("lapor.events", "lapor.linked")],
    )
    yield same(
        "what the city's policy sends is in LAPOR, and nothing else",
        _to_be_sent(evidence, forwards),
        {str(link["complaint_id"]) for link in from_here},
    )
    anonymous = {
        one.key for one in evidence.of("intake.events", "complaint.received") if one.data["anonymous"]
    }
    yield same(
        "of each that is not anonymous intake was asked who reported it",
        {str(link["complaint_id"]) for link in from_here} - anonymous,
        {key for key, row in evidence.intake.items() if row["asked"]},
    )
    made = sum(acts.get("create", 0) for acts in _ours_in_the_ledger(evidence))
    yield Check("LAPOR's ledger shows one making for each of them", len(ours), made)
    for counter, name in (
        ("same_report_created_twice", "no report was made twice in LAPOR"),
        ("same_item_written_twice", "nothing was written twice under a report"),
    ):
        yield Check(name, 0, int(evidence.counters[counter]))


def numbers(evidence: Evidence, made_by: str) -> set[str]:
    """The numbers of LAPOR's reports that were made by these (`control:` its own people, `api:` the hub)."""
    return {n for n, report in evidence.reports.items() if str(report["created_by"]).startswith(made_by)}


def _ours_in_the_ledger(evidence: Evidence) -> Iterator[Mapping[str, int]]:
    writes: Mapping[str, Mapping[str, int]] = evidence.counters["writes"]
    return (acts for who, acts in writes.items() if who.startswith("api:"))


def _ticket(content: str) -> str:
    return content.rstrip().rpartition("Tiket Simpul: ")[2]


def _to_be_sent(evidence: Evidence, forwards: Forwards) -> set[str]:
    """Complaints of our own that were routed, and that the policy does not keep here."""
    routed = {one.key for one in evidence.of("routing.events", "complaint.routed")}
    return {
        one.key
        for one in evidence.of("intake.events", "complaint.received")
        if one.key in routed
        and one.data["source"] != "lapor"
        and one.data["forward"]
        and forwards(one.data["channel"], one.data.get("klasifikasi"))
    }


def words_on_both_sides(evidence: Evidence, questions: Collection[str]) -> Iterator[Check]:
    """What anybody wrote on one side stands on the other, once."""
    shared = {str(link["complaint_id"]): str(link["lapor_id"]) for link in evidence.links if link["linked"]}
    ours = [item for item in evidence.items if item.by.startswith("api:")]
    theirs = [item for item in evidence.items if not item.by.startswith("api:") and item.said]
    for template, (name, kinds) in OUR_WORDS.items():
        given = {
            (shared[one.key], one.id.replace("-", "")[:12])
            for one in evidence.of("routing.events", *kinds)
            if one.key in shared
            and one.data["by"]["kind"] != "lapor"
            and (one.type != "complaint.rejected" or one.data["kind"] in kinds[one.type])
        }
        written = [(item.report, _mark(item)) for item in ours if item.template == template]
        yield once_each(name, given, written)
    replied = [*evidence.of("lapor.events", "lapor.replied")]
    yield once_each(
        "each answer and reply written in LAPOR was said here once",
        {(item.report, item.id) for item in theirs if not _is_question(item, questions)},
        [(one.data["lapor_id"], one.data["item"]) for one in replied],
    )
    by_citizens = {one.id for one in replied if one.data["by"]["kind"] == "citizen"}
    yield once_each(
        "each reply of a reporter in LAPOR is the citizen's here",
        by_citizens,
        [str(one.cause) for one in evidence.of("intake.events", "citizen.replied")],
    )
    by_opds = {(one.key, str(one.data["item"])) for one in replied if one.data["by"]["kind"] == "opd"}
    yield once_each(
        "each answer of an institution in LAPOR is in its case here once",
        by_opds,
        [
            (key, str(moment["ref"]))
            for key, case in evidence.routing.items()
            for moment in case["history"]
            if moment.get("ref")
        ],
    )


def _mark(item: Item) -> str:
    return (item.text or "").rpartition("[Simpul ")[2].rstrip("]")


def _is_question(item: Item, questions: Collection[str]) -> bool:
    return item.institution is not None and item.text in questions


def endings(evidence: Evidence) -> Iterator[Check]:
    """What is over on one side is over on the other."""
    complaint_of = {str(link["lapor_id"]): str(link["complaint_id"]) for link in evidence.links}
    ended = {
        complaint_of[number]
        for number, report in evidence.reports.items()
        if number in complaint_of and str(report["status"]).startswith(ENDED)
    }
    closed = {key for key, case in evidence.routing.items() if case["state"] == "closed"}
    shared = {str(link["complaint_id"]) for link in evidence.links if link["linked"]}
    yield same("what LAPOR closed, archived or blocked is closed here", ended, ended & closed)
    yield same("what was closed here is ended in LAPOR, too", closed & shared, closed & ended)


def delivered(evidence: Evidence) -> Iterator[Check]:
    """What the bridge had to write is written, and nothing waits for a person."""
    done = sum(write["state"] == "done" for write in evidence.writes)
    found = sum(sum(acts.values()) for acts in _ours_in_the_ledger(evidence))
    yield Check("LAPOR's ledger shows each write of the bridge, and no other", done, found)
    yield none(
        "nothing waits to be written in LAPOR, or for a person",
        [f"{w['operation']} is {w['state']}: {w['reason']}" for w in evidence.writes if w["state"] != "done"],
    )
    yield none(
        "no report of LAPOR waits, was refused, or could not be read",
        [
            f"{link['lapor_id']} is {link['posting_state']}"
            for link in evidence.links
            if link["posting_state"] in ("waiting", "refused")
        ]
        + ["oddities"] * max((int(link["oddities"]) for link in evidence.links), default=0),
    )
    failed = evidence.of("lapor.events", "lapor.delivery_failed")
    yield none("nothing failed on its way to LAPOR", [str(one.data["reason"]) for one in failed])
