"""What the Hub's library raises, as errors of one line that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from selfreward_eval.harness.errors import InputError, SelfRewardError, UsageError

__all__ = ["one_line"]


@contextmanager
def one_line(repository: str, revision: str) -> Iterator[None]:
    """Turns what the Hub's library raises into errors of ours; its own are many lines long."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except SelfRewardError:
        raise
    except errors.OfflineModeIsEnabled as error:
        raise UsageError("HF_HUB_OFFLINE is set, so the Hub is not asked; unset it to push") from error
    except errors.RepositoryNotFoundError as error:
        raise InputError(
            f"no model repository {repository} that your token can see; create it with `hf repos create "
            f"{repository}`, or set the HF_TOKEN of an account that has access"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise InputError(f"{repository} has no branch {revision!r}; give another --revision") from error
    except errors.HfHubHTTPError as error:
        raise InputError(_refusal(error.response.status_code, str(error), repository)) from error
    except httpx2.HTTPError as error:
        raise InputError(
            f"the Hub cannot be reached ({type(error).__name__}: {error}); try again once connected"
        ) from error
    except ValueError as error:
        if not str(error).startswith(
            "Invalid metadata"
        ):  # What the Hub says of a card, as a plain ValueError.
            raise
        raise InputError(f"the Hub refuses the files: {' '.join(str(error).split())}") from error


def _refusal(status: int, message: str, repository: str) -> str:
    if status in (401, 403):
        return f"the Hub refuses to write to {repository} ({status}); set an HF_TOKEN that may write there"
    if status in (409, 412):
        return f"{repository} has changed since its card was read; push again"
    first = next((line for line in message.splitlines() if line.strip()), "no reason given")
    return f"the Hub refuses the push to {repository} ({first}); try again later"
