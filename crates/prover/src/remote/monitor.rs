//! What a submitter does in the background: setting the queue up, listening to workers, measuring.

use std::{sync::Arc, time::Duration};

use async_nats::{
    connection::State,
    jetstream::{
        consumer::pull,
        kv::{Operation, Watch},
    },
};
use futures::StreamExt as _;
use tokio::time::{sleep, timeout};

use super::{
    DeadlineClass, Reach, RemoteError,
    job::unix_millis,
    queue::Shared,
    topology::{ADVERT_LIFE, Names, Topology},
};

/// Between two looks at a broker that is away.
const RETRY: Duration = Duration::from_millis(500);
/// Between two measurements of the queue.
const MEASURE: Duration = Duration::from_secs(5);

/// Creates what the broker lacks, at the start and when a request has failed.
pub(super) async fn keep_topology<R: Reach>(shared: Arc<Shared>) {
    loop {
        if !shared.has_topology() && shared.client.connection_state() == State::Connected {
            match Topology::create::<R>(&shared.context, &shared.kinds, &shared.limits).await {
                Ok(topology) => shared.set_topology(topology),
                Err(error) => {
                    shared.set_trouble(&error);
                    tracing::warn!(queue = R::NAME, %error, "the queue could not be set up");
                }
            }
        }
        if shared.has_topology() {
            shared.doubt.notified().await;
        } else {
            sleep(RETRY).await;
        }
    }
}

/// Follows the list of workers.
pub(super) async fn watch_workers(shared: Arc<Shared>) {
    loop {
        if let Ok(topology) = shared.topology() {
            match topology.adverts.watch_with_history(">").await {
                Ok(watch) => listen(&shared, watch).await,
                // The list is in the broker's memory, so a broker that was restarted has lost it.
                Err(error) => shared.doubt(&RemoteError::broker("listening to workers", &error)),
            }
        }
        sleep(RETRY / 5).await;
    }
}

/// Until the list cannot be followed any more, or nobody has said anything for as long as an advert lives. A broker that was
/// restarted has lost the list, and the client would wait for it, and for its old place in it, for ever.
async fn listen(shared: &Shared, mut watch: Watch) {
    while let Ok(Some(Ok(entry))) = timeout(ADVERT_LIFE, watch.next()).await {
        match entry.operation {
            Operation::Put => {
                if let Ok(advert) = serde_json::from_slice(&entry.value) {
                    shared.roster.heard(&entry.key, advert);
                }
            }
            Operation::Delete | Operation::Purge => shared.roster.left(&entry.key),
        }
    }
}

/// Keeps the gauges.
pub(super) async fn measure<R: Reach>(shared: Arc<Shared>) {
    loop {
        // A broker that does not answer leaves the gauges as they are.
        let _ = timeout(MEASURE, depth::<R>(&shared)).await;
        let gauge = |all: usize| i64::try_from(all).unwrap_or(i64::MAX);
        let metrics = &shared.metrics;
        metrics.workers.with_label_values(&[R::NAME]).set(gauge(shared.roster.present().len()));
        metrics.shunned.with_label_values(&[R::NAME]).set(gauge(shared.roster.shunned().len()));
        sleep(MEASURE).await;
    }
}

async fn depth<R: Reach>(shared: &Shared) {
    let Ok(topology) = shared.topology() else { return };
    for class in DeadlineClass::ALL {
        let (mut waiting, mut running) = (0, 0);
        for kind in &shared.kinds {
            let name = Names::<R>::consumer(class, kind.name());
            let Ok(consumer) = topology.jobs.get_consumer::<pull::Config>(&name).await else { return };
            let info = consumer.cached_info();
            waiting += i64::try_from(info.num_pending).unwrap_or(i64::MAX);
            running += i64::try_from(info.num_ack_pending).unwrap_or(i64::MAX);
        }
        let labels = [R::NAME, class.name()];
        shared.metrics.waiting.with_label_values(&labels).set(waiting);
        shared.metrics.running.with_label_values(&labels).set(running);
    }
    let Ok(info) = topology.jobs.get_info().await else { return };
    let age = if info.state.messages == 0 {
        0
    } else {
        let now = i64::try_from(unix_millis() / 1000).unwrap_or(i64::MAX);
        now.saturating_sub(info.state.first_timestamp.unix_timestamp()).max(0)
    };
    shared.metrics.age.with_label_values(&[R::NAME]).set(age);
}
