"""Take in an upload, whatever it is and however it comes: never more of it than may be kept in memory."""

import asyncio
from collections.abc import AsyncGenerator
from email.message import Message

from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from utils.service.settings import Settings

#: What the parts of a form may need on top of the image: their headers, and a field or two.
FRAMING = 20_000


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


async def take_upload(request: Request, settings: Settings) -> tuple[bytes, str]:
    """Receive the image that a request carries.

    Parameters
    ----------
    request
        Its body is the image itself, or a form (``multipart/form-data``) with one file in it.
    settings
        The limits.

    Returns
    -------
    data : bytes
        The image. What type the request says that it has does not count: its bytes tell.
    name : str
        The file's name, without folders, or ``upload`` if it has none.

    Raises
    ------
    RefusedError
        If it is too large (as soon as that is known), too slow, broken off, or a form without a file.
    """
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    limit = settings.max_bytes + (FRAMING if is_form else 0)
    try:
        async with asyncio.timeout(settings.upload_seconds):
            body = await _receive(request, limit, settings)
    except TimeoutError:
        raise RefusedError(
            408, f"The upload took longer than {settings.upload_seconds:.0f} seconds: send a smaller image."
        ) from None
    except ClientDisconnect:
        raise RefusedError(400, "The upload was broken off: send it again.") from None
    if not is_form:
        return body, "upload"
    data, name = await _file_of_form(request, body)
    if len(data) > settings.max_bytes:
        raise _too_large(settings)
    return data, name


async def _receive(request: Request, limit: int, settings: Settings) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(settings)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(settings)
    return bytes(body)


async def _file_of_form(request: Request, body: bytes) -> tuple[bytes, str]:
    async def once() -> AsyncGenerator[bytes, None]:
        yield body

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
    name = (files[0].filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    await form.close()
    return data, name or "upload"


def _too_large(settings: Settings) -> RefusedError:
    megabytes = f"{settings.max_bytes / 1e6:g}"
    return RefusedError(413, f"The upload is larger than {megabytes} MB: send a smaller image.")
