//! iceoryx2, publish and subscribe: a subscriber that asks again and again, and one that an event wakes.

use std::time::Duration;

use iceoryx2::config::Config;
use iceoryx2::node::{Node, NodeBuilder};
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{BackpressureStrategy, Path, SemanticString, ServiceName, ipc};

use super::{Rx, Transport, Tx, failed};
use crate::item;
use crate::meeting::{Meeting, Shape};
use crate::subject::Kind;

type Result<T> = std::result::Result<T, String>;

/// After a timeout the subscriber looks again: a wake-up that is lost must not look like a hang of ours.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// All that it keeps in files is in the folder of the meeting, and goes with it.
fn node(meeting: &Meeting) -> Result<Node<ipc::Service>> {
    let mut config = Config::default();
    let root = meeting.folder.join("iceoryx2");
    let root = Path::new(root.to_string_lossy().as_bytes()).map_err(|error| format!("path: {error:?}"))?;
    config.global.set_root_path(&root);
    NodeBuilder::new()
        .config(&config)
        .create::<ipc::Service>()
        .map_err(failed("node"))
}

fn name(meeting: &Meeting) -> Result<ServiceName> {
    ServiceName::new(&meeting.name()).map_err(failed("name"))
}

fn publisher(node: &Node<ipc::Service>, meeting: &Meeting) -> Result<Publisher<ipc::Service, [u8], ()>> {
    service(node, meeting)?
        .publisher_builder()
        .initial_max_slice_len(meeting.size)
        .max_loaned_samples(1)
        .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
        .create()
        .map_err(failed("publisher"))
}

fn subscriber(node: &Node<ipc::Service>, meeting: &Meeting) -> Result<Subscriber<ipc::Service, [u8], ()>> {
    let subscriber = service(node, meeting)?.subscriber_builder().create();
    subscriber.map_err(failed("subscriber"))
}

/// Nothing is dropped when nobody takes it: a full buffer holds up who publishes.
fn service(
    node: &Node<ipc::Service>,
    meeting: &Meeting,
) -> Result<iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc::Service, [u8], ()>> {
    let name = name(meeting)?;
    meeting.retry(|| {
        node.service_builder(&name)
            .publish_subscribe::<[u8]>()
            .enable_safe_overflow(false)
            .history_size(0)
            .subscriber_max_buffer_size(meeting.capacity())
            .subscriber_max_borrowed_samples(1)
            .max_subscribers(1)
            .max_publishers(usize::try_from(meeting.shape.producers).unwrap_or(1))
            .open_or_create()
    })
}

/// iceoryx2, whose subscriber polls
pub(crate) struct Polling;

pub(crate) struct PollingTx {
    publisher: Publisher<ipc::Service, [u8], ()>,
    item: Vec<u8>,
    _node: Node<ipc::Service>,
}

pub(crate) struct PollingRx {
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    _node: Node<ipc::Service>,
}

impl PollingRx {
    #[inline]
    fn next(&self) -> Result<Option<u64>> {
        let sample = self.subscriber.receive().map_err(failed("receive"))?;
        Ok(sample.map(|sample| item::number(sample.payload())))
    }
}

impl Transport for Polling {
    const NAME: &'static str = "iceoryx2, polling";
    const KIND: Kind = Kind::Spins;
    const MOST: Shape = Shape::MERGE;
    type Tx = PollingTx;
    type Rx = PollingRx;

    fn tx(meeting: &Meeting) -> Result<PollingTx> {
        let node = node(meeting)?;
        Ok(PollingTx {
            publisher: publisher(&node, meeting)?,
            item: item::blank(meeting.size),
            _node: node,
        })
    }

    fn rx(meeting: &Meeting) -> Result<PollingRx> {
        let node = node(meeting)?;
        Ok(PollingRx {
            subscriber: subscriber(&node, meeting)?,
            _node: node,
        })
    }
}

impl Tx for PollingTx {
    #[inline]
    fn send(&mut self, number: u64) -> Result<()> {
        item::stamp(&mut self.item, number);
        loop {
            let sample = self.publisher.loan_slice_uninit(self.item.len());
            let sample = sample.map_err(failed("loan"))?.write_from_slice(&self.item);
            // Nobody gets what is sent before the publisher has noticed the subscriber.
            if sample.send().map_err(failed("send"))? > 0 {
                return Ok(());
            }
        }
    }
}

impl Rx for PollingRx {
    #[inline]
    fn recv(&mut self) -> Result<u64> {
        loop {
            if let Some(number) = self.next()? {
                return Ok(number);
            }
            std::hint::spin_loop();
        }
    }
}

/// iceoryx2, with a notification for each item
pub(crate) struct Event;

pub(crate) struct EventTx(PollingTx, Notifier<ipc::Service>);
pub(crate) struct EventRx(PollingRx, Listener<ipc::Service>);

fn event(
    node: &Node<ipc::Service>,
    meeting: &Meeting,
) -> Result<iceoryx2::service::port_factory::event::PortFactory<ipc::Service>> {
    let name = name(meeting)?;
    meeting.retry(|| {
        node.service_builder(&name)
            .event()
            .max_notifiers(usize::try_from(meeting.shape.producers).unwrap_or(1))
            .max_listeners(1)
            .open_or_create()
    })
}

impl Transport for Event {
    const NAME: &'static str = "iceoryx2, event";
    const KIND: Kind = Kind::Peer;
    const MOST: Shape = Shape::MERGE;
    type Tx = EventTx;
    type Rx = EventRx;

    fn tx(meeting: &Meeting) -> Result<EventTx> {
        let tx = Polling::tx(meeting)?;
        let notifier = event(&tx._node, meeting)?.notifier_builder().create();
        Ok(EventTx(tx, notifier.map_err(failed("notifier"))?))
    }

    fn rx(meeting: &Meeting) -> Result<EventRx> {
        let rx = Polling::rx(meeting)?;
        let listener = event(&rx._node, meeting)?.listener_builder().create();
        Ok(EventRx(rx, listener.map_err(failed("listener"))?))
    }
}

impl Tx for EventTx {
    #[inline]
    fn send(&mut self, number: u64) -> Result<()> {
        self.0.send(number)?;
        self.1.notify().map_err(failed("notify"))?;
        Ok(())
    }
}

impl Rx for EventRx {
    #[inline]
    fn recv(&mut self) -> Result<u64> {
        loop {
            if let Some(number) = self.0.next()? {
                return Ok(number);
            }
            self.1.timed_wait(|_| (), LOOK_AGAIN).map_err(failed("wait"))?;
        }
    }
}
