"""The checkers: each an independent reading of topics, stores, LAPOR's ledger and the client's history.

Each compares two accounts that do not know of each other, and names what does not fit.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from ops import topics
from ops.demo import policy
from ops.demo.sums.check import Check, none, once_each, same
from ops.stack.parts import SERVICES
from tests.faults.deadlines import Office, instant
from tests.faults.evidence import Evidence, Rec
from tests.faults.people import REFUSED_BY_THE_STORE, SOURCE

OWNERS = ("intake.events", "routing.events", "lapor.events", "sla.events")
RESTS = {
    "intake": {
        "verifying", "reexamined", "routed", "in_work", "waiting", "answered", "rejected", "closed", "archived",
        "withdrawn", "blocked",
    },
    "routing": {"triage", "routed", "in_work", "asked", "answered", "closed", "rejected"},
}  # fmt: skip
"""In which states of each store a complaint may stay when nothing is left to do."""

Checker = Callable[[Evidence], Iterator[Check]]


def acknowledged(e: Evidence) -> Iterator[Check]:
    """Every acknowledged complaint exists once; none that nobody sent."""
    received = Counter(
        (one.data["source"], one.data["reference"]) for one in e.of("intake.events", "complaint.received")
    )
    sent = {deed.name for deed in e.history.of("submit")}
    ok = {deed.name for deed in e.history.of("submit") if deed.outcome == "ok"}
    ours = {reference for source, reference in received if source == SOURCE}
    yield none("no acknowledged complaint is lost", [f"{name} was acknowledged" for name in ok - ours])
    yield none("no complaint is there that nobody sent", [str(name) for name in ours - sent])
    failed = {deed.name for deed in e.history.of("submit") if deed.outcome == "failed"}
    yield none("what was refused or never sent is not there", list(failed & ours))
    yield none(
        "no complaint was taken in twice", [str(name) for name, times in received.items() if times > 1]
    )
    yield none(
        "the same reference always got the same ticket",
        [f"{deed.name}: {sorted(deed.tickets)}" for deed in e.history.of("submit") if len(deed.tickets) > 1],
    )
    born = {
        number for number, report in e.reports.items() if not str(report["created_by"]).startswith("api:")
    }
    there = {reference for source, reference in received if source == "lapor"}
    yield same("every report of LAPOR's own became a complaint, and nothing else did", born, there)
    keys = {one.key for one in e.of("intake.events", "complaint.received")}
    yield same("intake's store holds these complaints", keys, set(e.intake))
    refused = _refused_by_the_store(e)
    yield same(
        "routing's store holds them",
        keys - refused,
        {k for k, case in e.routing.items() if case["state"] != "new"} - refused,
    )
    yield same("the monitor's store holds them", keys, {k for k, row in e.monitor.items() if row["ticket"]})


def _refused_by_the_store(e: Evidence) -> set[str]:
    return {
        one.key
        for one in e.of("intake.events", "complaint.received")
        if one.data["title"] == REFUSED_BY_THE_STORE
    }


def receipts(e: Evidence) -> Iterator[Check]:
    """Whoever handed something in by Kafka was told, and each complaint was said to be new once."""
    told: dict[str, list[Rec]] = defaultdict(list)
    for one in e.of("intake.receipts", "submission.accepted", "submission.refused"):
        if one.data["source"] == SOURCE:
            told[one.data["reference"]].append(one)
    by_kafka = {d.name for d in e.history.of("submit") if d.door == "kafka" and d.outcome == "ok"}
    yield none(
        "every submission by Kafka that was acknowledged has its receipt",
        [n for n in by_kafka if n not in told],
    )
    news = Counter(
        r.data["reference"]
        for mine in told.values()
        for r in mine
        if r.type == "submission.accepted" and not r.data["repeated"]
    )
    yield none("no complaint was new twice", [name for name, times in news.items() if times > 1])
    updates: dict[tuple[str, str], list[Rec]] = defaultdict(list)
    for one in e.of("routing.receipts", "update.accepted", "update.refused"):
        updates[one.data["source"], one.data["reference"]].append(one)
    sent = {(d.body["source"], d.name) for d in e.history.of("update") if d.outcome == "ok"}
    both = [str(name) for name, mine in updates.items() if len({one.type for one in mine}) > 1]
    yield none("no update was both accepted and refused", both)
    yield none(
        "every update by Kafka that was acknowledged has its receipt", [str(n) for n in sent - updates.keys()]
    )


def rest(e: Evidence) -> Iterator[Check]:
    """Every complaint has come to a final, a waiting or a parked state, in every store the same."""
    refused = _refused_by_the_store(e)
    for service, table in (("intake", e.intake), ("routing", e.routing)):
        column = "status" if service == "intake" else "state"
        odd = [
            f"{k} is {row[column]}"
            for k, row in table.items()
            if row[column] not in RESTS[service] and k not in refused
        ]
        yield none(f"every complaint in {service} rests in a known state", odd)
    stands: dict[str, str] = {}
    for one in e.good("routing.events"):
        if state := _AFTER.get(one.type):
            stands[one.key] = state
    heard = e.by_key("routing.events")
    replied = {one.key for one in e.of("intake.events", "citizen.replied")}
    odd = []
    for key, case in e.routing.items():
        if key in refused or key not in heard:
            continue
        last = next((_AFTER[one.type] for one in reversed(heard[key]) if one.type in _AFTER), None)
        if case["state"] != last and not (case["state"] == "in_work" and key in replied):
            odd.append(f"{key} is {case['state']}, routing.events say {last}")
    yield none("every case stands as routing.events tell", odd)
    answered = {
        "answered": {"answered"},
        "closed": {"closed", "archived", "withdrawn", "blocked"},
        "rejected": {"rejected"},
    }
    odd = [
        f"{key}: the case is {case['state']}, the public reads {e.intake[key]['status']}"
        for key, case in e.routing.items()
        if key in e.intake
        and key not in refused
        and e.intake[key]["status"] not in answered.get(case["state"], RESTS["intake"])
    ]
    yield none("intake tells the public what routing knows", odd)


_AFTER = {
    "triage.requested": "triage", "complaint.routed": "routed", "complaint.accepted": "in_work",
    "complaint.progressed": "in_work", "complaint.answered": "answered", "information.requested": "asked",
    "complaint.rejected": "rejected", "complaint.closed": "closed",
}  # fmt: skip


def numbers(e: Evidence) -> Iterator[Check]:
    """Per complaint and owner, numbers without gap or inversion; and what was said is what was published."""
    for topic in OWNERS:
        gaps, inverted, doubled = [], [], []
        first_seen: dict[str, list[int]] = defaultdict(list)
        by_number: dict[tuple[str, int], Rec] = {}
        for one in e.records.get(topic, ()):
            if one.bad is not None or one.after is not None or one.number is None:
                continue
            known = by_number.setdefault((one.key, one.number), one)
            if known is one:
                first_seen[one.key].append(one.number)
            elif (known.id, known.value) != (one.id, one.value):
                doubled.append(f"{one.key} {one.number}: {known.type} and {one.type}")
        for key, seen in first_seen.items():
            if sorted(seen) != list(range(1, len(seen) + 1)):
                gaps.append(f"{key}: {seen[:20]}")
            elif seen != sorted(seen) and key not in e.withheld:
                inverted.append(f"{key}: {seen[:20]}")
        yield none(f"no number is missing on {topic}", gaps)
        yield none(f"no number comes before a smaller one on {topic}", inverted)
        yield none(f"no number stands for two events on {topic}", doubled)
    for service in SERVICES:
        said = {(row["topic"], row["id"]): row for row in e.said[service]}
        published = {
            (topic, one.id): one
            for topic, entry in topics.read().items()
            if service in entry.producers and topic != "intake.submissions" and entry.cleanup == "delete"
            for one in e.good(topic)
        }
        compacted = {topic for topic, entry in topics.read().items() if entry.cleanup != "delete"}
        wanted = {place for place in said if place[0] not in compacted}
        yield same(f"what {service} said is what Kafka has", wanted, set(published))
        yield none(
            f"and Kafka has it word for word ({service})",
            [str(p) for p in wanted & published.keys() if bytes(said[p]["value"]) != published[p].value],
        )
        words: dict[tuple[str, str], set[bytes]] = defaultdict(set)
        for row in e.said[service]:
            words[row["topic"], row["id"]].add(bytes(row["value"]))
        yield none(
            f"{service} never said two things under one id",
            [str(p) for p, said in words.items() if len(said) > 1],
        )
        twice = Counter((row["topic"], row["id"]) for row in e.said[service])
        yield none(f"{service} said nothing twice", [str(p) for p, times in twice.items() if times > 1])


def order(e: Evidence) -> Iterator[Check]:
    """What only shows where nothing was broken, and what PostgreSQL alone knows."""
    if e.calm:
        twice = [
            f"{topic}: {one_id} {times} times"
            for topic in OWNERS
            for one_id, times in Counter(one.id for one in e.records.get(topic, ())).items()
            if times > 1
        ]
        yield none("where nothing was cut off, nothing was sent twice", twice)
    yield Check("no two transactions waited for each other", 0, e.deadlocks)


def effects(e: Evidence) -> Iterator[Check]:
    """Each act has its effect once, by the count of whoever receives it."""
    spoken: dict[str, Counter[str]] = defaultdict(Counter)
    for topic in ("routing.events", "intake.events"):
        for one in e.good(topic):
            for token in _tokens(one.value):
                if one.type != "complaint.received":
                    spoken[token][topic] += 1
    deeds = [d for d in e.history.deeds.values() if d.what != "submit"]
    yield none(
        "no act was done twice",
        [f"{d.name}: {dict(spoken[d.token])}" for d in deeds if any(n > 1 for n in spoken[d.token].values())],
    )
    undone = [
        d.name for d in deeds
        if d.what in ("act", "citizen") and d.outcome == "ok" and not spoken[d.token]
        and not d.name.split("-")[1].startswith(("accept", "withdraw", "close", "route"))
    ]  # fmt: skip
    yield none("every act that was answered with success was done", undone)
    no = {one.data["reference"] for one in e.of("routing.receipts", "update.refused")}
    yes = {one.data["reference"] for one in e.of("routing.receipts", "update.accepted")}
    yield none(
        "no update that was only ever refused was done",
        [d.name for d in deeds if d.what == "update" and d.name in no - yes and spoken[d.token]],
    )
    yield none(
        "no act that was refused was done",
        [d.name for d in deeds if d.outcome == "failed" and spoken[d.token]],
    )
    moments = Counter((row["complaint_id"], row["event_id"], row["code"]) for row in e.timeline)
    yield none(
        "no event stands twice on a citizen's page", [str(m) for m, times in moments.items() if times > 1]
    )
    twice = []
    for key, case in e.routing.items():
        counted = Counter((m["event"], m["act"]) for m in json.loads(case["history"]))
        twice += [f"{key}: {what}" for what, times in counted.items() if times > 1]
    yield none("no event stands twice in a case's history", twice)
    refused = _refused_by_the_store(e)
    replies = Counter(
        m["event"]
        for key, case in e.routing.items()
        for m in json.loads(case["history"])
        if m["act"] in ("reply", "replied")
    )
    said = {one.id for one in e.of("intake.events", "citizen.replied") if one.key not in refused}
    if replies:
        yield once_each("each reply of a citizen stands in its case once", said, [*replies.elements()])
    notices = Counter(
        (one.data["ticket"], one.data["template"])
        for one in e.of("intake.notices", "notice.requested")
        if one.data["template"] == "received"
    )
    wanted = {d.name for d in e.history.of("submit") if "conversation" in d.body}
    tickets = {
        (one.data["ticket"], "received")
        for one in e.of("intake.events", "complaint.received")
        if one.data["source"] == SOURCE and one.data["reference"] in wanted
    }
    yield once_each(
        "each reporter with a conversation was told once that it was received", tickets, [*notices.elements()]
    )


def _tokens(value: bytes | None) -> set[str]:
    words = (
        (value or b"")
        .decode("utf-8", "replace")
        .replace('"', " ")
        .replace(".", " ")
        .replace(",", " ")
        .split()
    )
    return {word for word in words if word.startswith("tanda")}


def lapor(e: Evidence) -> Iterator[Check]:
    """Hub and LAPOR agree, and LAPOR's own ledger counts each effect once."""
    yield Check("no report was made twice in LAPOR", 0, int(e.counters["same_report_created_twice"]))
    yield Check("nothing was written twice in LAPOR", 0, int(e.counters["same_item_written_twice"]))
    ours = {
        number: report for number, report in e.reports.items() if str(report["created_by"]).startswith("api:")
    }
    tickets = Counter(report["content"].rstrip().rpartition("Tiket Simpul: ")[2] for report in ours.values())
    yield none("no complaint has two reports in LAPOR", [t for t, times in tickets.items() if times > 1])
    linked = {str(link["lapor_id"]): key for key, link in e.links.items() if link["linked"]}
    yield same("every report is linked, whoever made it", set(e.reports), set(linked))
    routed = {one.key for one in e.of("routing.events", "complaint.routed")}
    wanted = {
        one.key
        for one in e.of("intake.events", "complaint.received")
        if one.key in routed and one.data["source"] != "lapor" and one.data["forward"]
        and policy.forwards(one.data["channel"], one.data.get("klasifikasi"))
    }  # fmt: skip
    yield same(
        "what the city's policy sends on is in LAPOR, and nothing else",
        wanted, {key for key, link in e.links.items() if link["linked"] and link["origin"] == "hub"},
    )  # fmt: skip
    marks = Counter(
        (number, item["content"].rpartition("[Simpul ")[2].rstrip("]"))
        for number, mine in e.items.items()
        for item in mine
        if "[Simpul " in (item["content"] or "")
    )
    yield none(
        "no word of ours stands twice under a report", [str(m) for m, times in marks.items() if times > 1]
    )
    answers = {
        (str(e.links[one.key]["lapor_id"]), one.id.replace("-", "")[:12])
        for one in e.of("routing.events", "complaint.answered")
        if one.key in e.links and e.links[one.key]["linked"] and one.data["by"]["kind"] != "lapor"
    }
    undone = {(w["complaint_id"], w["cause"]) for w in e.writes if w["state"] != "done"}
    held = {(str(e.links[k]["lapor_id"]), cause.replace("-", "")[:12]) for k, cause in undone if k in e.links}
    yield none("every answer given here stands in LAPOR", [str(a) for a in answers - marks.keys() - held])
    yield none("nothing waits to be written in LAPOR", [
        f"{w['complaint_id']} {w['operation']} is {w['state']}: {w['reason']}" for w in e.writes
        if w["state"] in ("waiting", "attempted")
    ])  # fmt: skip
    yield none(
        "every report taken from LAPOR has its receipt",
        [
            f"{key} is {link['posting_state']}"
            for key, link in e.links.items()
            if link["posting_state"] in ("waiting", "refused")
        ],
    )
    theirs = {
        (number, str(item["id"]))
        for number, mine in e.items.items()
        for item in mine
        if "[Simpul " not in (item["content"] or "") and item["content"] and not item["template_code"]
        and not item["rating"] and number in linked and item["user_id"]
    }  # fmt: skip
    told = Counter((one.data["lapor_id"], one.data["item"]) for one in e.of("lapor.events", "lapor.replied"))
    yield none("every reply in LAPOR was told here", [str(t) for t in theirs - told.keys()])
    yield none("none was told twice", [str(t) for t, times in told.items() if times > 1])
    ended = ("Ditutup", "Diarsipkan", "Konten Terblokir")
    over_there = {
        linked[n] for n, r in e.reports.items() if n in linked and str(r["status"]).startswith(ended)
    }
    closed = {key for key, case in e.routing.items() if case["state"] == "closed"}
    refused = _refused_by_the_store(e)
    yield none("what LAPOR ended is closed here", list(over_there - closed - refused))


def clocks(e: Evidence) -> Iterator[Check]:
    """Every deadline recomputed; the net breaches are exactly those; sla.state read from nothing equals the store."""
    office = Office(e.policies["sla"], e.policies["holidays"])
    intake, routing = e.by_key("intake.events"), e.by_key("routing.events")
    expected = {
        (key, *late.clock, late.due_at)
        for key, mine in intake.items()
        for late in office.overdue(
            [(one.type, one.data) for one in mine],
            [(one.type, one.data) for one in routing.get(key, ())],
            e.now,
        )
    }
    net: Counter[tuple[str, str, int]] = Counter()
    due: dict[tuple[str, str, int], object] = {}
    for one in e.good("sla.events"):
        if one.type not in ("clock.breached", "clock.breach_withdrawn"):
            continue
        data = one.data
        clock = (one.key, data["clock"], data["disposition"] or 0)
        if data["clock"] in ("silence", "completion"):
            continue
        net[clock] += 1 if one.type == "clock.breached" else -1
        if one.type == "clock.breached":
            due[clock] = instant(data["due_at"])
    yield none(
        "no breach was said twice, nor taken back twice",
        [str(c) for c, times in net.items() if times not in (0, 1)],
    )
    told = {(*clock, due[clock]) for clock, times in net.items() if times == 1}
    yield same("the breaches that stand are those that a second calculator finds", expected, told)
    yield none("no alarm was false by what had been published before it", [*_false_alarms(e, office)])
    newest: dict[str, Mapping[str, object]] = {}
    last: dict[str, Mapping[str, object]] = {}
    for one in e.records.get("sla.state", ()):
        if one.bad is None and one.value is not None:
            last[one.key] = one.data
            if one.key not in newest or one.data["version"] >= newest[one.key]["version"]:
                newest[one.key] = one.data
    kept = {key: json.loads(row["stated"]) for key, row in e.monitor.items() if row["stated"]}
    yield none("sla.state, read from nothing, is what the monitor's store says", [
        key for key in kept.keys() | last.keys() if last.get(key) != kept.get(key)
    ])  # fmt: skip
    yield none("on sla.state the newest word stands last", [key for key in last if last[key] != newest[key]])


ON_THE_WAY_MS, PROMPTLY_MS = 30_000, 3_000
"""How long an event may be on its way to Kafka, after the time that its record bears; and where nothing hinders it."""


def _false_alarms(e: Evidence, office: Office) -> Iterator[str]:
    """Breaches that what stood on the topics by the monitor's own word (`ce_time`, its watermark) disproves."""
    intake, routing = e.by_key("intake.events"), e.by_key("routing.events")
    for one in e.of("sla.events", "clock.breached"):
        if one.made_ms is None:
            continue
        until = one.made_ms - (PROMPTLY_MS if e.prompt else ON_THE_WAY_MS)
        both = [
            [(r.type, r.data) for r in owner.get(one.key, ()) if r.time_ms < until]
            for owner in (intake, routing)
        ]
        if not both[0] or one.data["clock"] in ("silence", "completion"):
            continue
        clock = (one.data["clock"], one.data["disposition"] or 0)
        due = instant(one.data["due_at"])
        if due is None or due.timestamp() * 1000 > one.made_ms:
            yield f"{one.key} {clock}: said before it was due"
        elif clock == ("resolution", 0) and clock not in {
            late.clock for late in office.overdue(both[0], both[1], e.now)
        }:
            yield f"{one.key} {clock}: had been met"


def homes(e: Evidence) -> Iterator[Check]:
    """Every bad record is in the dead letters of whoever heard it, once, and nothing else is; streams that park
    are theirs alone."""
    known = topics.read()
    told = {b.number: b.told for b in e.history.bad if b.told}
    refused = _refused_by_the_store(e)
    for service in SERVICES:
        bad = {
            (topic, one.partition, one.offset)
            for topic, entry in known.items()
            if service in entry.consumers
            for one in e.records.get(topic, ())
            if one.bad is not None and one.bad not in told
        }
        if service == "routing":
            bad |= {
                (one.topic, one.partition, one.offset)
                for one in e.records.get("intake.events", ())
                if one.key in refused and one.type == "complaint.received" and one.number == 1
            }
        dead = [(row["topic"], row["partition"], row["record_offset"]) for row in e.dead[service]]
        if service == "routing":  # a repeat of what it refused may be on the topic, and is a repeat
            places = {
                (one.topic, one.partition, one.offset): one.key for one in e.records.get("intake.events", ())
            }
            firsts = {places[p] for p in dead if p in places and places[p] in refused}
            bad = {p for p in bad if places.get(p) not in refused or p in dead or places[p] not in firsts}
        yield once_each(f"{service}'s dead letters are the bad records that it heard", bad, dead)
        sham = {one.key for topic in known for one in e.records.get(topic, ()) if one.bad is not None}
        behind = {
            (one.topic, one.partition, one.offset)
            for one in e.records.get("intake.events", ())
            if one.after is not None and service in known["intake.events"].consumers
        }
        kept = {(row["topic"], row["partition"], row["record_offset"]) for row in e.waiting[service]}
        yield none(
            f"in {service} what stands behind a bad record waits", [str(place) for place in behind - kept]
        )
        yield none(
            f"in {service} only bad records' streams are parked",
            [
                f"{row['key']}: {row['parked']}"
                for row in e.parked[service]
                if row["key"] not in sham | refused
            ],
        )
    said = {
        one.data["reference"]
        for one in e.of("intake.receipts", "submission.refused")
        if one.data["source"] == SOURCE
    }
    there = {one.bad for one in e.records.get("intake.submissions", ()) if one.bad is not None}
    yield none(
        "who could be told was told that it was refused",
        [str(pair) for number, pair in told.items() if number in there and pair[1] not in said],
    )


def settled(e: Evidence) -> Iterator[Check]:
    """Nothing is left over."""
    for kind in next(iter(e.left.values())):
        where = [f"{service}: {left[kind]}" for service, left in e.left.items() if left[kind]]
        yield none(f"no {kind}", where)


CHECKERS: tuple[Checker, ...] = (
    acknowledged, receipts, rest, numbers, order, effects, lapor, clocks, homes, settled,
)  # fmt: skip
