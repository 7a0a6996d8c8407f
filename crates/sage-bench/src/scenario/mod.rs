//! What the suite `inproc` measures, one file each.

mod batch;
mod flow;
mod flow_async;
mod idle;
mod observed;
mod oversubscribed;
mod pair;
mod ping_pong;
mod wake;

use std::rc::Rc;

use tokio::runtime::{Builder, Runtime};

use crate::measure::Group;
#[cfg(target_os = "linux")]
pub(crate) use ping_pong::{latencies, percentiles};

/// Calls `$collect!($($list),*)` with every subject for threads.
macro_rules! each_subject {
    ($each:ident) => {{
        use crate::subject::{Local, LocalDyn, Sage, SageDyn, SageHandles, StdSync};
        $each!(Sage, SageHandles, SageDyn, Local, LocalDyn, StdSync);
        #[cfg(feature = "inproc")]
        {
            use crate::subject::{
                Array, AsyncChannel, Crossbeam, CrossfireMpmc, CrossfireMpsc, CrossfireSpsc, Flume, Kanal, Rtrb,
                Thingbuf, Tokio,
            };
            $each!(
                Crossbeam,
                Array,
                Flume,
                Kanal,
                CrossfireSpsc,
                CrossfireMpsc,
                CrossfireMpmc,
                AsyncChannel,
                Tokio,
                Thingbuf,
                Rtrb
            );
        }
    }};
}
use each_subject;

/// Everything, in the order of the tables.
pub(crate) fn all() -> std::io::Result<Vec<Group>> {
    let runtime = runtime()?;
    let mut groups = flow::groups();
    groups.extend(flow_async::groups(&runtime));
    groups.extend(batch::groups());
    groups.push(ping_pong::group());
    groups.push(wake::group());
    groups.push(pair::group());
    groups.push(observed::group());
    groups.push(oversubscribed::group());
    groups.push(idle::group(&runtime));
    Ok(groups)
}

/// Where the tasks of the scenarios run.
fn runtime() -> std::io::Result<Rc<Runtime>> {
    Builder::new_multi_thread().worker_threads(2).build().map(Rc::new)
}
