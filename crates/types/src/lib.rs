//! sotto-types
