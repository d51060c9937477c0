//! What goes over the wire. Requests are read strictly; answers are built from the gateway's own types, so that a change
//! inside does not change the wire by accident.

mod answers;
mod requests;
mod scalars;

pub use answers::{
    BlockView, ClaimView, CommitView, FillView, HistoryView, IntentView, MarketView, NewsView, RoundView,
    SlotStateView, SlotView, StatusView, StepView,
};
pub use requests::{CancelIntent, GetIntent, GetRound, IntentRequest, SendIntent, SubscribeTopic};
pub use scalars::{Blob, Hash, HexAddress, Number, Seconds};

pub(crate) use requests::{read_hash, read_one, read_topic};
