"""A body as far as it came: the next GET of its URL goes on where it broke off.

A finished result is paid for, and lines break. What is resumed is certain to be the same file: by
its ETag or date, else by its size; else it begins anew. Holds no more than a result may have.
"""

from __future__ import annotations

import io

from ._aiohttp import aiohttp
from ._answer import kind_of
from ._bodies import Limit
from ._ranges import (
    OK,
    PARTIAL,
    UNSATISFIABLE,
    OddRange,
    Stretch,
    stretch_of,
    strong_tag,
    validator_of,
    whole_length,
)
from ._reading import TooLarge, fill, read_error, shows_its_end
from ._send_state import current_patience
from ._texts import HEAD_BYTES

MOST_BREAKS = 100
"""So often a body may break off in one poll, each time after it brought more."""
MOST_VAIN = 3
"""Answers to parts that were asked for and brought nothing, until the whole is asked for again."""
FIRST_ERROR, FIRST_REFUSAL, FIRST_SERVER_ERROR = 300, 400, 500
PASSING = frozenset({408, 425, 429})


class PartialBody:
    """The body of a GET, as far as it came."""

    def __init__(self) -> None:
        self.status = OK
        """Of the last answer; of what was put together from parts, that of a whole."""
        self._body = io.BytesIO()
        self._declared = ""
        self._validator: str | None = None
        self._is_strong = False
        self._total: int | None = None
        self._furthest = 0
        self._vain = self._breaks = 0
        self._goes_on = False
        self._plain = False
        """Whether it came packed, and broke: what is not packed can be resumed."""

    @property
    def size(self) -> int:
        """The bytes that are held."""
        return self._body.tell()

    @property
    def is_worth_keeping(self) -> bool:
        """Whether the next poll has something to go on with."""
        return self._plain or self.size > 0

    @property
    def goes_on(self) -> bool:
        """Whether asking again at once is worth while."""
        return self._goes_on and self._breaks <= MOST_BREAKS

    def asks(self) -> dict[str, str]:
        """Return the headers of the next GET."""
        if not self._can_resume():
            self._forget()
            return {"Accept-Encoding": "identity"} if self._plain else {}

        wanted = {"Range": f"bytes={self.size}-", "Accept-Encoding": "identity"}
        return {**wanted, "If-Range": self._validator} if self._validator else wanted

    def _can_resume(self) -> bool:
        if not self.size or self._vain >= MOST_VAIN or not (self._validator or self._total):
            return False

        # JSON may say something else by now, unless its server is sure that it doesn't.
        return self._is_strong or kind_of(self._head(), self._declared) is not None

    def _head(self) -> bytes:
        with self._body.getbuffer() as view:
            return bytes(view[: min(self.size, HEAD_BYTES)])

    def _forget(self) -> None:
        if self.size:
            self._body.close()
            self._body = io.BytesIO()

        self._validator, self._total, self._is_strong, self._vain = None, None, False, 0

    async def read(
        self, response: aiohttp.ClientResponse, most_media: int
    ) -> io.BytesIO | bytearray | None:
        """Return the whole body, or an error's; None where it broke off.

        Args:
            response: Whose body it is.
            most_media: Bytes that it may have where it is media.

        Raises:
            HTTPError: It is larger than an answer, or a result, may be.
        """
        self._goes_on, self.status = False, response.status
        if response.status >= FIRST_ERROR:
            return await self._refused(response)

        self._vain += self.size > 0
        try:
            stretch = stretch_of(response, is_asked=self.size > 0)
            skip = self._place(response, stretch)
        except OddRange:
            self._begin_anew()
            return None

        limit = Limit(response, most_media, self._total, self.size)
        whole = False
        try:
            await fill(self._body, response, self._total or 0, limit, skip, limit.flows)
            whole = self._is_whole(stretch)
        except TooLarge:
            self._forget()
            raise limit.error(response.status) from None
        except (aiohttp.ClientError, OSError):
            with self._body.getbuffer() as view:  # the line broke
                whole = shows_its_end(view[: self.size])
        finally:
            # A cancellation of the poll leaves what came, too.
            if not whole:
                self._broke(stretch)

        return self._taken() if whole else None

    async def _refused(self, response: aiohttp.ClientResponse) -> io.BytesIO | bytearray | None:
        if response.status == UNSATISFIABLE and self.size:
            if whole_length(response) == self.size:
                return self._taken()

            self._begin_anew()
            return None

        if FIRST_REFUSAL <= response.status < FIRST_SERVER_ERROR:
            # Of the part, maybe: the next time all of it is asked for.
            if response.status not in PASSING:
                self._forget()
        elif response.status >= FIRST_SERVER_ERROR:
            self._vain += self.size > 0

        return await read_error(response)

    def _place(self, response: aiohttp.ClientResponse, stretch: Stretch) -> int:
        """Take note of what begins; return how many bytes of it are there already.

        Raises:
            OddRange: It is not what is missing of the same file.
        """
        if stretch.first == 0:
            self._forget()
            self._validator, self._total = validator_of(response), stretch.total
            self._is_strong = strong_tag(response) is not None
            self._declared = response.content_type
            return 0

        validator = validator_of(response)
        is_same_size = stretch.total in (None, self._total)
        is_known = validator == self._validator if validator else stretch.total is not None
        if stretch.first > self.size or not (is_same_size and is_known):
            raise OddRange("it is another part than was asked for, or of another file")

        return self.size - stretch.first

    def _is_whole(self, stretch: Stretch) -> bool:
        if stretch.is_doubtful and kind_of(self._head(), self._declared) is not None:
            return False  # JSON shows its end, and media don't

        ends_at = self._total if stretch.stops_at is None else stretch.stops_at
        return ends_at in (None, self.size) and self._total in (None, self.size)

    def _broke(self, stretch: Stretch) -> None:
        """Take note of what there is to go on with."""
        self._breaks += 1
        if stretch.is_doubtful:
            self._forget()
            return

        if stretch.is_packed:  # no place in it can be asked for
            self._goes_on, self._plain = not self._plain, True
            self._forget()
            return

        if self.size > self._furthest:
            self._furthest, self._vain, self._goes_on = self.size, 0, True

        if self._total is not None and self.size > self._total:
            self._forget()  # more than was announced

    def _begin_anew(self) -> None:
        """Forget what came, and ask for all of it at once."""
        self._goes_on = self.size > 0
        self._breaks += 1
        self._forget()

    def _taken(self) -> io.BytesIO:
        """Hand out the whole body."""
        body, self._body = self._body, io.BytesIO()
        self.status = OK if self.status in (PARTIAL, UNSATISFIABLE) else self.status
        self._forget()
        return body


class Parts:
    """The bodies of one job's results, kept from poll to poll, each in one reader's hands."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[str, PartialBody] = {}

    def take(self, url: str) -> PartialBody:
        """Return what came of a URL, signed anew or not, and let go of it."""
        return self._kept.pop(_bare(url), None) or PartialBody()

    def keep(self, url: str, part: PartialBody, most: int) -> None:
        """Keep what came of a URL for the next poll.

        Args:
            url: Where it is.
            part: What came.
            most: Bytes that are kept of all of them together.
        """
        if not part.is_worth_keeping:
            return

        self._kept[_bare(url)] = part
        while len(self._kept) > 1 and sum(one.size for one in self._kept.values()) > most:
            del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Forget all of them: the job has its result."""
        self._kept.clear()


def _bare(url: str) -> str:
    return url.partition("?")[0]


def parts_at_hand() -> Parts:
    """Return what came in earlier polls of the job that is polled for; else nothing."""
    patience = current_patience.get()
    return Parts() if patience is None else patience.parts
