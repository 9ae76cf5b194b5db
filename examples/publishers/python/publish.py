"""Publishes events: each is in a queue when this program ends with exit code 0."""

import json
import os
import sys
import time
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import UnroutableError


def publish(channel: BlockingChannel, exchange: str, body: bytes) -> None:
    """Returns once the broker has confirmed the event. Raises if no queue took it."""
    event = json.loads(body)
    channel.basic_publish(
        exchange=exchange,
        routing_key=event["type"],
        body=body,
        mandatory=True,
        properties=pika.BasicProperties(
            content_type="application/json",
            delivery_mode=pika.DeliveryMode.Persistent,
            message_id=event["id"],
            type=event["type"],
            timestamp=int(time.time()),
        ),
    )


def main(files: list[str]) -> None:
    broker = pika.URLParameters(os.environ["AMQP_URL"])
    exchange = os.environ.get("EXCHANGE", "events")
    with pika.BlockingConnection(broker) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for file in files:
            try:
                publish(channel, exchange, Path(file).read_bytes())
            except UnroutableError:
                sys.exit(f"{file}: no queue is bound to {exchange} for this event")
            print(f"{file}: published")


if __name__ == "__main__":
    main(sys.argv[1:])
