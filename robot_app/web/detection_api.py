"""Detection as a service: images in, JSON out, with limits that hold against strangers, and figures for Prometheus.

FastAPI makes the schemas of the OpenAPI page of the dataclasses here.
"""

import asyncio
import io
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.core.frame import Image, decode_image
from robot_app.perception.detector import Detector
from robot_app.web.decode_process import decode_within
from robot_app.web.http_server import SECURITY_HEADERS, STATIC

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
START_OF_SCAN = b"\xff\xda"
BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class FoundObject:
    """One object: `bbox` is left, top, width and height in the image's pixels, `label` the number of `category`."""

    bbox: tuple[float, float, float, float]
    score: float
    label: int
    category: str


@dataclass(frozen=True, slots=True)
class ServiceTimings:
    """Durations in milliseconds: receiving it and waiting for a turn, decoding the image, and detecting in it."""

    wait_ms: float
    decode_ms: float
    detect_ms: float


@dataclass(frozen=True, slots=True)
class DetectAnswer:
    """What is in an image of `width` x `height` pixels, best first, and which model says so."""

    model: str
    width: int
    height: int
    objects: tuple[FoundObject, ...]
    timings: ServiceTimings


@dataclass(frozen=True, slots=True)
class Health:
    """`status` is `ok`, with the `model` and what it runs on, for as long as the service answers at all."""

    status: str
    model: str
    provider: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not carried out, in one line."""

    error: str


class ServiceMetrics:
    """Counts of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter("detect_requests", "Answered requests to /detect", ("status",), registry=self.registry)
        self.seconds = Histogram(
            "detect_seconds", "Time of detecting in one image", buckets=BUCKETS_S, registry=self.registry
        )


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """How much the service takes on.

    Attributes:
        body_bytes: of one image file.
        pixels: of one image.
        pixel_scans: pixels times how often a file passes over them; a progressive JPEG does so any number of times.
        quick_pixel_scans: an image with more is decoded where it can be ended.
        decode_timeout_s: for that.
        at_work: images that are decoded and searched at the same time.
        waiting: requests beyond those that may wait; further ones get 503.
        body_timeout_s: for a client to send its image.
    """

    body_bytes: int = 20_000_000
    pixels: int = 50_000_000
    pixel_scans: int = 1_000_000_000
    quick_pixel_scans: int = 100_000_000
    decode_timeout_s: float = 1.5
    at_work: int = 2
    waiting: int = 14
    body_timeout_s: float = 30.0


class _Refused(Exception):  # noqa: N818
    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


def build_service(detector: Detector, limits: ServiceLimits | None = None) -> FastAPI:
    """The app. `detector` reports every candidate; what is answered is decided by each request's `score`.

    Its pages load nothing from elsewhere.
    """
    limits = limits or ServiceLimits()
    card, metrics = detector.card, ServiceMetrics()
    app = FastAPI(
        title="Vector detector",
        version=card.version,
        description=f"Finds objects in images with the model {card.name} {card.version}.",
        docs_url=None,
        redoc_url=None,
    )
    _add_refusals(app)
    _add_pages(app, detector, metrics)
    _add_detect(app, detector, limits, metrics)
    return app


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(_Refused)
    async def refuse(request: Request, refused: _Refused) -> JSONResponse:
        return JSONResponse({"error": refused.reason}, refused.status, refused.headers)

    @app.exception_handler(RequestValidationError)
    async def refuse_query(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = ", ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        return JSONResponse({"error": faults}, 422)


def _add_pages(app: FastAPI, detector: Detector, metrics: ServiceMetrics) -> None:
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.middleware("http")
    async def count(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(SECURITY_HEADERS)
        if request.url.path == "/detect":
            metrics.requests.labels(str(response.status_code)).inc()
        return response

    @app.get("/", include_in_schema=False)
    async def show_page() -> FileResponse:
        return FileResponse(STATIC / "api.html")

    @app.get("/healthz")
    async def health() -> Health:
        """Whether the service is up, and with which model."""
        return Health("ok", f"{detector.card.name} {detector.card.version}", detector.provider)

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def show_metrics() -> Response:
        """Figures for Prometheus."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _add_detect(app: FastAPI, detector: Detector, limits: ServiceLimits, metrics: ServiceMetrics) -> None:
    card, turns = detector.card, _Turns(limits)

    @app.post("/detect", responses=_refusals(limits), openapi_extra=_image_body())
    async def detect(
        request: Request,
        score: Annotated[float, Query(ge=0, le=1, description="least score")] = card.score_threshold,
    ) -> DetectAnswer:
        """Find the objects in an image, sent as the body of the request."""
        arrived = time.perf_counter()
        async with turns.taken(request) as data:
            started = time.perf_counter()
            image = await asyncio.to_thread(_decode, data, limits)
            decoded = time.perf_counter()
            found = await asyncio.to_thread(detector, image)
            answered = time.perf_counter()
        metrics.seconds.observe(answered - decoded)
        durations_s = (started - arrived, decoded - started, answered - decoded)
        timings = ServiceTimings(*(round(duration_s * 1000, 2) for duration_s in durations_s))
        objects = _found_objects(found.above(score), card.class_names)
        return DetectAnswer(f"{card.name} {card.version}", image.shape[1], image.shape[0], objects, timings)


class _Turns:
    """Lets only so many requests hold an image in memory, and fewer of them work."""

    def __init__(self, limits: ServiceLimits) -> None:
        self._limits = limits
        self._inside = 0
        self._at_work = asyncio.Semaphore(limits.at_work)

    @asynccontextmanager
    async def taken(self, request: Request) -> AsyncIterator[bytes]:
        """The body of the request, once it is its turn."""
        if self._inside >= self._limits.at_work + self._limits.waiting:
            raise _Refused(503, "too many requests at a time; try again", {"Retry-After": "1"})
        self._inside += 1
        try:
            data = await _read_body(request, self._limits)
            async with self._at_work:
                yield data
        finally:
            self._inside -= 1


async def _read_body(request: Request, limits: ServiceLimits) -> bytes:
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise _Refused(
            415, "forms are not read; send the image's bytes as the body, as `curl --data-binary @FILE` does"
        )
    too_large = _Refused(413, f"the body is larger than the {limits.body_bytes} bytes that are allowed")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limits.body_bytes:
        raise too_large
    data = bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            async for chunk in request.stream():
                data += chunk
                if len(data) > limits.body_bytes:
                    raise too_large
    except (TimeoutError, ClientDisconnect) as error:
        raise _Refused(408, f"the body did not come within {limits.body_timeout_s:g} s") from error
    return bytes(data)


def _decode(data: bytes, limits: ServiceLimits) -> Image:
    """Decode to uint8 (H, W, 3) BGR, but only once the file says that it is not enormous, and takes no end of time."""
    if not data:
        raise _Refused(415, "the body is empty; expected the bytes of an image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes that are refused below
            with Pillow.open(io.BytesIO(data), formats=FORMATS) as image:
                (width, height), is_jpeg = image.size, image.format == "JPEG"
    except Pillow.DecompressionBombError as error:
        raise _Refused(413, f"the image is larger than the {limits.pixels} pixels that are allowed") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        known = ", ".join(FORMATS)
        raise _Refused(415, f"the body ({len(data)} bytes) is no image of a known kind; expected {known}") from error
    if width * height > limits.pixels:
        raise _Refused(413, f"the image has {width} x {height} pixels; allowed are {limits.pixels} in all")
    # In a scan these two bytes stand nowhere else. Other formats take about as long as four scans.
    scans = data.count(START_OF_SCAN) if is_jpeg else 4
    if width * height * scans > limits.pixel_scans:
        raise _Refused(413, f"the image passes {scans} times over {width} x {height} pixels; save it as a simpler JPEG")
    try:
        if width * height * scans > limits.quick_pixel_scans:
            return decode_within(data, "the image", limits.decode_timeout_s)
        return decode_image(data, "the image")
    except InputError as error:
        raise _Refused(422, str(error)) from error


def _found_objects(found: Detections, class_names: tuple[str, ...]) -> tuple[FoundObject, ...]:
    """Detections as they are answered, without digits that mean nothing."""
    return tuple(
        FoundObject(
            (round(x1, 2), round(y1, 2), round(x2 - x1, 2), round(y2 - y1, 2)),
            round(score, 4),
            label,
            class_names[label],
        )
        for (x1, y1, x2, y2), score, label in found.rows()
    )


def _refusals(limits: ServiceLimits) -> dict[int | str, dict[str, Any]]:
    reasons = {
        408: f"the image did not come within {limits.body_timeout_s:g} s",
        413: f"more than {limits.body_bytes} bytes or {limits.pixels} pixels",
        415: "no image",
        422: "a damaged image, or a score that is none",
        503: "too many requests at a time",
    }
    return {status: {"model": Refusal, "description": reason} for status, reason in reasons.items()}


def _image_body() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    kinds = [f"image/{name.lower()}" for name in FORMATS] + ["application/octet-stream"]
    return {"requestBody": {"required": True, "content": dict.fromkeys(kinds, binary)}}
