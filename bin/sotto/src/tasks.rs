//! Critical tasks: the process lives as long as all of them do, and names the one that ended it.

use std::{collections::HashMap, future::Future, time::Duration};

use thiserror::Error;
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// How long the other tasks may take to end once a shutdown began.
pub(crate) const DRAIN: Duration = Duration::from_secs(20);

/// A critical task ended when it should not have.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum TaskError {
    /// The task panicked.
    #[error("critical task {task} panicked: {message}")]
    Panicked {
        /// The task's name.
        task: &'static str,
        /// The panic's message.
        message: String,
    },
    /// The task returned an error.
    #[error("critical task {task} failed")]
    Failed {
        /// The task's name.
        task: &'static str,
        /// Its error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The task returned although nobody asked for a shutdown.
    #[error("critical task {task} ended without a reason")]
    Ended {
        /// The task's name.
        task: &'static str,
    },
}

/// Tasks without which the process is of no use.
#[derive(Debug)]
pub(crate) struct CriticalTasks {
    shutdown: CancellationToken,
    set: JoinSet<eyre::Result<()>>,
    names: HashMap<Id, &'static str>,
}

impl CriticalTasks {
    /// No tasks yet; `shutdown` is cancelled when one of them ends early.
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown, set: JoinSet::new(), names: HashMap::new() }
    }

    /// The token that ends all tasks.
    pub(crate) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Starts a task; it has to watch the shutdown token itself.
    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = eyre::Result<()>> + Send + 'static,
    ) {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name);
    }

    /// Waits until every task has ended after a shutdown, or until the first one that failed. In both cases the
    /// others are asked to end, and are dropped when they take longer than [`DRAIN`].
    pub(crate) async fn run(mut self) -> Result<(), TaskError> {
        let mut first = None;
        loop {
            let next = if self.shutdown.is_cancelled() {
                let Ok(next) = timeout(DRAIN, self.set.join_next_with_id()).await else {
                    warn!(tasks = self.set.len(), "tasks did not end in time and are dropped");
                    break;
                };
                next
            } else {
                tokio::select! {
                    next = self.set.join_next_with_id() => next,
                    () = self.shutdown.cancelled() => continue,
                }
            };
            let Some(joined) = next else { break };
            if let Some(failure) = self.judge(joined) {
                error!(error = %failure, "a critical task ended the process");
                first.get_or_insert(failure);
                self.shutdown.cancel();
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn judge(&self, joined: Result<(Id, eyre::Result<()>), JoinError>) -> Option<TaskError> {
        match joined {
            Ok((id, Err(report))) => Some(TaskError::Failed { task: self.name(id), source: report.into() }),
            Ok((id, Ok(()))) if !self.shutdown.is_cancelled() => {
                Some(TaskError::Ended { task: self.name(id) })
            }
            Ok(_) => None,
            Err(join) => {
                let task = self.name(join.id());
                join.try_into_panic()
                    .ok()
                    .map(|panic| TaskError::Panicked { task, message: message(panic.as_ref()) })
            }
        }
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("unknown")
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: P4
    #[tokio::test]
    async fn a_panic_ends_the_others_and_is_named() {
        let token = CancellationToken::new();
        let mut tasks = CriticalTasks::new(token.clone());
        let watched = token.clone();
        tasks.spawn("patient", async move {
            watched.cancelled().await;
            Ok(())
        });
        tasks.spawn("fragile", async { panic!("broken invariant") });
        let error = tasks.run().await.unwrap_err();
        assert_eq!(error.to_string(), "critical task fragile panicked: broken invariant");
        assert!(token.is_cancelled());
    }

    #[tokio::test]
    async fn a_task_that_returns_early_is_a_failure() {
        let mut tasks = CriticalTasks::new(CancellationToken::new());
        tasks.spawn("short", async { Ok(()) });
        assert!(matches!(tasks.run().await, Err(TaskError::Ended { task: "short" })));
    }

    #[tokio::test]
    async fn an_error_keeps_its_cause() {
        let mut tasks = CriticalTasks::new(CancellationToken::new());
        tasks.spawn("reader", async { eyre::bail!("the disk is full") });
        let error = eyre::Report::from(tasks.run().await.unwrap_err());
        assert_eq!(crate::exit::code_of(&error), 5);
        assert!(error.chain().any(|cause| cause.to_string() == "the disk is full"));
    }

    // covers: P3
    #[tokio::test(start_paused = true)]
    async fn a_shutdown_is_clean_and_does_not_wait_for_ever() {
        let token = CancellationToken::new();
        let mut tasks = CriticalTasks::new(token.clone());
        tasks.spawn("deaf", std::future::pending());
        let watched = token.clone();
        tasks.spawn("polite", async move {
            watched.cancelled().await;
            Ok(())
        });
        token.cancel();
        assert!(tasks.run().await.is_ok());
    }
}
