"""A DynamoDB table: consistent reads, ordered queries, conditional writes and transactions.

boto3 takes half a second to import, so it is imported at the first call.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from truepoint.adapters.environment import endpoint_url

Item = dict[str, Any]
KEYS_AT_ONCE = 100
"""Maximum number of keys of one BatchGetItem (a limit of DynamoDB)."""
TRIES = 6
"""Maximum number of attempts of a transaction that conflicts with others."""
FIRST_WAIT = 0.02
"""Longest delay before the second attempt, in seconds; it doubles with each attempt."""


class ConditionError(Exception):
    """A write whose condition did not hold. `failed` has the indices of the actions whose conditions failed."""

    def __init__(self, failed: frozenset[int]) -> None:
        super().__init__(f"expected the conditions of all actions to hold, got a failure of {sorted(failed)}")
        self.failed = failed


class BusyError(Exception):
    """A request that other transactions or throttling prevented in all attempts."""


@dataclass(frozen=True, slots=True)
class Action:
    """One write.

    `put` replaces the row. `update` is an update expression. With neither, the row is deleted. Expressions refer to
    names as `#name` and to values as `:name`.
    """

    pk: str
    sk: str
    put: Mapping[str, Any] | None = None
    update: str = ""
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def set(
        cls,
        key: tuple[str, str],
        fields: Mapping[str, Any],
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Action:
        """Return a write that sets fields of a row and keeps the others.

        Args:
            key: the row's key.
            fields: the new values, by name.
            condition: refers to any of the row's fields as `#name`.
            values: the values to which the condition refers, besides the new ones.
        """
        return cls(
            *key,
            update="SET " + ", ".join(f"#{name} = :{name}" for name in fields),
            condition=condition,
            names={name: name for name in (*fields, *re.findall(r"#(\w+)", condition))},
            values={**fields, **(values or {})},
        )


class Table:
    """A table whose keys are named `pk` and `sk`."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def _client(self) -> Any:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        limits = Config(
            connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=50
        )
        return boto3.client("dynamodb", endpoint_url=endpoint_url(), config=limits)

    def get(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Return the existing rows, by key."""
        items: dict[tuple[str, str], Item] = {}
        distinct = list(dict.fromkeys((str(pk), str(sk)) for pk, sk in keys))
        for start in range(0, len(distinct), KEYS_AT_ONCE):
            wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in distinct[start : start + KEYS_AT_ONCE]]
            tried = 0
            while wanted:
                answer = self._call(
                    "batch_get_item", RequestItems={self.name: {"Keys": wanted, "ConsistentRead": True}}
                )
                for row in answer["Responses"].get(self.name, ()):
                    item = _item(row)
                    items[item["pk"], item["sk"]] = item
                wanted = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if wanted:
                    tried += 1
                    if tried == TRIES:
                        raise BusyError(f"DynamoDB left {len(wanted)} keys unread, after {tried} tries")
                    _wait(tried)
        return items

    def query(self, pk: str, low: str = "", high: str = "", limit: int | None = None) -> list[Item]:
        """Return the rows with sort keys above `low` and up to `high`, in order; at most `limit` if given."""
        return list(self.scan(pk, low, high, limit))

    def scan(self, pk: str, low: str = "", high: str = "", limit: int | None = None) -> Iterator[Item]:
        """Yield the rows that `query` returns, page by page."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if low or high:
            condition += " AND sk BETWEEN :low AND :high"
            # BETWEEN includes both ends. A space after `low` excludes it, because no sort key extends another by a
            # space.
            values |= {":low": {"S": low + " " if low else " "}, ":high": {"S": high or "\uffff"}}
        options: dict[str, Any] = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}
        if limit is not None:
            options["Limit"] = limit
        left = limit
        while True:
            answer = self._call("query", TableName=self.name, ConsistentRead=True, **options)
            for row in answer["Items"]:
                yield _item(row)
            if left is not None:
                left -= len(answer["Items"])
                if left <= 0:
                    return
            if "LastEvaluatedKey" not in answer:
                return
            options["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def write(self, action: Action) -> Item:
        """Make one write, and return the row afterwards; empty if it was deleted.

        Raises:
            ConditionError: the condition does not hold.
        """
        operation, request = _request(action, self.name)
        if operation == "Update":
            request["ReturnValues"] = "ALL_NEW"
        method = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}[operation]
        try:
            answer = self._call(method, **request)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConditionError(frozenset({0})) from error
        if operation == "Put":
            return {**(action.put or {}), "pk": action.pk, "sk": action.sk}
        return _item(answer.get("Attributes", {}))

    def set_if_exists(self, key: tuple[str, str], fields: Mapping[str, Any]) -> None:
        """Set fields of a row, unless another process has removed the row."""
        with suppress(ConditionError):
            self.write(Action.set(key, fields, "attribute_exists(pk)"))

    def transact(self, actions: Sequence[Action]) -> None:
        """Make all writes or none.

        Raises:
            ConditionError: a condition does not hold.
            BusyError: the transaction conflicted with others in all attempts.
        """
        items = []
        for action in actions:
            operation, request = _request(action, self.name)
            items.append({operation: request})
        tried = 0
        while True:
            tried += 1
            try:
                self._call("transact_write_items", TransactItems=items)
                return  # noqa: TRY300
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", ())]
                failed = frozenset(n for n, code in enumerate(reasons) if code == "ConditionalCheckFailed")
                if failed:
                    raise ConditionError(failed) from error
                if tried == TRIES:
                    raise BusyError(f"a transaction was refused {tried} times: {reasons}") from error
            except self._client.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in ("TransactionConflictException", "TransactionInProgressException") or tried == TRIES:
                    raise
            _wait(tried)

    def write_all(self, actions: Iterable[Action]) -> None:
        """Make many puts and deletes without conditions, 25 at a time."""
        pending: list[Any] = []

        def flush() -> None:
            requests, tried = list(pending), 0
            pending.clear()
            while requests:
                answer = self._call("batch_write_item", RequestItems={self.name: requests})
                requests = answer.get("UnprocessedItems", {}).get(self.name, [])
                if requests:
                    tried += 1
                    if tried == 2 * TRIES:
                        raise BusyError(f"DynamoDB left {len(requests)} writes undone, after {tried} tries")
                    _wait(tried)

        for action in actions:
            if action.put is not None:
                row = {**action.put, "pk": action.pk, "sk": action.sk}
                pending.append({"PutRequest": {"Item": {name: _wire(value) for name, value in row.items()}}})
            else:
                pending.append({"DeleteRequest": {"Key": _key(action)}})
            if len(pending) == 25:  # the limit of BatchWriteItem
                flush()
        flush()

    def _call(self, method: str, **request: Any) -> Any:
        return getattr(self._client, method)(**request)


def _request(action: Action, table: str) -> tuple[str, dict[str, Any]]:
    request: dict[str, Any] = {"TableName": table}
    if action.put is not None:
        row = {**action.put, "pk": action.pk, "sk": action.sk}
        request["Item"] = {name: _wire(value) for name, value in row.items()}
        operation = "Put"
    else:
        request["Key"] = _key(action)
        operation = "Update" if action.update else "Delete"
        if action.update:
            request["UpdateExpression"] = action.update
    if action.condition:
        request["ConditionExpression"] = action.condition
    if action.values:
        request["ExpressionAttributeValues"] = {f":{name}": _wire(value) for name, value in action.values.items()}
    if action.names:
        request["ExpressionAttributeNames"] = {f"#{name}": value for name, value in action.names.items()}
    return operation, request


def _key(action: Action) -> dict[str, Any]:
    return {"pk": {"S": action.pk}, "sk": {"S": action.sk}}


def _wire(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case float() | Decimal():
            return {"N": f"{value:.6f}"}  # times to microseconds; DynamoDB allows 38 digits
        case Mapping():
            return {"M": {str(name): _wire(part) for name, part in value.items()}}
        case list() | tuple():
            return {"L": [_wire(part) for part in value]}
        case _:
            raise TypeError(f"expected a value that DynamoDB holds, got {type(value).__name__}")


def _item(row: Mapping[str, Any]) -> Item:
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    reader: Callable[[Any], Any] | None = _READERS.get(kind)
    if reader is None:
        raise TypeError(f"expected a value of a type that our rows have, got {kind}")
    return reader(content)


def _number(text: str) -> int | float:
    return float(text) if "." in text or "E" in text or "e" in text else int(text)


_READERS: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": _number,
    "BOOL": bool,
    "NULL": lambda _: None,
    "M": _item,
    "L": lambda parts: [_plain(part) for part in parts],
}


def _wait(tried: int) -> None:
    time.sleep(random.uniform(0.5, 1.0) * FIRST_WAIT * 2 ** (tried - 1))  # noqa: S311 - jitter
