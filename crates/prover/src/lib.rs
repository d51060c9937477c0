//! sotto-prover
