"""The acts of the demo: LAPOR's past, citizens, the city at work, LAPOR's people at work; each can be done again."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from ops.demo import habits
from ops.demo.doors import Answer, Doors
from ops.demo.habits import WORKING_OPDS, Act
from ops.demo.policy import outside_the_city
from ops.demo.resting import Rest
from ops.demo.scene import Note
from ops.demo.script import Delivery, Script
from ops.refusal import Refusal
from shared.events.ids import complaint_id

Told = Callable[[str], None]
Json = Mapping[str, Any]

EXPORTED_BEFORE = (timedelta(days=200), timedelta(days=90))
"""Two exports of two versions: reports older than the first, and those between the two. The API brings the rest."""


class Play(NamedTuple):
    """What every act needs."""

    note: Note
    script: Script
    doors: Doors
    rest: Rest

    @property
    def hero(self) -> UUID:
        """The complaint that is told in full at the end."""
        return complaint_id(*self.script.hero.name)


async def lapors_past(play: Play, told: Told) -> int:
    """LAPOR holds reports; the older ones come by its Excel export, for its API is out of order at first.

    How many were new by export.
    """
    doors, note = play.doors, play.note
    await doors.lapor(
        "POST",
        "/control/faults",
        json={"kind": "html", "path": "/complaints", "method": "GET", "next": 10**6},
    )
    told(f"{note.reports} reports are put into LAPOR")
    generated = {"seed": note.seed, "count": note.reports, "now": note.began.isoformat()}
    await doors.lapor("POST", "/control/reports", json={"generate": generated})
    new = 0
    first, second = (note.began - age for age in EXPORTED_BEFORE)
    for version, months, start, end in (
        ("preamble", "id", "2000-01-01", f"{first:%Y-%m-%d}"),
        ("plain", "en", f"{first + timedelta(days=1):%Y-%m-%d}", f"{second:%Y-%m-%d}"),
    ):
        told(f"an export “Laporan Ringkas” up to {end} is imported")
        query = f"version={version}&months={months}&from={start}&to={end}"
        book = await doors.lapor("GET", f"/export/laporan-ringkas.xlsx?{query}")
        new += await _import(doors, book)
    told("the last export is imported once more: nothing may double")
    new += await _import(doors, book)
    await doors.lapor("DELETE", "/control/faults")
    told("LAPOR's API works again: the bridge discovers the newer reports")
    return new


async def _import(doors: Doors, book: bytes) -> int:
    answer = await doors.ask("POST", "lapor_bridge", "/v1/lapor/imports", "admin", content=book)
    if answer.status != 200:
        raise Refusal(f"the bridge answered {answer.status} to an export: {answer.body}")
    return int(answer.body["new"])


Answers = Sequence[tuple[Delivery, Answer | None]]
"""Each handing in with its answer by HTTP; None by Kafka."""


async def citizens_complain(play: Play, told: Told) -> Answers:
    """Everything of the script is handed in; the answers that came by HTTP."""
    told(f"{len(play.script.first)} submissions come in, by HTTP and by Kafka")
    answers = await _hand_in(play.doors, play.script.first)
    await play.rest.until_taken_in()
    told("a verifier accepts what others found in the media: candidates are no complaints before")
    await _candidates_accepted(play.doors)
    told(f"{len(play.script.later)} come again: repeats, and old names for something else")
    return [*answers, *await _hand_in(play.doors, play.script.later)]


async def _candidates_accepted(doors: Doors) -> None:
    """Every one that waits; page by page, for what is accepted waits no more."""
    while True:
        answer = await doors.ask("GET", "intake", "/v1/candidates", "verifier", params={"limit": "200"})
        if not answer.body["candidates"]:
            return
        for one in answer.body["candidates"]:
            await doors.ask("POST", "intake", f"/v1/candidates/{one['ticket']}/accept", "verifier")


async def _hand_in(doors: Doors, deliveries: Sequence[Delivery]) -> Answers:
    answers = await asyncio.gather(*(doors.hand_in(one) for one in deliveries))
    return list(zip(deliveries, answers, strict=True))


async def the_city_works(play: Play, told: Told) -> None:
    """OPDs accept, answer, ask, hand back; the verifier decides on triage."""
    told("OPDs (city agencies) work on what is theirs, a verifier on what no rule could place")
    await asyncio.gather(
        *(_opd_works(play, code, "routed", habits.of_an_opd) for code in WORKING_OPDS), _verifier_works(play)
    )
    hero = await _case_of(play)
    if hero is not None and hero["opd"] in WORKING_OPDS:
        acts = [
            Act("accept", {}),
            Act("progress", {"text": "Petugas menuju lokasi."}),
            Act("answer", {"text": "Lampu di depan pasar sudah kami ganti."}),
        ]
        await _do_all(play, hero, acts, f"opd:{hero['opd']}")


async def _opd_works(play: Play, code: str, state: str, habit: Callable[[Json], Sequence[Act]]) -> None:
    holder = f"opd:{code}"
    for case in await play.doors.pages("/v1/cases", holder, status=state):
        if case["complaint_id"] != str(play.hero):
            await _do_all(play, case, habit(case), holder)


async def _verifier_works(play: Play) -> None:
    for case in await play.doors.pages("/v1/triage", "verifier"):
        act = habits.of_the_verifier(case, await _status_in_lapor(play, case), outside_the_city())
        if act is not None:
            await _do_all(play, case, [act], "verifier")


async def _status_in_lapor(play: Play, case: Json) -> str | None:
    if case["lapor_id"] is None:
        return None
    whole = await play.doors.ask("GET", "routing", f"/v1/cases/{case['ticket']}", "verifier")
    status: str | None = whole.body["in_lapor"]["status"]
    return status


async def _do_all(play: Play, case: Json, acts: Iterable[Act], holder: str) -> None:
    """One after the other; where the case allows one no more (409), somebody else was quicker."""
    for act in acts:
        key = f"demo-{case['complaint_id']}-{case['disposition']}-{act.fits}"
        answer = await play.doors.act(case["ticket"], act.name, act.body, holder, key)
        if answer.status == 409:
            return
        if answer.status != 200:
            raise Refusal(f"routing answered {answer.status} to {act.name}: {answer.body}")


async def lapor_works(play: Play, told: Told) -> None:
    """Admins, institutions and reporters act inside LAPOR, on its own reports and on ours."""
    told("in LAPOR admins dispose, institutions answer, reporters reply and close")
    hero = await _case_of(play)
    number = hero["lapor_id"] if hero else None
    reports = (await play.doors.lapor("GET", "/control/reports"))["reports"]
    acts = list(habits.inside_lapor([one for one in reports if one["tracking_id"] != number]))
    if number is not None:
        reply = {"act": "reply", "text": "Terima kasih, tapi dua lampu di ujung masih padam."}
        acts.append({"tracking_id": number, **reply})
    await play.doors.lapor("POST", "/control/acts", json={"acts": acts})


async def the_city_answers_again(play: Play, told: Told) -> None:
    """What came back from reporters is answered; what was handed back is routed; some cases are closed."""
    told("OPDs answer those who replied; the verifier routes what was handed back, and closes")
    await asyncio.gather(
        *(_opd_works(play, code, "in_work", habits.after_a_reply) for code in WORKING_OPDS),
        _verifier_works(play),
    )
    for case in await play.doors.pages("/v1/cases", "verifier", status="answered"):
        act = habits.of_the_closer(case)
        if act is not None and case["complaint_id"] != str(play.hero):
            await _do_all(play, case, [act], "verifier")
    hero = await _case_of(play)
    if hero is not None and hero["opd"] in WORKING_OPDS:
        answer = Act("answer", {"text": "Dua lampu yang tersisa sudah menyala."})
        await _do_all(play, hero, [answer], f"opd:{hero['opd']}")


async def reporters_close(play: Play, told: Told) -> None:
    """In LAPOR the reporter of the told complaint is content, and closes it."""
    told("in LAPOR a reporter is content and closes the report")
    hero = await _case_of(play)
    if hero is not None and hero["lapor_id"] is not None:
        close = {"tracking_id": hero["lapor_id"], "act": "close", "by": "Pelapor"}
        await play.doors.lapor("POST", "/control/acts", json={"acts": [close]})


async def _case_of(play: Play) -> Json | None:
    """The told complaint as the verifier sees it; None where it is nowhere."""
    cases = await play.doors.pages("/v1/cases", "verifier")
    line = next((one for one in cases if one["complaint_id"] == str(play.hero)), None)
    if line is None:
        return None
    return dict((await play.doors.ask("GET", "routing", f"/v1/cases/{line['ticket']}", "verifier")).body)
