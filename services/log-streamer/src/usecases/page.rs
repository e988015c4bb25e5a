//! One page of a log, for those who read instead of following.

use katonic_domain::MemberId;

use crate::{
    domain::{Record, Seq, Stream},
    error::Error,
    usecases::read::{Depth, Found, Reader},
};

/// A page ends at this weight.
const PAGE_WEIGHT: usize = 1 << 20;
/// A reader of one stream may have to pass over this much of the others; the page is short then.
const SCANNED_WEIGHT: usize = 32 << 20;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    /// First sequence.
    pub from: Seq,
    /// Most records.
    pub limit: usize,
    /// Only this stream's.
    pub only: Option<Stream>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page starts.
    pub next: Seq,
    /// Why it ends where it does.
    pub end: PageEnd,
}

/// Why a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageEnd {
    /// It is full.
    Full,
    /// The next record has not come yet.
    NotYet,
    /// The member has not opened its log.
    NotOpened,
    /// The log is closed there.
    Closed,
}

impl Reader {
    /// One page of a log.
    pub async fn page(&self, member: &MemberId, query: Query) -> Result<Page, Error> {
        let mut page = Page { records: Vec::new(), next: query.from, end: PageEnd::Full };
        let (mut weight, mut scanned) = (0, 0);
        loop {
            let found = match self.read(member, page.next, PAGE_WEIGHT, Depth::Full).await? {
                Found::Records(found) => found,
                Found::NotYet => return Ok(Page { end: PageEnd::NotYet, ..page }),
                Found::NotOpened => return Ok(Page { end: PageEnd::NotOpened, ..page }),
                Found::End => return Ok(Page { end: PageEnd::Closed, ..page }),
            };
            for record in found {
                if page.records.len() >= query.limit || weight >= PAGE_WEIGHT || scanned >= SCANNED_WEIGHT {
                    return Ok(page);
                }
                page.next = record.last().next();
                scanned += record.weight();
                if record.shown_to(query.only) {
                    weight += record.weight();
                    page.records.push(record);
                }
            }
        }
    }
}
