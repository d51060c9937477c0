//! sotto-benches
