//! Connections that can be broken off in the middle of a call, as a failing network does.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// One connection, as its handlers see it: all they can do is break it off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<OnceLock<Break>>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Break {
    Close,
    Reset,
}

impl Wire {
    /// Ends the connection (FIN) instead of sending the answer that the handler returns.
    pub(crate) fn close(&self) {
        self.0.get_or_init(|| Break::Close);
    }

    /// Resets the connection (RST) instead of sending the answer that the handler returns.
    pub(crate) fn reset(&self) {
        self.0.get_or_init(|| Break::Reset);
    }
}

impl Connected<IncomingStream<'_, WireListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, WireListener>) -> Self {
        stream.io().wire.clone()
    }
}

/// Accepts connections until it is dropped. Those that it accepted end with `shutdown`.
pub(crate) struct WireListener {
    listener: TcpListener,
    shutdown: CancellationToken,
}

impl WireListener {
    pub(crate) fn new(listener: TcpListener, shutdown: CancellationToken) -> Self {
        Self { listener, shutdown }
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
        let shutdown = Box::pin(self.shutdown.clone().cancelled_owned());
        (WireStream { stream, wire: Wire::default(), shutdown, is_shut_down: false }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A TCP stream that fails once its [`Wire`] is broken off or its server stops.
pub(crate) struct WireStream {
    stream: TcpStream,
    wire: Wire,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    is_shut_down: bool,
}

impl WireStream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(how) = self.wire.0.get() {
            if *how == Break::Reset {
                self.stream.set_zero_linger()?;
            }
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.is_shut_down = self.is_shut_down || self.shutdown.as_mut().poll(cx).is_ready();
        if self.is_shut_down { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
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
        if self.wire.0.get() == Some(&Break::Reset) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
