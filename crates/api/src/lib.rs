//! sotto-api
