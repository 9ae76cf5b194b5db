//! Answers that end too early, do not end, or are not Omnium's.

use bytes::Bytes;
use omnium::{CallError, Omnium};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{client, invoice, uid};

/// A server that answers a token's request, and any other with these bytes. Then it closes the
/// connection, or says no more.
async fn answering(bytes: &'static str, closes: bool) -> Omnium {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let request = read_request(&mut stream).await;
            let token = r#"{"accessToken":"a","tokenType":"Bearer","expiresIn":864000}"#;
            let answer = if request.starts_with("POST /api/token") {
                let length = token.len();
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{token}")
            } else {
                bytes.to_owned()
            };
            stream.write_all(answer.as_bytes()).await.expect("written");
            if !closes {
                open.push(stream);
            }
        }
    });
    client(&format!("http://{address}"))
}

/// Reads one request to its end, so that closing the connection does not reset it.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer).await.expect("a request");
        request.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().expect("a number")) {
                return request;
            }
        }
    }
}

const PDF: Bytes = Bytes::from_static(b"%PDF");

#[tokio::test]
async fn cut_off_body_is_success_where_the_status_suffices() {
    let omnium = answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"ass", true).await;
    omnium.upsert_invoice(&invoice("r-1")).await.expect("created");
    omnium.attach(&uid("r-1"), "1.pdf", PDF).await.expect("attached");
    let error = omnium.find_invoice(&uid("r-1")).await.expect_err("half of an answer");
    assert!(matches!(error, CallError::Unanswered(..)), "{error:?}");
}

#[tokio::test]
async fn answer_without_status_is_unanswered() {
    for bytes in ["", "HTTP/1.1 20", "SSH-2.0-OpenSSH\r\n\r\n"] {
        let error = answering(bytes, true).await.attach(&uid("r-1"), "1.pdf", PDF).await.expect_err("none");
        assert!(matches!(error, CallError::Unanswered(..)), "{bytes:?}: {error:?}");
    }
}

#[tokio::test]
async fn reads_one_kilobyte_of_an_error_body() {
    let bytes = "HTTP/1.1 422 No\r\ncontent-length: 1000000\r\n\r\n".to_owned() + &"x".repeat(2048);
    let omnium = answering(Box::leak(bytes.into_boxed_str()), false).await;
    let error = omnium.upsert_invoice(&invoice("r-1")).await.expect_err("refused");
    let CallError::Invalid(_, answer) = error else { panic!("{error:?}") };
    assert_eq!((answer.status, answer.body), (422, "x".repeat(1024)));
}

#[tokio::test]
async fn html_page_is_not_omnium() {
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>";
    let error = answering(page, true).await.find_invoice(&uid("r-1")).await.expect_err("no invoice");
    assert!(matches!(error, CallError::Foreign(..)), "{error:?}");
}

#[tokio::test]
async fn reads_an_invoice_without_files() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"assets\":null}",
        "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"assets\":[]}",
    ] {
        let found = answering(answer, true).await.find_invoice(&uid("r-1")).await.expect("an answer");
        assert_eq!(found.expect("an invoice").assets, [], "{answer}");
    }
}
