//! sotto-chain
