//! `shm` with items that are encoded.

use sage_comm::{Queue, QueueId, ShmQueue, ShmSpec};
use serde::{Deserialize, Serialize};

use super::{Rx, Transport, Tx, failed};
use crate::meeting::{Meeting, Shape};
use crate::subject::Kind;

/// A record as jobs have it; with numbers of fixed width it takes 160 bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Packet {
    number: u64,
    value: f64,
    name: String,
    features: [f32; 16],
    kind: u32,
    label: Option<String>,
}

impl Packet {
    fn new(number: u64) -> Self {
        Self {
            number,
            value: number as f64,
            name: "a name of thirty-two characters.".into(),
            features: [0.5; 16],
            kind: 7,
            label: Some("fourteen chars".into()),
        }
    }
}

/// `shm` of packets.
pub(crate) struct Typed;

pub(crate) struct Half(ShmQueue<Packet>);

impl Transport for Typed {
    const NAME: &'static str = "shm, typed";
    const KIND: Kind = Kind::Ours;
    const TYPED: bool = true;
    const MOST: Shape = Shape::ANY;
    type Tx = Half;
    type Rx = Half;

    fn tx(meeting: &Meeting) -> Result<Half, String> {
        let id = QueueId::new(meeting.name()).map_err(failed("name"))?;
        let spec = ShmSpec::bounded(meeting.capacity()).max_item(1024);
        ShmQueue::open(&id, &spec).map(Half).map_err(failed("open"))
    }

    fn rx(meeting: &Meeting) -> Result<Half, String> {
        Self::tx(meeting)
    }
}

impl Tx for Half {
    #[inline]
    fn send(&mut self, number: u64) -> Result<(), String> {
        self.0.put(Packet::new(number)).map_err(failed("put"))
    }
}

impl Rx for Half {
    #[inline]
    fn recv(&mut self) -> Result<u64, String> {
        let packet = self.0.get().map_err(failed("get"))?;
        // All of it has arrived when the ends have.
        Ok(if packet.label.is_some() {
            packet.number
        } else {
            u64::MAX
        })
    }
}
