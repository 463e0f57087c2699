"""What models behind a server have in common: which weights it says it has, and what a failure means."""

from __future__ import annotations

import json
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.backends.openai_endpoint import Failure
from selfreward_eval.harness.instruments.backends.openai_requests import Requests
from selfreward_eval.harness.instruments.backends.openai_wire import Clean, MalformedAnswer
from selfreward_eval.harness.instruments.backends.storable import same_shape, storable
from selfreward_eval.harness.records import Status

PASSING = frozenset({"created", "permission"})
"""Fields of an entry that change with every start of a server."""


def status_of(failure: Failure) -> Status:
    """What a sample is recorded with whose request failed."""
    if failure.refused:
        return Status.MODEL_REFUSED
    # A server that answers with an error at once would do so again; one that did not answer may.
    return Status.GENERATION_ERROR if failure.answered else Status.MODEL_TRANSPORT_ERROR


def served_entry(requests: Requests, model: str) -> dict[str, Any] | None:
    """What ``/models`` of a server says of ``model``, without times; None where it has no such list.

    Raises:
        InputError: the server is out of reach.
    """

    def read(content: bytes, clean: Clean) -> dict[str, Any] | None:
        try:
            listed = same_shape(json.loads(content), clean)["data"]
            entry = next((one for one in listed if one.get("id") == model), None)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise MalformedAnswer("the answer is no list of models") from None
        if entry is None:
            return {}
        kept = storable({name: value for name, value in entry.items() if name not in PASSING})
        return dict(kept)

    try:
        (outcome,) = requests.send([None], "/models", read)
    except InputError:  # No such path: not every server has the list.
        return None
    if outcome.failure is not None and not outcome.failure.answered:
        raise InputError(
            f"{requests.api.url} does not say which models it has ({outcome.failure.reason}); start the "
            "server, or correct --model-args, and run the same command again"
        )
    return outcome.value or None
