//! A typed client of a gateway, over HTTP or WebSocket.

use std::{fmt, time::Duration};

use alloy::primitives::{B256, Bytes};
use jsonrpsee::{
    core::{
        ClientError,
        client::{ClientT, Subscription, SubscriptionClientT},
        params::ArrayParams,
    },
    http_client::{HttpClient, HttpClientBuilder},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use serde::de::DeserializeOwned;
use sotto_auction::{SheetReceipt, SheetSubmission};
use sotto_types::Intent;

use crate::{
    ApiError, ErrorData,
    wire::{
        Blob, CancelIntent, GetIntent, GetRound, Hash, IntentView, MarketView, NewsView, RoundView,
        SendIntent, SubscribeTopic,
    },
};

/// Time for one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest message taken, bytes.
const LARGEST_MESSAGE: u32 = 8 << 20;

/// A connection to a gateway.
pub struct Client {
    transport: Transport,
}

enum Transport {
    Http(HttpClient),
    Ws(WsClient),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Http(_) => "http",
            Transport::Ws(_) => "ws",
        };
        f.debug_struct("Client").field("transport", &transport).finish()
    }
}

impl Client {
    /// Connects to `http://`, `https://`, `ws://` or `wss://`; subscriptions need one of the latter two.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`].
    pub async fn connect(url: &str) -> Result<Self, ApiError> {
        let transport = if url.starts_with("ws") {
            let builder =
                WsClientBuilder::new().request_timeout(CALL_TIMEOUT).max_request_size(LARGEST_MESSAGE);
            Transport::Ws(builder.build(url).await.map_err(|e| unreachable(&e))?)
        } else {
            let builder =
                HttpClientBuilder::new().request_timeout(CALL_TIMEOUT).max_request_size(LARGEST_MESSAGE);
            Transport::Http(builder.build(url).map_err(|e| unreachable(&e))?)
        };
        Ok(Self { transport })
    }

    /// Sends a signed intent; its hash once the gateway has it durably.
    ///
    /// # Errors
    /// [`ApiError::Refused`], [`ApiError::Unreachable`].
    pub async fn send_intent(&self, intent: &Intent, signature: Bytes) -> Result<B256, ApiError> {
        let param = SendIntent { intent: intent.into(), signature: Blob(signature) };
        let hash: Hash = self.call("sotto_sendIntent", rpc_params![param]).await?;
        Ok(hash.0)
    }

    /// Withdraws an intent, with its owner's signature or, once the Permit2 nonce is spent, without.
    ///
    /// # Errors
    /// [`ApiError::Refused`], [`ApiError::Unreachable`].
    pub async fn cancel_intent(&self, intent_hash: B256, signature: Option<Bytes>) -> Result<(), ApiError> {
        let param = CancelIntent { intent_hash: Hash(intent_hash), signature: signature.map(Blob) };
        self.call("sotto_cancelIntent", rpc_params![param]).await.map(|_: bool| ())
    }

    /// State of an intent.
    ///
    /// # Errors
    /// [`ApiError::Refused`], [`ApiError::Unreachable`].
    pub async fn intent(&self, intent_hash: B256) -> Result<IntentView, ApiError> {
        self.call("sotto_getIntent", rpc_params![GetIntent { intent_hash: Hash(intent_hash) }]).await
    }

    /// A round.
    ///
    /// # Errors
    /// [`ApiError::Refused`], [`ApiError::Unreachable`].
    pub async fn round(&self, round_id: B256) -> Result<RoundView, ApiError> {
        self.call("sotto_getRound", rpc_params![GetRound { round_id: Hash(round_id) }]).await
    }

    /// The markets that the gateway serves.
    ///
    /// # Errors
    /// [`ApiError::Refused`], [`ApiError::Unreachable`].
    pub async fn markets(&self) -> Result<Vec<MarketView>, ApiError> {
        self.call("sotto_getMarkets", rpc_params![]).await
    }

    /// Hands a proven sheet to the gateway.
    ///
    /// # Errors
    /// [`ApiError::Refused`], [`ApiError::Unreachable`].
    pub async fn submit_sheet(&self, sheet: &SheetSubmission) -> Result<SheetReceipt, ApiError> {
        self.call("sotto_submitSheet", rpc_params![sheet]).await
    }

    /// Subscribes to a topic; the stream ends when the gateway does, or when it lost patience with this reader.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`] over HTTP, and as above.
    pub async fn subscribe(&self, topic: SubscribeTopic) -> Result<Subscription<NewsView>, ApiError> {
        let Transport::Ws(client) = &self.transport else {
            return Err(ApiError::Unreachable { reason: "subscriptions need a ws:// address".into() });
        };
        client.subscribe("sotto_subscribe", rpc_params![topic], "sotto_unsubscribe").await.map_err(failed)
    }

    async fn call<T: DeserializeOwned>(&self, method: &str, params: ArrayParams) -> Result<T, ApiError> {
        let answer = match &self.transport {
            Transport::Http(client) => client.request(method, params).await,
            Transport::Ws(client) => client.request(method, params).await,
        };
        answer.map_err(failed)
    }
}

fn unreachable(error: &ClientError) -> ApiError {
    ApiError::Unreachable { reason: error.to_string() }
}

fn failed(error: ClientError) -> ApiError {
    let object = match error {
        ClientError::Call(object) => object,
        other => return unreachable(&other),
    };
    let data = object.data().and_then(|data| serde_json::from_str::<ErrorData>(data.get()).ok());
    let data = data.unwrap_or_else(|| ErrorData {
        code: "unknown".into(),
        reason: object.message().into(),
        action: "see the gateway's documentation".into(),
        path: None,
    });
    ApiError::Refused { number: object.code(), data }
}
