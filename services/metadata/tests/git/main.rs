//! The Git role with real Git clients and raw requests over real sockets.

mod access;
mod interrupted;
mod protocol;
mod pushing;
mod world;
