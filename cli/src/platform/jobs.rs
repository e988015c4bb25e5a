//! `down --stop-jobs`: stops what runs, through the API like anybody.
//!
//! It asks for every stop first and then waits for every end, so that the
//! grace times pass side by side.

use katonic_proto::{
    dispatcher::v1::{ListJobsRequest, StopExecutionRequest},
    metadata::v1::ListProjectsRequest,
};
use tonic::Code;

use super::{Home, error::Error};
use crate::{
    client::Client,
    config::Endpoint,
    resume::{Resuming, States},
    rpc_error, text,
};

/// Stops every job that the administrator sees, keeps results, and waits for the ends.
pub async fn stop_all(home: &Home) -> Result<(), Error> {
    let access = home.access()?;
    let endpoint = Endpoint::try_new(&access.gateway, &access.token).map_err(|error| Error::StopJobs(error.into()))?;
    let client = Client::new(endpoint).map_err(|error| Error::StopJobs(error.into()))?;
    stop_and_wait(&client).await.map_err(|error| Error::StopJobs(error.into()))
}

async fn stop_and_wait(client: &Client) -> Result<(), rpc_error::Error> {
    let running = running_jobs(client).await?;
    for execution_id in &running {
        let request = StopExecutionRequest { execution_id: execution_id.clone(), discard: false };
        match client.stop_execution(request).await {
            Ok(_) => {}
            // It has ended by itself.
            Err(error) if error.code() == Code::FailedPrecondition => {}
            Err(error) => return Err(error),
        }
    }
    for execution in running.iter().filter_map(|id| id.parse().ok()) {
        let mut states = Resuming::new(client, States { execution });
        while states.next().await?.is_some() {}
    }
    Ok(())
}

async fn running_jobs(client: &Client) -> Result<Vec<String>, rpc_error::Error> {
    let mut running = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = client.list_projects(ListProjectsRequest { page_token, ..Default::default() }).await?;
        for project in page.projects {
            running.extend(running_jobs_of(client, &project.project_id).await?);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(running);
        }
    }
}

async fn running_jobs_of(client: &Client, project_id: &str) -> Result<Vec<String>, rpc_error::Error> {
    let mut running = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListJobsRequest { project_id: project_id.to_owned(), page_token, ..Default::default() };
        let page = client.list_jobs(request).await?;
        let open = page.executions.into_iter().filter(|execution| !text::has_ended(execution));
        running.extend(open.map(|execution| execution.execution_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(running);
        }
    }
}
