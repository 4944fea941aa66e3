"""The reference for the HTTP service: the service that was published with this network.

FastAPI decodes and validates the records, and the network processes each request alone, with the
default number of threads of torch. Only the weights and the labels are the current ones.
"""

import socket
import time
from importlib import resources
from typing import Any

import click
import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from model.checkpoint import load
from model.weight_files import TORCH_FILE

app = FastAPI()
with resources.as_file(resources.files("assets")) as assets:
    network = load(assets / TORCH_FILE)


class Item(BaseModel):
    """A record."""

    record: list[float]


@app.post("/batch_predict/")
def batch_predict(items: list[Item]) -> dict[str, Any]:
    """Diagnose the records of one request."""
    started = time.time()
    x = torch.tensor([item.record for item in items]).reshape(-1, WINDOW_LENGTH)
    x = (x - x.mean(dim=1, keepdim=True)) / x.std(dim=1, keepdim=True)
    rows = torch.softmax(network(x), dim=1).tolist()
    analysis = [
        {
            "Prediction": FAULT_LABELS[row.index(max(row))],
            "Probabilities": dict(zip(FAULT_LABELS, row, strict=True)),
        }
        for row in rows
    ]
    return {"Analysis": analysis, "Execution Time": 1000 * (time.time() - started)}


@click.command()
def command() -> None:
    """Serve at a free port, and print the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    # As uvicorn does when it opens the port itself.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    click.echo(f"http://127.0.0.1:{listener.getsockname()[1]}", err=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    command()
