"""Made by `generate` from the OpenAPI document; do not edit."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field
from typing_extensions import TypeAliasType

from katonic._message import Duration, Message


class Ahead(Message):
    """How many come before one that queues, by why."""

    higher_priority: int = 0
    older: int = 0
    """Of others, whose user got a place longer ago or who wait for longer."""
    same_user: int = 0
    smaller_share: int = 0
    """Of users who will hold fewer places of the tier when their turn comes."""
    turns: int = 0
    """Of a lower priority whose turn comes first."""


class CloudEvent(Message):
    """A CloudEvent 1.0, as it was published; its JSON is that of the structured mode."""

    data: dict[str, Any] = {}
    """The payload: the public snapshot as JSON."""
    datacontenttype: str = ""
    """Always `application/json`."""
    id: str = ""
    """Unique: subject, incarnation and sequence."""
    partitionkey: str = ""
    """The project that it belongs to; the aggregate's id where there is none."""
    sequence: str = ""
    """The aggregate's version, zero-padded to 20 digits."""
    source: str = ""
    """`/katonic/<installation>/<service>/<incarnation>`."""
    specversion: str = ""
    """Always `1.0`."""
    subject: str = ""
    """The aggregate's id."""
    time: str = ""
    """RFC 3339."""
    traceparent: str = ""
    """W3C trace context of the change; may be empty."""
    type: str = ""
    """Such as `io.katonic.execution.finished.v1`."""


class DeleteEventSubscriptionResponse(Message):
    pass


class DeleteGrantResponse(Message):
    pass


class DeleteScheduleResponse(Message):
    pass


class DropParkedMessagesResponse(Message):
    count: int = 0
    """How many were dropped."""
    unavailable_parts: list[str] = []
    """Parts that did not answer: how many of theirs were dropped is not known."""


class EventSubscription(Message):
    """A subscriber's queue and broker user."""

    bindings: list[str] = []
    """Topic patterns over `<project_id|_>.<entity>.<fact>`, such as `*.execution.#`."""
    create_time: AwareDatetime | None = None
    name: str = ""
    """At most 100 characters."""
    queue: str = ""
    """The queue: bounded to 100,000 messages, the oldest dropped first; deleted after 7 days without a consumer."""
    subscription_id: str = ""
    """`sub_` TypeID."""
    uri: str = ""
    """`amqp://host:port/vhost`, without credentials."""
    username: str = ""
    """Broker user; may read this queue and nothing else."""


class FacetValue(Message):
    count: int = 0
    value: str = ""


class FollowEventsResponse(Message):
    cursor: str = ""
    """Opaque; resumes after this answer, also days later. It is the SSE `id:`."""
    event: CloudEvent | None = None
    """Unset in the first answer, which says where the stream begins, and where only the cursor moved because nothing in between is to be shown."""


class GetSelfResponse(Message):
    admin: bool = False
    """Whether the user administers the installation."""
    name: str = ""
    scopes: list[str] = []
    """The scopes of the token that was used."""
    token_id: str = ""
    """The token that was used."""
    user_id: str = ""
    """`usr_` TypeID."""


class Group(Message):
    """Members of the same role."""

    role: str = ""
    """Such as `main`."""
    size: int = 0


class HardwareTier(Message):
    """A named size with a price and a limit of how many members may hold it at once; also the payload of its events."""

    cpu_millis: int = 0
    """CPU in thousandths of a core."""
    create_time: AwareDatetime | None = None
    currency: str = ""
    """ISO 4217, such as `EUR`; empty where it costs nothing."""
    default: bool = False
    """Whether a launch that names no tier gets this one: exactly one does."""
    etag: str = ""
    """The revision, as AIP-154 has it."""
    max_running: int = 0
    """How many members may run at once; more of them queue."""
    memory_bytes: int = 0
    name: str = ""
    """Unique; as a project's name."""
    price_micros_per_hour: int = 0
    """What an hour of one member costs, in millionths of the currency; 0: nothing."""
    retire_time: AwareDatetime | None = None
    """Set where it is out of use."""
    revision: int = 0
    """1, 2, 3 …: rises with every change; a launch pins it."""
    tier_id: str = ""
    """`tir_` TypeID."""


class Head(Message):
    """A branch of a project's repository and where it stands."""

    commit: str = ""
    """Commit id, 40 hexadecimal digits."""
    ref: str = ""
    """Full ref name, such as `refs/heads/main`."""


class IndexLag(Message):
    """How far the index is behind the feed of events."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    age: Duration | None = None
    """How long ago the oldest of them happened; unset where there is none."""
    events_behind: int = 0
    """Events of the feed that the index does not show yet."""


class JobViolation(Message):
    description: str = ""
    field: str = ""


class Limit(Message):
    """What one scope may; also the payload of its events."""

    change_time: AwareDatetime | None = None
    etag: str = ""
    """Generation (AIP-154)."""
    limit_id: str = ""
    """`lim_` TypeID."""
    max_queued: int | None = None
    """Executions that may wait at once; more are refused with 422 `QUOTA_QUEUE_…`. Unset: no limit of this scope."""
    max_running: int | None = None
    """Members that may run at once; more queue. Unset: no limit of this scope."""
    scope: str = ""
    """`installation`: all together; `users`, `projects`: each that has none of its own; else a user's or project's id."""


class ListEventSubscriptionsResponse(Message):
    next_page_token: str = ""
    subscriptions: list[EventSubscription] = Field([], validate_default=True)


class ListHardwareTiersResponse(Message):
    tiers: list[HardwareTier] = Field([], validate_default=True)


class ListLimitsResponse(Message):
    limits: list[Limit] = Field([], validate_default=True)
    next_page_token: str = ""
    """Empty on the last page."""


class MetricSeries(Message):
    """What user code logged of one metric, by step."""

    count: int = 0
    """How many values were logged."""
    name: str = ""
    """1 to 128 bytes."""
    steps: list[int] = []
    """The steps of `values`, in the order in which they were logged, at most 500. Of more than 496 every 2nd, 4th, 8th … is here, and the first, the last, the smallest and the largest of all."""
    values: list[float] = []
    """As many as `steps`; none is NaN or infinite."""


class Observation(Message):
    name: str = ""
    value: str = ""


class ParkedMessage(Message):
    """A message that a part could not handle."""

    attempts: int = 0
    """How often it had been delivered again."""
    body: str = ""
    """The body's first 64 KiB as text; only where one message was asked for."""
    message_id: str = ""
    """The event's id; empty where its publisher gave none."""
    park_time: AwareDatetime | None = None
    """When it was parked; unset where the broker did, after too many deliveries without an answer."""
    part: str = ""
    """The part."""
    queue: str = ""
    """The queue that it was in, such as `katonic.search-indexer.events.v1`."""
    reason: str = ""
    """Why it was parked."""
    routing_key: str = ""
    """The routing key under which it was published."""
    size_bytes: int = 0
    """Size of its body in bytes."""
    traceparent: str = ""
    """W3C trace context of the change that it tells of."""


class PartConsumer(Message):
    """A queue that a part consumes."""

    missing: bool = False
    """Whether the queue is not there."""
    parked: int = 0
    """Messages that could not be handled."""
    queue: str = ""
    """Its name."""
    waiting: int = 0
    """Messages that wait in it."""


class PartLease(Message):
    """The right to be the only one who does something."""

    epoch: int = 0
    """How often it has changed hands."""
    holder: str = ""
    """Which process has it; empty where nobody has."""
    name: str = ""
    """What it is for, such as `admission`."""


class PartLogLevel(Message):
    """Which log lines a part writes."""

    configured_filter: str = ""
    """What holds unless somebody wanted another."""
    filter: str = ""
    """What holds now, in the syntax of RUST_LOG, such as `info,katonic_store=debug`."""
    part: str = ""
    """The part."""
    restore_time: AwareDatetime | None = None
    """When `configured_filter` comes back; unset: it holds."""


class PartOutbox(Message):
    """Events of one collection that the broker does not have yet."""

    collection: str = ""
    """The collection, such as `executions`."""
    oldest_time: AwareDatetime | None = None
    """When the oldest of these events was committed; unset where none waits."""
    waiting: int = 0
    """Aggregates with events that wait; counted up to 1,000."""


class Violation(Message):
    description: str | None = None
    field: str | None = None


class Problem(Message):
    """What went wrong (RFC 9457)."""

    code: str
    """Stable, for programs."""
    detail: str = ""
    status: int
    title: str
    trace_id: str = ""
    """Finds the request in the platform's logs."""
    type: str
    violations: list[Violation] = Field([], validate_default=True)


class Project(Message):
    """A project as its readers see it; also the payload of its events."""

    archived: bool = False
    """Whether it is kept for reading only."""
    create_time: AwareDatetime | None = None
    description: str = ""
    """Free text, at most 4 KiB."""
    etag: str = ""
    """Generation of the user-editable part (AIP-154)."""
    heads: list[Head] = Field([], validate_default=True)
    """The branches of the project's repository, by name; at most 64."""
    name: str = ""
    """Unique per owner: 1 to 63 of a-z, 0-9 and `-`, starting and ending with a letter or digit."""
    owner_id: str = ""
    """`usr_` or `org_` TypeID of the owner."""
    project_id: str = ""
    """`prj_` TypeID."""
    tags: list[str] = []
    """At most 32, each of 1 to 63 characters, sorted, none twice."""


class PublishedEvent(Message):
    """An event with the attributes that a reader needs (CloudEvents 1.0 names)."""

    data: dict[str, Any] = {}
    """The payload, as JSON."""
    id: str = ""
    sequence: str = ""
    """The aggregate's version, zero-padded to 20 digits."""
    time: AwareDatetime | None = None
    type: str = ""


class RebuildIndexResponse(Message):
    already_running: bool = False
    """Whether one was under way already."""


class RedriveParkedMessagesResponse(Message):
    count: int = 0
    """How many were sent back."""
    unavailable_parts: list[str] = []
    """Parts that did not answer: how many of theirs went back is not known."""


class Tier(Message):
    """The revision of a hardware tier that was current at submit."""

    cpu_millis: int = 0
    """CPU in thousandths of a core."""
    currency: str = ""
    """ISO 4217, such as `EUR`; empty where it costs nothing."""
    max_running: int = 0
    memory_bytes: int = 0
    name: str = ""
    price_micros_per_hour: int = 0
    """What an hour of one member costs, in millionths of the currency; 0: nothing."""
    revision: int = 0


class Token(Message):
    """An access token as its owner sees it: never its secret. Its events carry ids only."""

    create_time: AwareDatetime | None = None
    expire_time: AwareDatetime | None = None
    """Unset: does not expire."""
    name: str = ""
    """What it is for, in its owner's words; at most 100 characters."""
    revoke_time: AwareDatetime | None = None
    """Set once it was revoked."""
    scopes: list[str] = []
    """What it may be used for, such as `projects:read`; `*` is everything."""
    token_id: str = ""
    """`tok_` TypeID."""
    user_id: str = ""
    """`usr_` TypeID."""


class Usage(Message):
    """What an execution used and what that costs: all its attempts, all their members."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    cost_micros: int = 0
    """Its run time at the price of the tier's revision that was pinned at submit, in millionths of the currency."""
    cpu_time: Duration | None = None
    """Processor time; unset where nothing was measured: then what follows is 0 and says nothing."""
    currency: str = ""
    """ISO 4217, such as `EUR`; empty where the tier costs nothing."""
    peak_memory_bytes: int = 0
    """The most memory that one member held."""
    read_bytes: int = 0
    """Bytes that were read from disks; what the machine had in memory is not among them."""
    run_time: Duration | None = None
    """How long user code ran, added up over attempts and members."""
    wasted_cpu_percent: int = 0
    """Of the processor time that its tier offered while it ran, the part that was not used: 0 to 100."""
    wasted_memory_percent: int = 0
    """Of its tier's memory, the part that was never used, not even at the peak: 0 to 100."""
    written_bytes: int = 0
    """Bytes that were written to disks."""


class UsagePoint(Message):
    """What was used in a stretch of time. Each begins where the one before it ends."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    cpu_time: Duration | None = None
    """Processor time in it."""
    end_time: AwareDatetime | None = None
    memory_bytes: int = 0
    """Mean of its samples."""
    peak_cpu_millis: int = 0
    """The most between two samples, in thousandths of a core."""
    peak_memory_bytes: int = 0
    peak_processes: int = 0
    peak_read_bytes_per_second: int = 0
    """The most between two samples."""
    peak_written_bytes_per_second: int = 0
    """The most between two samples."""
    processes: int = 0
    """Mean of its samples."""
    read_bytes: int = 0
    """Bytes that were read in it."""
    samples: int = 0
    """How many samples it is made of."""
    span: Duration | None = None
    written_bytes: int = 0
    """Bytes that were written in it."""


class UsageTotals(Message):
    """What one member used since its user code started."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    cpu_time: Duration | None = None
    peak_memory_bytes: int = 0
    peak_processes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0


class User(Message):
    """A person or machine that has tokens."""

    admin: bool = False
    """Whether they administer the installation."""
    create_time: AwareDatetime | None = None
    disabled: bool = False
    """Whether they are refused."""
    display_name: str = ""
    """How they are called, at most 100 characters; may be empty."""
    etag: str = ""
    """Generation of the user-editable part (AIP-154)."""
    name: str = ""
    """Unique in the installation: 1 to 63 of a-z, 0-9 and `-`, starting and ending with a letter or digit."""
    user_id: str = ""
    """`usr_` TypeID."""


class ListEventSubscriptionsRequest(Message):
    """
    Lists the subscriptions, newest first.

    Needs the scope `events:subscribe`.
    """

    page_size: int | None = None
    """1 to 200; 0 means 50."""
    page_token: str | None = None


class CreateEventSubscriptionRequest(Message):
    """
    Makes a queue, a broker user and its password. The password is in this answer only. Errors: 400 name or binding; 503 `BROKER_UNAVAILABLE`.

    Needs the scope `events:subscribe`.
    """

    bindings: list[str] | None = None
    """1 to 16 patterns; empty means `#`, everything."""
    name: str | None = None
    """Required."""


class DeleteEventSubscriptionRequest(Message):
    """
    Deletes queue and user and closes the subscriber's connections. Deleting twice is the same.

    Needs the scope `events:subscribe`.
    """

    subscription_id: str


class GetEventSubscriptionRequest(Message):
    """
    Answers one subscription, without its password.

    Needs the scope `events:subscribe`.
    """

    subscription_id: str


class FollowEventsRequest(Message):
    """
    Streams events, each once, those of one aggregate in their order: what came after the cursor, then what comes, until the caller ends it. Events of projects that the caller may not read are left out, by what they may read at that moment; events that belong to no project are shown to administrators and to the user whom they concern. Errors: 400 cursor or filter; 404 project.

    Needs the scope `events:subscribe`.
    """

    cursor: str | None = None
    """From an earlier answer; empty means what happens from now on."""
    from_start: bool | None = None
    """Whether an empty cursor means the first event of the feed instead."""
    project_id: str | None = None
    """Only events of this project, `prj_` TypeID."""
    types: list[str] | None = None
    """Only events of these types, at most 32, such as `io.katonic.execution.finished.v1`; a `*` at the end matches any rest."""
    subject: str | None = None
    """Only events of this aggregate, by its id."""


class GetExecutionRequest(Message):
    """
    Answers one execution.

    Needs the scope `executions:read`.
    """

    execution_id: str


class UpdateExecutionRequest(Message):
    """
    Changes what people say about an execution: title, tags, notes, and whether it is archived; in whatever phase. Errors: 400 title, tags, notes or update mask; 412 `ETAG_STALE` where `etag` is not the current one.

    Needs the scope `executions:write`.
    """

    execution_id: str
    archived: bool | None = None
    etag: str | None = None
    """Unset: whatever it is now. Also as the header `If-Match`."""
    notes: str | None = None
    """At most 4 KiB of text; lines end with a line feed."""
    tags: list[str] | None = None
    """As of a new job; they replace those that it has."""
    title: str | None = None
    """At most 200 characters; empty means the command."""
    update_mask: str | None = None
    """Which of `title`, `tags`, `notes` and `archived` are changed (AIP-134); unset means those that have a value here."""


class ListExecutionEventsRequest(Message):
    """
    Lists the events of an execution, oldest first, as they were published.

    Needs the scope `executions:read`.
    """

    execution_id: str
    page_size: int | None = None
    """1 to 200; 0 means 200."""
    page_token: str | None = None


class ExplainExecutionRequest(Message):
    """
    Says in words why an execution is where it is and what would help.

    Needs the scope `executions:read`.
    """

    execution_id: str


class GetMetricsRequest(Message):
    """
    Answers what user code logged of its metrics, by step: up to 64 of them. None before the execution has ended, and where its metrics are one object or were refused.

    Needs the scope `executions:read`.
    """

    execution_id: str
    names: list[str] | None = None
    """Only the metrics of these names; none means all."""


class GetUsageRequest(Message):
    """
    Answers what an execution has used and cost so far, and what each member of an attempt used, over time. Errors: 400 where there is no such attempt.

    Needs the scope `executions:read`.
    """

    execution_id: str
    attempt: int | None = None
    """Which attempt's members are shown; 0 means the newest."""
    max_points: int | None = None
    """At most so many points of each, 1 to 240; 0 means 240."""


class StopExecutionRequest(Message):
    """
    Asks a running execution to stop: TERM, the grace time, then KILL. Repeating it is the same. Errors: 409 `OUTCOME_FIXED` once it has ended.

    Needs the scope `executions:write`.
    """

    execution_id: str
    discard: bool | None = None
    """Whether to throw the results away; logs stay."""


class WatchExecutionRequest(Message):
    """
    Streams an execution: at once as it is, then after every change, until it has ended.

    Needs the scope `executions:read`.
    """

    execution_id: str
    cursor: str | None = None
    """From an earlier answer: nothing is sent until the execution is newer than that."""


class ListHardwareTiersRequest(Message):
    """
    Lists the tiers by name.

    Needs the scope `projects:read`.
    """

    include_retired: bool | None = None
    """Also those that are out of use."""


class CreateHardwareTierRequest(Message):
    """
    Makes a tier. Errors: 400 fields; 409 `TIER_EXISTS`, also where one of that name is retired.

    Needs the scope `tiers:write`.
    """

    cpu_millis: int | None = None
    """Required: 1 to 10,000,000."""
    currency: str | None = None
    default: bool | None = None
    """Takes it from the tier that is the default now."""
    max_running: int | None = None
    """Required: 1 to 65,536."""
    memory_bytes: int | None = None
    """Required: 1 MiB to 1 PiB."""
    name: str | None = None
    """Required; see HardwareTier.name."""
    price_micros_per_hour: int | None = None
    """At most 10^15; with a currency."""


class GetHardwareTierRequest(Message):
    """
    Answers one tier, as it is or as an earlier revision had it. Errors: 404 name or revision.

    Needs the scope `projects:read`.
    """

    tier: str
    """Its name."""
    revision: int | None = None
    """0: the newest."""


class UpdateHardwareTierRequest(Message):
    """
    Changes a tier: a new revision. What was submitted before keeps the revision that it pinned, but `max_running` is felt at once by all that wait for the tier. Errors: 400 fields or mask; 404; 409 `TIER_RETIRED`; 412 `ETAG_STALE`.

    Needs the scope `tiers:write`.
    """

    tier: str
    """Its name, which cannot be changed."""
    cpu_millis: int | None = None
    """As of a new tier."""
    currency: str | None = None
    default: bool | None = None
    """Only true: another one becomes the default by being made so."""
    etag: str | None = None
    """Unset: whatever it is now. Also as the header `If-Match`."""
    max_running: int | None = None
    """0 lets nothing more start, which drains it."""
    memory_bytes: int | None = None
    price_micros_per_hour: int | None = None
    update_mask: str | None = None
    """Which fields are changed (AIP-134); unset means those that have a value here."""


class RetireHardwareTierRequest(Message):
    """
    Takes a tier out of use, for good: nothing new is launched on it, what waits and runs goes on. Repeating it is the same. Errors: 404; 409 `TIER_IS_DEFAULT`.

    Needs the scope `tiers:write`.
    """

    tier: str
    """Its name."""


class ListLimitsRequest(Message):
    """
    Lists the limits that are set, newest first.

    Needs the scope `limits:read`.
    """

    page_size: int | None = None
    """1 to 200; 0 means 50."""
    page_token: str | None = None


class SetLimitRequest(Message):
    """
    Sets what a scope may, as a whole; without values it has no limit of its own any more. Errors: 400 scope; 404 user or project; 412 `ETAG_STALE`.

    Needs the scope `limits:write`.
    """

    scope: str
    """See Limit.scope."""
    etag: str | None = None
    """Unset: whatever it is now. Also as the header `If-Match`."""
    max_queued: int | None = None
    max_running: int | None = None
    """See Limit; a value of an own scope stands before that of `users` or `projects`."""


class ListParkedMessagesRequest(Message):
    """
    Messages that parts could not handle and that wait for a person, oldest first in each queue. A part that does not answer is named. Errors: 400 limit; 403 not an administrator; 404 part.

    Needs the scope `operations:read`.
    """

    part: str | None = None
    """Of this part only; empty means of all."""
    message_id: str | None = None
    """Only those with this id; empty means all."""
    limit: int | None = None
    """At most so many of each queue, 1 to 200; 0 means 50."""


class DropParkedMessagesRequest(Message):
    """
    Drops parked messages for good. Errors: 400 neither an id nor all; 403 not an administrator; 404 part.

    Needs the scope `operations:write`.
    """

    all: bool | None = None
    """all that are there now."""
    message_id: str | None = None
    """Those with this id; or"""
    part: str | None = None
    """Of this part only; empty means of all."""


class RedriveParkedMessagesRequest(Message):
    """
    Sends parked messages back to their queues, as if never delivered: mostly after what kept them from being handled was mended. Errors: 400 neither an id nor all; 403 not an administrator; 404 part.

    Needs the scope `operations:write`.
    """

    all: bool | None = None
    """all that are there now."""
    message_id: str | None = None
    """Those with this id; or"""
    part: str | None = None
    """Of this part only; empty means of all."""


class DescribePartsRequest(Message):
    """
    What waits in each part, and who leads in it. Errors: 403 not an administrator.

    Needs the scope `operations:read`.
    """


class ListOrganisationsRequest(Message):
    """
    Lists the organisations, newest first.

    Needs the scope `organisations:read`.
    """

    page_size: int | None = None
    """1 to 200; 0 means 50."""
    page_token: str | None = None
    """Opaque, from `next_page_token` of an earlier page."""
    name: str | None = None
    """Only the organisation of exactly this name."""


class CreateOrganisationRequest(Message):
    """
    Creates an organisation, whose first owner is the caller. Errors: 400 name; 409 `ORGANISATION_EXISTS`.

    Needs the scope `organisations:write`.
    """

    display_name: str | None = None
    """At most 100 characters."""
    name: str | None = None
    """Required; see Organisation.name."""


class GetOrganisationRequest(Message):
    """
    Answers one organisation. Errors: 404.

    Needs the scope `organisations:read`.
    """

    organisation_id: str


class RemoveOrganisationMemberRequest(Message):
    """
    Takes a member out. Its owners, administrators and the member. Doing it twice is the same. Errors: 409 `LAST_OWNER`; 412 stale etag.

    Needs the scope `organisations:write`.
    """

    organisation_id: str
    user_id: str
    """`usr_` TypeID."""
    etag: str | None = None
    """The etag of the organisation that the caller has seen; empty means whichever."""


class GetLogLevelRequest(Message):
    """
    How a part logs. Errors: 403 not an administrator; 404 part; 503 the part does not answer.

    Needs the scope `operations:read`.
    """

    part: str
    """The part's name."""


class SetLogLevelRequest(Message):
    """
    Changes how a part logs, for a while: what is configured comes back by itself, and with a restart. Errors: 400 filter or lifetime; 403 not an administrator; 404 part; 503 the part does not answer.

    Needs the scope `operations:write`.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    part: str
    """The part's name."""
    filter: str | None = None
    """In the syntax of RUST_LOG; empty means back to what is configured."""
    lifetime: Duration | None = None
    """For how long, 1 s to 24 h; unset means 10 minutes."""


class ListProjectsRequest(Message):
    """
    Lists the projects that the caller may read: their own and those shared with them, newest first, then those of each organisation that they are in. A page may be short and still have a next one.

    Needs the scope `projects:read`.
    """

    page_size: int | None = None
    """1 to 200; 0 means 50."""
    page_token: str | None = None
    """Opaque, from `next_page_token` of an earlier page."""
    name: str | None = None
    """Only projects of exactly this name: the caller's own, and those of their organisations."""
    archived: bool | None = None
    """The archived ones in the place of the others."""
    all: bool | None = None
    """Every project of the installation, newest first: administrators only."""


class CreateProjectRequest(Message):
    """
    Creates a project and its Git repository. Errors: 400 name; 404 an organisation that the caller is not in; 409 `PROJECT_EXISTS` when the owner has one of that name.

    Needs the scope `projects:write`.
    """

    description: str | None = None
    """Free text, at most 4 KiB."""
    name: str | None = None
    """Required; see Project.name."""
    owner_id: str | None = None
    """`org_` TypeID of an organisation that the caller is in; empty means the caller."""
    tags: list[str] | None = None
    """See Project.tags."""


class GetProjectRequest(Message):
    """
    Answers one project. Errors: 404 when there is none that the caller may read.

    Needs the scope `projects:read`.
    """

    project_id: str


class UpdateProjectRequest(Message):
    """
    Changes name, description or tags (AIP-134). Errors: 400 a field or a mask path that there is not; 409 `PROJECT_EXISTS`, `PROJECT_ARCHIVED`; 412 stale etag.

    Needs the scope `projects:write`.
    """

    project_id: str
    update_mask: str | None = None
    """Of `name`, `description`, `tags`; unset means those that are not empty."""
    etag: str | None = None
    """The etag that the caller has seen, as `project.etag`; both empty means whichever."""


class ListGrantsRequest(Message):
    """
    Lists the roles granted in a project, at most 200.

    Needs the scope `grants:read`.
    """

    project_id: str


class DeleteGrantRequest(Message):
    """
    Takes the role away; felt everywhere within 5 s, open streams included. Doing it twice is the same. Errors: 409 `OWNER_GRANT` for the project's owner; 412 stale etag.

    Needs the scope `grants:write`.
    """

    project_id: str
    party_id: str
    """`usr_` or `org_` TypeID."""
    etag: str | None = None
    """The etag of the grant that the caller has seen; empty means whichever."""


class GetGrantRequest(Message):
    """
    Answers the role of one user or organisation. Errors: 404 when it has none of its own.

    Needs the scope `grants:read`.
    """

    project_id: str
    party_id: str
    """`usr_` or `org_` TypeID."""


class ListJobsRequest(Message):
    """
    Lists the jobs of a project, newest first.

    Needs the scope `executions:read`.
    """

    project_id: str
    page_size: int | None = None
    """1 to 200; 0 means 50."""
    page_token: str | None = None
    tags: list[str] | None = None
    """Only jobs that have each of these."""
    number: int | None = None
    """Only the job with this number in the project, archived or not; 0 means all."""
    archived: bool | None = None
    """The archived ones in the place of the others."""


class ListSchedulesRequest(Message):
    """
    Lists the schedules of a project, newest first.

    Needs the scope `executions:read`.
    """

    project_id: str
    page_size: int | None = None
    """1 to 200; 0 means 50."""
    page_token: str | None = None


class ArchiveProjectRequest(Message):
    """
    Keeps a project for reading only: no launches, pushes or edits. Doing it twice is the same. Errors: 412 stale etag.

    Needs the scope `projects:write`.
    """

    project_id: str
    etag: str | None = None
    """The etag that the caller has seen; empty means whichever."""


class RestoreProjectRequest(Message):
    """
    Takes an archived project into use again. Doing it twice is the same. Errors: 412 stale etag.

    Needs the scope `projects:write`.
    """

    project_id: str
    etag: str | None = None
    """The etag that the caller has seen; empty means whichever."""


class TransferProjectRequest(Message):
    """
    Gives a project to another user, or to an organisation that the caller owns. Who owned it becomes a contributor. Errors: 400 `UNKNOWN_PARTY`; 409 `PROJECT_EXISTS` when the new owner has one of that name; 412 stale etag.

    Needs the scope `projects:write`.
    """

    project_id: str
    etag: str | None = None
    """The etag that the caller has seen; empty means whichever."""
    owner_id: str | None = None
    """Required: `usr_` or `org_` TypeID."""


class DeleteScheduleRequest(Message):
    """
    Takes a schedule away; what it launched stays. Doing it twice is the same.

    Needs the scope `executions:write`.
    """

    schedule_id: str


class GetScheduleRequest(Message):
    """
    Answers one schedule, with the times at which it is due next.

    Needs the scope `executions:read`.
    """

    schedule_id: str


class SearchRequest(Message):
    """
    Finds projects and executions that the caller may read. Errors: 400 query, filter, sort, facet or page token, with what is wrong.

    Needs the scope `search:read`.
    """

    q: str | None = None
    """Words, "phrases", `prefix*`, `field:value`, `field:[1 TO 5]`, `loss<0.3`, joined by spaces (and), `OR`, `-` (not) and parentheses; at most 1 KiB, 64 terms, 8 levels. Words also find what differs by one letter from 4 letters on, by two from 8 on. Empty finds everything. A field that is none of the index is a metric. docs/search.md lists the fields."""
    kinds: list[str] | None = None
    """`project`, `execution`; none means both."""
    filter: str | None = None
    """A second query that narrows the first and does not count for relevance."""
    sort: str | None = None
    """`<key>[:asc|desc]`: `relevance`, `created`, `started`, `ended`, `number`, `duration` or `metric.<name>`, descending unless told. Without it by relevance where `q` has words, else the newest first. What lacks the key comes last."""
    facets: list[str] | None = None
    """Counts of values among everything found: `kind`, `phase`, `reason`, `owner`, `tag`, `tier`, `project`."""
    page_size: int | None = None
    """1 to 200; 0 means 20."""
    page_token: str | None = None
    """From `next_page_token` of an earlier answer to the same question."""


class RebuildIndexRequest(Message):
    """
    Makes the index of one replica again, beside the one that answers until the new one is complete. For administrators. Repeating it while one is under way starts no second. Errors: 403.

    Needs the scope `search:write`.
    """


class GetSelfRequest(Message):
    """
    Who the bearer of this token is.

    Needs the scope `self:read`.
    """


class ListTokensRequest(Message):
    """
    Lists the caller's tokens, newest first.

    Needs the scope `tokens:read`.
    """

    page_size: int | None = None
    """1 to 200; 0 means 50."""
    page_token: str | None = None


class CreateTokenRequest(Message):
    """
    Creates a token for the caller. The secret is in this answer only; a replay by Idempotency-Key leaves it out and says so. Errors: 400 lifetime out of range; 403 scopes that the caller does not hold.

    Needs the scope `tokens:write`.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    lifetime: Duration | None = None
    """1 second to 366 days; unset means 90 days."""
    name: str | None = None
    """Required, at most 100 characters."""
    scopes: list[str] | None = None
    """Required; a subset of the caller's own."""


class GetTokenRequest(Message):
    """
    Answers one of the caller's tokens, without its secret.

    Needs the scope `tokens:read`.
    """

    token_id: str


class RevokeTokenRequest(Message):
    """
    Revokes a token; felt everywhere within 5 s. Revoking twice is the same.

    Needs the scope `tokens:write`.
    """

    token_id: str


class ListUsersRequest(Message):
    """
    Lists the users, newest first.

    Needs the scope `users:read`.
    """

    page_size: int | None = None
    """1 to 200; 0 means 50."""
    page_token: str | None = None
    """Opaque, from `next_page_token` of an earlier page."""
    name: str | None = None
    """Only the user of exactly this name."""


class CreateUserRequest(Message):
    """
    Creates a user, who gets in once somebody made a token for them. Administrators. Errors: 400 name; 409 `USER_EXISTS`.

    Needs the scope `users:write`.
    """

    admin: bool | None = None
    """Whether they are to administer the installation."""
    display_name: str | None = None
    """At most 100 characters."""
    name: str | None = None
    """Required; see User.name."""


class GetUserRequest(Message):
    """
    Answers one user. Errors: 404.

    Needs the scope `users:read`.
    """

    user_id: str


class CreateUserTokenRequest(Message):
    """
    Makes a token for a user. The secret is in this answer only; a replay by Idempotency-Key leaves it out and says so. Administrators. Errors: 400 lifetime out of range; 403 `SCOPE_NOT_HELD`; 403 `HIGHER_ROLE` for an administrator who has a token already: theirs are their own to make.

    Needs the scope `users:write`.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    user_id: str
    lifetime: Duration | None = None
    """1 second to 366 days; unset means 90 days."""
    name: str | None = None
    """Required, at most 100 characters."""
    scopes: list[str] | None = None
    """Required; a subset of the caller's own."""


class DisableUserRequest(Message):
    """
    Refuses a user everywhere within 5 s, open streams included. What they own stays. Disabling twice is the same. Administrators. Errors: 409 `LAST_ADMINISTRATOR`.

    Needs the scope `users:write`.
    """

    user_id: str


class EnableUserRequest(Message):
    """
    Lets a user in again, with the tokens that they had. Enabling twice is the same. Administrators.

    Needs the scope `users:write`.
    """

    user_id: str


Reason = TypeAliasType(
    "Reason",
    Literal[
        "REASON_UNSPECIFIED",
        "REASON_COMPLETED",
        "REASON_EXIT_CODE",
        "REASON_KILLED_BY_SIGNAL",
        "REASON_TIMED_OUT",
        "REASON_STOPPED_BY_USER",
        "REASON_COMMAND_NOT_FOUND",
        "REASON_COMMAND_NOT_EXECUTABLE",
        "REASON_START_TIMEOUT",
        "REASON_SHIM_LOST",
        "REASON_INPUT_UNAVAILABLE",
        "REASON_QUEUE_TIMEOUT",
        "REASON_OUT_OF_MEMORY",
        "REASON_IMAGE_UNAVAILABLE",
        "REASON_INTERRUPTED",
        "REASON_CONTAINER_REMOVED",
        "REASON_DEPENDENCY_FAILED",
    ],
)


CheckpointKind = TypeAliasType(
    "CheckpointKind",
    Literal[
        "CHECKPOINT_KIND_UNSPECIFIED",
        "CHECKPOINT_KIND_ACKNOWLEDGED",
        "CHECKPOINT_KIND_QUOTA_CHECKED",
        "CHECKPOINT_KIND_RESOURCES_CREATED",
        "CHECKPOINT_KIND_NODE_ASSIGNED",
        "CHECKPOINT_KIND_VOLUMES_MOUNTED",
        "CHECKPOINT_KIND_IMAGES_PULLED",
        "CHECKPOINT_KIND_FILES_PREPARED",
        "CHECKPOINT_KIND_USER_CODE_LAUNCHED",
        "CHECKPOINT_KIND_AVAILABLE",
        "CHECKPOINT_KIND_RESULTS_SAVED",
        "CHECKPOINT_KIND_VOLUMES_RELEASED",
        "CHECKPOINT_KIND_RESOURCES_DELETED",
    ],
)


DependencyCondition = TypeAliasType(
    "DependencyCondition",
    Literal["DEPENDENCY_CONDITION_UNSPECIFIED", "DEPENDENCY_CONDITION_SUCCEEDED", "DEPENDENCY_CONDITION_ENDED"],
)


Stream = TypeAliasType("Stream", Literal["STREAM_UNSPECIFIED", "STREAM_STDOUT", "STREAM_STDERR", "STREAM_PREPARE"])


Condition = TypeAliasType(
    "Condition",
    Literal[
        "CONDITION_UNSPECIFIED", "CONDITION_RESULTS_NOT_SAVED", "CONDITION_LOG_INCOMPLETE", "CONDITION_METRICS_REFUSED"
    ],
)


DesiredState = TypeAliasType(
    "DesiredState",
    Literal[
        "DESIRED_STATE_UNSPECIFIED",
        "DESIRED_STATE_RUN",
        "DESIRED_STATE_STOP_AND_KEEP",
        "DESIRED_STATE_STOP_AND_DISCARD",
    ],
)


ExecutionKind = TypeAliasType("ExecutionKind", Literal["EXECUTION_KIND_UNSPECIFIED", "EXECUTION_KIND_JOB"])


Phase = TypeAliasType(
    "Phase",
    Literal[
        "PHASE_UNSPECIFIED",
        "PHASE_QUEUED",
        "PHASE_STARTING",
        "PHASE_RUNNING",
        "PHASE_FINISHING",
        "PHASE_SUCCEEDED",
        "PHASE_FAILED",
        "PHASE_STOPPED",
    ],
)


Priority = TypeAliasType(
    "Priority", Literal["PRIORITY_UNSPECIFIED", "PRIORITY_LOW", "PRIORITY_NORMAL", "PRIORITY_HIGH"]
)


Wait = TypeAliasType(
    "Wait",
    Literal[
        "WAIT_UNSPECIFIED",
        "WAIT_ADMITTING",
        "WAIT_TIER_FULL",
        "WAIT_HIGHER_PRIORITY",
        "WAIT_FAIR_SHARE",
        "WAIT_USER_LIMIT",
        "WAIT_PROJECT_LIMIT",
        "WAIT_INSTALLATION_LIMIT",
        "WAIT_BACKEND_FULL",
        "WAIT_EVENTS_WAITING",
        "WAIT_STOPPING",
        "WAIT_NEVER_FITS",
        "WAIT_RESTING",
        "WAIT_DEPENDENCIES",
    ],
)


GapReason = TypeAliasType(
    "GapReason", Literal["GAP_REASON_UNSPECIFIED", "GAP_REASON_SPOOL_FULL", "GAP_REASON_DISK", "GAP_REASON_LOST"]
)


Role = TypeAliasType(
    "Role",
    Literal[
        "ROLE_UNSPECIFIED", "ROLE_RESULTS_CONSUMER", "ROLE_READER", "ROLE_LAUNCHER", "ROLE_CONTRIBUTOR", "ROLE_OWNER"
    ],
)


OrganisationRole = TypeAliasType(
    "OrganisationRole", Literal["ORGANISATION_ROLE_UNSPECIFIED", "ORGANISATION_ROLE_MEMBER", "ORGANISATION_ROLE_OWNER"]
)


ReasonClass = TypeAliasType(
    "ReasonClass",
    Literal[
        "REASON_CLASS_UNSPECIFIED",
        "REASON_CLASS_SUCCESS",
        "REASON_CLASS_USER",
        "REASON_CLASS_TIMEOUT",
        "REASON_CLASS_STOPPED",
        "REASON_CLASS_INFRASTRUCTURE",
    ],
)


CatchUp = TypeAliasType("CatchUp", Literal["CATCH_UP_UNSPECIFIED", "CATCH_UP_NONE", "CATCH_UP_LAST", "CATCH_UP_ALL"])


Overlap = TypeAliasType("Overlap", Literal["OVERLAP_UNSPECIFIED", "OVERLAP_FORBID", "OVERLAP_ALLOW", "OVERLAP_REPLACE"])


TickFate = TypeAliasType(
    "TickFate", Literal["TICK_FATE_UNSPECIFIED", "TICK_FATE_LAUNCHED", "TICK_FATE_OVERLAPPED", "TICK_FATE_REFUSED"]
)


class Checkpoint(Message):
    """A step that was reached on the way."""

    kind: CheckpointKind | str = "CHECKPOINT_KIND_UNSPECIFIED"
    time: AwareDatetime | None = None


class CreateEventSubscriptionResponse(Message):
    password: str = ""
    """Shown once; empty in a replay."""
    password_shown_before: bool = False
    """Whether the password was left out because it was shown before."""
    subscription: EventSubscription | None = None


class CreateTokenResponse(Message):
    secret: str = ""
    """`kat_…`, shown once; empty in a replay."""
    secret_shown_before: bool = False
    """Whether the secret was left out because it was shown before."""
    token: Token | None = None


class CreateUserTokenResponse(Message):
    secret: str = ""
    """`kat_…`, shown once; empty in a replay."""
    secret_shown_before: bool = False
    """Whether the secret was left out because it was shown before."""
    token: Token | None = None


class Dependency(Message):
    """An earlier execution of the same project that another one waits for."""

    condition: DependencyCondition | str = "DEPENDENCY_CONDITION_UNSPECIFIED"
    """Unset means DEPENDENCY_CONDITION_SUCCEEDED."""
    execution_id: str = ""
    """`exe_` TypeID."""


class Facet(Message):
    """How often each value occurs."""

    field: str = ""
    values: list[FacetValue] = Field([], validate_default=True)
    """The most frequent 100, most frequent first."""


class Gap(Message):
    """Lines that were written but could not be kept."""

    reason: GapReason | str = "GAP_REASON_UNSPECIFIED"
    to: int | None = None
    """Last missing sequence; unset means that the number is not known."""


class GetMetricsResponse(Message):
    series: list[MetricSeries] = Field([], validate_default=True)
    """In order of name."""


class Grant(Message):
    """A role of a user or organisation in a project."""

    etag: str = ""
    """Generation (AIP-154)."""
    party_id: str = ""
    """`usr_` or `org_` TypeID."""
    project_id: str = ""
    role: Role | str = "ROLE_UNSPECIFIED"
    update_time: AwareDatetime | None = None
    """When it was last changed."""


class ItemDependency(Message):
    """An earlier job of the same call that another one waits for."""

    condition: DependencyCondition | str = "DEPENDENCY_CONDITION_UNSPECIFIED"
    """Unset means DEPENDENCY_CONDITION_SUCCEEDED."""
    item: int = 0
    """Its place in the list, from 0."""


class JobProblem(Message):
    """Why a job was refused, as SubmitJob answers it alone."""

    code: str = ""
    """The stable code, such as `UNKNOWN_TIER`."""
    detail: str = ""
    """In words."""
    violations: list[JobViolation] = Field([], validate_default=True)
    """Which fields of the job are wrong."""


class ListExecutionEventsResponse(Message):
    events: list[PublishedEvent] = Field([], validate_default=True)
    next_page_token: str = ""


class ListGrantsResponse(Message):
    grants: list[Grant] = Field([], validate_default=True)
    """Highest role first."""


class ListParkedMessagesResponse(Message):
    messages: list[ParkedMessage] = Field([], validate_default=True)
    unavailable_parts: list[str] = []
    """Parts that did not answer: theirs are not in this answer."""


class ListProjectsResponse(Message):
    next_page_token: str = ""
    """Empty on the last page."""
    projects: list[Project] = Field([], validate_default=True)


class ListTokensResponse(Message):
    next_page_token: str = ""
    tokens: list[Token] = Field([], validate_default=True)


class ListUsersResponse(Message):
    next_page_token: str = ""
    """Empty on the last page."""
    users: list[User] = Field([], validate_default=True)


class OpenDependency(Message):
    """An execution that another one waits for still."""

    condition: DependencyCondition | str = "DEPENDENCY_CONDITION_UNSPECIFIED"
    execution_id: str = ""
    """`exe_` TypeID."""
    number: int = 0
    """See Execution.number."""
    phase: Phase | str = "PHASE_UNSPECIFIED"
    """Where it is."""


class OrganisationMember(Message):
    """A user in an organisation."""

    role: OrganisationRole | str = "ORGANISATION_ROLE_UNSPECIFIED"
    user_id: str = ""
    """`usr_` TypeID."""


class PartDescription(Message):
    """What waits in a part, and who leads in it."""

    available: bool = False
    """Whether it answered; where not, the rest is empty."""
    consumers: list[PartConsumer] = Field([], validate_default=True)
    """What it consumes."""
    leases: list[PartLease] = Field([], validate_default=True)
    """Who leads."""
    outboxes: list[PartOutbox] = Field([], validate_default=True)
    """Events that the broker does not have yet, by collection."""
    part: str = ""
    """The part."""


class RetryPolicy(Message):
    """How often an execution is tried, and after which ends. What succeeded or was stopped is never tried again; each attempt has inputs, log and results of its own."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    backoff: Duration | None = None
    """Before the second attempt, 0 s to 1 h; twice as long before each further one, up to 1 h. Unset means 10 s."""
    classes: list[ReasonClass | str] = []
    """After which ends: of REASON_CLASS_USER, _TIMEOUT and _INFRASTRUCTURE; empty means the last."""
    max_attempts: int = 0
    """Attempts in all, the first one included: 1 to 20; 0 means 1."""


class SubmitJobRequest(Message):
    """
    Accepts a job. After this answer it runs, or ends with a stated reason. Errors: 400 command, tier, commit or `after`; 404 project; 503 `METADATA_UNAVAILABLE`.

    Needs the scope `executions:write`.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    project_id: str = ""
    after: list[Dependency] | None = None
    """At most 64 executions of the same project, none of them archived, that it waits for; each takes 96 bytes of the room that command and parameters have."""
    after_items: list[ItemDependency] | None = None
    """In SubmitJobs only: earlier jobs of the same call that it waits for. They count among those of `after`."""
    command: list[str] | None = None
    """Required: program and arguments. At most 256 items, 32 KiB in all, no NUL. Readers of the project see it: put no secret into it."""
    commit: str | None = None
    """Commit of the input files, 40 hexadecimal digits; empty means the head of `refs/heads/main`, or no files."""
    grace: Duration | None = None
    """0 s to 1 h; unset means 30 s."""
    params: dict[str, str] | None = None
    """At most 64; names of 1 to 63 letters, digits and `_` that start with a letter and differ in more than case. Together with the command at most 32 KiB, no NUL. See Execution.params."""
    priority: Priority | str | None = None
    """Unset means PRIORITY_NORMAL."""
    retry: RetryPolicy | None = None
    """Unset means one attempt."""
    tags: list[str] | None = None
    """At most 32, each of 1 to 63 letters, digits and `-_.:/=+@` that starts with a letter or digit."""
    tier: str | None = None
    """Tier name; empty means the default tier."""
    timeout: Duration | None = None
    """1 s to 30 days; unset means 24 h."""
    title: str | None = None
    """At most 200 characters."""


class SubmitJobsAnswer(Message):
    """What became of one job of many: its execution, or why there is none."""

    execution_id: str = ""
    """`exe_` TypeID; empty where it was refused."""
    number: int = 0
    """See Execution.number."""
    problem: JobProblem | None = None
    """Why it was refused."""
    replayed: bool = False
    """Whether an earlier call with the same Idempotency-Key had made it."""


class SubmitJobsResponse(Message):
    answers: list[SubmitJobsAnswer] = Field([], validate_default=True)
    """In the order of the request."""
    project_id: str = ""
    """`prj_` TypeID."""


class Tick(Message):
    """A time at which it was due, and what became of it."""

    code: str = ""
    """Why it was refused: the stable code of the launch."""
    execution_id: str = ""
    """`exe_` TypeID of what was launched."""
    fate: TickFate | str = "TICK_FATE_UNSPECIFIED"
    time: AwareDatetime | None = None


class UsageSeries(Message):
    """What one member used, over time."""

    points: list[UsagePoint] = Field([], validate_default=True)
    """At most 240, oldest first: the longer it runs, the longer is what each stands for, from 5 s on."""
    sequence: int = 0
    """Rises with every change: the higher of two is the later."""
    start_time: AwareDatetime | None = None
    """When its user code started: where the first point begins."""
    totals: UsageTotals | None = None


class ReadLogRequest(Message):
    """
    Reads a page of one member's log. While the execution queues the page is empty and not complete. Errors: 404 execution, attempt or member.

    Needs the scope `logs:read`.
    """

    execution_id: str
    attempt: int | None = None
    """0 means the newest."""
    member: str | None = None
    """`<role>/<index>`; empty means the first member."""
    from_: int | None = None
    """First sequence wanted; 0 means 1."""
    limit: int | None = None
    """1 to 10,000 entries; 0 means 1,000. A page also ends at 1 MiB."""
    stream: Stream | str | None = None
    """Only this stream; unspecified means all."""


class FollowLogRequest(Message):
    """
    Streams the log from a cursor: what is there, then what comes, waiting while the execution queues and going on across retries, until it has ended.

    Needs the scope `logs:read`.
    """

    execution_id: str
    cursor: str | None = None
    """From an earlier answer; empty starts at the first attempt's first line."""
    stream: Stream | str | None = None
    """Only this stream; unspecified means all."""


class RerunExecutionRequest(Message):
    """
    Launches an execution once more, but for what is set here: the same command, input files, tier and so on, whatever has become of them since. Errors: as of SubmitJob.

    Needs the scope `executions:write`.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    execution_id: str
    after: list[Dependency] | None = None
    """As of a new job; unset: none, whatever it waited for."""
    command: list[str] | None = None
    """Program and arguments, as of a new job."""
    commit: str | None = None
    """Commit of the input files, 40 hexadecimal digits."""
    grace: Duration | None = None
    params: dict[str, str] | None = None
    """Each replaces the one of its name, or comes on top."""
    priority: Priority | str | None = None
    retry: RetryPolicy | None = None
    tags: list[str] | None = None
    """They replace those that it had."""
    tier: str | None = None
    timeout: Duration | None = None
    title: str | None = None
    """Unset: as it was, or the command where that differs."""


class SetOrganisationMemberRequest(Message):
    """
    Makes a user a member, or changes what they are in it. Its owners and administrators. Doing it twice is the same. Errors: 400 `UNKNOWN_PARTY`; 409 `LAST_OWNER`; 412 stale etag; 422 `QUOTA_MEMBERS`.

    Needs the scope `organisations:write`.
    """

    organisation_id: str
    user_id: str
    """`usr_` TypeID."""
    etag: str | None = None
    """The etag of the organisation that the caller has seen; empty means whichever."""
    role: OrganisationRole | str | None = None
    """Required."""


class SetGrantRequest(Message):
    """
    Grants a role to a user or organisation, in the place of the one that it had. Doing it twice is the same. Errors: 400 `UNKNOWN_PARTY`; 409 `OWNER_GRANT` for the project's owner; 412 stale etag; 422 `QUOTA_GRANTS`.

    Needs the scope `grants:write`.
    """

    project_id: str
    party_id: str
    """`usr_` or `org_` TypeID."""
    etag: str | None = None
    """The etag of the grant that the caller has seen; empty means whichever."""
    role: Role | str | None = None
    """Required."""


class SubmitJobsRequest(Message):
    """
    Accepts up to 1,000 jobs, each with an answer of its own: one that is refused holds up no other but those that name it in `after_items`, which are refused too. With an Idempotency-Key a repeated call answers the same for each job, by its place in the list. Errors: 400 no jobs, or more than 1,000; 404 project.

    Needs the scope `executions:write`.
    """

    project_id: str
    jobs: list[SubmitJobRequest] | None = None
    """1 to 1,000; what one says of its project is not looked at."""


class CreateScheduleRequest(Message):
    """
    Makes a schedule; what was due before is not made up for. Errors: 400 name, timetable or job; 404 project; 409 `SCHEDULE_EXISTS`.

    Needs the scope `executions:write`.
    """

    project_id: str
    catch_up: CatchUp | str | None = None
    """Unset means CATCH_UP_NONE."""
    catch_up_limit: int | None = None
    """1 to 100 with CATCH_UP_ALL."""
    cron: str | None = None
    job: SubmitJobRequest | None = None
    """Required; what it says of its project is not looked at."""
    name: str | None = None
    """1 to 63 of a-z, 0-9 and `-`."""
    overlap: Overlap | str | None = None
    """Unset means OVERLAP_FORBID."""
    paused: bool | None = None
    zone: str | None = None
    """Empty means `UTC`."""


class UpdateScheduleRequest(Message):
    """
    Changes a schedule; from then on it launches in the name of whoever changed it. Errors: as of CreateSchedule; 412 `ETAG_STALE` where `etag` is not the current one.

    Needs the scope `executions:write`.
    """

    schedule_id: str
    catch_up: CatchUp | str | None = None
    catch_up_limit: int | None = None
    cron: str | None = None
    etag: str | None = None
    """Unset: whatever it is now. Also as the header `If-Match`."""
    job: SubmitJobRequest | None = None
    """It replaces the whole job."""
    overlap: Overlap | str | None = None
    paused: bool | None = None
    update_mask: str | None = None
    """Which are changed (AIP-134); unset means those that have a value here."""
    zone: str | None = None


class Attempt(Message):
    """One try at running it."""

    admit_time: AwareDatetime | None = None
    checkpoints: list[Checkpoint] = Field([], validate_default=True)
    """In the order in which they were reached."""
    end_time: AwareDatetime | None = None
    exit_code: int | None = None
    """Exit code of the command; unset where it ended by a signal or never ran."""
    log_last_seq: int = 0
    """Last log sequence of its member; set once its log is closed."""
    number: int = 0
    """1, 2, 3 …."""
    reason: Reason | str = "REASON_UNSPECIFIED"
    """Set once its outcome is fixed."""
    signal: int = 0
    """The signal that ended the command; 0 means none."""
    start_time: AwareDatetime | None = None


class DescribePartsResponse(Message):
    parts: list[PartDescription] = Field([], validate_default=True)


class Entry(Message):
    """A log line, or the place where lines are missing."""

    continued: bool = False
    """Whether no newline follows: the line is longer than 64 KiB and goes on in the next entry of its stream, or its stream ended here."""
    gap: Gap | None = None
    """Lines that could not be kept."""
    raw: str = Field("", json_schema_extra={"contentEncoding": "base64"})
    """The line without its newline where it is not valid UTF-8."""
    seq: int = 0
    """1, 2, 3 … across all streams of the member; of a gap, its first."""
    stream: Stream | str = "STREAM_UNSPECIFIED"
    text: str = ""
    """The line without its newline, as valid UTF-8; control characters as they came."""
    time: AwareDatetime | None = None
    """When the shim read the end of the line."""


class ExplainExecutionResponse(Message):
    ahead: Ahead | None = None
    """Who comes before it, by why; whoever is held back by a limit of their own does not count."""
    dependencies: list[OpenDependency] = Field([], validate_default=True)
    """Those of its dependencies that have not ended as they are to, while it queues."""
    next_step: str = ""
    """What would help, or what happens next."""
    observations: list[Observation] = Field([], validate_default=True)
    """What was observed, as `name: value`, such as `node: silent for 12 s`."""
    phase: Phase | str = "PHASE_UNSPECIFIED"
    queue_length: int = 0
    """How many wait for its tier."""
    queue_place: int = 0
    """Place in the queue of its tier, from 1, as if nothing else came; 0 where it does not queue."""
    summary: str = ""
    """One sentence: where it is and why."""
    wait: Wait | str = "WAIT_UNSPECIFIED"
    """What it waits for; unset where it does not queue."""


class FollowLogResponse(Message):
    attempt: int = 0
    cursor: str = ""
    """Opaque; resumes after this answer. It is the SSE `id:`."""
    ended: bool = False
    """Set in the last answer: the execution has ended and its log is complete."""
    entries: list[Entry] = Field([], validate_default=True)
    member: str = ""
    """`<role>/<index>`."""


class LaunchSpec(Message):
    """What a launch is made of, pinned at submit."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
    )
    command: list[str] = []
    """Program and arguments; never passed through a shell. At most 256 items, 32 KiB in all."""
    environment: str = ""
    """`host`: the machine's own programs."""
    grace: Duration | None = None
    """How long user code has between TERM and KILL; unset means 30 s."""
    groups: list[Group] = Field([], validate_default=True)
    """Who runs; a job has one group of one."""
    image_digest: str = ""
    """Digest of the image; on the `process` backend, of kernel, distribution and interpreter."""
    input_commit: str = ""
    """Commit of the input files; empty means none."""
    retry: RetryPolicy | None = None
    """How often it is tried."""
    tier: Tier | None = None
    timeout: Duration | None = None
    """How long user code may run; unset means 24 h."""


class MemberUsage(Message):
    """What one member used."""

    member_id: str = ""
    """`<execution>/<attempt>/<role>/<index>`."""
    series: UsageSeries | None = None


class Organisation(Message):
    """Users together."""

    create_time: AwareDatetime | None = None
    display_name: str = ""
    """How it is called, at most 100 characters; may be empty."""
    etag: str = ""
    """Generation of the user-editable part (AIP-154)."""
    members: list[OrganisationMember] = Field([], validate_default=True)
    """At most 256; shown to its members and administrators only."""
    name: str = ""
    """Unique among organisations: 1 to 63 of a-z, 0-9 and `-`, starting and ending with a letter or digit."""
    organisation_id: str = ""
    """`org_` TypeID."""


class ReadLogResponse(Message):
    attempt: int = 0
    """The attempt that was read; 0 while there is none."""
    complete: bool = False
    """Whether the log is closed and this page reaches its end."""
    entries: list[Entry] = Field([], validate_default=True)
    next_from: int = 0
    """Where the next page starts, as `from`."""


class Schedule(Message):
    """A job that is launched by a timetable, as readers of its project see it; also the payload of its events."""

    catch_up: CatchUp | str = "CATCH_UP_UNSPECIFIED"
    catch_up_limit: int = 0
    """How many are made up for with CATCH_UP_ALL."""
    create_time: AwareDatetime | None = None
    cron: str = ""
    """Five fields of Vixie cron: minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, `@weekly`."""
    delete_time: AwareDatetime | None = None
    """When it was taken away."""
    etag: str = ""
    """Generation of what people may change (AIP-154)."""
    in_words: str = ""
    """The pattern in words."""
    job: SubmitJobRequest | None = None
    """What is launched; its commit is resolved at each launch where it is empty."""
    last_tick: Tick | None = None
    """The latest time at which it was due."""
    name: str = ""
    """Unique in the project; never changes."""
    next_ticks: list[AwareDatetime] = []
    """The next ten times at which it is due, soonest first; where a schedule is answered alone."""
    overlap: Overlap | str = "OVERLAP_UNSPECIFIED"
    owner_id: str = ""
    """`usr_` TypeID: in whose name it launches."""
    paused: bool = False
    project_id: str = ""
    """`prj_` TypeID."""
    schedule_id: str = ""
    """`sch_` TypeID."""
    zone: str = ""
    """Of the IANA database, such as `Europe/Berlin`. What falls into an hour that the zone leaves out happens right after it; what falls into an hour that comes twice happens once, unless it happens every hour."""


class Execution(Message):
    """One piece of work on compute as readers of its project see it; also the payload of its events."""

    after: list[Dependency] = Field([], validate_default=True)
    """The executions that it waits for before it queues for a place; never changes."""
    archived: bool = False
    """Left out of lists, unless they ask for what is archived."""
    attempts: list[Attempt] = Field([], validate_default=True)
    """The newest 20 attempts, oldest first."""
    conditions: list[Condition | str] = []
    """What was lost on the way to the end, though the outcome holds."""
    create_time: AwareDatetime | None = None
    desired_state: DesiredState | str = "DESIRED_STATE_UNSPECIFIED"
    end_time: AwareDatetime | None = None
    """When it reached its last phase."""
    etag: str = ""
    """Generation of the user-editable part (AIP-154)."""
    execution_id: str = ""
    """`exe_` TypeID."""
    failed_dependency: str = ""
    """`exe_` TypeID of the one of `after` that did not end as it was to; set with REASON_DEPENDENCY_FAILED."""
    kind: ExecutionKind | str = "EXECUTION_KIND_UNSPECIFIED"
    members: dict[str, int] = {}
    """Members of the current attempt by state: `waiting`, `running`, `ended`."""
    metrics: dict[str, Any] = {}
    """What user code wrote to `$KATONIC_METRICS`: a JSON object of at most 16 KiB, or of a log the last value of each metric and the last `step`; GetMetrics answers the others."""
    metrics_refusal: str = ""
    """Why its metrics were left out, such as `line 7 is not a JSON object`; set with CONDITION_METRICS_REFUSED."""
    notes: str = ""
    """What people write about it, at most 4 KiB."""
    number: int = 0
    """Dense in the project: 1, 2, 3 …, gaps allowed."""
    owner_id: str = ""
    """`usr_` TypeID of who launched it."""
    params: dict[str, str] = {}
    """What the command was given beside its arguments, by name; its environment holds each as `KATONIC_PARAM_<NAME>`, the name in upper case. Readers of the project see them: no place for secrets."""
    phase: Phase | str = "PHASE_UNSPECIFIED"
    priority: Priority | str = "PRIORITY_UNSPECIFIED"
    """How it is ordered in the queue of its tier."""
    project_id: str = ""
    """`prj_` TypeID."""
    reason: Reason | str = "REASON_UNSPECIFIED"
    """Why it is in this phase; set from FINISHING on, and while it waits to be tried again: why the last attempt ended."""
    reason_text: str = ""
    """The reason in words, with what to do next."""
    rerun_of: str = ""
    """`exe_` TypeID of the execution that it repeats; empty where it repeats none."""
    results_commit: str = ""
    """Commit of the results, under `refs/katonic/results/<execution>/<attempt>`; empty: nothing changed or not saved."""
    retry_time: AwareDatetime | None = None
    """Not before this it is tried again; set while it waits for that."""
    schedule_id: str = ""
    """`sch_` TypeID of the schedule that launched it; empty where a person did."""
    spec: LaunchSpec | None = None
    """What was pinned at submit; never changes."""
    start_time: AwareDatetime | None = None
    """When user code of the first attempt started."""
    tags: list[str] = []
    """Labels by which people find it again, sorted; at most 32, each of 1 to 63 characters."""
    title: str = ""
    """At most 200 characters; the command where none was given."""
    usage: Usage | None = None
    """What it used and cost, once an attempt of it is over; GetUsage answers it of one that runs."""


class GetUsageResponse(Message):
    members: list[MemberUsage] = Field([], validate_default=True)
    """Those of which something was reported: a member reports 5 s after its start at the earliest, then each 30 s."""
    usage: Usage | None = None
    """Up to now; unset where no user code has started."""


class ListJobsResponse(Message):
    executions: list[Execution] = Field([], validate_default=True)
    next_page_token: str = ""
    """Empty on the last page; a short page may have one."""


class ListOrganisationsResponse(Message):
    next_page_token: str = ""
    """Empty on the last page."""
    organisations: list[Organisation] = Field([], validate_default=True)
    """Without their members."""


class ListSchedulesResponse(Message):
    next_page_token: str = ""
    """Empty on the last page; a short page may have one."""
    schedules: list[Schedule] = Field([], validate_default=True)


class SearchHit(Message):
    """Something found, as of its last event in the index."""

    execution: Execution | None = None
    id: str = ""
    """Its TypeID."""
    kind: str = ""
    """`project` or `execution`."""
    project: Project | None = None
    project_id: str = ""
    relevance: float = 0
    """How well it fits the words; 0 where it was not asked."""


class SearchResponse(Message):
    facets: list[Facet] = Field([], validate_default=True)
    """In the order in which they were asked for."""
    hits: list[SearchHit] = Field([], validate_default=True)
    lag: IndexLag | None = None
    next_page_token: str = ""
    """Empty on the last page."""
    total: int = 0
    """How many were found in all."""


class WatchExecutionResponse(Message):
    cursor: str = ""
    """Opaque; resumes after this answer."""
    execution: Execution | None = None
