//! The circuits whose proofs a chain may verify.

/// Which circuit's proofs an auction house accepts; a deployment has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// One wrap of 16 queries at rate 2^-5: soonest made.
    Fast,
    /// A shrink, then a wrap of 10 queries at rate 2^-8: cheapest to settle.
    Compact,
    /// The same with 16 queries and 22 bits of work, for more proven bits.
    Compact16,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Compact, Self::Compact16];

    /// Prefix of the generated contracts.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Fast => "Wrap",
            Self::Compact => "Compact",
            Self::Compact16 => "Compact16",
        }
    }

    /// The embedded contracts in the order of their deployment; the second takes the first one's address.
    pub const fn contracts(self) -> [&'static str; 2] {
        match self {
            Self::Fast => ["WrapIdentity", "WrapVerifier"],
            Self::Compact => ["CompactIdentity", "CompactVerifier"],
            Self::Compact16 => ["Compact16Identity", "Compact16Verifier"],
        }
    }
}
