//! `katonic logs`.

use clap::{Args, ValueEnum};
use katonic_domain::ExecutionId;
use katonic_proto::logs::v1::{ReadLogRequest, Stream};

use super::Context;
use crate::{
    execution::ExecutionArgs,
    exit::Exit,
    failure::Failure,
    log_writer::{LogWriter, Origin, Selection},
    resume::{Log, Resuming},
};

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic logs 12
  katonic logs -f 12
  katonic logs 12 --stream stderr")]
pub struct LogsArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Go on until the execution has ended, across its attempts.
    #[arg(short, long)]
    follow: bool,
    /// Leave out entries with lower sequences.
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    from: u64,
    /// Only this stream.
    #[arg(long, value_enum)]
    stream: Option<StreamName>,
    /// Which attempt; the newest where unset.
    #[arg(long, default_value_t = 0, hide_default_value = true, conflicts_with = "follow")]
    attempt: u32,
}

/// A stream of a log.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum StreamName {
    /// What the command wrote to stdout.
    Stdout,
    /// What the command wrote to stderr.
    Stderr,
    /// What the platform did before the command started.
    Prepare,
}

impl From<StreamName> for Stream {
    fn from(name: StreamName) -> Self {
        match name {
            StreamName::Stdout => Self::Stdout,
            StreamName::Stderr => Self::Stderr,
            StreamName::Prepare => Self::Prepare,
        }
    }
}

/// Shows the log of an execution, each stream where it belongs.
pub async fn run(context: &Context, args: LogsArgs) -> Result<Exit, Failure> {
    let stream = args.stream.map_or(Stream::Unspecified, Stream::from);
    let writer = LogWriter::new(context.output, Selection { from: args.from, stream });
    let execution = args.execution.resolve(&context.client).await?;
    if args.follow {
        follow(context, execution, stream, writer).await?;
    } else {
        read(context, execution, &args, writer).await?;
    }
    Ok(Exit::OK)
}

async fn follow(context: &Context, execution: ExecutionId, stream: Stream, writer: LogWriter) -> Result<(), Failure> {
    let mut log = Resuming::new(&context.client, Log { execution, stream });
    while let Some(answer) = log.next().await? {
        writer.write(Origin { attempt: answer.attempt, member: &answer.member }, &answer.entries)?;
    }
    Ok(())
}

/// Reads what is there, page by page, to its present end.
async fn read(context: &Context, execution: ExecutionId, args: &LogsArgs, writer: LogWriter) -> Result<(), Failure> {
    let mut request = ReadLogRequest {
        execution_id: execution.to_string(),
        attempt: args.attempt,
        from: args.from,
        limit: 10_000,
        stream: args.stream.map_or(Stream::Unspecified, Stream::from).into(),
        ..Default::default()
    };
    loop {
        let page = context.client.read_log(request.clone()).await?;
        writer.write(Origin { attempt: page.attempt, member: "main/0" }, &page.entries)?;
        // A page of another stream's lines is empty and yet not the end.
        if page.complete || page.next_from <= request.from {
            return Ok(());
        }
        // A retry in between must not change the log under our hands.
        (request.from, request.attempt) = (page.next_from, page.attempt);
    }
}
