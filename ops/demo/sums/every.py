"""Do the sums add up? Every check compares two accounts that do not know of each other.

Pure: the evidence and the script in, checks out.
"""

from collections.abc import Collection
from datetime import datetime

from ops.demo.evidence import Evidence
from ops.demo.sums import clocks, hub, mirror
from ops.demo.sums.check import Check
from ops.demo.sums.hub import Answers
from ops.demo.sums.mirror import Forwards


def check_all(
    evidence: Evidence, answers: Answers, forwards: Forwards, questions: Collection[str], now: datetime
) -> list[Check]:
    """Every check. `forwards`: the city's policy, by channel and klasifikasi; `questions`: the sentences by which
    institutions in LAPOR ask for more."""
    return [
        *hub.receipts(evidence, answers),
        *hub.once(evidence, answers),
        *hub.cases(evidence),
        *mirror.shared_reports(evidence, forwards),
        *mirror.words_on_both_sides(evidence, questions),
        *mirror.endings(evidence),
        *mirror.delivered(evidence),
        *clocks.clocks(evidence, now),
        *hub.settled(evidence),
    ]
