//! Ends open streams cleanly, between two messages, with a status of ours.
//!
//! A server stream may last for hours: a draining service ends it with
//! UNAVAILABLE, so that its client reconnects; the gateway ends it when the
//! credential is revoked. An answer that is on its way is finished first.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::sleep;
use tonic::Status;
use tracing::Span;

/// How long an answer that is on its way may take once its stream must end.
const GRACE: Duration = Duration::from_millis(500);

/// A gRPC response body that ends with the status of `ended` soon after that
/// is there, unless it ends by itself. Polled inside `span`.
pub fn until(inner: Body, ended: BoxFuture<'static, Status>, span: Span) -> Body {
    let after_grace = async move {
        let status = ended.await;
        sleep(GRACE).await;
        status
    };
    Body::new(EndingBody { inner: Some(inner), ended: after_grace.boxed(), span })
}

struct EndingBody {
    inner: Option<Body>,
    ended: BoxFuture<'static, Status>,
    span: Span,
}

impl http_body::Body for EndingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let span = self.span.clone();
        let _entered = span.enter();
        // First, so that a stream that always has something to send ends too.
        if self.inner.is_some()
            && let Poll::Ready(status) = self.ended.poll_unpin(context)
        {
            // Dropping the body tells the other side that nobody listens any more.
            self.inner = None;
            let mut trailers = HeaderMap::new();
            return Poll::Ready(status.add_header(&mut trailers).is_ok().then(|| Ok(Frame::trailers(trailers))));
        }
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}
