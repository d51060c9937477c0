//! What the transaction manager asks of the node, and how it reads the answers.

use alloy::{
    consensus::{BlockHeader, SignableTransaction, TxEip1559, TxEnvelope},
    eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718},
    network::{TransactionBuilder, TxSigner},
    primitives::{Address, Bytes, TxHash, TxKind, U256},
    providers::{DynProvider, Provider},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
};

use super::{Fees, TxConfig};
use crate::{BlockRef, ChainError, ErrorClass, Mined, Result, TxAttempt, TxPlan};

/// Gas of a cancellation when the node gives no estimate; an account with delegated code needs more than 21,000.
const CANCEL_GAS: u64 = 60_000;

/// The chain as of its latest block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) block: BlockRef,
    pub(super) base_fee: u128,
}

/// How a node took a transaction.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is in the pool, or was already.
    Accepted,
    /// Nobody knows: it may be in the pool.
    Ambiguous(ChainError),
    /// Its nonce is used.
    NonceTooLow,
    /// A transaction with this nonce is in the pool and the fees do not replace it.
    Underpriced,
    /// It is not in the pool.
    Rejected(ChainError),
}

/// The node and the key.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) provider: DynProvider,
    pub(super) signer: PrivateKeySigner,
    pub(super) chain_id: u64,
}

impl Wire {
    pub(super) fn address(&self) -> Address {
        self.signer.address()
    }

    pub(super) async fn head(&self) -> Result<Head> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let header = block.ok_or_else(|| ChainError::Missing { what: "latest block".into() })?.header;
        Ok(Head {
            block: BlockRef { number: header.number(), hash: header.hash },
            base_fee: header.base_fee_per_gas().unwrap_or_default().into(),
        })
    }

    /// Nonces used in blocks.
    pub(super) async fn used_nonces(&self) -> Result<u64> {
        Ok(self.provider.get_transaction_count(self.address()).latest().await?)
    }

    /// Nonces used in blocks and in the node's pool.
    pub(super) async fn pending_nonces(&self) -> Result<u64> {
        Ok(self.provider.get_transaction_count(self.address()).pending().await?)
    }

    pub(super) async fn balance(&self) -> Result<U256> {
        Ok(self.provider.get_balance(self.address()).latest().await?)
    }

    /// The present offer. A node without `eth_maxPriorityFeePerGas` gives the configured minimum.
    pub(super) async fn offer(&self, head: Head, config: &TxConfig) -> Result<Fees> {
        let tip = self.provider.get_max_priority_fee_per_gas().await.unwrap_or(0);
        let priority = tip.max(config.min_priority_fee);
        let above = ChainError::FeeAboveCap { base_fee: head.base_fee, cap: config.fee_cap };
        Fees::offer(head.base_fee, priority, config.fee_cap).ok_or(above)
    }

    /// Estimated gas on the latest block.
    pub(super) async fn estimate(&self, to: Address, value: U256, data: &Bytes) -> Result<u64> {
        let call = self.call(to, value, data);
        Ok(self.provider.estimate_gas(call).block(BlockId::latest()).await?)
    }

    /// Whether a planned transaction would succeed on the latest block.
    ///
    /// # Errors
    /// [`ChainError::Reverts`], and those of the call.
    pub(super) async fn simulate(&self, plan: &TxPlan) -> Result<()> {
        let call = self.call(plan.to, plan.value, &plan.data).with_gas_limit(plan.gas_limit);
        self.provider.call(call).block(BlockId::latest()).await?;
        Ok(())
    }

    pub(super) async fn cancel_gas(&self) -> u64 {
        let estimate = self.estimate(self.address(), U256::ZERO, &Bytes::new()).await;
        estimate.map_or(CANCEL_GAS, |gas| gas.saturating_add(gas / 10))
    }

    fn call(&self, to: Address, value: U256, data: &Bytes) -> TransactionRequest {
        TransactionRequest::default()
            .with_from(self.address())
            .with_to(to)
            .with_value(value)
            .with_input(data.clone())
    }

    /// Signs a planned transaction.
    pub(super) async fn sign(&self, plan: &TxPlan, fees: Fees) -> Result<TxAttempt> {
        let body = (plan.to, plan.value, plan.data.clone(), plan.gas_limit);
        self.sign_body(plan.nonce, fees, body, false).await
    }

    /// Signs the self-transfer that uses up a nonce.
    pub(super) async fn sign_cancel(&self, nonce: u64, fees: Fees, gas: u64) -> Result<TxAttempt> {
        let body = (self.address(), U256::ZERO, Bytes::new(), gas);
        self.sign_body(nonce, fees, body, true).await
    }

    async fn sign_body(
        &self,
        nonce: u64,
        fees: Fees,
        (to, value, input, gas_limit): (Address, U256, Bytes, u64),
        cancels: bool,
    ) -> Result<TxAttempt> {
        let mut tx = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: fees.max_fee,
            max_priority_fee_per_gas: fees.priority_fee,
            to: TxKind::Call(to),
            value,
            input,
            access_list: Default::default(),
        };
        let signature = self.signer.sign_transaction(&mut tx).await;
        let signature = signature.map_err(|e| ChainError::Signing { reason: e.to_string() })?;
        let envelope = TxEnvelope::from(tx.into_signed(signature));
        Ok(TxAttempt {
            hash: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
            max_fee: fees.max_fee,
            priority_fee: fees.priority_fee,
            cancels,
        })
    }

    /// Hands signed bytes to the node. Sending the same bytes twice is harmless, so the pool may try several endpoints.
    pub(super) async fn send(&self, attempt: &TxAttempt) -> Sent {
        let error = match self.provider.send_raw_transaction(&attempt.raw).await {
            Ok(_) => return Sent::Accepted,
            Err(error) => ChainError::from(error),
        };
        if matches!(error.class(), ErrorClass::Retry | ErrorClass::PeerFault) {
            return Sent::Ambiguous(error);
        }
        let text = error.to_string().to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        if says(&["already known", "already imported", "known transaction", "alreadyknown"]) {
            return Sent::Accepted;
        }
        // Another endpoint may have taken it before this one refused it.
        match self.is_known(attempt.hash).await {
            Ok(true) => return Sent::Accepted,
            Ok(false) => {}
            Err(_) => return Sent::Ambiguous(error),
        }
        if says(&["nonce too low", "nonce is too low", "old nonce"]) {
            return Sent::NonceTooLow;
        }
        if says(&["underpriced", "gas price too low to replace"]) {
            return Sent::Underpriced;
        }
        Sent::Rejected(ChainError::Rejected { reason: error.to_string() })
    }

    /// Whether the node has a transaction, in its pool or in a block.
    pub(super) async fn is_known(&self, hash: TxHash) -> Result<bool> {
        Ok(self.provider.get_transaction_by_hash(hash).await?.is_some())
    }

    /// The receipt of an attempt, with whether it succeeded.
    pub(super) async fn receipt(&self, hash: TxHash) -> Result<Option<(Mined, bool)>> {
        let receipt: Option<TransactionReceipt> = self.provider.get_transaction_receipt(hash).await?;
        let Some(receipt) = receipt else { return Ok(None) };
        let (Some(block), Some(block_hash)) = (receipt.block_number, receipt.block_hash) else {
            return Ok(None);
        };
        let mined = Mined { hash, block, block_hash, gas_used: receipt.gas_used };
        Ok(Some((mined, receipt.status())))
    }
}
