//! Revert data, decoded as far as it can be without an ABI.

use std::fmt;

use alloy::{
    primitives::{Bytes, Selector},
    sol_types::{Panic, Revert as RevertString, SolError},
};

/// Longest message that is kept of a node's text or a contract's string, bytes.
const LONGEST_MESSAGE: usize = 512;

/// Why a call reverts. Custom errors keep their raw data, so that a caller with the ABI can decode them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revert {
    /// Raw revert data, empty when the node gave none.
    pub data: Bytes,
    /// The `Error(string)` text, the panic's meaning, or what the node said.
    pub message: String,
}

impl Revert {
    /// Decodes `Error(string)` and `Panic(uint256)`; otherwise keeps the node's text.
    pub fn decode(data: Bytes, node_says: &str) -> Self {
        let message = if let Ok(error) = RevertString::abi_decode(&data) {
            error.reason
        } else if let Ok(panic) = Panic::abi_decode(&data) {
            panic.to_string()
        } else {
            node_says.to_owned()
        };
        Self { data, message: clip(message) }
    }

    /// The four bytes that name a custom error, if there are as many.
    pub fn selector(&self) -> Option<Selector> {
        self.data.get(..4).map(Selector::from_slice)
    }
}

impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.selector() {
            Some(selector) => write!(f, "{} (selector {selector})", self.message.escape_debug()),
            None => write!(f, "{}", self.message.escape_debug()),
        }
    }
}

/// Cuts a message from outside to a bounded length, at a character boundary.
fn clip(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        let end = (0..=LONGEST_MESSAGE).rev().find(|&i| message.is_char_boundary(i)).unwrap_or(0);
        message.truncate(end);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::sol_types::SolError;

    #[test]
    fn decodes_strings_and_keeps_custom_errors() {
        let data = RevertString::from("no such round").abi_encode();
        assert_eq!(Revert::decode(data.into(), "execution reverted").message, "no such round");
        let custom = Revert::decode(Bytes::from(vec![1, 2, 3, 4, 5]), "execution reverted");
        assert_eq!(custom.selector(), Some(Selector::from([1, 2, 3, 4])));
        assert_eq!(custom.message, "execution reverted");
        assert_eq!(Revert::decode(Bytes::new(), "x").selector(), None);
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let revert = Revert::decode(Bytes::new(), &"ü".repeat(1000));
        assert!(revert.message.len() <= LONGEST_MESSAGE);
    }
}
