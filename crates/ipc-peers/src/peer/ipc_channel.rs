//! ipc-channel, as bytes.

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender, bytes_channel};

use super::{Rx, Transport, Tx, failed};
use crate::item;
use crate::meeting::{Meeting, Shape};
use crate::subject::Kind;

/// ipc-channel
pub(crate) struct IpcChannel;

pub(crate) struct Sender(IpcBytesSender, Vec<u8>);
pub(crate) struct Receiver(IpcBytesReceiver);

impl Transport for IpcChannel {
    const NAME: &'static str = "ipc-channel";
    const KIND: Kind = Kind::Peer;
    const MOST: Shape = Shape::MERGE;
    type Tx = Sender;
    type Rx = Receiver;

    /// Each producer waits at a place of its own to be handed the sending half.
    fn tx(meeting: &Meeting) -> Result<Sender, String> {
        let (server, name) = IpcOneShotServer::<IpcBytesSender>::new().map_err(failed("server"))?;
        let (place, draft) = (
            meeting.path(&format!("server-{}", meeting.place)),
            meeting.path(&name_of_draft(meeting)),
        );
        std::fs::write(&draft, name).map_err(failed("write"))?;
        std::fs::rename(&draft, &place).map_err(failed("rename"))?;
        let (_, sender) = server.accept().map_err(failed("accept"))?;
        Ok(Sender(sender, item::blank(meeting.size)))
    }

    fn rx(meeting: &Meeting) -> Result<Receiver, String> {
        let (sender, receiver) = bytes_channel().map_err(failed("channel"))?;
        for place in 0..meeting.shape.producers {
            let name = meeting.retry(|| std::fs::read_to_string(meeting.path(&format!("server-{place}"))))?;
            let producer = IpcSender::connect(name).map_err(failed("connect"))?;
            producer.send(sender.clone()).map_err(failed("send"))?;
        }
        Ok(Receiver(receiver))
    }
}

fn name_of_draft(meeting: &Meeting) -> String {
    format!("draft-{}", meeting.place)
}

impl Tx for Sender {
    #[inline]
    fn send(&mut self, number: u64) -> Result<(), String> {
        item::stamp(&mut self.1, number);
        self.0.send(&self.1).map_err(failed("send"))
    }
}

impl Rx for Receiver {
    #[inline]
    fn recv(&mut self) -> Result<u64, String> {
        self.0.recv().map(|item| item::number(&item)).map_err(failed("receive"))
    }
}
