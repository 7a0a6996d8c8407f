//! shmem-ipc, by its calls that are not `unsafe`: they move values, and so each size of an item is a type of its own.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use shmem_ipc::sharedring::{Receiver, Sender};

use super::{Rx, Transport, Tx, failed};
use crate::item;
use crate::meeting::{Meeting, Shape};
use crate::subject::Kind;

type Result<T> = std::result::Result<T, String>;

/// The ring, and what each side is woken by.
const FILES: usize = 3;

/// shmem-ipc
pub(crate) struct ShmemIpc;

struct Sends<const N: usize>(Sender<[u8; N]>, Box<[u8; N]>);
struct Receives<const N: usize>(Receiver<[u8; N]>, Box<[u8; N]>);

impl Transport for ShmemIpc {
    const NAME: &'static str = "shmem-ipc";
    const KIND: Kind = Kind::Peer;
    const MOST: Shape = Shape::PAIR;
    type Tx = Box<dyn Tx>;
    type Rx = Box<dyn Rx>;

    fn tx(meeting: &Meeting) -> Result<Box<dyn Tx>> {
        match meeting.size {
            64 => sender::<64>(meeting),
            0x400 => sender::<0x400>(meeting),
            0x1_0000 => sender::<0x1_0000>(meeting),
            0x10_0000 => sender::<0x10_0000>(meeting),
            other => Err(format!("no type for items of {other} bytes")),
        }
    }

    fn rx(meeting: &Meeting) -> Result<Box<dyn Rx>> {
        match meeting.size {
            64 => receiver::<64>(meeting),
            0x400 => receiver::<0x400>(meeting),
            0x1_0000 => receiver::<0x1_0000>(meeting),
            0x10_0000 => receiver::<0x10_0000>(meeting),
            other => Err(format!("no type for items of {other} bytes")),
        }
    }
}

fn boxed<const N: usize>() -> Result<Box<[u8; N]>> {
    let item = item::blank(N).into_boxed_slice();
    item.try_into().map_err(|_| "an item of another size".into())
}

fn sender<const N: usize>(meeting: &Meeting) -> Result<Box<dyn Tx>> {
    let path = meeting.path("ring");
    let stream = meeting.retry(|| UnixStream::connect(&path))?;
    let [ring, empty, full] = receive_files(&stream)?;
    let sender = Sender::open(meeting.capacity(), ring, empty, full).map_err(failed("open"))?;
    Ok(Box::new(Sends::<N>(sender, boxed()?)))
}

fn receiver<const N: usize>(meeting: &Meeting) -> Result<Box<dyn Rx>> {
    let receiver = Receiver::new(meeting.capacity()).map_err(failed("ring"))?;
    let listener = UnixListener::bind(meeting.path("ring")).map_err(failed("bind"))?;
    let (stream, _) = listener.accept().map_err(failed("accept"))?;
    let files = [
        receiver.memfd().as_file(),
        receiver.empty_signal(),
        receiver.full_signal(),
    ];
    send_files(&stream, files)?;
    Ok(Box::new(Receives::<N>(receiver, boxed()?)))
}

fn send_files(stream: &UnixStream, files: [&File; FILES]) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = files.map(AsFd::as_fd);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err("no room for files in a message".into());
    }
    let sent = rustix::net::sendmsg(stream, &[IoSlice::new(b"f")], &mut control, SendFlags::empty());
    sent.map_err(failed("send files"))?;
    Ok(())
}

fn receive_files(stream: &UnixStream) -> Result<[File; FILES]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let parts = &mut [IoSliceMut::new(&mut byte)];
    rustix::net::recvmsg(stream, parts, &mut control, RecvFlags::CMSG_CLOEXEC).map_err(failed("receive files"))?;
    let mut files: Vec<File> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights.map(|file: OwnedFd| File::from(file)));
        }
    }
    files
        .try_into()
        .map_err(|_| "another number of files than were sent".into())
}

fn wake(mut bell: &File) -> Result<()> {
    bell.write_all(&1_u64.to_ne_bytes()).map_err(failed("wake"))
}

impl Tx for Box<dyn Tx> {
    #[inline]
    fn send(&mut self, number: u64) -> Result<()> {
        (**self).send(number)
    }
}

impl Rx for Box<dyn Rx> {
    #[inline]
    fn recv(&mut self) -> Result<u64> {
        (**self).recv()
    }
}

impl<const N: usize> Tx for Sends<N> {
    fn send(&mut self, number: u64) -> Result<()> {
        let Self(sender, item) = self;
        item::stamp(item.as_mut_slice(), number);
        sender.block_until_writable().map_err(failed("wait"))?;
        let status = sender.sender_mut().send_foreach(1, || **item);
        if status.signal {
            wake(sender.empty_signal())?;
        }
        Ok(())
    }
}

impl<const N: usize> Rx for Receives<N> {
    fn recv(&mut self) -> Result<u64> {
        let Self(receiver, item) = self;
        receiver.block_until_readable().map_err(failed("wait"))?;
        let status = receiver.receiver_mut().recv_foreach(1, |value| **item = value);
        if status.signal {
            wake(receiver.full_signal())?;
        }
        Ok(item::number(item.as_slice()))
    }
}
