#!/usr/bin/env python3
"""Invite a person to the labelling portal by e-mail, or again if the invitation has expired.

Use it for the first lead; leads invite all others on the portal's page. With a company's own sign-in there are no
invitations: add leads to the group `leads` of the user pool after they have signed in once.
"""

from __future__ import annotations

import argparse
import sys

from truepoint.adapters.user_pool import LABELERS, LEADS, InvitationError, UserPool
from truepoint.jobs import command
from truepoint.jobs.rebuild import acting_as
from truepoint.jobs.stack import StackError, read_stack

EXAMPLE = "%(prog)s ada@example.com --lead"


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("email", metavar="ADDRESS", help="the person's e-mail address, which is their user name too")
    parser.add_argument("--lead", action="store_true", help="they may invite people and decide about jobs")
    options = parser.parse_args(given)
    return command.run(lambda: invite(options))


def invite(options: argparse.Namespace) -> int:
    """Add a person to the stack's user pool, which sends the e-mail.

    Raises:
        UsageError: the user pool refuses the address.
        StackError: the stack has no portal.
    """
    session = command.session(options)
    stack = read_stack(session.client("cloudformation"), options.stack_name)
    if not stack.portal_user_pool:
        raise StackError(f"stack {options.stack_name!r} has no portal; deploy it with Portal=yes")
    with acting_as(session):
        try:
            UserPool(stack.portal_user_pool).invite(options.email, LEADS if options.lead else LABELERS)
        except InvitationError as error:
            raise command.UsageError(f"{options.email}: {error}") from error
    print(f"invited {options.email} as a {'lead' if options.lead else 'labeler'}; the e-mail has the portal's address")
    return command.OK


if __name__ == "__main__":
    sys.exit(main())
