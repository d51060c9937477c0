//! sotto-circuits
