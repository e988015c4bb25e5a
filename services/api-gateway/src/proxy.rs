//! What is passed on as it is: gRPC frames and Git.

mod git;
mod grpc;

pub(crate) use git::forward as git;
pub(crate) use grpc::forward as grpc;
