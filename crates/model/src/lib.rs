//! sotto-model
