"""Made by `generate` from the OpenAPI document; do not edit."""

from .._operation import Operation, Stream
from . import models

LIST_EVENT_SUBSCRIPTIONS = Operation(
    "GET", "/api/v1/event-subscriptions", models.ListEventSubscriptionsRequest, models.ListEventSubscriptionsResponse
)
CREATE_EVENT_SUBSCRIPTION = Operation(
    "POST",
    "/api/v1/event-subscriptions",
    models.CreateEventSubscriptionRequest,
    models.CreateEventSubscriptionResponse,
    has_body=True,
    creates=True,
)
DELETE_EVENT_SUBSCRIPTION = Operation(
    "DELETE",
    "/api/v1/event-subscriptions/{subscription_id}",
    models.DeleteEventSubscriptionRequest,
    models.DeleteEventSubscriptionResponse,
)
GET_EVENT_SUBSCRIPTION = Operation(
    "GET", "/api/v1/event-subscriptions/{subscription_id}", models.GetEventSubscriptionRequest, models.EventSubscription
)
FOLLOW_EVENTS = Stream("/api/v1/events:follow", models.FollowEventsRequest, models.FollowEventsResponse)
GET_EXECUTION = Operation("GET", "/api/v1/executions/{execution_id}", models.GetExecutionRequest, models.Execution)
UPDATE_EXECUTION = Operation(
    "PATCH", "/api/v1/executions/{execution_id}", models.UpdateExecutionRequest, models.Execution, has_body=True
)
LIST_EXECUTION_EVENTS = Operation(
    "GET",
    "/api/v1/executions/{execution_id}/events",
    models.ListExecutionEventsRequest,
    models.ListExecutionEventsResponse,
)
EXPLAIN_EXECUTION = Operation(
    "GET", "/api/v1/executions/{execution_id}/explain", models.ExplainExecutionRequest, models.ExplainExecutionResponse
)
READ_LOG = Operation("GET", "/api/v1/executions/{execution_id}/logs", models.ReadLogRequest, models.ReadLogResponse)
FOLLOW_LOG = Stream("/api/v1/executions/{execution_id}/logs:follow", models.FollowLogRequest, models.FollowLogResponse)
GET_METRICS = Operation(
    "GET", "/api/v1/executions/{execution_id}/metrics", models.GetMetricsRequest, models.GetMetricsResponse
)
GET_USAGE = Operation("GET", "/api/v1/executions/{execution_id}/usage", models.GetUsageRequest, models.GetUsageResponse)
RERUN_EXECUTION = Operation(
    "POST",
    "/api/v1/executions/{execution_id}:rerun",
    models.RerunExecutionRequest,
    models.Execution,
    has_body=True,
    creates=True,
)
STOP_EXECUTION = Operation(
    "POST", "/api/v1/executions/{execution_id}:stop", models.StopExecutionRequest, models.Execution, has_body=True
)
WATCH_EXECUTION = Stream(
    "/api/v1/executions/{execution_id}:watch", models.WatchExecutionRequest, models.WatchExecutionResponse
)
LIST_HARDWARE_TIERS = Operation(
    "GET", "/api/v1/hardware-tiers", models.ListHardwareTiersRequest, models.ListHardwareTiersResponse
)
CREATE_HARDWARE_TIER = Operation(
    "POST", "/api/v1/hardware-tiers", models.CreateHardwareTierRequest, models.HardwareTier, has_body=True, creates=True
)
GET_HARDWARE_TIER = Operation(
    "GET", "/api/v1/hardware-tiers/{tier}", models.GetHardwareTierRequest, models.HardwareTier
)
UPDATE_HARDWARE_TIER = Operation(
    "PATCH", "/api/v1/hardware-tiers/{tier}", models.UpdateHardwareTierRequest, models.HardwareTier, has_body=True
)
RETIRE_HARDWARE_TIER = Operation(
    "POST", "/api/v1/hardware-tiers/{tier}:retire", models.RetireHardwareTierRequest, models.HardwareTier, has_body=True
)
LIST_LIMITS = Operation("GET", "/api/v1/limits", models.ListLimitsRequest, models.ListLimitsResponse)
SET_LIMIT = Operation("PUT", "/api/v1/limits/{scope}", models.SetLimitRequest, models.Limit, has_body=True)
LIST_PARKED_MESSAGES = Operation(
    "GET", "/api/v1/operations/parked-messages", models.ListParkedMessagesRequest, models.ListParkedMessagesResponse
)
DROP_PARKED_MESSAGES = Operation(
    "POST",
    "/api/v1/operations/parked-messages:drop",
    models.DropParkedMessagesRequest,
    models.DropParkedMessagesResponse,
    has_body=True,
)
REDRIVE_PARKED_MESSAGES = Operation(
    "POST",
    "/api/v1/operations/parked-messages:redrive",
    models.RedriveParkedMessagesRequest,
    models.RedriveParkedMessagesResponse,
    has_body=True,
)
DESCRIBE_PARTS = Operation("GET", "/api/v1/operations/parts", models.DescribePartsRequest, models.DescribePartsResponse)
LIST_ORGANISATIONS = Operation(
    "GET", "/api/v1/organisations", models.ListOrganisationsRequest, models.ListOrganisationsResponse
)
CREATE_ORGANISATION = Operation(
    "POST", "/api/v1/organisations", models.CreateOrganisationRequest, models.Organisation, has_body=True, creates=True
)
GET_ORGANISATION = Operation(
    "GET", "/api/v1/organisations/{organisation_id}", models.GetOrganisationRequest, models.Organisation
)
REMOVE_ORGANISATION_MEMBER = Operation(
    "DELETE",
    "/api/v1/organisations/{organisation_id}/members/{user_id}",
    models.RemoveOrganisationMemberRequest,
    models.Organisation,
)
SET_ORGANISATION_MEMBER = Operation(
    "PUT",
    "/api/v1/organisations/{organisation_id}/members/{user_id}",
    models.SetOrganisationMemberRequest,
    models.Organisation,
    has_body=True,
)
GET_LOG_LEVEL = Operation("GET", "/api/v1/parts/{part}/log-level", models.GetLogLevelRequest, models.PartLogLevel)
SET_LOG_LEVEL = Operation(
    "POST", "/api/v1/parts/{part}:setLogLevel", models.SetLogLevelRequest, models.PartLogLevel, has_body=True
)
LIST_PROJECTS = Operation("GET", "/api/v1/projects", models.ListProjectsRequest, models.ListProjectsResponse)
CREATE_PROJECT = Operation(
    "POST", "/api/v1/projects", models.CreateProjectRequest, models.Project, has_body=True, creates=True
)
GET_PROJECT = Operation("GET", "/api/v1/projects/{project_id}", models.GetProjectRequest, models.Project)
UPDATE_PROJECT = Operation(
    "PATCH", "/api/v1/projects/{project_id}", models.UpdateProjectRequest, models.Project, has_body=True
)
LIST_GRANTS = Operation(
    "GET", "/api/v1/projects/{project_id}/grants", models.ListGrantsRequest, models.ListGrantsResponse
)
DELETE_GRANT = Operation(
    "DELETE", "/api/v1/projects/{project_id}/grants/{party_id}", models.DeleteGrantRequest, models.DeleteGrantResponse
)
GET_GRANT = Operation("GET", "/api/v1/projects/{project_id}/grants/{party_id}", models.GetGrantRequest, models.Grant)
SET_GRANT = Operation(
    "PUT", "/api/v1/projects/{project_id}/grants/{party_id}", models.SetGrantRequest, models.Grant, has_body=True
)
LIST_JOBS = Operation("GET", "/api/v1/projects/{project_id}/jobs", models.ListJobsRequest, models.ListJobsResponse)
SUBMIT_JOB = Operation(
    "POST", "/api/v1/projects/{project_id}/jobs", models.SubmitJobRequest, models.Execution, has_body=True, creates=True
)
SUBMIT_JOBS = Operation(
    "POST",
    "/api/v1/projects/{project_id}/jobs:batchSubmit",
    models.SubmitJobsRequest,
    models.SubmitJobsResponse,
    has_body=True,
    creates=True,
)
LIST_SCHEDULES = Operation(
    "GET", "/api/v1/projects/{project_id}/schedules", models.ListSchedulesRequest, models.ListSchedulesResponse
)
CREATE_SCHEDULE = Operation(
    "POST",
    "/api/v1/projects/{project_id}/schedules",
    models.CreateScheduleRequest,
    models.Schedule,
    has_body=True,
    creates=True,
)
ARCHIVE_PROJECT = Operation(
    "POST", "/api/v1/projects/{project_id}:archive", models.ArchiveProjectRequest, models.Project, has_body=True
)
RESTORE_PROJECT = Operation(
    "POST", "/api/v1/projects/{project_id}:restore", models.RestoreProjectRequest, models.Project, has_body=True
)
TRANSFER_PROJECT = Operation(
    "POST", "/api/v1/projects/{project_id}:transfer", models.TransferProjectRequest, models.Project, has_body=True
)
DELETE_SCHEDULE = Operation(
    "DELETE", "/api/v1/schedules/{schedule_id}", models.DeleteScheduleRequest, models.DeleteScheduleResponse
)
GET_SCHEDULE = Operation("GET", "/api/v1/schedules/{schedule_id}", models.GetScheduleRequest, models.Schedule)
UPDATE_SCHEDULE = Operation(
    "PATCH", "/api/v1/schedules/{schedule_id}", models.UpdateScheduleRequest, models.Schedule, has_body=True
)
SEARCH = Operation("GET", "/api/v1/search", models.SearchRequest, models.SearchResponse)
REBUILD_INDEX = Operation(
    "POST", "/api/v1/search:rebuild", models.RebuildIndexRequest, models.RebuildIndexResponse, has_body=True
)
GET_SELF = Operation("GET", "/api/v1/self", models.GetSelfRequest, models.GetSelfResponse)
LIST_TOKENS = Operation("GET", "/api/v1/tokens", models.ListTokensRequest, models.ListTokensResponse)
CREATE_TOKEN = Operation(
    "POST", "/api/v1/tokens", models.CreateTokenRequest, models.CreateTokenResponse, has_body=True, creates=True
)
GET_TOKEN = Operation("GET", "/api/v1/tokens/{token_id}", models.GetTokenRequest, models.Token)
REVOKE_TOKEN = Operation(
    "POST", "/api/v1/tokens/{token_id}:revoke", models.RevokeTokenRequest, models.Token, has_body=True
)
LIST_USERS = Operation("GET", "/api/v1/users", models.ListUsersRequest, models.ListUsersResponse)
CREATE_USER = Operation("POST", "/api/v1/users", models.CreateUserRequest, models.User, has_body=True, creates=True)
GET_USER = Operation("GET", "/api/v1/users/{user_id}", models.GetUserRequest, models.User)
CREATE_USER_TOKEN = Operation(
    "POST",
    "/api/v1/users/{user_id}/tokens",
    models.CreateUserTokenRequest,
    models.CreateUserTokenResponse,
    has_body=True,
    creates=True,
)
DISABLE_USER = Operation(
    "POST", "/api/v1/users/{user_id}:disable", models.DisableUserRequest, models.User, has_body=True
)
ENABLE_USER = Operation("POST", "/api/v1/users/{user_id}:enable", models.EnableUserRequest, models.User, has_body=True)
