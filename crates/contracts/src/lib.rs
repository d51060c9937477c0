//! sotto-contracts
