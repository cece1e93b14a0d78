"""Cases that nobody wants: how often and by whom one was handed back, in words that a verifier sees."""

from collections.abc import Sequence

from services.routing.domain.case import Case
from shared.events.parts import OpdCode
from shared.events.routing import Candidate


def why_back(handed_back: Sequence[OpdCode], left: Sequence[Candidate]) -> tuple[str, ...]:
    """Why a case that was just handed back is in triage; `left`: the candidates that have not given it back.

    `handed_back` always; `loop: A, B` where A gave it back, then B, then A again (each named once, in order), or
    `handed_back_twice: A` where nobody stood between; `handed_back_by_all` where nobody is left to ask.
    """
    reasons = ["handed_back"]
    last = handed_back[-1]
    if last in handed_back[:-1]:
        since = handed_back[len(handed_back) - 2 - list(reversed(handed_back[:-1])).index(last) :]
        loop = tuple(dict.fromkeys(since))
        reasons.append(f"loop: {', '.join(loop)}" if len(loop) > 1 else f"handed_back_twice: {last}")
    if len(set(handed_back)) > 1 and not left:
        reasons.append("handed_back_by_all")
    return tuple(reasons)


def given_again(case: Case, opd: OpdCode, name: str) -> tuple[str, ...]:
    """A line for the trace where the OPD gave this case back before; none where it did not."""
    times = case.handed_back.count(opd)
    return (f"Diberikan lagi kepada {name}, yang sudah {times} kali mengembalikannya.",) if times else ()
