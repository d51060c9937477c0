//! Parameters of the methods.

use alloy::primitives::B256;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sotto_auction::gateway::Topic;
use sotto_types::Intent;

use super::scalars::{Blob, Hash, HexAddress, Number, Seconds};
use crate::error::invalid_params;

/// An intent as a trader writes it; names and meaning are those of the EIP-712 struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntentRequest {
    /// Who sells; signs.
    pub owner: HexAddress,
    /// Who is paid.
    pub recipient: HexAddress,
    /// Token sold.
    pub sell_token: HexAddress,
    /// Token bought.
    pub buy_token: HexAddress,
    /// Raw units sold.
    pub sell_amount: Number,
    /// Least raw units bought.
    pub min_buy_amount: Number,
    /// First valid second, Unix time.
    pub valid_from: Seconds,
    /// Last valid second, Unix time.
    pub deadline: Seconds,
    /// Permit2 nonce.
    pub nonce: Number,
    /// Market id.
    pub market: Hash,
    /// Free for the trader; the lowest bit discloses the limit price.
    pub app_data: Hash,
}

impl From<IntentRequest> for Intent {
    fn from(r: IntentRequest) -> Self {
        Self {
            owner: r.owner.0,
            recipient: r.recipient.0,
            sellToken: r.sell_token.0,
            buyToken: r.buy_token.0,
            sellAmount: r.sell_amount.0,
            minBuyAmount: r.min_buy_amount.0,
            validFrom: r.valid_from.0,
            deadline: r.deadline.0,
            nonce: r.nonce.0,
            market: r.market.0,
            appData: r.app_data.0,
        }
    }
}

impl From<&Intent> for IntentRequest {
    fn from(i: &Intent) -> Self {
        Self {
            owner: HexAddress(i.owner),
            recipient: HexAddress(i.recipient),
            sell_token: HexAddress(i.sellToken),
            buy_token: HexAddress(i.buyToken),
            sell_amount: Number(i.sellAmount),
            min_buy_amount: Number(i.minBuyAmount),
            valid_from: Seconds(i.validFrom),
            deadline: Seconds(i.deadline),
            nonce: Number(i.nonce),
            market: Hash(i.market),
            app_data: Hash(i.appData),
        }
    }
}

/// Parameter of `sotto_sendIntent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendIntent {
    /// The intent.
    pub intent: IntentRequest,
    /// The owner's signature of the Permit2 digest with the intent as witness.
    pub signature: Blob,
}

/// Parameter of `sotto_cancelIntent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelIntent {
    /// The intent.
    pub intent_hash: Hash,
    /// The owner's signature of `CancelIntent(bytes32 intentHash)`; not needed once the Permit2 nonce is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Blob>,
}

/// Parameter of `sotto_getIntent`: the hash, alone or in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetIntent {
    /// The intent.
    pub intent_hash: Hash,
}

/// Parameter of `sotto_getRound`: the id, alone or in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetRound {
    /// The round.
    pub round_id: Hash,
}

/// Parameter of `sotto_subscribe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubscribeTopic {
    /// States of intents.
    Intents,
    /// Rounds with slots and deadlines.
    Rounds,
    /// Fills and defaults.
    Fills,
}

impl From<SubscribeTopic> for Topic {
    fn from(topic: SubscribeTopic) -> Self {
        match topic {
            SubscribeTopic::Intents => Self::Intents,
            SubscribeTopic::Rounds => Self::Rounds,
            SubscribeTopic::Fills => Self::Fills,
        }
    }
}

/// Reads the one parameter of a method: the only element of the list, or the object itself. The error names the field.
pub(crate) fn read_one<T: DeserializeOwned>(params: &Params<'_>) -> Result<T, ErrorObjectOwned> {
    let text = params.as_str().unwrap_or("null").trim();
    if text.starts_with('[') { read_path::<[T; 1]>(text).map(|[one]| one) } else { read_path(text) }
}

/// Reads a hash, given alone or in an object.
pub(crate) fn read_hash<T: DeserializeOwned>(
    params: &Params<'_>,
    hash: fn(T) -> B256,
) -> Result<B256, ErrorObjectOwned> {
    let text = params.as_str().unwrap_or("null").trim();
    let alone = text.strip_prefix('[').map(str::trim_start).is_some_and(|rest| !rest.starts_with('{'));
    if alone { read_path::<[Hash; 1]>(text).map(|[one]| one.0) } else { read_one::<T>(params).map(hash) }
}

/// Reads the topic of a subscription.
pub(crate) fn read_topic(params: &Params<'_>) -> Result<Topic, ErrorObjectOwned> {
    read_one::<SubscribeTopic>(params).map(Into::into)
}

fn read_path<T: DeserializeOwned>(text: &str) -> Result<T, ErrorObjectOwned> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let path = path.strip_prefix("[0]").map_or(path.as_str(), |rest| rest.trim_start_matches('.'));
        let path = if path == "." { String::new() } else { path.to_owned() };
        invalid_params(path, clip(&error.inner().to_string()))
    })?;
    reader.end().map_err(|error| invalid_params(String::new(), clip(&error.to_string())))?;
    Ok(value)
}

/// Bounds and escapes what a parser says: it may repeat the input.
fn clip(message: &str) -> String {
    message.chars().take(256).flat_map(char::escape_debug).filter(|c| *c != '\\').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorData;
    use serde_json::{Value, json};

    fn request() -> Value {
        let address = |n: u8| format!("0x{}", format!("{n:02x}").repeat(20));
        json!({
            "intent": {
                "owner": address(1), "recipient": address(1), "sellToken": address(2), "buyToken": address(3),
                "sellAmount": "1000", "minBuyAmount": "0x10", "validFrom": 5, "deadline": "9", "nonce": "0",
                "market": format!("0x{}", "07".repeat(32)), "appData": format!("0x{}", "00".repeat(32)),
            },
            "signature": "0x0102",
        })
    }

    fn read(json: &str) -> Result<SendIntent, ErrorData> {
        let params = Params::new(Some(json));
        read_one(&params).map_err(|e| serde_json::from_str(e.data().unwrap().get()).unwrap())
    }

    #[test]
    fn a_parameter_is_read_from_a_list_of_one_or_alone() {
        let alone = read(&request().to_string()).unwrap();
        assert_eq!(read(&json!([request()]).to_string()).unwrap(), alone);
        let intent: Intent = alone.intent.clone().into();
        assert_eq!((intent.minBuyAmount.to::<u64>(), intent.deadline), (16, 9));
        assert_eq!(IntentRequest::from(&intent), alone.intent);
        assert!(read(&json!([request(), 1]).to_string()).is_err());
        assert!(read("[]").is_err());
        assert!(read("null").is_err());
    }

    // covers: S20
    #[test]
    fn the_error_names_the_field() {
        let mut wrong = request();
        wrong["intent"]["sellAmount"] = json!(1.5);
        assert_eq!(read(&json!([wrong]).to_string()).unwrap_err().path.as_deref(), Some("intent.sellAmount"));
        let mut unknown = request();
        unknown["intent"]["note"] = json!("hello");
        let error = read(&unknown.to_string()).unwrap_err();
        assert_eq!(error.path.as_deref(), Some("intent.note"));
        assert!(error.reason.contains("unknown field"));
        let mut missing = request();
        missing["intent"].as_object_mut().unwrap().remove("nonce");
        assert!(read(&missing.to_string()).unwrap_err().reason.contains("nonce"));
        let twice = request().to_string().replacen("\"nonce\"", "\"nonce\":\"1\",\"nonce\"", 1);
        assert!(read(&twice).unwrap_err().reason.contains("duplicate field"));
        assert!(read(&(request().to_string() + "x")).is_err());
    }

    // covers: D6
    #[test]
    fn deep_nesting_is_refused() {
        for (open, close) in [("[", "]"), ("{\"intent\":", "}")] {
            let deep = open.repeat(10_000) + "1" + &close.repeat(10_000);
            assert!(read(&deep).is_err());
        }
    }

    #[test]
    fn a_hash_may_come_alone_or_in_an_object() {
        let hash = format!("0x{}", "07".repeat(32));
        let read = |json: Value| {
            let text = json.to_string();
            read_hash::<GetIntent>(&Params::new(Some(&text)), |g| g.intent_hash.0).is_ok()
        };
        assert!(
            read(json!([hash]))
                && read(json!([{ "intentHash": hash }]))
                && read(json!({ "intentHash": hash }))
        );
        assert!(!read(json!(["0x07"])) && !read(json!([])) && !read(json!({ "hash": hash })));
    }

    #[test]
    fn topics_are_read_by_name() {
        let read = |json: &str| read_topic(&Params::new(Some(json))).ok();
        assert_eq!(read(r#"["rounds"]"#), Some(Topic::Rounds));
        assert_eq!(read(r#"["Rounds"]"#), None);
        assert_eq!(read("[]"), None);
    }
}
