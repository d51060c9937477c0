//! sotto-store
