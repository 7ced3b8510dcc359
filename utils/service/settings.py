"""What the service is told when it starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Which network reads, and the limits that protect the service.

    Attributes
    ----------
    network
        The exported network: its file, or what would be in it.
    name, version
        How answers call it.
    workers
        How many processes read, each one image at a time.
    max_memory
        An image may need so many bytes of memory while it is read, where the system can limit that.
    seconds
        A reading that takes longer is ended, and the process with it; waiting for its turn does not count.
    stuck
        A reader that has been at an image for so many seconds does not count as ready.
    patience
        An image whose turn does not come for so many seconds is given up.
    waiting
        How many images may be read or wait for it at once.
    max_bytes
        The largest upload.
    upload_seconds
        An upload that takes longer is given up.
    stall_seconds, stall_bytes
        An upload of which fewer bytes come in so many seconds is given up, too: it holds the room of others.
    max_held
        So many bytes of uploads may be in memory at once.
    connections
        So many connections may be open at once.
    head_seconds
        A request whose head is not complete after so many seconds is given up, and so is an idle connection.
    max_head, max_fields
        The bytes and fields that a request's head may have.
    recent
        So many of the last readings are counted at ``/recent``.
    origins
        Other sites whose pages may use the service, such as ``https://school.example``.
    hosts
        The names by which the service may be called, next to addresses such as 192.168.1.2; ``*`` for any.
    """

    network: str | bytes
    name: str
    version: str
    workers: int = 1
    max_memory: int = 1_500_000_000
    seconds: float = 10.0
    stuck: float = 3.0
    patience: float = 60.0
    waiting: int = 128
    max_bytes: int = 10_000_000
    upload_seconds: float = 30.0
    stall_seconds: float = 5.0
    stall_bytes: int = 5_000
    max_held: int = 200_000_000
    connections: int = 1000
    head_seconds: float = 10.0
    max_head: int = 65_536
    max_fields: int = 100
    recent: int = 200
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ("*",)
