"""The service's addresses: the page, ``/predict``, ``/health``, ``/recent``, and their descriptions."""

import asyncio
import logging
import mimetypes
import re
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from utils.service.contest import Contest, check_drawing
from utils.service.desk import Desk
from utils.service.guard import Guard, check_origin
from utils.service.recent import Recent
from utils.service.settings import Settings
from utils.service.upload import RefusedError, Uploads

PAGE = Path(__file__).resolve().parent / "page"
#: How an upload begins that is text with an image written in it: JSON, a data URL, the Base64 of a PNG or a JPEG.
WRITTEN = re.compile(rb"\s*([{\[\"]|data:|iVBORw0KGgo|/9j/)")
log = logging.getLogger("uvicorn.error")
mimetypes.add_type("text/javascript", ".js")  # Windows may have another name for it, and then no module would run


class DigitAnswer(BaseModel):
    """One digit that was read."""

    digit: int = Field(ge=0, le=9)
    probability: float = Field(ge=0, le=1, description="What the network gives it.")
    confident: bool = Field(description="Whether the probability is at least 0.8, on a page that looks like digits.")
    box: list[int] = Field(
        min_length=4, max_length=4, description="Left, top, width and height, in pixels of the upright image."
    )
    line: int = Field(ge=0, description="The line that it stands in.")
    probabilities: list[float] = Field(
        min_length=10, max_length=10, description="What the network gives to each of the ten digits."
    )


class ModelAnswer(BaseModel):
    """The network that reads."""

    name: str
    version: str = Field(description="The first digits of its weights' SHA-256.")


class Answer(BaseModel):
    """What was read in an image."""

    file: str
    text: str = Field(description="The digits in reading order; lines are joined by a line break.")
    digits: list[DigitAnswer]
    note: str | None = Field(description="No digit found, no digits by the looks of it, or not read upright.")
    error: None = None
    model: ModelAnswer


class Problem(BaseModel):
    """Why there is no answer, in a sentence."""

    error: str


class Health(BaseModel):
    """Whether images can be sent."""

    ready: bool
    model: ModelAnswer


class RecentAnswer(BaseModel):
    """What the last readings were like: numbers only, for nothing that is uploaded is kept."""

    readings: int = Field(description="So many are counted; older ones are forgotten.")
    unsure: int = Field(description="In so many of them, no digit was found or one of them is unsure.")
    answers: list[int] = Field(min_length=10, max_length=10, description="How often each digit was read.")


IMAGE = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "schema": {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary", "description": "The image."}},
        "required": ["file"],
    }
}
BODY = {"required": True, "content": {"multipart/form-data": FORM, "application/octet-stream": IMAGE, "image/*": IMAGE}}
PROBLEMS = {
    400: "The upload was broken off, or is a form without a file.",
    403: "Another site's page may not use this service.",
    408: "The upload took too long.",
    413: "The upload is too large.",
    421: "This service does not go by that name.",
    422: "It is not an image that can be read.",
    503: "Too many images are waiting, or reading took too long: try again.",
}


def create_app(settings: Settings, desk: Desk | None = None, contest: Contest | None = None) -> FastAPI:
    """Make the service.

    Parameters
    ----------
    settings
        Which network reads, and the limits.
    desk
        Where images wait, if its readers have been started already.
    contest
        The board of a contest, if there is one.

    Returns
    -------
    FastAPI
        The application, for uvicorn or a test client.
    """
    model = {"name": settings.name, "version": settings.version}
    desk, uploads, recent = desk or Desk(settings), Uploads(settings), Recent(settings.recent)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        keeper = asyncio.create_task(desk.keep())
        yield
        keeper.cancel()
        desk.close()

    app = FastAPIOffline(
        title="Handwritten Digits Recognizer",
        description="Reads handwritten digits in drawings and photos. Nothing that is uploaded is kept.",
        version="1",
        servers=[{"url": "."}],  # wherever this description was found: behind a proxy, too
        lifespan=lifespan,
    )
    if settings.origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.origins, allow_methods=["GET", "POST"])
    app.router.redirect_slashes = False  # a redirect would name an address that a proxy's visitors cannot reach

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        if contest is None:
            return FileResponse(PAGE / "index.html")
        text = (PAGE / "index.html").read_text(encoding="utf-8")
        text = text.replace("is read and forgotten.", "is read and forgotten; what enters the contest, when that ends.")
        return HTMLResponse(text.replace("<body>", "<body data-contest>"))

    @app.post(
        "/predict",
        response_model=Answer,
        responses={status: {"model": Problem, "description": text} for status, text in PROBLEMS.items()},
        openapi_extra={"requestBody": BODY},
    )
    async def predict(request: Request) -> dict:
        """Read the digits in an image: PNG, JPEG, WebP, BMP, TIFF, GIF or HEIC, as the body or as a form's file."""
        check_origin(request, settings.origins)
        desk.check()  # before the upload, so that a full service does not fill its memory, too
        async with uploads.take(request) as (data, name):
            if WRITTEN.match(data):
                raise RefusedError(
                    422, f"{name} is text, not an image: send the image's own bytes, as curl -F file=@photo.png does."
                )
            record = await _unless_gone(request, desk.read(data, name))
        if record["error"]:
            raise RefusedError(422, record["error"])
        recent.add(record)
        return record | {"model": model}

    @app.head("/health", include_in_schema=False)
    @app.get("/health", responses={503: {"model": Health, "description": "No image can be taken now."}})
    async def health(response: Response) -> Health:
        """Say whether images can be sent."""
        ready = desk.ready and uploads.ready
        response.status_code = 200 if ready else 503
        return Health(ready=ready, model=ModelAnswer(**model))

    @app.get("/recent")
    async def count_recent() -> RecentAnswer:
        """Count what the last readings were like: how many were unsure, and which digits were read."""
        return RecentAnswer(**recent.count())

    if contest:
        _add_contest(app, contest, settings, desk, uploads)

    @app.exception_handler(RefusedError)
    async def refuse(request: Request, error: RefusedError) -> JSONResponse:
        return JSONResponse({"error": error.sentence}, error.status, error.headers)

    @app.exception_handler(HTTPException)
    async def explain(request: Request, error: HTTPException) -> JSONResponse:
        sentences = {404: f"There is nothing at {request.url.path}.", 405: f"{request.method} cannot be used here."}
        return JSONResponse({"error": sentences.get(error.status_code, error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def correct(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return JSONResponse({"error": f"{first['loc'][-1]}: {first['msg']}."}, 422)

    @app.exception_handler(Exception)
    async def apologise(request: Request, error: Exception) -> JSONResponse:
        log.error("A request failed.", exc_info=error)
        return JSONResponse({"error": "Something went wrong in the service; its log says what."}, 500)

    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    app.middleware_stack = Guard(app.build_middleware_stack(), settings.hosts)  # around the answer 500, too
    return app


def _add_contest(app: FastAPI, contest: Contest, settings: Settings, desk: Desk, uploads: Uploads) -> None:
    """Add the contest's addresses: the projector's page, its code and its board, and where phones send drawings."""

    @app.get("/contest", include_in_schema=False)
    async def show_projector() -> FileResponse:
        return FileResponse(PAGE / "contest.html")

    @app.get("/contest/code.svg", include_in_schema=False)
    async def draw_code() -> Response:
        return Response(contest.code(), media_type="image/svg+xml")

    @app.get("/contest/board", include_in_schema=False)
    async def show_board() -> dict:
        return {"address": contest.address, **contest.board()}

    @app.get("/contest/drawings/{number}.png", include_in_schema=False)
    async def show_drawing(number: int) -> Response:
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        return Response(contest.drawing(number), media_type="image/png", headers=headers)

    @app.delete("/contest/drawings/{number}", include_in_schema=False)
    async def take_off(number: int, key: str = "") -> dict:
        contest.take_off(number, key)
        return contest.board()

    @app.post("/contest", include_in_schema=False)
    async def enter(request: Request, meant: str = "", name: str = "") -> dict:
        check_origin(request, settings.origins)
        desk.check()
        async with uploads.take(request) as (data, file):
            digit = check_drawing(data, meant)
            record = await _unless_gone(request, desk.read(data, file))
            if record["error"]:
                raise RefusedError(422, record["error"])
            return {"fooled": contest.enter(data, record, digit, name), "text": record["text"]}


async def _unless_gone(request: Request, work: Coroutine[None, None, dict]) -> dict:
    """Do some work, but give it up when the one who asked has hung up, as a page does when the next stroke is drawn."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RefusedError(400, "The connection was closed.")
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
