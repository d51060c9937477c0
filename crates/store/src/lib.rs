//! The durable ledger: one SQLite file per data directory, written before each act that it describes.
//!
//! [`Ledger::write`] runs a unit of work that is durable as a whole or undone as a whole; the methods of [`Unit`] are the
//! tables. Every change of a state is a compare-and-set: it names the state that it starts from, and fails with
//! [`StoreError::StateChanged`] when the row is elsewhere.

mod codec;
mod cursor;
mod drops;
mod error;
mod fills;
mod intents;
mod ledger;
mod rounds;
mod schema;
mod sheets;
mod stages;
mod txs;

pub use cursor::AppliedEvent;
pub use drops::DropRow;
pub use error::{Result, StoreError};
pub use fills::{FillRow, FillStatus, SettlementRow, SettlementStatus};
pub use intents::{IntentStatus, StoredIntent};
pub use ledger::{Create, Ledger, Unit};
pub use rounds::{Draft, DraftStatus, Role, RoundRow, RoundStatus, SlotOpening};
pub use schema::SCHEMA_VERSION;
pub use sheets::{ReceivedSheet, SheetRow, SheetStatus};
pub use stages::Stage;
