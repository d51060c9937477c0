//! JSON-RPC over HTTP with a limit on the size of a response.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{
        TransportError, TransportErrorKind, TransportFut, TransportResult,
        http::reqwest::{
            self, Client, Response, StatusCode, Url,
            header::{HeaderMap, RETRY_AFTER},
            redirect::Policy,
        },
    },
};
use tower::Service;

use crate::ChainError;

/// An HTTP transport that reads at most `max_body` bytes of a response and follows no redirect.
#[derive(Clone, Debug)]
pub(crate) struct BoundedHttp {
    client: Client,
    url: Url,
    label: String,
    timeout: Duration,
    max_body: usize,
}

impl BoundedHttp {
    pub(crate) fn new(
        url: Url,
        label: String,
        timeout: Duration,
        max_body: usize,
    ) -> Result<Self, ChainError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(timeout)
            .timeout(timeout)
            .build()
            .map_err(|e| transport(&label, timeout, e))?;
        Ok(Self { client, url, label, timeout, max_body })
    }

    async fn post(self, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let fail = |e: reqwest::Error| TransportErrorKind::custom(transport(&self.label, self.timeout, e));
        let response =
            self.client.post(self.url.clone()).json(&packet).headers(packet.headers()).send().await;
        let response = response.map_err(fail)?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let body = self.read(response).await?;
        match serde_json::from_slice::<ResponsePacket>(&body) {
            Ok(packet) if status.is_success() || packet.is_error() && !may_pass(status) => Ok(packet),
            _ if !status.is_success() => {
                let text = String::from_utf8_lossy(body.get(..256).unwrap_or(&body)).into_owned();
                Err(TransportErrorKind::http_error_with_retry_after(status.as_u16(), text, retry_after))
            }
            Err(e) => Err(TransportError::deser_err(e, "")),
            Ok(packet) => Ok(packet),
        }
    }

    async fn read(&self, mut response: Response) -> TransportResult<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let chunk = response
                .chunk()
                .await
                .map_err(|e| TransportErrorKind::custom(transport(&self.label, self.timeout, e)))?;
            let Some(chunk) = chunk else { return Ok(body) };
            if body.len().saturating_add(chunk.len()) > self.max_body {
                return Err(TransportErrorKind::custom(ChainError::ResponseTooLarge {
                    endpoint: self.label.clone(),
                    limit: self.max_body,
                }));
            }
            body.extend_from_slice(&chunk);
        }
    }
}

/// Statuses after which the same request may pass.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

fn transport(label: &str, timeout: Duration, error: reqwest::Error) -> ChainError {
    let endpoint = label.to_owned();
    if error.is_timeout() {
        return ChainError::Timeout { endpoint, timeout };
    }
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        reason = format!("{reason}: {inner}");
        source = inner.source();
    }
    ChainError::Transport { endpoint, reason }
}

/// The `Retry-After` header in its form of delay seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

impl Service<RequestPacket> for BoundedHttp {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().post(packet))
    }
}
