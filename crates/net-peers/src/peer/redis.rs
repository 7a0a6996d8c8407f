//! Redis: a list, and a stream with one group of consumers. Commands go in pipelines, on a connection that blocks: with tasks it is slower.

use std::ops::Range;

use ipc_peers::item;
use redis::{Connection, Pipeline, Value, cmd};

use super::{Ask, Peer, Result, Rx, Tx, failed, same, timed};
use crate::site::Site;
use crate::stock::Stock;

const KEY: &str = "bench";
const GROUP: &str = "all";
/// Items in one answer.
const MOST: usize = 256;

fn connect(site: &Site) -> Result<Connection> {
    let client = redis::Client::open(format!("redis://{}/", site.address(0)?)).map_err(failed("an address"))?;
    client.get_connection().map_err(failed("connect"))
}

/// Items in a pipeline.
fn pipe(site: &Site) -> u64 {
    site.window(64, 16, 4) as u64
}

/// So many numbers at a time.
fn pieces(items: u64, most: u64) -> impl Iterator<Item = Range<u64>> {
    let pieces = (0..items).step_by(most as usize);
    pieces.map(move |first| first..(first + most).min(items))
}

/// The list within an answer.
fn list(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(format!("expected a list, found {other:?}")),
    }
}

/// The bytes within an answer.
fn bytes(value: &Value) -> Result<&[u8]> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        other => Err(format!("expected bytes, found {other:?}")),
    }
}

/// `RPUSH` and `BLMPOP`.
#[derive(Debug)]
pub(crate) struct List;

impl Peer for List {
    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        Ok(Box::new(ListTx(connect(site)?, Stock::new(site.size), pipe(site))))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        Ok(Box::new(ListRx(connect(site)?)))
    }

    fn put(&self, site: &Site) -> Result<Box<dyn Ask>> {
        Ok(Box::new(Put(connect(site)?, Stock::new(site.size))))
    }

    fn trip(&self, site: &Site) -> Result<Box<dyn Ask>> {
        Ok(Box::new(Trip(connect(site)?, Stock::new(site.size))))
    }
}

struct ListTx(Connection, Stock, u64);

impl Tx for ListTx {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self(connection, stock, most) = self;
        for piece in pieces(items, *most) {
            let mut pipe = Pipeline::with_capacity(*most as usize);
            for number in piece {
                pipe.cmd("RPUSH").arg(KEY).arg(stock.lend(number)).ignore();
            }
            pipe.exec(connection).map_err(failed("put"))?;
        }
        Ok(())
    }
}

struct ListRx(Connection);

impl Rx for ListRx {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let (mut left, mut sum) = (items, 0_u64);
        while left > 0 {
            let most = MOST.min(usize::try_from(left).unwrap_or(MOST));
            let mut ask = cmd("BLMPOP");
            ask.arg(0).arg(1).arg(KEY).arg("LEFT").arg("COUNT").arg(most);
            let answer: Value = ask.query(&mut self.0).map_err(failed("get"))?;
            let values = list(answer)?.pop().ok_or("an answer without items")?;
            for value in list(values)? {
                sum = sum.wrapping_add(item::number(bytes(&value)?));
                left -= 1;
            }
        }
        Ok(sum)
    }
}

struct Put(Connection, Stock);

fn push(connection: &mut Connection, stock: &mut Stock, number: u64) -> Result<()> {
    let mut ask = cmd("RPUSH");
    let asked = ask.arg(KEY).arg(stock.lend(number)).exec(connection);
    asked.map_err(failed("put"))
}

impl Ask for Put {
    fn ask(&mut self, trips: u64) -> Result<Vec<f64>> {
        timed(trips, |number| push(&mut self.0, &mut self.1, number))
    }
}

struct Trip(Connection, Stock);

impl Ask for Trip {
    fn ask(&mut self, trips: u64) -> Result<Vec<f64>> {
        timed(trips, |number| {
            push(&mut self.0, &mut self.1, number)?;
            let popped = cmd("BLPOP").arg(KEY).arg(0).query::<Value>(&mut self.0);
            let value = list(popped.map_err(failed("get"))?)?
                .pop()
                .ok_or("an answer without an item")?;
            same(number, item::number(bytes(&value)?))
        })
    }
}

/// `XADD` and `XREADGROUP`, then `XACK` and `XDEL`.
#[derive(Debug)]
pub(crate) struct Stream;

fn group(connection: &mut Connection) -> Result<()> {
    let mut ask = cmd("XGROUP");
    ask.arg("CREATE").arg(KEY).arg(GROUP).arg("0").arg("MKSTREAM");
    ask.exec(connection).map_err(failed("a group"))
}

impl Peer for Stream {
    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        Ok(Box::new(StreamTx(connect(site)?, Stock::new(site.size), pipe(site))))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let mut connection = connect(site)?;
        group(&mut connection)?;
        Ok(Box::new(StreamRx(connection)))
    }

    fn crowd(&self, site: &Site, producers: u64) -> Result<Box<dyn Tx>> {
        let connections = (0..producers).map(|_| connect(site)).collect::<Result<_>>()?;
        Ok(Box::new(Crowd(connections, site.size)))
    }
}

struct StreamTx(Connection, Stock, u64);

impl Tx for StreamTx {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self(connection, stock, most) = self;
        for piece in pieces(items, *most) {
            let mut pipe = Pipeline::with_capacity(*most as usize);
            for number in piece {
                pipe.cmd("XADD")
                    .arg(KEY)
                    .arg("*")
                    .arg("i")
                    .arg(stock.lend(number))
                    .ignore();
            }
            pipe.exec(connection).map_err(failed("put"))?;
        }
        Ok(())
    }
}

struct StreamRx(Connection);

impl Rx for StreamRx {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let (mut left, mut sum) = (items, 0_u64);
        while left > 0 {
            let most = MOST.min(usize::try_from(left).unwrap_or(MOST));
            let mut ask = cmd("XREADGROUP");
            ask.arg("GROUP").arg(GROUP).arg("one").arg("COUNT").arg(most);
            ask.arg("BLOCK").arg(0).arg("STREAMS").arg(KEY).arg(">");
            let answer: Value = ask.query(&mut self.0).map_err(failed("get"))?;
            let (mut acknowledge, mut delete) = (cmd("XACK"), cmd("XDEL"));
            acknowledge.arg(KEY).arg(GROUP);
            delete.arg(KEY);
            // One stream, of two: its name and its entries; an entry is an id and a list of names and values.
            let stream = list(answer)?.pop().ok_or("an answer without a stream")?;
            let entries = list(stream)?.pop().ok_or("a stream without entries")?;
            for entry in list(entries)? {
                let [id, fields] = <[Value; 2]>::try_from(list(entry)?).map_err(|_| "an entry without an item")?;
                let value = list(fields)?.pop().ok_or("an entry without an item")?;
                sum = sum.wrapping_add(item::number(bytes(&value)?));
                acknowledge.arg(bytes(&id)?);
                delete.arg(bytes(&id)?);
                left -= 1;
            }
            let mut pipe = Pipeline::with_capacity(2);
            pipe.add_command(acknowledge).ignore().add_command(delete).ignore();
            pipe.exec(&mut self.0).map_err(failed("acknowledge"))?;
        }
        Ok(sum)
    }
}

/// A thread for each producer, as each waits for its answer.
struct Crowd(Vec<Connection>, usize);

impl Tx for Crowd {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self(connections, size) = self;
        let (producers, size) = (connections.len(), *size);
        std::thread::scope(|scope| {
            let threads: Vec<_> = connections
                .iter_mut()
                .enumerate()
                .map(|(first, connection)| {
                    scope.spawn(move || {
                        let mut stock = Stock::new(size);
                        for number in (first as u64..items).step_by(producers) {
                            let mut ask = cmd("XADD");
                            ask.arg(KEY).arg("*").arg("i").arg(stock.lend(number));
                            ask.exec(connection).map_err(failed("put"))?;
                        }
                        Ok::<_, String>(())
                    })
                })
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| "a producer panicked".to_owned())?)
        })
    }
}
