//! What users ask about executions.

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use katonic_domain::{ExecutionId, ProjectId, Tags};
use katonic_proto::dispatcher::v1::{self as pb, execution_service_server::ExecutionService};
use katonic_service::{auth, fields, idempotency};
use katonic_store::Idempotency;
use tonic::{Request, Response, Status};

use crate::{
    domain::{execution::Execution, spec::JobForm},
    error::Error,
    grpc::{
        batch,
        convert::{self, status, stored_key},
        rerun, usage,
    },
    snapshot,
    store::Listed,
    usecases::{
        access::Access,
        edit::Edits,
        read::Reads,
        stop::Stop,
        submit::{Accepted, Submit, Submitter},
        watch::Watches,
    },
};

const DEFAULT_JOBS: usize = 50;
const DEFAULT_EVENTS: usize = 200;
/// Jobs in one call.
const MOST_JOBS: usize = 1_000;
/// Of these, at once: they wait together for the disk.
const JOBS_AT_ONCE: usize = 64;

/// The service.
pub struct Executions {
    /// Who may do what.
    pub access: Access,
    /// Accepts jobs.
    pub submit: Submit,
    /// Changes what people say about them.
    pub edits: Edits,
    /// Asks for stops.
    pub stop: Stop,
    /// Reads.
    pub reads: Reads,
    /// Streams.
    pub watches: Watches,
}

impl Executions {
    async fn find<T>(
        &self,
        request: &Request<T>,
        action: &'static str,
        id: &str,
    ) -> Result<katonic_store::Stored<Execution>, Status> {
        let user = auth::user(request, action)?;
        let id: ExecutionId = fields::parse("execution_id", id)?;
        self.access.find(user.id, action, id).await.map_err(status)
    }

    async fn accept(&self, submitter: Submitter, form: JobForm, key: Option<Idempotency>) -> Result<Accepted, Status> {
        let job = form.check().map_err(|error| status(error.into()))?;
        self.submit.job(submitter, job, key).await.map_err(status)
    }

    async fn submit_one(
        &self,
        submitter: Submitter,
        form: Result<JobForm, Error>,
        key: Option<Idempotency>,
    ) -> pb::SubmitJobsAnswer {
        let accepted = match form.map_err(status) {
            Ok(form) => self.accept(submitter, form, key).await,
            Err(refused) => Err(refused),
        };
        accepted.map_or_else(|refused| convert::refused(&refused), |accepted| convert::accepted(&accepted))
    }

    async fn shown(&self, execution: &Execution) -> Result<pb::Execution, Status> {
        let members = self.reads.current_members(execution).await.map_err(status)?;
        Ok(snapshot::execution(execution, &members))
    }
}

#[tonic::async_trait]
impl ExecutionService for Executions {
    async fn submit_job(
        &self,
        request: Request<pb::SubmitJobRequest>,
    ) -> Result<Response<pb::SubmitJobResponse>, Status> {
        let user = auth::user(&request, "execution.launch")?;
        let key = idempotency::read(&request)?.map(stored_key);
        let request = request.into_inner();
        let project: ProjectId = fields::parse("project_id", &request.project_id)?;
        let form = convert::job_form(request).map_err(status)?;
        let accepted = self.accept(Submitter { user: user.id, project }, form, key).await?;
        let execution = Some(self.shown(&accepted.stored.state).await?);
        let mut response = Response::new(pb::SubmitJobResponse { execution });
        idempotency::mark_replayed(&mut response, accepted.replayed);
        Ok(response)
    }

    async fn submit_jobs(
        &self,
        request: Request<pb::SubmitJobsRequest>,
    ) -> Result<Response<pb::SubmitJobsResponse>, Status> {
        let user = auth::user(&request, "execution.launch")?;
        let key = idempotency::read(&request)?;
        let pb::SubmitJobsRequest { project_id, jobs } = request.into_inner();
        let project: ProjectId = fields::parse("project_id", &project_id)?;
        self.access.metadata().check(user.id, "execution.launch", project).await.map_err(status)?;
        if !(1..=MOST_JOBS).contains(&jobs.len()) {
            return Err(fields::invalid("jobs", "are none, or more than 1000"));
        }
        let submitter = Submitter { user: user.id, project };
        let mut answers = vec![pb::SubmitJobsAnswer::default(); jobs.len()];
        for round in batch::rounds(&jobs) {
            let answer = |place: usize| {
                let key = key.as_ref().map(|key| stored_key(key.of_part(place, &jobs[place])));
                let form = batch::resolved(place, jobs[place].clone(), &answers).and_then(convert::job_form);
                self.submit_one(submitter, form, key)
            };
            let submitted = stream::iter(round.clone()).map(answer).buffered(JOBS_AT_ONCE);
            let submitted: Vec<pb::SubmitJobsAnswer> = submitted.collect().await;
            round.into_iter().zip(submitted).for_each(|(place, answer)| answers[place] = answer);
        }
        Ok(Response::new(pb::SubmitJobsResponse { answers, project_id }))
    }

    async fn rerun_execution(
        &self,
        request: Request<pb::RerunExecutionRequest>,
    ) -> Result<Response<pb::RerunExecutionResponse>, Status> {
        let of = self.find(&request, "execution.launch", &request.get_ref().execution_id).await?.state;
        let user = auth::user(&request, "execution.launch")?;
        let key = idempotency::read(&request)?.map(stored_key);
        let form = rerun::job_form(&of, request.into_inner()).map_err(status)?;
        let accepted = self.accept(Submitter { user: user.id, project: of.project }, form, key).await?;
        let execution = Some(self.shown(&accepted.stored.state).await?);
        let mut response = Response::new(pb::RerunExecutionResponse { execution });
        idempotency::mark_replayed(&mut response, accepted.replayed);
        Ok(response)
    }

    async fn list_jobs(&self, request: Request<pb::ListJobsRequest>) -> Result<Response<pb::ListJobsResponse>, Status> {
        let user = auth::user(&request, "execution.list")?;
        let request = request.into_inner();
        let project: ProjectId = fields::parse("project_id", &request.project_id)?;
        let size = fields::page_size(request.page_size, DEFAULT_JOBS)?;
        let below = fields::place("page_token", &request.page_token)?;
        let tags = Tags::try_new(&request.tags).map_err(|why| fields::invalid("tags", why))?;
        self.access.metadata().check(user.id, "execution.list", project).await.map_err(status)?;
        let page = match request.number {
            0 => self.reads.page(project, &Listed { tags, archived: request.archived }, below, size).await,
            number => self.reads.numbered(project, number).await,
        };
        let page = page.map_err(status)?;
        Ok(Response::new(pb::ListJobsResponse {
            // As of each one's last write: what members reported since is in its own answer.
            executions: page.items.iter().map(|stored| snapshot::execution(&stored.state, &[])).collect(),
            next_page_token: page.next.map(fields::token).unwrap_or_default(),
        }))
    }

    async fn get_execution(
        &self,
        request: Request<pb::GetExecutionRequest>,
    ) -> Result<Response<pb::GetExecutionResponse>, Status> {
        let stored = self.find(&request, "execution.read", &request.get_ref().execution_id).await?;
        let execution = Some(self.shown(&stored.state).await?);
        Ok(Response::new(pb::GetExecutionResponse { execution }))
    }

    async fn update_execution(
        &self,
        request: Request<pb::UpdateExecutionRequest>,
    ) -> Result<Response<pb::UpdateExecutionResponse>, Status> {
        let stored = self.find(&request, "execution.update", &request.get_ref().execution_id).await?;
        let etag = request.get_ref().etag.clone();
        let edit = convert::edit_form(request.into_inner())?.check().map_err(|error| status(error.into()))?;
        let updated = self.edits.execution(stored.state.id, &edit, &etag).await.map_err(status)?;
        let execution = Some(self.shown(&updated.state).await?);
        Ok(Response::new(pb::UpdateExecutionResponse { execution }))
    }

    type WatchExecutionStream = BoxStream<'static, Result<pb::WatchExecutionResponse, Status>>;

    async fn watch_execution(
        &self,
        request: Request<pb::WatchExecutionRequest>,
    ) -> Result<Response<Self::WatchExecutionStream>, Status> {
        let stored = self.find(&request, "execution.read", &request.get_ref().execution_id).await?;
        let user = auth::user(&request, "execution.read")?;
        let after = convert::version("cursor", &request.get_ref().cursor)?;
        let (access, reads) = (self.access.clone(), self.reads.clone());
        let project = stored.state.project;
        let changes = self.watches.execution(stored.state.id, after).then(move |item| {
            let reads = reads.clone();
            async move {
                let stored = item?;
                let members = reads.current_members(&stored.state).await?;
                let execution = Some(snapshot::execution(&stored.state, &members));
                Ok::<_, Error>(pb::WatchExecutionResponse { execution, cursor: fields::token(stored.version.get()) })
            }
        });
        let changes = auth::rechecked(changes, move || {
            let metadata = access.metadata().clone();
            async move { metadata.check(user.id, "execution.read", project).await }
        });
        Ok(Response::new(changes.map(|item| item.map_err(status)).boxed()))
    }

    async fn stop_execution(
        &self,
        request: Request<pb::StopExecutionRequest>,
    ) -> Result<Response<pb::StopExecutionResponse>, Status> {
        let stored = self.find(&request, "execution.stop", &request.get_ref().execution_id).await?;
        let stopped = self.stop.execution(stored.state.id, request.get_ref().discard).await.map_err(status)?;
        let execution = Some(self.shown(&stopped.state).await?);
        Ok(Response::new(pb::StopExecutionResponse { execution }))
    }

    async fn explain_execution(
        &self,
        request: Request<pb::ExplainExecutionRequest>,
    ) -> Result<Response<pb::ExplainExecutionResponse>, Status> {
        let stored = self.find(&request, "execution.read", &request.get_ref().execution_id).await?;
        let explanation = self.reads.explain(&stored).await.map_err(status)?;
        Ok(Response::new(convert::explanation(explanation)))
    }

    async fn get_metrics(
        &self,
        request: Request<pb::GetMetricsRequest>,
    ) -> Result<Response<pb::GetMetricsResponse>, Status> {
        let stored = self.find(&request, "execution.read", &request.get_ref().execution_id).await?;
        let series = self.reads.series(stored.state.id, &request.get_ref().names).await.map_err(status)?;
        Ok(Response::new(pb::GetMetricsResponse { series: series.into_iter().map(convert::series).collect() }))
    }

    async fn get_usage(&self, request: Request<pb::GetUsageRequest>) -> Result<Response<pb::GetUsageResponse>, Status> {
        let stored = self.find(&request, "execution.read", &request.get_ref().execution_id).await?;
        let most = usage::max_points(request.get_ref().max_points)?;
        let seen = self.reads.usage(&stored.state, request.get_ref().attempt).await.map_err(status)?;
        let seen = seen.ok_or_else(|| fields::invalid("attempt", "is none that there was"))?;
        Ok(Response::new(pb::GetUsageResponse {
            usage: seen.in_all.map(|used| snapshot::usage(&used, &stored.state.spec.tier)),
            members: seen.members.iter().map(|metered| snapshot::member_usage(metered, most)).collect(),
        }))
    }

    async fn list_execution_events(
        &self,
        request: Request<pb::ListExecutionEventsRequest>,
    ) -> Result<Response<pb::ListExecutionEventsResponse>, Status> {
        let stored = self.find(&request, "execution.read", &request.get_ref().execution_id).await?;
        let size = fields::page_size(request.get_ref().page_size, DEFAULT_EVENTS)?;
        let after = convert::version("page_token", &request.get_ref().page_token)?;
        let entries = self.reads.events(&stored.state, after, size).await.map_err(status)?;
        let last = entries.last().map(|entry| entry.sequence);
        let next = last.filter(|last| *last < stored.version).map(|last| fields::token(last.get()));
        let events = entries.iter().map(convert::event).collect::<Result<_, _>>()?;
        Ok(Response::new(pb::ListExecutionEventsResponse { events, next_page_token: next.unwrap_or_default() }))
    }
}
