//! Shipping a member's spool until its log is closed (L3).
//!
//! The log-streamer says where to go on, so that nothing needs to be
//! remembered: after a crash, a cut connection or a refusal a new stream starts
//! at the sequence that it expects. What is durable there is removed here.

pub mod convert;
mod window;

use std::{
    io,
    time::{Duration, Instant},
};

use katonic_member::{
    MemberDir,
    spool::{ReadError, Reader, Record, Seq},
};
use katonic_proto::logs::v1::{AppendRequest, AppendResponse, CloseLogRequest};
use katonic_service::rpc::from_status;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::{debug, error, info, warn};

use self::window::{PATIENCE, Verdict, Window};
use crate::{backoff::Backoff, session::Session, watch::Watch};

/// One message holds about this much.
const MESSAGE_BYTES: usize = 256 * 1024;
/// Messages that wait for the connection; the window counts them too.
const QUEUE: usize = 4;
/// How long a stream may take to open.
const OPEN: Duration = Duration::from_secs(10);
/// How often the spool is looked at though nothing was heard.
const LOOK: Duration = Duration::from_secs(1);

/// How a member's log ended: known once the exit record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Its last sequence; none where nothing was written.
    pub last: Option<Seq>,
}

/// Why a stream ended before the log did.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the log is closed")]
    Closed,
    #[error("the stream failed")]
    Status(#[source] Box<Status>),
    #[error("the stream ended")]
    Ended,
    #[error("a message was refused")]
    Refused,
    #[error("nothing was answered in time")]
    Silent,
    #[error("the spool cannot be read")]
    Spool(#[from] ReadError),
}

impl From<Status> for Broken {
    fn from(status: Status) -> Self {
        if from_status(&status).reason == "LOG_CLOSED" { Self::Closed } else { Self::Status(Box::new(status)) }
    }
}

/// Ships one member's spool.
pub struct Shipper<'a> {
    session: &'a Session,
    member: &'a MemberDir,
    spool: &'a Watch,
    end: watch::Receiver<Option<End>>,
}

impl<'a> Shipper<'a> {
    /// Of a member; `end` tells when its exit record is there.
    pub const fn new(
        session: &'a Session,
        member: &'a MemberDir,
        spool: &'a Watch,
        end: watch::Receiver<Option<End>>,
    ) -> Self {
        Self { session, member, spool, end }
    }

    /// Ships everything and closes the log. False where it was closed without us.
    pub async fn run(mut self) -> bool {
        let mut backoff = Backoff::new();
        loop {
            match self.stream().await {
                Ok(()) | Err(Broken::Closed) => {}
                Err(broken) => {
                    self.report(&broken);
                    backoff.wait().await;
                    continue;
                }
            }
            match self.close().await {
                Ok(()) => return true,
                Err(reason) if reason == "LOG_BEHIND" => backoff.wait().await,
                Err(reason) => {
                    warn!(reason, "the log is closed elsewhere");
                    return false;
                }
            }
        }
    }

    fn report(&self, broken: &Broken) {
        match broken {
            Broken::Spool(error) => error!(%error, "the spool cannot be read"),
            Broken::Status(status) => info!(code = %status.code(), "shipping again"),
            other => debug!(%other, "shipping again"),
        }
    }

    async fn close(&mut self) -> Result<(), String> {
        let end = self.known_end().await;
        let last_seq = end.last.map_or(0, Seq::get);
        let message = CloseLogRequest { member_id: self.session.member_id().to_owned(), last_seq };
        let closed = self.session.call(message, async |session, request| session.logs().close_log(request).await).await;
        closed.map(drop).map_err(|failure| failure.reason)
    }

    async fn known_end(&mut self) -> End {
        match self.end.wait_for(Option::is_some).await.map(|end| *end) {
            Ok(Some(end)) => end,
            // The member's life has ended without a record: so has this.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// One stream, until everything up to the end is accepted.
    async fn stream(&mut self) -> Result<(), Broken> {
        // A log that holds nothing needs no stream.
        if *self.end.borrow() == Some(End { last: None }) {
            return Ok(());
        }
        let (messages, queue) = mpsc::channel(QUEUE);
        let first = AppendRequest { member_id: self.session.member_id().to_owned(), ..AppendRequest::default() };
        send(&messages, first).await?;
        let request = self.session.request(ReceiverStream::new(queue));
        let mut logs = self.session.logs();
        let opened = timeout(OPEN, async {
            let mut answers = logs.append(request).await?.into_inner();
            let first = answers.message().await?;
            Ok::<_, Status>((answers, first))
        });
        let (answers, first) = opened.await.map_err(|_| Broken::Silent)??;
        let AppendResponse { expected_seq, durable_seq } = first.ok_or(Broken::Ended)?;
        let window = Window::new(expected_seq, durable_seq, Instant::now());
        let reader = Reader::open(self.member.spool(), Seq::new(expected_seq).unwrap_or(Seq::FIRST));
        let contained = self.member.is_contained();
        Stream { reader, window, messages, answers, contained }.run(self).await
    }
}

/// One open stream.
struct Stream {
    reader: Reader,
    window: Window,
    messages: mpsc::Sender<AppendRequest>,
    answers: Streaming<AppendResponse>,
    /// Whether user code can do away with the spool: then what cannot be read is a gap.
    contained: bool,
}

impl Stream {
    async fn run(mut self, shipper: &mut Shipper<'_>) -> Result<(), Broken> {
        loop {
            let end = *shipper.end.borrow_and_update();
            if end.is_some_and(|end| self.window.expected() > end.last.map_or(0, Seq::get)) {
                return Ok(());
            }
            while self.window.has_room() {
                let records = self.read(end)?;
                if records.is_empty() {
                    break;
                }
                self.ship(&records).await?;
            }
            tokio::select! {
                answer = self.answers.message() => self.answered(&answer?.ok_or(Broken::Ended)?, shipper.member)?,
                () = shipper.spool.changed() => {}
                Ok(()) = shipper.end.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            if self.window.is_stuck(Instant::now()) {
                return Err(Broken::Silent);
            }
        }
    }

    /// What comes next. What the exit record names and the spool has not is a gap.
    fn read(&mut self, end: Option<End>) -> Result<Vec<Record>, Broken> {
        let read = tokio::task::block_in_place(|| self.reader.read(MESSAGE_BYTES));
        let Some(end) = end else {
            return match read {
                // How far the damage goes is known at the end.
                Err(ReadError::Corrupt(_)) => Ok(Vec::new()),
                Err(_) if self.contained => Ok(Vec::new()),
                other => Ok(other?),
            };
        };
        match read {
            Ok(records) if !records.is_empty() => Ok(records),
            Ok(_) | Err(ReadError::Corrupt(_)) => Ok(self.reader.give_up(end.last).into_iter().collect()),
            Err(_) if self.contained => Ok(self.reader.give_up(end.last).into_iter().collect()),
            Err(error) => Err(error.into()),
        }
    }

    async fn ship(&mut self, records: &[Record]) -> Result<(), Broken> {
        let Some(last) = records.last().map(Record::last_seq) else { return Ok(()) };
        let bytes = records.iter().map(convert::weight).sum();
        let message = AppendRequest {
            records: records.iter().map(convert::record).collect(),
            acked_seq: self.window.durable(),
            ..AppendRequest::default()
        };
        send(&self.messages, message).await?;
        self.window.sent(last, bytes, Instant::now());
        Ok(())
    }

    fn answered(&mut self, answer: &AppendResponse, member: &MemberDir) -> Result<(), Broken> {
        let before = self.window.durable();
        if self.window.answered(answer.expected_seq, answer.durable_seq, Instant::now()) == Verdict::Refused {
            return Err(Broken::Refused);
        }
        match Seq::new(self.window.durable()).filter(|durable| durable.get() > before) {
            Some(durable) if self.contained => {
                // What it has spoiled of its spool goes with its directory.
                let _ = remove_durable(member, durable);
                Ok(())
            }
            Some(durable) => remove_durable(member, durable).map_err(|error| Broken::Spool(error.into())),
            None => Ok(()),
        }
    }
}

async fn send(messages: &mpsc::Sender<AppendRequest>, message: AppendRequest) -> Result<(), Broken> {
    match timeout(PATIENCE, messages.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Broken::Ended),
        Err(_) => Err(Broken::Silent),
    }
}

fn remove_durable(member: &MemberDir, durable: Seq) -> io::Result<()> {
    tokio::task::block_in_place(|| Reader::remove_durable(&member.spool(), durable))
}
