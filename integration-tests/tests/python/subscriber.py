"""An event subscriber as its users would write one: pika and jsonschema only.

subscriber.py URI USER PASSWORD QUEUE collect SCHEMAS SUBJECT...  prints each fact of
    the subjects once, with its trace id, in order of sequence per subject, until the last has finished
subscriber.py URI USER PASSWORD QUEUE overreach OTHER_QUEUE       prints "refused"
subscriber.py URI USER PASSWORD QUEUE login                       exits 1 with "refused"
subscriber.py URI USER PASSWORD QUEUE stall                       consumes, prints "consuming", and never reads again
"""

import json
import pathlib
import sys
import time
from urllib.parse import urlsplit, unquote

import jsonschema
import pika


def connect(uri, user, password):
    parts = urlsplit(uri)
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            host=parts.hostname,
            port=parts.port,
            virtual_host=unquote(parts.path[1:]) or "/",
            credentials=pika.PlainCredentials(user, password),
        )
    )


def collect(channel, queue, schemas, *subjects):
    validators = {
        path.stem: jsonschema.Draft202012Validator(json.loads(path.read_text()))
        for path in pathlib.Path(schemas).glob("*.json")
    }
    seen = {subject: {} for subject in subjects}
    for method, properties, body in channel.consume(queue, inactivity_timeout=120):
        if method is None:
            sys.exit("no event for 120 s")
        event = json.loads(body)
        validators[event["type"]].validate(event)
        assert properties.content_type == "application/cloudevents+json", properties
        channel.basic_ack(method.delivery_tag)
        if event["subject"] not in seen:
            continue
        known = seen[event["subject"]].setdefault(event["sequence"], event)
        assert known["id"] == event["id"], f"two ids for one sequence: {known} {event}"
        if event["subject"] == subjects[-1] and event["type"].endswith(".finished.v1"):
            break
    for subject in subjects:
        facts = sorted(seen[subject].items())
        numbers = [int(sequence) for sequence, _ in facts]
        assert numbers == list(range(1, len(numbers) + 1)), f"{subject}: {numbers}"
        for _, event in facts:
            # W3C Trace Context: version-trace-span-flags.
            _, trace, _, _ = event.get("traceparent", "-none--").split("-")
            print(subject, event["type"], trace)


def overreach(connection, queue, other):
    """Everything beyond reading the own queue closes the channel with 403."""
    attempts = [
        lambda channel: channel.basic_get(other),
        lambda channel: channel.queue_declare("mine"),
        lambda channel: channel.exchange_declare("mine"),
        lambda channel: channel.queue_bind(queue, "katonic.events", "#"),
        lambda channel: channel.queue_delete(queue),
        lambda channel: publish(channel, "katonic.metadata"),
        lambda channel: publish(channel, "katonic.dispatch"),
        lambda channel: publish(channel, "katonic.events"),
        lambda channel: publish(channel, ""),
        lambda channel: publish(channel, "amq.topic"),
    ]
    for number, attempt in enumerate(attempts):
        channel = connection.channel()
        try:
            attempt(channel)
        except pika.exceptions.ChannelClosedByBroker as closed:
            assert closed.reply_code in (403, 404), closed
        else:
            sys.exit(f"attempt {number} was allowed")
    print("refused")


def stall(channel, queue):
    """Takes everything at once and acknowledges it unseen: only the socket's buffers hold it back."""
    channel.basic_consume(queue, lambda *_: None, auto_ack=True)
    print("consuming", flush=True)
    while True:
        time.sleep(60)


def publish(channel, exchange):
    channel.confirm_delivery()
    channel.basic_publish(exchange, "_.project.created", b"{}")


def main(uri, user, password, queue, command, *arguments):
    try:
        connection = connect(uri, user, password)
    except (pika.exceptions.ProbableAuthenticationError, pika.exceptions.AMQPConnectionError) as error:
        sys.exit(f"refused: {error!r}")
    if command == "collect":
        collect(connection.channel(), queue, *arguments)
    elif command == "overreach":
        overreach(connection, queue, *arguments)
    elif command == "stall":
        stall(connection.channel(), queue)
    connection.close()


main(*sys.argv[1:])
