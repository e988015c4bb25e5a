//! Watching a job to its end: its log as it is written, its state beside it.
//!
//! Both streams are read at once; the job is over for us when it has ended
//! *and* its log is complete. A log that cannot be shown is said and does not
//! keep the job's code from being answered.

use katonic_domain::ExecutionId;
use katonic_proto::{
    dispatcher::v1::{Condition, Execution, Phase, Reason, StopExecutionRequest},
    json,
    logs::v1::{FollowLogResponse, Stream},
};
use serde_json::json;
use tonic::Code;

use super::{Context, Incomplete};
use crate::{
    exit::Exit,
    failure::Failure,
    interrupt::{Interrupts, Wish},
    log_writer::{LogWriter, Origin},
    output::whole,
    progress::Progress,
    resume::{Log, Resuming, States},
    rpc_error, text,
};

/// Watches a job that was just submitted and answers its code.
pub async fn run(context: &Context, submitted: &Execution) -> Result<Exit, Failure> {
    let id: ExecutionId = submitted.execution_id.parse().map_err(|_| Incomplete("execution id"))?;
    let attachment = Attachment {
        context,
        id,
        writer: LogWriter::among_others(context.output),
        progress: Progress::new(context.output),
        last: submitted.clone(),
    };
    context.output.notice(&format!("job {} is {id}", submitted.number));
    attachment.watch().await
}

struct Attachment<'a> {
    context: &'a Context,
    id: ExecutionId,
    writer: LogWriter,
    progress: Progress,
    last: Execution,
}

impl Attachment<'_> {
    async fn watch(mut self) -> Result<Exit, Failure> {
        let client = &self.context.client;
        let mut interrupts = Interrupts::listen()?;
        let mut log = Resuming::new(client, Log { execution: self.id, stream: Stream::Unspecified });
        let mut states = Resuming::new(client, States { execution: self.id });
        let mut log_lost = false;
        while !states.has_ended() || !(log.has_ended() || log_lost) {
            let quiet = interrupts.is_asking();
            tokio::select! {
                answer = log.next(), if !quiet && !log_lost && !log.has_ended() => match answer {
                    Ok(Some(answer)) => self.write(&answer)?,
                    Ok(None) => {}
                    Err(error) => {
                        log_lost = true;
                        self.log_is_lost(&error);
                    }
                },
                answer = states.next(), if !states.has_ended() => {
                    if let Some(execution) = answer?.and_then(|answer| answer.execution) {
                        self.changed(execution, quiet)?;
                    }
                }
                wish = interrupts.next() => match wish {
                    Wish::Continue => {}
                    Wish::Stop => self.stop().await?,
                    Wish::Detach(exit) => return Ok(self.leave(exit)),
                },
            }
        }
        Ok(self.finish())
    }

    fn write(&mut self, answer: &FollowLogResponse) -> Result<(), Failure> {
        if !answer.entries.is_empty() {
            self.progress.clear();
            self.writer.write(Origin { attempt: answer.attempt, member: &answer.member }, &answer.entries)?;
        }
        Ok(())
    }

    fn changed(&mut self, execution: Execution, quiet: bool) -> Result<(), Failure> {
        if self.context.output.is_json() {
            self.context.output.item(&json!({ "execution": whole(json::to_value(&execution)) }))?;
        }
        match execution.phase() {
            phase @ (Phase::Queued | Phase::Starting) if !quiet => self.progress.say(&text::phase(phase)),
            _ => self.progress.clear(),
        }
        self.last = execution;
        Ok(())
    }

    fn log_is_lost(&mut self, error: &rpc_error::Error) {
        self.progress.clear();
        self.context.output.warning(&format!("the log cannot be shown: {error}"));
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        let request = StopExecutionRequest { execution_id: self.id.to_string(), discard: false };
        match self.context.client.stop_execution(request).await {
            Ok(_) => self.context.output.notice("stopping the job; Ctrl-C again to leave it to that"),
            // It ended while we were asking.
            Err(error) if error.code() == Code::FailedPrecondition => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn leave(mut self, exit: Exit) -> Exit {
        self.progress.clear();
        let id = self.id;
        self.context
            .output
            .warning(&format!("{id} goes on; see it by `katonic logs -f {id}`, stop it by `katonic jobs stop {id}`"));
        exit
    }

    /// Says what neither the log nor the code says.
    fn finish(mut self) -> Exit {
        self.progress.clear();
        let (output, execution) = (self.context.output, &self.last);
        let took = text::elapsed(execution.start_time.as_ref(), execution.end_time.as_ref());
        match execution.reason() {
            Reason::Completed => output.notice(&format!("succeeded in {took}")),
            Reason::ExitCode => output.notice(&format!("failed in {took}: {}", execution.reason_text)),
            reason if execution.reason_text.is_empty() => output.warning(&text::reason(reason)),
            _ => output.warning(&execution.reason_text),
        }
        for condition in execution.conditions() {
            output.warning(&lost(condition, execution));
        }
        if !execution.results_commit.is_empty() {
            output.notice(&format!("it left results: `katonic results pull {}`", self.id));
        }
        Exit::of(execution)
    }
}

fn lost(condition: Condition, execution: &Execution) -> String {
    match condition {
        Condition::Unspecified => "something was lost on the way; `katonic explain` may know more".to_owned(),
        Condition::ResultsNotSaved => "the results could not be saved".to_owned(),
        Condition::LogIncomplete => "the log is not complete".to_owned(),
        Condition::MetricsRefused => format!("the metrics were left out: {}", execution.metrics_refusal),
    }
}
