"""Tickets: unguessable, checkable, forgiving."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.tickets import (
    ALPHABET,
    LENGTH,
    Mistyped,
    check_character,
    grouped,
    read_ticket,
    ticket_for,
)
from shared.events.parts import Ticket

KEY = b"k" * 32
tickets = st.uuids().map(lambda complaint: ticket_for(complaint, 0, KEY))
positions = st.integers(0, LENGTH - 1)


@given(tickets)
def test_a_ticket_has_the_shape_that_the_contract_promises(ticket: str) -> None:
    from pydantic import TypeAdapter

    assert TypeAdapter(Ticket).validate_python(ticket) == ticket


@given(tickets, positions, st.sampled_from(ALPHABET))
def test_every_wrong_character_is_noticed(ticket: str, position: int, letter: str) -> None:
    typed = ticket[:position] + letter + ticket[position + 1 :]
    if letter == ticket[position]:
        assert read_ticket(typed) == ticket
    else:
        with pytest.raises(Mistyped, match="mistyped"):
            read_ticket(typed)


@given(tickets, positions, positions)
def test_every_swap_of_two_characters_is_noticed(ticket: str, one: int, other: int) -> None:
    letters = list(ticket)
    letters[one], letters[other] = letters[other], letters[one]
    if letters == list(ticket):
        return
    with pytest.raises(Mistyped):
        read_ticket("".join(letters))


@given(tickets)
def test_a_ticket_may_be_typed_in_small_letters_with_dashes_and_spaces(ticket: str) -> None:
    assert read_ticket(f" {grouped(ticket).lower().replace('-', ' - ')} ") == ticket


def test_i_and_l_are_read_as_one_and_o_as_zero() -> None:
    body = "0101010101"
    ticket = body + check_character(body)
    assert read_ticket(f"OIOLoioloi{ticket[-1]}") == ticket


@pytest.mark.parametrize("typed", ["", "123", "0" * 12, "UUUUUUUUUUU", "ABCDEFGHJK!", "😀" * 11])
def test_what_cannot_be_a_ticket_is_called_mistyped(typed: str) -> None:
    with pytest.raises(Mistyped, match="mistyped"):
        read_ticket(typed)


def test_one_complaint_has_the_same_ticket_each_time_and_another_on_the_next_ordinal() -> None:
    complaint = UUID("00000000-0000-4000-8000-000000000001")
    assert ticket_for(complaint, 0, KEY) == ticket_for(complaint, 0, KEY)
    assert ticket_for(complaint, 0, KEY) != ticket_for(complaint, 1, KEY)


def test_without_the_key_nobody_can_tell_a_complaints_ticket() -> None:
    complaint = uuid4()
    assert ticket_for(complaint, 0, KEY) != ticket_for(complaint, 0, b"x" * 32)


def test_ten_thousand_complaints_have_ten_thousand_tickets() -> None:
    assert len({ticket_for(UUID(int=n), 0, KEY) for n in range(10_000)}) == 10_000
