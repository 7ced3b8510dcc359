"""Take in an upload, whatever it is and however it comes: never more of it than may be kept in memory."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.message import Message

from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from utils.service.settings import Settings

#: What the parts of a form may need on top of the image: their headers, and a field or two.
FRAMING = 20_000
#: The bytes of a phone's photo: what there must be room for.
PHOTO = 4_000_000


class RefusedError(Exception):
    """A request that is not answered with a reading.

    Parameters
    ----------
    status
        The HTTP status.
    sentence
        What is wrong, and what to do.
    headers
        More of the response's headers.
    """

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers or {}


class Uploads:
    """What has been uploaded and not been answered yet: never more of it than may be kept in memory.

    Parameters
    ----------
    settings
        The limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._held = settings, 0

    @property
    def ready(self) -> bool:
        """Whether there is room for another photo."""
        return self._held + min(PHOTO, self._settings.max_bytes) <= self._settings.max_held

    @asynccontextmanager
    async def take(self, request: Request) -> AsyncGenerator[tuple[bytes, str], None]:
        """Receive the image that a request carries; it is forgotten at the end of the block.

        Parameters
        ----------
        request
            Its body is the image itself, or a form (``multipart/form-data``) with one file in it.

        Yields
        ------
        data : bytes
            The image. What type the request says that it has does not count: its bytes tell.
        name : str
            The file's name, without folders, or ``upload`` if it has none.

        Raises
        ------
        RefusedError
            If it is too large (as soon as that is known), too slow, broken off, or a form without a file, or if too
            much is being uploaded by others.
        """
        is_form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
        limit = self._settings.max_bytes + (FRAMING if is_form else 0)
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self._settings.upload_seconds):
                    await self._receive(request, body, limit)
            except TimeoutError:
                raise RefusedError(
                    408,
                    f"The upload took longer than {self._settings.upload_seconds:g} seconds: send a smaller image.",
                    {"Connection": "close"},
                ) from None
            except ClientDisconnect:
                raise RefusedError(400, "The upload was broken off: send it again.") from None
            data, name = await _file_of_form(request, body) if is_form else (bytes(body), "upload")
            if len(data) > self._settings.max_bytes:
                raise _too_large(self._settings)
            yield data, name
        finally:
            self._held -= len(body)

    async def _receive(self, request: Request, body: bytearray, limit: int) -> None:
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            raise _too_large(self._settings)
        loop, seconds, more = asyncio.get_running_loop(), self._settings.stall_seconds, 0
        try:
            async with asyncio.timeout(seconds) as patience:
                async for chunk in request.stream():
                    body += chunk
                    self._held += len(chunk)
                    more += len(chunk)
                    if more >= self._settings.stall_bytes:
                        patience.reschedule(loop.time() + seconds)
                        more = 0
                    if len(body) > limit:
                        raise _too_large(self._settings)
                    if self._held > self._settings.max_held:
                        raise RefusedError(
                            503, "Too much is being uploaded at once: try again in a few seconds.", {"Retry-After": "3"}
                        )
        except TimeoutError:
            raise RefusedError(
                408, "The upload came to a standstill: check the connection and send it again.", {"Connection": "close"}
            ) from None


async def _file_of_form(request: Request, body: bytearray) -> tuple[bytes, str]:
    async def once() -> AsyncGenerator[bytes, None]:
        yield bytes(body)

    header = Message()
    header["content-type"] = request.headers["content-type"]
    if not header.get_boundary():
        raise RefusedError(400, "The form has no boundary: send the image as the file of a multipart form.")
    parser = MultiPartParser(request.headers, once(), max_files=1, max_fields=10)
    parser.spool_max_size = len(body) + 1  # in memory, where it is by now; nothing is written to a disk
    try:
        form = await parser.parse()
    except (MultiPartException, MultipartParseError, ValueError, KeyError) as error:
        reason = getattr(error, "message", "") or str(error)
        raise RefusedError(400, f"The form cannot be read ({reason}): send one image as its file.") from error
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise RefusedError(400, "The form has no file in it: send the image as its file.")
    data = await files[0].read()
    name = (files[0].filename or "").replace("\\", "/").rsplit("/", 1)[-1].encode("utf-8", "replace").decode()
    await form.close()
    return data, name or "upload"


def _too_large(settings: Settings) -> RefusedError:
    megabytes = f"{settings.max_bytes / 1e6:g}"
    return RefusedError(413, f"The upload is larger than {megabytes} MB: send a smaller image.")
