"""The numbers on one owner's events about one complaint: reading them, and what the next one is.

On the wire `ce_sequence` is `<epoch>.<n>`. Here and in the stores it is one integer, epoch * 10^12 + n, which
sorts as the events do. 0 means that nothing was heard yet.
"""

import re
from functools import lru_cache

_EPOCH = 10**12
_WIRE = re.compile(r"([1-9][0-9]{0,3})\.([1-9][0-9]{0,11})")


@lru_cache(maxsize=4096)
def parse(wire: str) -> int:
    """The number written as `<epoch>.<n>`; ValueError where it is not one."""
    found = _WIRE.fullmatch(wire)
    if found is None:
        raise ValueError("ce_sequence must be <epoch>.<n>, both from 1")
    return int(found[1]) * _EPOCH + int(found[2])


@lru_cache(maxsize=4096)
def wire(number: int) -> str:
    """The number as it stands in `ce_sequence`."""
    return f"{epoch_of(number)}.{number % _EPOCH}"


def epoch_of(number: int) -> int:
    """The epoch that a number belongs to; 0 of none."""
    return number // _EPOCH


def following(last: int, epoch: int) -> int:
    """The number an owner says after `last`: a later epoch begins again at 1, an earlier one is never gone back to."""
    return last + 1 if epoch_of(last) >= epoch else epoch * _EPOCH + 1


def is_older_epoch(number: int, heard: int) -> bool:
    """Whether `number` belongs to an epoch before that of `heard`."""
    return epoch_of(number) < epoch_of(heard)


def follows(heard: int, incoming: int) -> bool:
    """Whether `incoming` comes right after `heard`: n + 1 in the same epoch, or the first of a later one."""
    return (
        incoming == heard + 1
        if epoch_of(heard) == epoch_of(incoming)
        else incoming % _EPOCH == 1 and incoming > heard
    )
