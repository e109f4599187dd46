"""A real S3 server on loopback for tests, and the lake in it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer
from pyarrow.fs import S3FileSystem

__all__ = ["BUCKET", "ENVIRONMENT", "filesystem", "lake_url", "object_storage"]

BUCKET = "lake"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def object_storage() -> Iterator[str]:
    """Address of a server with one bucket; its keys stand in the environment meanwhile."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    try:
        host, port = started.get_host_and_port()
        filesystem(f"{host}:{port}").create_dir(BUCKET)
        yield f"{host}:{port}"
    finally:
        started.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def filesystem(address: str) -> S3FileSystem:
    """The server as pyarrow sees it."""
    return S3FileSystem(
        access_key=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
        secret_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        endpoint_override=address,
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )


def lake_url(address: str, name: str) -> str:
    """A lake of its own in the bucket."""
    return f"lake:s3://{BUCKET}/{name}?scheme=http&endpoint_override={address}&region=us-east-1"
