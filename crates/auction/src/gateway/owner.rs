//! What the chain says about an intent's owner: signature, nonce, balance, allowance.

use std::time::Duration;

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, fixed_bytes},
    providers::{DynProvider, Provider},
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
    transports::TransportError,
};
use sotto_chain::ChainError;
use sotto_types::{Intent, PERMIT2, SignatureError};

use super::refusal::{Refusal, RefusalCode};

sol! {
    #[sol(rpc)]
    interface IToken {
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
    }

    #[sol(rpc)]
    interface IPermit2Nonces {
        function nonceBitmap(address owner, uint256 word) external view returns (uint256);
    }

    interface IContractSigner {
        function isValidSignature(bytes32 digest, bytes signature) external view returns (bytes4);
    }
}

/// What an ERC-6492 signature ends with.
const ERC6492_SUFFIX: B256 = fixed_bytes!("6492649264926492649264926492649264926492649264926492649264926492");

/// Asks the chain about owners, with bounds on time and on the gas of contract signers.
#[derive(Clone, Debug)]
pub struct OwnerCheck {
    provider: DynProvider,
    timeout: Duration,
    signature_gas: u64,
}

impl OwnerCheck {
    /// Checks over `provider`; each takes at most `timeout`, a contract signer at most `signature_gas` gas.
    pub fn new(provider: DynProvider, timeout: Duration, signature_gas: u64) -> Self {
        Self { provider, timeout, signature_gas }
    }

    /// Whether the owner signed the digest and can deliver what the intent sells, as of the latest block.
    /// `recovered` is who made the signature if it is that of a key.
    ///
    /// # Errors
    /// A [`Refusal`]; [`RefusalCode::ChainUnavailable`] when the chain does not answer in time.
    pub async fn check(
        &self,
        intent: &Intent,
        digest: B256,
        signature: &Bytes,
        recovered: Result<Address, SignatureError>,
    ) -> Result<(), Refusal> {
        let work = async {
            // Both at once, but who signed is the first question: nobody learns of balances by a bad signature.
            let signed = self.signed(intent.owner, digest, signature, recovered);
            let (signed, deliverable) = tokio::join!(signed, self.can_deliver(intent));
            signed.and(deliverable)
        };
        tokio::time::timeout(self.timeout, work).await.unwrap_or_else(|_| Err(self.late()))
    }

    /// Whether `owner` signed `digest`, as Permit2 decides it: an address with code by ERC-1271, any other by its key.
    ///
    /// # Errors
    /// As [`OwnerCheck::check`].
    pub async fn signed(
        &self,
        owner: Address,
        digest: B256,
        signature: &Bytes,
        recovered: Result<Address, SignatureError>,
    ) -> Result<(), Refusal> {
        let code = self.provider.get_code_at(owner).await.map_err(unavailable)?;
        if !code.is_empty() {
            return self.confirmed_by_contract(owner, digest, signature).await;
        }
        match recovered {
            Ok(signer) if signer == owner => Ok(()),
            Ok(signer) => Err(Refusal::wrong_signer(signer, owner)),
            Err(error) => Err(error.into()),
        }
    }

    /// ERC-1271, strict: exactly the magic value in the first word.
    async fn confirmed_by_contract(
        &self,
        owner: Address,
        digest: B256,
        signature: &Bytes,
    ) -> Result<(), Refusal> {
        let call = IContractSigner::isValidSignatureCall { digest, signature: signature.clone() };
        let request = TransactionRequest::default()
            .with_from(PERMIT2)
            .with_to(owner)
            .with_gas_limit(self.signature_gas)
            .with_input(call.abi_encode());
        let refused = |reason: String| Err(Refusal::new(RefusalCode::ContractRefused, reason));
        match self.provider.call(request).await {
            Ok(answer) if is_magic(&answer) => Ok(()),
            Ok(answer) => refused(format!(
                "owner contract {owner} answered {} bytes, not the magic value",
                answer.len()
            )),
            Err(error) => match ChainError::from(error) {
                error if error.is_retryable() => Err(chain_unavailable(&error)),
                error => refused(format!("owner contract {owner} failed: {error}")),
            },
        }
    }

    /// Whether the nonce is unspent, and balance and allowance cover the amount.
    ///
    /// # Errors
    /// As [`OwnerCheck::check`].
    pub async fn can_deliver(&self, intent: &Intent) -> Result<(), Refusal> {
        let token = IToken::new(intent.sellToken, &self.provider);
        let (balance, allowance) = (token.balanceOf(intent.owner), token.allowance(intent.owner, PERMIT2));
        let (spent, balance, allowance) = tokio::try_join!(
            self.nonce_spent(intent.owner, intent.nonce),
            async { balance.call().await.map_err(|e| contract_failed(&e)) },
            async { allowance.call().await.map_err(|e| contract_failed(&e)) },
        )?;
        if spent {
            let reason = format!("nonce {} is spent or cancelled", intent.nonce);
            return Err(Refusal::new(RefusalCode::NonceUsed, reason));
        }
        if balance < intent.sellAmount {
            return Err(Refusal::short_of(RefusalCode::InsufficientBalance, balance, intent.sellAmount));
        }
        if allowance < intent.sellAmount {
            return Err(Refusal::short_of(RefusalCode::InsufficientAllowance, allowance, intent.sellAmount));
        }
        Ok(())
    }

    /// Whether a Permit2 nonce is spent or cancelled.
    ///
    /// # Errors
    /// [`RefusalCode::ChainUnavailable`].
    pub async fn nonce_spent(&self, owner: Address, nonce: U256) -> Result<bool, Refusal> {
        let permit2 = IPermit2Nonces::new(PERMIT2, &self.provider);
        let bitmap = permit2.nonceBitmap(owner, nonce >> 8).call().await.map_err(|e| contract_failed(&e))?;
        Ok(bit_is_set(bitmap, nonce))
    }

    /// [`OwnerCheck::can_deliver`] or [`OwnerCheck::nonce_spent`] and the like under this check's time limit.
    ///
    /// # Errors
    /// Those of the work, or [`RefusalCode::ChainUnavailable`].
    pub async fn in_time<T>(&self, work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        tokio::time::timeout(self.timeout, work).await.unwrap_or_else(|_| Err(self.late()))
    }

    fn late(&self) -> Refusal {
        let reason = format!("the node did not answer within {:?}", self.timeout);
        Refusal::new(RefusalCode::ChainUnavailable, reason)
    }
}

/// Whether a signature claims to be that of a contract that is not deployed.
pub(crate) fn is_counterfactual(signature: &[u8]) -> bool {
    signature.ends_with(ERC6492_SUFFIX.as_slice())
}

/// Permit2 keeps nonces in words of 256: the low eight bits are the position.
fn bit_is_set(bitmap: U256, nonce: U256) -> bool {
    bitmap.bit(usize::from(nonce.byte(0)))
}

/// The selector of `isValidSignature`, left-aligned in a word with nothing behind it.
fn is_magic(answer: &[u8]) -> bool {
    let mut expected = [0; 32];
    expected[..4].copy_from_slice(&IContractSigner::isValidSignatureCall::SELECTOR);
    answer.get(..32) == Some(expected.as_slice())
}

fn chain_unavailable(error: &ChainError) -> Refusal {
    Refusal::new(RefusalCode::ChainUnavailable, format!("the node cannot be asked: {error}"))
}

fn unavailable(error: TransportError) -> Refusal {
    chain_unavailable(&ChainError::from(error))
}

fn contract_failed(error: &alloy::contract::Error) -> Refusal {
    Refusal::new(RefusalCode::ChainUnavailable, format!("the node cannot be asked: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: S11
    #[test]
    fn a_nonce_is_its_bit_at_the_edges_of_words() {
        let last_word = (U256::from(1) << 248) - U256::from(1);
        for (nonce, word, bit) in [
            (U256::ZERO, U256::ZERO, 0usize),
            (U256::from(255), U256::ZERO, 255),
            (U256::from(256), U256::from(1), 0),
            (U256::MAX, last_word, 255),
        ] {
            assert_eq!(nonce >> 8, word);
            assert!(bit_is_set(U256::from(1) << bit, nonce));
            assert!(!bit_is_set(!(U256::from(1) << bit), nonce));
        }
    }

    // covers: S6
    #[test]
    fn only_the_exact_magic_word_confirms() {
        let mut word = [0u8; 32];
        word[..4].copy_from_slice(&[0x16, 0x26, 0xba, 0x7e]);
        assert!(is_magic(&word));
        assert!(is_magic(&[word, [9; 32]].concat()), "more data behind the word, as Permit2 takes it");
        assert!(!is_magic(&word[..31]), "short");
        assert!(!is_magic(&[]));
        let mut dirty = word;
        dirty[31] = 1;
        assert!(!is_magic(&dirty), "dirty low bytes");
        assert!(!is_magic(&[0xff; 32]));
    }

    // covers: S9
    #[test]
    fn a_counterfactual_signature_is_known_by_its_suffix() {
        assert!(is_counterfactual(&[vec![1; 200], ERC6492_SUFFIX.to_vec()].concat()));
        assert!(!is_counterfactual(&[1; 65]));
    }
}
