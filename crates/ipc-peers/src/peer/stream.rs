//! A Unix socket and a pipe with a name: a system call per item, or 64 KiB of buffer on either side.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::io::Errno;

use super::{Rx, Transport, Tx, failed};
use crate::item;
use crate::meeting::{Meeting, Shape};
use crate::subject::Kind;

const BUFFER: usize = 64 * 1024;

/// One end, and an item to write from or to read into.
pub(crate) struct End<S>(S, Vec<u8>);

impl<W: Write> Tx for End<W> {
    #[inline]
    fn send(&mut self, number: u64) -> Result<(), String> {
        item::stamp(&mut self.1, number);
        self.0.write_all(&self.1).map_err(failed("write"))
    }

    fn flush(&mut self) -> Result<(), String> {
        self.0.flush().map_err(failed("flush"))
    }
}

impl<R: Read> Rx for End<R> {
    #[inline]
    fn recv(&mut self) -> Result<u64, String> {
        self.0.read_exact(&mut self.1).map_err(failed("read"))?;
        Ok(item::number(&self.1))
    }
}

fn connect(meeting: &Meeting) -> Result<UnixStream, String> {
    meeting.retry(|| UnixStream::connect(meeting.path("socket")))
}

fn accept(meeting: &Meeting) -> Result<UnixStream, String> {
    let listener = UnixListener::bind(meeting.path("socket")).map_err(failed("bind"))?;
    Ok(listener.accept().map_err(failed("accept"))?.0)
}

/// Whoever comes first makes it; opening waits for the other side.
fn pipe(meeting: &Meeting, how: &OpenOptions) -> Result<File, String> {
    let path = meeting.path("pipe");
    match mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR) {
        Ok(()) | Err(Errno::EXIST) => how.open(&path).map_err(failed("open")),
        Err(error) => Err(format!("mkfifo: {error}")),
    }
}

fn writer(meeting: &Meeting) -> Result<File, String> {
    pipe(meeting, OpenOptions::new().write(true))
}

fn reader(meeting: &Meeting) -> Result<File, String> {
    pipe(meeting, OpenOptions::new().read(true))
}

macro_rules! stream {
    ($subject:ident, $name:literal, $most:expr, $tx:ty, $rx:ty, $open_tx:expr, $open_rx:expr) => {
        #[doc = $name]
        pub(crate) struct $subject;

        impl Transport for $subject {
            const NAME: &'static str = $name;
            const KIND: Kind = Kind::Peer;
            const MOST: Shape = $most;
            type Tx = End<$tx>;
            type Rx = End<$rx>;

            fn tx(meeting: &Meeting) -> Result<Self::Tx, String> {
                Ok(End($open_tx(meeting)?, item::blank(meeting.size)))
            }

            fn rx(meeting: &Meeting) -> Result<Self::Rx, String> {
                Ok(End($open_rx(meeting)?, item::blank(meeting.size)))
            }
        }
    };
    ($subject:ident, $name:literal, buffered, $stream:ty, $open_tx:ident, $open_rx:ident) => {
        stream!(
            $subject,
            $name,
            Shape::PAIR,
            BufWriter<$stream>,
            BufReader<$stream>,
            |meeting| $open_tx(meeting).map(|stream| BufWriter::with_capacity(BUFFER, stream)),
            |meeting| $open_rx(meeting).map(|stream| BufReader::with_capacity(BUFFER, stream))
        );
    };
}

stream!(
    Socket,
    "Unix socket",
    Shape::PAIR,
    UnixStream,
    UnixStream,
    connect,
    accept
);
stream!(
    BufferedSocket,
    "Unix socket, 64 KiB buffers",
    buffered,
    UnixStream,
    connect,
    accept
);
// Several processes on a side share it: what fits in a page is never cut.
stream!(Pipe, "pipe", Shape::ANY, File, File, writer, reader);
stream!(BufferedPipe, "pipe, 64 KiB buffers", buffered, File, writer, reader);
