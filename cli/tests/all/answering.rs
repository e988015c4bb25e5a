//! Somebody who answers HTTP: what no platform that can be started here would say.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

/// What a gateway of a version says of itself.
pub fn gateway(version: &str) -> SocketAddr {
    answering(
        "200 OK\r\ncontent-type: application/json",
        &format!(r#"{{"info":{{"title":"Katonic","version":"{version}"}}}}"#),
    )
}

/// Somebody who gives the same answer to every request, until the test ends.
pub fn answering(head: &str, body: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}
