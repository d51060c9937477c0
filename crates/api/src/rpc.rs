//! The JSON-RPC methods.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use jsonrpsee::{
    Extensions, PendingSubscriptionSink, RpcModule, SubscriptionMessage,
    core::server::SubscriptionCloseResponse,
    types::{ErrorObjectOwned, Params},
};
use sotto_auction::{
    SheetSubmission,
    gateway::{Gateway, Subscription},
};

use crate::{
    ApiError,
    error::{no_place, refused, unknown_round},
    metrics::ApiMetrics,
    wire::{
        CancelIntent, GetIntent, GetRound, Hash, IntentView, MarketView, NewsView, RoundView, SendIntent,
        read_hash, read_one, read_topic,
    },
};

type Answer<T> = Result<T, ErrorObjectOwned>;

/// What the methods work with.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) gateway: Gateway,
    pub(crate) metrics: ApiMetrics,
    /// A subscriber that does not take a message within this time is let go.
    pub(crate) patience: Duration,
}

/// The methods of the namespace `sotto_`.
pub(crate) fn module(context: Context) -> Result<RpcModule<Context>, ApiError> {
    let mut module = RpcModule::new(context);
    method(&mut module, "sotto_sendIntent", send_intent)?;
    method(&mut module, "sotto_cancelIntent", cancel_intent)?;
    method(&mut module, "sotto_getIntent", get_intent)?;
    method(&mut module, "sotto_getRound", get_round)?;
    method(&mut module, "sotto_getMarkets", get_markets)?;
    method(&mut module, "sotto_submitSheet", submit_sheet)?;
    let subscription = |params: Params<'static>, pending, context: std::sync::Arc<Context>, _: Extensions| async move {
        subscribe(&params, pending, &context).await
    };
    module
        .register_subscription("sotto_subscribe", "sotto_subscription", "sotto_unsubscribe", subscription)
        .map_err(|e| ApiError::Method { reason: e.to_string() })?;
    Ok(module)
}

/// Registers a method that is counted and timed.
fn method<T, F>(
    module: &mut RpcModule<Context>,
    name: &'static str,
    call: fn(Params<'static>, Context) -> F,
) -> Result<(), ApiError>
where
    T: serde::Serialize + Clone + Send + 'static,
    F: Future<Output = Answer<T>> + Send + 'static,
{
    let timed = move |params: Params<'static>, context: std::sync::Arc<Context>, _: Extensions| async move {
        let started = Instant::now();
        let answer = call(params, Context::clone(&context)).await;
        context.metrics.call(name, answer.is_ok(), started.elapsed());
        answer
    };
    module.register_async_method(name, timed).map_err(|e| ApiError::Method { reason: e.to_string() })?;
    Ok(())
}

async fn send_intent(params: Params<'static>, context: Context) -> Answer<Hash> {
    let SendIntent { intent, signature } = read_one(&params)?;
    let hash = context.gateway.send_intent(intent.into(), signature.0).await;
    hash.map(Hash).map_err(|refusal| refused(&refusal))
}

async fn cancel_intent(params: Params<'static>, context: Context) -> Answer<bool> {
    let CancelIntent { intent_hash, signature } = read_one(&params)?;
    let cancelled = context.gateway.cancel_intent(intent_hash.0, signature.map(|blob| blob.0)).await;
    cancelled.map(|()| true).map_err(|refusal| refused(&refusal))
}

async fn get_intent(params: Params<'static>, context: Context) -> Answer<IntentView> {
    let hash = read_hash::<GetIntent>(&params, |p| p.intent_hash.0)?;
    let record = context.gateway.intent(hash).await;
    record.map(|record| IntentView::from(&*record)).map_err(|refusal| refused(&refusal))
}

async fn get_round(params: Params<'static>, context: Context) -> Answer<RoundView> {
    let id = read_hash::<GetRound>(&params, |p| p.round_id.0)?;
    context.gateway.round(id).map(|round| RoundView::from(&round)).ok_or_else(|| unknown_round(id))
}

async fn get_markets(_: Params<'static>, context: Context) -> Answer<Vec<MarketView>> {
    let auction = context.gateway.auction();
    Ok(context.gateway.markets().iter().map(|market| MarketView::new(market, &auction)).collect())
}

async fn submit_sheet(params: Params<'static>, context: Context) -> Answer<sotto_auction::SheetReceipt> {
    let sheet: SheetSubmission = read_one(&params)?;
    context.gateway.submit_sheet(sheet).await.map_err(|refusal| refused(&refusal))
}

async fn subscribe(
    params: &Params<'static>,
    pending: PendingSubscriptionSink,
    context: &Context,
) -> SubscriptionCloseResponse {
    let topic = match read_topic(params) {
        Ok(topic) => topic,
        Err(error) => {
            pending.reject(error).await;
            return SubscriptionCloseResponse::None;
        }
    };
    let Some(news) = context.gateway.subscribe(topic) else {
        pending.reject(no_place()).await;
        return SubscriptionCloseResponse::None;
    };
    match pending.accept().await {
        Ok(sink) => forward(news, sink, context.patience).await,
        Err(_) => SubscriptionCloseResponse::None,
    }
}

/// Hands news on until either side ends. A client that is too slow is told so, if it still listens, and let go.
async fn forward(
    mut news: Subscription,
    sink: jsonrpsee::SubscriptionSink,
    patience: Duration,
) -> SubscriptionCloseResponse {
    let too_slow = || {
        let text = "news were lost because they were not read; subscribe again and ask for the present state";
        SubscriptionCloseResponse::NotifErr(text.into())
    };
    loop {
        let item = tokio::select! {
            () = sink.closed() => return SubscriptionCloseResponse::None,
            item = news.next() => item,
        };
        let Some(item) = item else {
            return if news.overrun() { too_slow() } else { SubscriptionCloseResponse::None };
        };
        let view = NewsView::from(&item);
        let Ok(message) = SubscriptionMessage::new(sink.method_name(), sink.subscription_id(), &view) else {
            return SubscriptionCloseResponse::None;
        };
        match tokio::time::timeout(patience, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return SubscriptionCloseResponse::None,
            Err(_) => return too_slow(),
        }
    }
}
