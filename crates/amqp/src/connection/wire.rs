//! The stream between the socket and lapin, in which header frames that are too large are replaced.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio, TokioRuntime};
use bytes::{Buf, Bytes};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use lapin::tcp::AMQPUriTcpExt;
use lapin::uri::AMQPUri;
use lapin::{AsyncTcpStream, Connection, ConnectionProperties};

use crate::connection::oversized::Frames;

/// Opens a connection that can be given messages with headers of any size.
pub(crate) async fn connect(uri: AMQPUri, properties: ConnectionProperties) -> lapin::Result<Connection> {
    let tokio = TokioRuntime::tokio_current();
    let runtime = Runtime::new(RuntimeParts::new(Tokio::current(), Network(Tokio::current())));
    let open = async move |uri: AMQPUri, _| {
        let stream = uri.connect_async(&tokio).await?;
        Ok(AsyncTcpStream::Plain(Shortening::new(stream, uri.query.frame_max)))
    };
    Connection::connector(uri, runtime, open, properties).await
}

/// Bytes that are read from the socket at once.
const CHUNK: usize = 16 * 1024;

/// A stream from and to the broker; what is sent stays as it is.
struct Shortening<S> {
    stream: S,
    frames: Frames,
    /// To be read next.
    out: Bytes,
}

impl<S> Shortening<S> {
    fn new(stream: S, frame_max: Option<u32>) -> Self {
        Self { stream, frames: Frames::new(frame_max.unwrap_or(0)), out: Bytes::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shortening<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        let Self { stream, frames, out } = &mut *self;
        while out.is_empty() {
            *out = frames.take();
            if !out.is_empty() {
                break;
            }
            let incoming = &mut frames.incoming;
            let before = incoming.len();
            incoming.resize(before + CHUNK, 0);
            let read = Pin::new(&mut *stream).poll_read(cx, &mut incoming[before..]);
            let bytes = if let Poll::Ready(Ok(bytes)) = read { bytes } else { 0 };
            incoming.truncate(before + bytes);
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
        let bytes = out.len().min(to.len());
        out.copy_to_slice(&mut to[..bytes]);
        Poll::Ready(Ok(bytes))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shortening<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// Tokio's, with streams as lapin is given them.
#[derive(Clone, Debug)]
struct Network(Tokio);

impl Reactor for Network {
    type TcpStream = Shortening<AsyncTcpStream<<Tokio as Reactor>::TcpStream>>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.register(socket)
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(address);
        async { Ok(Shortening::new(AsyncTcpStream::Plain(connecting.await?), None)) }
    }
}
