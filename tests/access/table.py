"""Who may do what: every route of every service, every kind of caller, as one table.

Callers, by column: `nobody` without a key; the `citizen` with the complaint's tracking secret and a `stranger` with
another complaint's, both without a key; `sender`, the publisher that handed the complaint in; another `publisher`; the
`holder`, the OPD that has the case; another `opd`; `verifier`, `admin`, `bridge`. The complaint of a row is the
sender's and with the holder.

Cells: `yes` is let through the door and served; `own` as well, but sees or changes its own things alone, not this
complaint; 401 no key is good enough; 403 not for this role; 404 not for this caller, as if it did not exist.
"""

from typing import NamedTuple

COLUMNS = (
    "nobody",
    "citizen",
    "stranger",
    "sender",
    "publisher",
    "holder",
    "opd",
    "verifier",
    "admin",
    "bridge",
)

TABLE = """
intake        POST  /v1/complaints                                     401  401  401  yes  own  403  403  403  403  own
intake        GET   /v1/complaints                                     401  401  401  yes  own  403  403  403  403  own
intake        GET   /v1/complaints/{ticket}                            yes  yes  yes  yes  yes  yes  yes  yes  yes  yes
intake        POST  /v1/complaints/{ticket}/amend                      401  yes  404  yes  404  403  403  yes  yes  403
intake        POST  /v1/complaints/{ticket}/reply                      401  yes  404  yes  404  403  403  403  403  403
intake        POST  /v1/complaints/{ticket}/rate                       401  yes  404  yes  404  403  403  403  403  403
intake        POST  /v1/complaints/{ticket}/withdraw                   401  yes  404  yes  404  403  403  403  403  403
intake        POST  /v1/complaints/{ticket}/merge                      401  401  401  403  403  403  403  yes  yes  403
intake        POST  /v1/complaints/{ticket}/unmerge                    401  401  401  403  403  403  403  yes  yes  403
intake        POST  /v1/complaints/{ticket}/attachments                401  yes  404  yes  404  yes  404  yes  yes  404
intake        GET   /v1/complaints/{ticket}/attachments                401  yes  404  yes  404  yes  404  yes  yes  404
intake        GET   /v1/complaints/{ticket}/attachments/{attachment_id} 401 yes  404  yes  404  yes  404  yes  yes  404
intake        GET   /v1/complaints/{ticket}/reporter                   401  401  401  403  403  403  403  yes  403  yes
intake        POST  /v1/complaints/{ticket}/erase                      401  401  401  403  403  403  403  403  yes  403
intake        GET   /v1/candidates                                     401  401  401  403  403  403  403  yes  yes  403
intake        POST  /v1/candidates/{ticket}/accept                     401  401  401  403  403  403  403  yes  yes  403
intake        POST  /v1/candidates/{ticket}/drop                       401  401  401  403  403  403  403  yes  yes  403

routing       GET   /v1/cases                                          401  401  401  403  403  yes  own  yes  yes  403
routing       GET   /v1/triage                                         401  401  401  403  403  403  403  yes  yes  403
routing       GET   /v1/worklists                                      401  401  401  403  403  yes  own  yes  yes  403
routing       GET   /v1/cases/{ticket}                                 401  401  401  403  403  yes  404  yes  yes  403
routing       POST  /v1/cases/{ticket}/accept                          401  401  401  403  403  yes  404  yes  yes  403
routing       POST  /v1/cases/{ticket}/progress                        401  401  401  403  403  yes  404  yes  yes  403
routing       POST  /v1/cases/{ticket}/ask                             401  401  401  403  403  yes  404  yes  yes  403
routing       POST  /v1/cases/{ticket}/answer                          401  401  401  403  403  yes  404  yes  yes  403
routing       POST  /v1/cases/{ticket}/hand_back                       401  401  401  403  403  yes  404  yes  yes  403
routing       POST  /v1/cases/{ticket}/route                           401  401  401  403  403  403  403  yes  yes  403
routing       POST  /v1/cases/{ticket}/reject                          401  401  401  403  403  403  403  yes  yes  403
routing       POST  /v1/cases/{ticket}/close                           401  401  401  403  403  yes  404  yes  yes  403
routing       POST  /v1/cases/{ticket}/reopen                          401  401  401  403  403  403  403  yes  yes  403
routing       POST  /v1/cases/{ticket}/classify                        401  401  401  403  403  403  403  yes  yes  403
routing       POST  /v1/cases/{ticket}/extend                          401  401  401  403  403  403  403  yes  yes  403

lapor_bridge  GET   /v1/lapor/status                                   401  401  401  403  403  403  403  yes  yes  403
lapor_bridge  POST  /v1/lapor/imports                                  401  401  401  403  403  403  403  403  yes  403

sla_monitor   GET   /v1/clocks/{ticket}                                401  401  401  403  403  yes  404  yes  yes  403
sla_monitor   GET   /v1/aggregates                                     401  401  401  403  403  yes  own  yes  yes  403

every         GET   /v1/operations/dead-letters                        401  401  401  403  403  403  403  403  yes  403
every         GET   /v1/operations/dead-letters/{letter}               401  401  401  403  403  403  403  403  yes  403
every         POST  /v1/operations/dead-letters/{letter}/release       401  401  401  403  403  403  403  403  yes  403
every         POST  /v1/operations/dead-letters/{letter}/discard       401  401  401  403  403  403  403  403  yes  403
every         POST  /v1/operations/dead-letters/{letter}/edit          401  401  401  403  403  403  403  403  yes  403
every         GET   /v1/operations/parked                              401  401  401  403  403  403  403  403  yes  403
every         POST  /v1/operations/gaps/{complaint_id}/{topic}/accept  401  401  401  403  403  403  403  403  yes  403
every         GET   /v1/operations/stopped                             401  401  401  403  403  403  403  403  yes  403
every         POST  /v1/operations/stopped/resume                      401  401  401  403  403  403  403  403  yes  403
"""

SERVICES = ("intake", "routing", "lapor_bridge", "sla_monitor")


class Row(NamedTuple):
    """One route of one service, and what each caller is answered."""

    service: str
    method: str
    path: str
    cells: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.service} {self.method} {self.path}"


def rows() -> list[Row]:
    """The table, a row of `every` service once for each."""
    found = []
    for line in TABLE.strip().splitlines():
        if not line:
            continue
        service, method, path, *cells = line.split()
        assert len(cells) == len(COLUMNS), line
        answers = dict(zip(COLUMNS, cells, strict=True))
        found += [Row(one, method, path, answers) for one in (SERVICES if service == "every" else (service,))]
    return found
