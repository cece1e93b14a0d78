"""Links: when two of them lead to the same article or post."""

from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_ASIDE = frozenset({"fbclid", "gclid", "igsh", "igshid", "mibextid", "ref_src", "si", "wtsid"})
"""Parameters by which platforms follow who shares a link. Short list: what may name a post stays."""

_SAME_PLACE = ("www.", "m.", "mobile.", "amp.")


def normalised(link: str) -> str:
    """The link as all its spellings have it: no scheme, no `www.`, no trackers, no fragment, no last slash.

    What it cannot take apart is compared to the letter.
    """
    try:
        parts = urlsplit(link.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return link.strip()
    for prefix in _SAME_PLACE:
        host = host.removeprefix(prefix)
    place = host if port in (None, 80, 443) else f"{host}:{port}"
    query = sorted(pair for pair in parse_qsl(parts.query, keep_blank_values=True) if _tells(pair[0]))
    path = unquote(parts.path).rstrip("/")
    return f"{place}{path}{'?' if query else ''}{urlencode(query)}"


def _tells(parameter: str) -> bool:
    return parameter.lower() not in _ASIDE and not parameter.lower().startswith("utm_")
