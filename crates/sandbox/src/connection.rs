//! Connections that can be broken off in the middle of a call, as a failing network does.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// One connection, as its handlers see it: all they can do is break it off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<AtomicU8>);

const WHOLE: u8 = 0;
const CLOSED: u8 = 1;
const RESET: u8 = 2;

impl Wire {
    /// Ends the connection (FIN) instead of sending the answer that the handler returns.
    pub(crate) fn close(&self) {
        self.0.store(CLOSED, Ordering::Release);
    }

    /// Resets the connection (RST) instead of sending the answer that the handler returns.
    pub(crate) fn reset(&self) {
        self.0.store(RESET, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, WireListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, WireListener>) -> Self {
        stream.io().wire.clone()
    }
}

/// Accepts connections until it is dropped; those it accepted end when `open` turns false.
pub(crate) struct WireListener {
    listener: TcpListener,
    open: watch::Receiver<bool>,
}

impl WireListener {
    pub(crate) fn new(listener: TcpListener, open: watch::Receiver<bool>) -> Self {
        Self { listener, open }
    }
}

impl Listener for WireListener {
    type Io = WireStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (WireStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = &error as &dyn std::error::Error, "answers may be sent late");
        }
        let mut open = self.open.clone();
        let closed = Box::pin(async move {
            // An error means that the server is gone, which ends the connection as well.
            let _ = open.wait_for(|open| !open).await;
        });
        (WireStream { stream, wire: Wire::default(), closed, ended: false }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A TCP stream that fails once its [`Wire`] is broken off or its server stops.
pub(crate) struct WireStream {
    stream: TcpStream,
    wire: Wire,
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
}

impl WireStream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.wire.0.load(Ordering::Acquire) {
            WHOLE => {}
            broken => {
                if broken == RESET {
                    self.stream.set_zero_linger()?;
                }
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        self.ended = self.ended || self.closed.as_mut().poll(cx).is_ready();
        if self.ended { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for WireStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A reset must come without the FIN that an orderly end would send first.
        if self.wire.0.load(Ordering::Acquire) == RESET {
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}
