//! The RPCs that `katonic` uses, one line each.

use katonic_proto::{
    dispatcher::v1::{
        CreateScheduleRequest, CreateScheduleResponse, DeleteScheduleRequest, DeleteScheduleResponse,
        ExplainExecutionRequest, ExplainExecutionResponse, GetExecutionRequest, GetExecutionResponse,
        GetMetricsRequest, GetMetricsResponse, GetScheduleRequest, GetScheduleResponse, GetUsageRequest,
        GetUsageResponse, ListExecutionEventsRequest, ListExecutionEventsResponse, ListJobsRequest, ListJobsResponse,
        ListSchedulesRequest, ListSchedulesResponse, RerunExecutionRequest, RerunExecutionResponse,
        StopExecutionRequest, StopExecutionResponse, SubmitJobRequest, SubmitJobResponse, SubmitJobsRequest,
        SubmitJobsResponse, UpdateExecutionRequest, UpdateExecutionResponse, UpdateScheduleRequest,
        UpdateScheduleResponse, WatchExecutionRequest, WatchExecutionResponse,
        execution_service_client::ExecutionServiceClient, schedule_service_client::ScheduleServiceClient,
    },
    logs::v1::{
        FollowLogRequest, FollowLogResponse, ReadLogRequest, ReadLogResponse, log_service_client::LogServiceClient,
    },
    metadata::v1::{
        ArchiveProjectRequest, ArchiveProjectResponse, CreateEventSubscriptionRequest, CreateEventSubscriptionResponse,
        CreateHardwareTierRequest, CreateHardwareTierResponse, CreateOrganisationRequest, CreateOrganisationResponse,
        CreateProjectRequest, CreateProjectResponse, CreateTokenRequest, CreateTokenResponse, CreateUserRequest,
        CreateUserResponse, CreateUserTokenRequest, CreateUserTokenResponse, DeleteEventSubscriptionRequest,
        DeleteEventSubscriptionResponse, DeleteGrantRequest, DeleteGrantResponse, DescribePartsRequest,
        DescribePartsResponse, DisableUserRequest, DisableUserResponse, DropParkedMessagesRequest,
        DropParkedMessagesResponse, EnableUserRequest, EnableUserResponse, GetHardwareTierRequest,
        GetHardwareTierResponse, GetLogLevelRequest, GetLogLevelResponse, GetOrganisationRequest,
        GetOrganisationResponse, GetProjectRequest, GetProjectResponse, ListEventSubscriptionsRequest,
        ListEventSubscriptionsResponse, ListGrantsRequest, ListGrantsResponse, ListHardwareTiersRequest,
        ListHardwareTiersResponse, ListLimitsRequest, ListLimitsResponse, ListOrganisationsRequest,
        ListOrganisationsResponse, ListParkedMessagesRequest, ListParkedMessagesResponse, ListProjectsRequest,
        ListProjectsResponse, ListTokensRequest, ListTokensResponse, ListUsersRequest, ListUsersResponse,
        RedriveParkedMessagesRequest, RedriveParkedMessagesResponse, RemoveOrganisationMemberRequest,
        RemoveOrganisationMemberResponse, RestoreProjectRequest, RestoreProjectResponse, RetireHardwareTierRequest,
        RetireHardwareTierResponse, RevokeTokenRequest, RevokeTokenResponse, SetGrantRequest, SetGrantResponse,
        SetLimitRequest, SetLimitResponse, SetLogLevelRequest, SetLogLevelResponse, SetOrganisationMemberRequest,
        SetOrganisationMemberResponse, TransferProjectRequest, TransferProjectResponse, UpdateHardwareTierRequest,
        UpdateHardwareTierResponse, UpdateProjectRequest, UpdateProjectResponse,
        event_subscription_service_client::EventSubscriptionServiceClient, grant_service_client::GrantServiceClient,
        hardware_tier_service_client::HardwareTierServiceClient, limit_service_client::LimitServiceClient,
        operations_service_client::OperationsServiceClient, organisation_service_client::OrganisationServiceClient,
        project_service_client::ProjectServiceClient, token_service_client::TokenServiceClient,
        user_service_client::UserServiceClient,
    },
    search::v1::{
        FollowEventsRequest, FollowEventsResponse, RebuildIndexRequest, RebuildIndexResponse, SearchRequest,
        SearchResponse, feed_service_client::FeedServiceClient, search_service_client::SearchServiceClient,
    },
};
use tonic::Streaming;

use super::{Client, IdempotencyKey, MESSAGE_CAP};
use crate::rpc_error::Error;

/// Calls that may be repeated as they are.
macro_rules! calls {
    ($($service:ident: $rpc:ident($request:ty) -> $response:ty;)*) => {
        impl Client {$(
            #[doc = concat!("Calls `", stringify!($rpc), "`.")]
            pub async fn $rpc(&self, request: $request) -> Result<$response, Error> {
                let service = $service::new(self.transport.clone()).max_decoding_message_size(MESSAGE_CAP);
                self.call(request, |request| {
                    let mut service = service.clone();
                    async move { service.$rpc(request).await }
                })
                .await
            }
        )*}
    };
}

/// Calls that create something and are repeated under one key.
macro_rules! creating_calls {
    ($($service:ident: $rpc:ident($request:ty) -> $response:ty;)*) => {
        impl Client {$(
            #[doc = concat!("Calls `", stringify!($rpc), "`.")]
            pub async fn $rpc(&self, key: IdempotencyKey, request: $request) -> Result<$response, Error> {
                let service = $service::new(self.transport.clone()).max_decoding_message_size(MESSAGE_CAP);
                self.create(key, request, |request| {
                    let mut service = service.clone();
                    async move { service.$rpc(request).await }
                })
                .await
            }
        )*}
    };
}

/// Calls that answer a stream; `resume` repeats them.
macro_rules! streaming_calls {
    ($($service:ident: $rpc:ident($request:ty) -> $response:ty;)*) => {
        impl Client {$(
            #[doc = concat!("Calls `", stringify!($rpc), "`.")]
            pub async fn $rpc(&self, request: $request) -> Result<Streaming<$response>, Error> {
                let mut service = $service::new(self.transport.clone()).max_decoding_message_size(MESSAGE_CAP);
                let answer = service.$rpc(request).await;
                answer.map(tonic::Response::into_inner).map_err(|status| Error::new(self.endpoint.url(), &status))
            }
        )*}
    };
}

calls! {
    EventSubscriptionServiceClient:
        delete_event_subscription(DeleteEventSubscriptionRequest) -> DeleteEventSubscriptionResponse;
    EventSubscriptionServiceClient:
        list_event_subscriptions(ListEventSubscriptionsRequest) -> ListEventSubscriptionsResponse;
    ExecutionServiceClient: explain_execution(ExplainExecutionRequest) -> ExplainExecutionResponse;
    ExecutionServiceClient: get_execution(GetExecutionRequest) -> GetExecutionResponse;
    ExecutionServiceClient: get_metrics(GetMetricsRequest) -> GetMetricsResponse;
    ExecutionServiceClient: get_usage(GetUsageRequest) -> GetUsageResponse;
    ExecutionServiceClient: list_execution_events(ListExecutionEventsRequest) -> ListExecutionEventsResponse;
    ExecutionServiceClient: list_jobs(ListJobsRequest) -> ListJobsResponse;
    ExecutionServiceClient: stop_execution(StopExecutionRequest) -> StopExecutionResponse;
    ScheduleServiceClient: delete_schedule(DeleteScheduleRequest) -> DeleteScheduleResponse;
    ScheduleServiceClient: get_schedule(GetScheduleRequest) -> GetScheduleResponse;
    ScheduleServiceClient: list_schedules(ListSchedulesRequest) -> ListSchedulesResponse;
    ScheduleServiceClient: update_schedule(UpdateScheduleRequest) -> UpdateScheduleResponse;
    ExecutionServiceClient: update_execution(UpdateExecutionRequest) -> UpdateExecutionResponse;
    HardwareTierServiceClient: get_hardware_tier(GetHardwareTierRequest) -> GetHardwareTierResponse;
    HardwareTierServiceClient: list_hardware_tiers(ListHardwareTiersRequest) -> ListHardwareTiersResponse;
    HardwareTierServiceClient: retire_hardware_tier(RetireHardwareTierRequest) -> RetireHardwareTierResponse;
    HardwareTierServiceClient: update_hardware_tier(UpdateHardwareTierRequest) -> UpdateHardwareTierResponse;
    LimitServiceClient: list_limits(ListLimitsRequest) -> ListLimitsResponse;
    LimitServiceClient: set_limit(SetLimitRequest) -> SetLimitResponse;
    LogServiceClient: read_log(ReadLogRequest) -> ReadLogResponse;
    OperationsServiceClient: describe_parts(DescribePartsRequest) -> DescribePartsResponse;
    OperationsServiceClient: drop_parked_messages(DropParkedMessagesRequest) -> DropParkedMessagesResponse;
    OperationsServiceClient: get_log_level(GetLogLevelRequest) -> GetLogLevelResponse;
    OperationsServiceClient: list_parked_messages(ListParkedMessagesRequest) -> ListParkedMessagesResponse;
    OperationsServiceClient: redrive_parked_messages(RedriveParkedMessagesRequest) -> RedriveParkedMessagesResponse;
    OperationsServiceClient: set_log_level(SetLogLevelRequest) -> SetLogLevelResponse;
    GrantServiceClient: delete_grant(DeleteGrantRequest) -> DeleteGrantResponse;
    GrantServiceClient: list_grants(ListGrantsRequest) -> ListGrantsResponse;
    GrantServiceClient: set_grant(SetGrantRequest) -> SetGrantResponse;
    OrganisationServiceClient: get_organisation(GetOrganisationRequest) -> GetOrganisationResponse;
    OrganisationServiceClient: list_organisations(ListOrganisationsRequest) -> ListOrganisationsResponse;
    OrganisationServiceClient:
        remove_organisation_member(RemoveOrganisationMemberRequest) -> RemoveOrganisationMemberResponse;
    OrganisationServiceClient: set_organisation_member(SetOrganisationMemberRequest) -> SetOrganisationMemberResponse;
    ProjectServiceClient: archive_project(ArchiveProjectRequest) -> ArchiveProjectResponse;
    SearchServiceClient: search(SearchRequest) -> SearchResponse;
    SearchServiceClient: rebuild_index(RebuildIndexRequest) -> RebuildIndexResponse;
    ProjectServiceClient: get_project(GetProjectRequest) -> GetProjectResponse;
    ProjectServiceClient: list_projects(ListProjectsRequest) -> ListProjectsResponse;
    ProjectServiceClient: restore_project(RestoreProjectRequest) -> RestoreProjectResponse;
    ProjectServiceClient: transfer_project(TransferProjectRequest) -> TransferProjectResponse;
    ProjectServiceClient: update_project(UpdateProjectRequest) -> UpdateProjectResponse;
    TokenServiceClient: list_tokens(ListTokensRequest) -> ListTokensResponse;
    TokenServiceClient: revoke_token(RevokeTokenRequest) -> RevokeTokenResponse;
    UserServiceClient: disable_user(DisableUserRequest) -> DisableUserResponse;
    UserServiceClient: enable_user(EnableUserRequest) -> EnableUserResponse;
    UserServiceClient: list_users(ListUsersRequest) -> ListUsersResponse;
}

creating_calls! {
    EventSubscriptionServiceClient:
        create_event_subscription(CreateEventSubscriptionRequest) -> CreateEventSubscriptionResponse;
    ExecutionServiceClient: submit_job(SubmitJobRequest) -> SubmitJobResponse;
    ExecutionServiceClient: submit_jobs(SubmitJobsRequest) -> SubmitJobsResponse;
    ScheduleServiceClient: create_schedule(CreateScheduleRequest) -> CreateScheduleResponse;
    ExecutionServiceClient: rerun_execution(RerunExecutionRequest) -> RerunExecutionResponse;
    HardwareTierServiceClient: create_hardware_tier(CreateHardwareTierRequest) -> CreateHardwareTierResponse;
    OrganisationServiceClient: create_organisation(CreateOrganisationRequest) -> CreateOrganisationResponse;
    ProjectServiceClient: create_project(CreateProjectRequest) -> CreateProjectResponse;
    TokenServiceClient: create_token(CreateTokenRequest) -> CreateTokenResponse;
    UserServiceClient: create_user(CreateUserRequest) -> CreateUserResponse;
    UserServiceClient: create_user_token(CreateUserTokenRequest) -> CreateUserTokenResponse;
}

streaming_calls! {
    ExecutionServiceClient: watch_execution(WatchExecutionRequest) -> WatchExecutionResponse;
    FeedServiceClient: follow_events(FollowEventsRequest) -> FollowEventsResponse;
    LogServiceClient: follow_log(FollowLogRequest) -> FollowLogResponse;
}
