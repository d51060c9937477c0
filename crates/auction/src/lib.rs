//! sotto-auction
