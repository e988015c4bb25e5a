//! REST as a program calls it: plain HTTP and JSON, nothing of ours.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;

use crate::wait;

/// A REST client with or without a token.
#[derive(Clone)]
pub struct Rest {
    client: Client,
    base: String,
    token: Option<String>,
    traceparent: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, `null` where it is empty or not JSON.
    pub body: Value,
}

impl Rest {
    /// A client of the gateway at `base`.
    pub fn new(base: &str, token: Option<&str>) -> Self {
        Self { client: Client::new(), base: base.to_owned(), token: token.map(ToOwned::to_owned), traceparent: None }
    }

    /// A client whose requests belong to a trace (W3C Trace Context), given as 32 hexadecimal digits.
    #[must_use]
    pub fn traced(self, trace: &str) -> Self {
        Self { traceparent: Some(format!("00-{trace}-00f067aa0ba902b7-01")), ..self }
    }

    /// A request under the API's base path.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.base));
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        match &self.traceparent {
            Some(traceparent) => request.header("traceparent", traceparent),
            None => request,
        }
    }

    /// Sends a request and reads the answer.
    pub async fn send(request: RequestBuilder) -> Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body })
    }

    /// `GET`; must succeed.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = Self::send(self.request(Method::GET, path)).await?;
        ensure!(answer.status.is_success(), "GET {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// `POST` of JSON; must succeed.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = Self::send(self.request(Method::POST, path).json(body)).await?;
        ensure!(answer.status.is_success(), "POST {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// `PUT` of JSON; must succeed.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = Self::send(self.request(Method::PUT, path).json(body)).await?;
        ensure!(answer.status.is_success(), "PUT {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// A new project; its id.
    pub async fn project(&self, name: &str) -> Result<String> {
        let project = self.post("/projects", &serde_json::json!({ "name": name })).await?;
        text(&project, "projectId")
    }

    /// Submits a job; its id.
    pub async fn submit(&self, project: &str, command: &[&str]) -> Result<String> {
        let body = serde_json::json!({ "command": command });
        text(&self.post(&format!("/projects/{project}/jobs"), &body).await?, "executionId")
    }

    /// The execution once it has ended.
    pub async fn ended(&self, execution: &str) -> Result<Value> {
        wait::until(&format!("{execution} ends"), async || {
            let answer = self.get(&format!("/executions/{execution}")).await?;
            let phase = text(&answer, "phase")?;
            Ok(["PHASE_SUCCEEDED", "PHASE_FAILED", "PHASE_STOPPED"].contains(&phase.as_str()).then_some(answer))
        })
        .await
    }

    /// The execution once nothing of it is left on compute: it changes no more.
    pub async fn settled(&self, execution: &str) -> Result<Value> {
        wait::until(&format!("{execution} leaves nothing on compute"), async || {
            let answer = self.get(&format!("/executions/{execution}")).await?;
            let checkpoints = answer["attempts"].as_array().and_then(|all| all.last()?["checkpoints"].as_array());
            let deleted =
                checkpoints.is_some_and(|all| all.iter().any(|c| c["kind"] == "CHECKPOINT_KIND_RESOURCES_DELETED"));
            Ok(deleted.then_some(answer))
        })
        .await
    }

    /// The execution once it is in a phase.
    pub async fn in_phase(&self, execution: &str, wanted: &str) -> Result<Value> {
        wait::until(&format!("{execution} is {wanted}"), async || {
            let answer = self.get(&format!("/executions/{execution}")).await?;
            Ok((answer["phase"] == wanted).then_some(answer))
        })
        .await
    }

    /// Every entry of an execution's log, by pages.
    pub async fn log(&self, execution: &str) -> Result<Vec<Value>> {
        let mut entries = Vec::new();
        let mut from = "1".to_owned();
        loop {
            let page = self.get(&format!("/executions/{execution}/logs?from={from}&limit=10000")).await?;
            entries.extend(page["entries"].as_array().cloned().unwrap_or_default());
            if page["complete"] == true {
                return Ok(entries);
            }
            from = text(&page, "nextFrom")?;
        }
    }
}

/// A text field of an answer.
pub fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().with_context(|| format!("no {field} in {value}"))?.to_owned())
}
