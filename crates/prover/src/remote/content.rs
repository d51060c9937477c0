//! Bytes of a job: fixed order, big-endian, lists after their length; what is left over is an error.

use alloy_primitives::{Address, B256};
use sotto_circuits::Salt;
use sotto_types::{Digest, SLOTS, Slot, uncarry};

/// Writes a job's bytes.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn number(&mut self, x: u64) -> &mut Self {
        self.0.extend(x.to_be_bytes());
        self
    }

    pub(super) fn count(&mut self, x: usize) -> &mut Self {
        self.number(x as u64)
    }

    pub(super) fn signed(&mut self, x: i64) -> &mut Self {
        self.number(x.cast_unsigned())
    }

    pub(super) fn small(&mut self, x: i32) -> &mut Self {
        self.0.extend(x.to_be_bytes());
        self
    }

    pub(super) fn fixed(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Reads a job's bytes; `None` when they end early or a value is not what it should be.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.fixed().map(u64::from_be_bytes)
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        self.number().map(u64::cast_signed)
    }

    pub(super) fn small(&mut self) -> Option<i32> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub(super) fn word(&mut self) -> Option<u32> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// The length of a list whose entries take at least `entry` bytes, so that nothing larger than the input is allocated.
    pub(super) fn count(&mut self, entry: usize) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count.checked_mul(entry.max(1))? <= self.0.len()).then_some(count)
    }

    pub(super) fn list<T>(
        &mut self,
        entry: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.count(entry)?;
        (0..count).map(|_| read(self)).collect()
    }

    pub(super) fn b256(&mut self) -> Option<B256> {
        self.fixed().map(B256::new)
    }

    pub(super) fn address(&mut self) -> Option<Address> {
        self.fixed().map(Address::new)
    }

    pub(super) fn salt(&mut self) -> Option<Salt> {
        self.fixed().map(Salt::from_bytes)
    }

    pub(super) fn digest(&mut self) -> Option<Digest> {
        Digest::try_from(self.b256()?).ok()
    }

    fn carried(&mut self) -> Option<i32> {
        uncarry(u64::from(self.word()?)).ok()
    }

    pub(super) fn slots(&mut self) -> Option<[Slot; SLOTS]> {
        let mut slots = [Slot::default(); SLOTS];
        for slot in &mut slots {
            slot.commitment = self.b256()?;
            for feature in &mut slot.features {
                *feature = self.carried()?;
            }
        }
        Some(slots)
    }

    /// `Some` when nothing is left.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
