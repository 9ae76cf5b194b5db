//! Answers that end too early, or do not end.

use http_client::{CallError, ServiceClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::client::{ask, client, error};

/// A server that answers the first connection with the first bytes, and any later one with the last.
/// Then it closes the connection, or says no more.
async fn answering(answers: &'static [&'static str], closes: bool) -> ServiceClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut open = Vec::new();
        for i in 0.. {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            // All of the request, so that closing the connection does not reset it.
            let mut request = Vec::new();
            while !request.ends_with(b"{\"a\":1}") {
                assert_ne!(stream.read_buf(&mut request).await.expect("a request"), 0);
            }
            let answer = answers[i.min(answers.len() - 1)];
            stream.write_all(answer.as_bytes()).await.expect("written");
            if !closes {
                open.push(stream);
            }
        }
    });
    client(&format!("http://{address}"))
}

const WHOLE: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn retries_a_call_whose_connection_was_cut() {
    for cut in [
        &["", WHOLE][..],
        &["HTTP/1.1 20", WHOLE],
        &["SSH-2.0-OpenSSH\r\n\r\n", WHOLE],
        &["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"ord", WHOLE],
    ] {
        let success = ask(&answering(cut, true).await, "").await.expect("a success");
        assert_eq!(success.body, "{}", "{cut:?}");
    }
}

#[tokio::test]
async fn cut_off_answer_is_unanswered() {
    let cut = &["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"ord"];
    let error = error(&answering(cut, true).await, "").await;
    assert!(matches!(error, CallError::Unanswered(..)), "{error:?}");
}

#[tokio::test]
async fn reads_one_kilobyte_of_an_error_body() {
    let bytes = "HTTP/1.1 422 No\r\ncontent-length: 1000000\r\n\r\n".to_owned() + &"x".repeat(2048);
    let answers = Box::leak(Box::new([&*Box::leak(bytes.into_boxed_str())]));
    let error = error(&answering(answers, false).await, "").await;
    let CallError::Invalid(_, answer) = error else { panic!("{error:?}") };
    assert_eq!((answer.status, answer.body), (422, "x".repeat(1024)));
}
