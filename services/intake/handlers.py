"""What intake hears, and which rule answers it."""

from collections.abc import Mapping
from functools import partial

from services.intake import looking, store
from services.intake.domain import acts, attaching, candidates, citizen, erasing, merging
from services.intake.domain.complaint import Complaint
from services.intake.domain.following import on_later_fact
from services.intake.domain.keyed import Subkeys
from services.intake.domain.means import Means
from services.intake.domain.notices import telling
from services.intake.domain.receiving import on_submission_posted, refusal, submission_key
from shared.database import Transaction
from shared.delivery.fold import Fold, Rule
from shared.events.fact import Fact
from shared.events.lapor import LaporLinked, LaporReplied
from shared.events.routing import (
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    DeadlineExtended,
    InformationRequested,
    TriageRequested,
)
from shared.events.submissions import SubmissionPosted
from shared.sealing import Seal

hears: Mapping[type[Fact], Rule[Complaint, Means]] = {
    SubmissionPosted: on_submission_posted,
    TriageRequested: on_later_fact,
    ComplaintRouted: on_later_fact,
    ComplaintAccepted: on_later_fact,
    ComplaintProgressed: on_later_fact,
    InformationRequested: on_later_fact,
    ComplaintAnswered: on_later_fact,
    ComplaintHandedBack: on_later_fact,
    ComplaintRejected: on_later_fact,
    ComplaintClosed: on_later_fact,
    ComplaintReopened: on_later_fact,
    DeadlineExtended: on_later_fact,
    LaporLinked: on_later_fact,
    LaporReplied: on_later_fact,
    acts.Amend: citizen.amend,
    acts.Reply: citizen.reply,
    acts.Rate: citizen.rate,
    acts.Withdraw: citizen.withdraw,
    acts.Merge: merging.merge,
    acts.Absorb: merging.absorb,
    acts.Unmerge: merging.unmerge,
    acts.Release: merging.release,
    attaching.AttachFile: attaching.attach_file,
    attaching.FileFetched: attaching.on_file_fetched,
    attaching.FileLost: attaching.on_file_lost,
    acts.Erase: erasing.erase,
    acts.Accept: candidates.accept,
    acts.Drop: candidates.drop,
}


def subkeys(seal: Seal) -> Subkeys:
    """The keys that intake's rules hash with, each for one purpose."""
    return Subkeys(
        tickets=seal.derive("tickets"),
        fingerprints=seal.derive("fingerprints"),
        pseudonyms=seal.derive("pseudonyms"),
        files=seal.derive("files"),
        secrets=seal.derive("tracking secrets"),
    )


def intake_fold(seal: Seal, follow_at: str | None = None) -> Fold[Complaint, Means]:
    """The fold. Whatever a rule adds to the timeline, `telling` tells to the reporter.

    `follow_at`: the public's address of intake, for messages to citizens.
    """
    keys = subkeys(seal)
    names = store.CityNames()

    async def means(tx: Transaction) -> Means:
        return Means(
            tickets=keys.tickets,
            fingerprints=keys.fingerprints,
            pseudonyms=keys.pseudonyms,
            files=keys.files,
            secrets=keys.secrets,
            city=await names.read(tx),
            follow_at=follow_at,
        )

    return Fold(
        {kind: telling(candidates.unspoken(rule)) for kind, rule in hears.items()},
        load=partial(store.load_complaints, keys=keys),
        save=partial(store.save_complaints, seal=seal),
        city=means,
        forget=erasing.forget,
        keys={SubmissionPosted: submission_key},
        refuses={SubmissionPosted: refusal},
        examine={SubmissionPosted: looking.look_into},
    )
