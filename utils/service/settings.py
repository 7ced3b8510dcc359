"""What the service is told when it starts. Its worker processes get it through the environment."""

import json
import os
from dataclasses import asdict, dataclass

#: The environment variable that hands the settings to the workers.
VARIABLE = "DIGITS_SERVICE"


@dataclass(frozen=True)
class Settings:
    """Which network reads, and the limits that protect the service.

    Attributes
    ----------
    network
        The exported network's file.
    name, version
        How answers call it.
    max_bytes
        The largest upload.
    upload_seconds
        An upload that takes longer is given up.
    max_held
        So many bytes of uploads may be in memory at once, in each worker.
    seconds
        A reading that takes longer is given up; the time in which it waits for its turn does not count.
    patience
        An image whose turn does not come for so many seconds is given up.
    waiting
        How many images may be read or wait for it at once, in each worker.
    readers
        How many images a worker reads at once. Two of them would take turns at Python's lock and be slower than one:
        a second core takes a second worker.
    origins
        Other sites whose pages may use the service, such as ``https://school.example``.
    """

    network: str
    name: str
    version: str
    max_bytes: int = 10_000_000
    upload_seconds: float = 30.0
    max_held: int = 200_000_000
    seconds: float = 10.0
    patience: float = 60.0
    waiting: int = 128
    readers: int = 1
    origins: tuple[str, ...] = ()

    def to_environment(self) -> None:
        """Leave the settings for `from_environment`, in this process and those that it starts."""
        os.environ[VARIABLE] = json.dumps(asdict(self))

    @classmethod
    def from_environment(cls) -> "Settings":
        """Take the settings that `to_environment` has left."""
        values = json.loads(os.environ[VARIABLE])
        return cls(**values | {"origins": tuple(values["origins"])})
