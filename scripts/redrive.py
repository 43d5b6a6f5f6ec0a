#!/usr/bin/env python3
"""Send the messages of the dead-letter queue to their functions again, and remove them from the queue.

Prints the function, job and error of each message, never the payload. Duplicate messages are sent once. Requests of a
finished deployment are removed and not sent, and so are ticks of the portal, because the next tick does their work.
Messages of other stacks stay in the queue.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from truepoint.jobs import command
from truepoint.jobs.redrive import Letter, LetterError, read_letter, receive, send_back
from truepoint.jobs.stack import read_stack

EXAMPLE = "%(prog)s --dry-run"


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("--dry-run", action="store_true", help="list the messages; send nothing")
    options = parser.parse_args(given)
    return command.run(lambda: redrive(options))


def redrive(options: argparse.Namespace) -> int:
    """Process all messages in the queue. A message is deleted only after it was sent back."""
    session = command.session(options)
    stack = read_stack(session.client("cloudformation"), options.stack_name)
    sqs, functions = session.client("sqs"), session.client("lambda")
    ours = {stack.pre_annotation_arn, stack.post_annotation_arn, stack.job_completion_arn, stack.sweep_arn}
    sent: set[str] = set()
    kept, hidden = 0, []
    for message in receive(sqs, stack.dead_letter_queue_url):
        verdict, letter = _verdict(message, ours, stack.portal_tick_arn, sent)
        print(f"{letter.function.rsplit(':', 1)[1]} {letter.job} {letter.error} -> {verdict}" if letter else verdict)
        if letter is None or options.dry_run:
            hidden.append(message)
            kept += letter is None
            continue
        if verdict == "sent back":
            send_back(functions, letter)
        sqs.delete_message(QueueUrl=stack.dead_letter_queue_url, ReceiptHandle=letter.receipt)
    for message in hidden:
        sqs.change_message_visibility(
            QueueUrl=stack.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    done = "would be" if options.dry_run else "were"
    print(f"{len(sent)} {done} sent back, {kept} stay in the queue")
    return command.BAD_USAGE if kept else command.OK


def _verdict(message: Mapping[str, Any], ours: set[str], portal_tick: str, sent: set[str]) -> tuple[str, Letter | None]:
    """Return what happens to a message, in words, and its letter; None if the message stays in the queue."""
    try:
        letter = read_letter(message)
    except LetterError as error:
        return f"message {message['MessageId']}: {error}; it stays in the queue", None
    if letter.of_deployment:
        return "request of a finished deployment, removed", letter
    if portal_tick and letter.function == portal_tick:
        return "tick of the portal, which the next tick made up for, removed", letter
    if letter.function not in ours:
        return (
            f"message {message['MessageId']}: expected a function of this stack, got {letter.function}; "
            "it stays in the queue",
            None,
        )
    if letter.same() in sent:
        return "duplicate, removed", letter
    sent.add(letter.same())
    return "sent back", letter


if __name__ == "__main__":
    sys.exit(main())
