//! ZeroMQ: a socket to push, a proxy in the middle, a socket to pull. It sends what is there together by itself.

use std::any::Any;

use ipc_peers::item;
use zmq::{Context, Socket, SocketType};

use super::{Peer, Result, Rx, Tx, failed};
use crate::site::Site;
use crate::stock::Stock;

/// A queue of its own in each socket.
#[derive(Debug)]
pub(crate) struct Proxy;

fn socket(context: &Context, site: &Site, kind: SocketType) -> Result<Socket> {
    let room = i32::try_from(site.room()).unwrap_or(i32::MAX);
    let socket = context.socket(kind).map_err(failed("a socket"))?;
    socket.set_sndhwm(room).map_err(failed("a limit"))?;
    socket.set_rcvhwm(room).map_err(failed("a limit"))?;
    Ok(socket)
}

/// The address that a socket listens on.
fn listen(socket: &Socket) -> Result<String> {
    socket.bind("tcp://127.0.0.1:*").map_err(failed("listen"))?;
    let said = socket.get_last_endpoint().map_err(failed("an address"))?;
    said.map_err(|_| "an address that is no text".to_owned())
}

impl Peer for Proxy {
    fn serve(&self, site: &Site) -> Result<Box<dyn Any>> {
        let context = Context::new();
        let front = socket(&context, site, zmq::PULL)?;
        let back = socket(&context, site, zmq::PUSH)?;
        site.announce(&[listen(&front)?, listen(&back)?])?;
        // It ends with the process.
        Ok(Box::new(std::thread::spawn(move || zmq::proxy(&front, &back))))
    }

    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        let context = Context::new();
        let socket = socket(&context, site, zmq::PUSH)?;
        socket.connect(&site.address(0)?).map_err(failed("connect"))?;
        Ok(Box::new(Sender(socket, Stock::new(site.size))))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let context = Context::new();
        let socket = socket(&context, site, zmq::PULL)?;
        socket.connect(&site.address(1)?).map_err(failed("connect"))?;
        Ok(Box::new(Receiver(socket)))
    }
}

struct Sender(Socket, Stock);

impl Tx for Sender {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self(socket, stock) = self;
        for number in 0..items {
            socket.send(stock.lend(number), 0).map_err(failed("send"))?;
        }
        Ok(())
    }
}

struct Receiver(Socket);

impl Rx for Receiver {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let (mut sum, mut message) = (0_u64, zmq::Message::new());
        for _ in 0..items {
            self.0.recv(&mut message, 0).map_err(failed("receive"))?;
            sum = sum.wrapping_add(item::number(&message));
        }
        Ok(sum)
    }
}
