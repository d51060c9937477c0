//! Numbers, hashes, addresses and bytes as strings, read strictly.

use std::fmt;

use alloy::primitives::{Address, B256, Bytes, U256, hex};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

/// Longest text that an error repeats.
const LONGEST_ECHO: usize = 80;

/// A 256-bit number: a decimal string or a `0x` quantity without leading zeros; written as a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number(pub U256);

/// Unix seconds, or another 64-bit number: a JSON integer or a decimal string; written as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seconds(pub u64);

/// 32 bytes: `0x` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hash(pub B256);

/// An address: `0x` and 40 hexadecimal digits; in mixed case with the right checksum (EIP-55). Written with the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HexAddress(pub Address);

/// Bytes: `0x` and an even number of hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Blob(pub Bytes);

fn digits(text: &str) -> Result<&str, &'static str> {
    let digits = text.strip_prefix("0x").ok_or("must start with 0x")?;
    if digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(digits)
    } else {
        Err("has a character that is no hexadecimal digit")
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    let digits = digits(text)?;
    hex::decode(digits).map_err(|_| "has an odd number of digits")
}

fn decimal(text: &str) -> Result<&str, &'static str> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("is neither a decimal number nor a 0x quantity");
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err("has leading zeros");
    }
    Ok(text)
}

fn number(text: &str) -> Result<U256, &'static str> {
    const TOO_LARGE: &str = "does not fit 256 bits";
    if !text.starts_with("0x") {
        let text = decimal(text)?;
        return if text.len() > 78 {
            Err(TOO_LARGE)
        } else {
            U256::from_str_radix(text, 10).map_err(|_| TOO_LARGE)
        };
    }
    let digits = digits(text)?;
    match digits {
        "" => Err("has no digits"),
        "0" => Ok(U256::ZERO),
        _ if digits.starts_with('0') => Err("has leading zeros"),
        _ if digits.len() > 64 => Err(TOO_LARGE),
        _ => U256::from_str_radix(digits, 16).map_err(|_| TOO_LARGE),
    }
}

fn address(text: &str) -> Result<Address, &'static str> {
    let raw: [u8; 20] = bytes(text)?.try_into().map_err(|_| "is not 20 bytes long")?;
    let address = Address::from(raw);
    let hex = text.get(2..).unwrap_or_default();
    let mixed = hex.bytes().any(|b| b.is_ascii_uppercase()) && hex.bytes().any(|b| b.is_ascii_lowercase());
    if mixed && address.to_checksum(None) != text {
        return Err("has a wrong checksum");
    }
    Ok(address)
}

/// Says what is wrong without repeating more of the input than is safe to log.
fn refuse<E: de::Error>(what: &str, text: &str) -> E {
    let echo: String = text.chars().take(LONGEST_ECHO).collect::<String>().escape_debug().to_string();
    E::custom(format!("\"{echo}\" {what}"))
}

struct Text<T> {
    expected: &'static str,
    parse: fn(&str) -> Result<T, &'static str>,
    integer: Option<fn(u64) -> T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(|what| refuse(what, text))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        match self.integer {
            Some(integer) => Ok(integer(value)),
            None => Err(E::invalid_type(de::Unexpected::Unsigned(value), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a 256-bit number as a decimal string or a 0x quantity";
        deserializer.deserialize_any(Text { expected, parse: |text| number(text).map(Self), integer: None })
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| decimal(text)?.parse().map(Self).map_err(|_| "does not fit 64 bits");
        let expected = "a 64-bit number as an integer or a decimal string";
        deserializer.deserialize_any(Text { expected, parse, integer: Some(Self) })
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| {
            let raw: [u8; 32] = bytes(text)?.try_into().map_err(|_| "is not 32 bytes long")?;
            Ok(Self(B256::from(raw)))
        };
        deserializer.deserialize_any(Text { expected: "32 bytes as 0x and 64 digits", parse, integer: None })
    }
}

impl<'de> Deserialize<'de> for HexAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| address(text).map(Self);
        deserializer.deserialize_any(Text {
            expected: "an address as 0x and 40 digits",
            parse,
            integer: None,
        })
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| bytes(text).map(|raw| Self(raw.into()));
        deserializer.deserialize_any(Text { expected: "bytes as 0x and digits", parse, integer: None })
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#x}", self.0))
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for HexAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{from_str, json, to_value};

    fn why<T: for<'a> Deserialize<'a>>(json: &str) -> String {
        from_str::<T>(json).map(|_| ()).unwrap_err().to_string()
    }

    // covers: S20
    #[test]
    fn odd_numbers_are_refused() {
        for good in [
            r#""0""#,
            r#""0x0""#,
            r#""115792089237316195423570985008687907853269984665640564039457584007913129639935""#,
        ] {
            from_str::<Number>(good).unwrap();
        }
        for bad in [
            "0",
            "1e3",
            "1e400",
            "-1",
            "1.5",
            "NaN",
            "null",
            "true",
            "[]",
            r#""""#,
            r#""+1""#,
            r#""-1""#,
            r#"" 1""#,
            r#""1 ""#,
            r#""01""#,
            r#""0x""#,
            r#""0x01""#,
            r#""0X1""#,
            r#""0xg""#,
            r#""1e3""#,
            r#""NaN""#,
            r#""1_000""#,
            r#""\u0661""#,
            r#""\u202e1""#,
            r#""1\u0000""#,
            r#""115792089237316195423570985008687907853269984665640564039457584007913129639936""#,
        ] {
            assert!(from_str::<Number>(bad).is_err(), "{bad}");
        }
        for bad in [
            "-1",
            "1.0",
            "1e3",
            "18446744073709551616",
            r#""18446744073709551616""#,
            r#""0x1""#,
            r#""+1""#,
            r#""""#,
        ] {
            assert!(from_str::<Seconds>(bad).is_err(), "{bad}");
        }
    }

    // covers: S20
    #[test]
    fn addresses_have_the_right_length_and_checksum() {
        let checked = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        for good in [checked.to_owned(), checked.to_lowercase(), format!("0x{}", checked[2..].to_uppercase())]
        {
            from_str::<HexAddress>(&json!(good).to_string()).unwrap();
        }
        assert!(why::<HexAddress>(&json!(checked.replace('A', "a")).to_string()).contains("checksum"));
        assert!(why::<HexAddress>(&json!(&checked[2..]).to_string()).contains("0x"));
        assert!(why::<HexAddress>(&json!(&checked[..41]).to_string()).contains("odd"));
        assert!(why::<HexAddress>(&json!(format!("{checked}00")).to_string()).contains("20 bytes"));
    }

    // covers: D13
    #[test]
    fn errors_do_not_repeat_control_characters_or_long_input() {
        let message =
            why::<Number>(&json!("\u{1b}[31m\n\u{202e}".to_owned() + &"x".repeat(10_000)).to_string());
        assert!(message.len() < 600 && !message.contains(['\u{1b}', '\n', '\u{202e}']), "{message}");
    }

    proptest! {
        #[test]
        fn scalars_round_trip(limbs: [u64; 4], raw: [u8; 32], seconds: u64, data in prop::collection::vec(any::<u8>(), 0..99)) {
            let number = Number(U256::from_limbs(limbs));
            prop_assert_eq!(serde_json::from_value::<Number>(to_value(number).unwrap()).unwrap(), number);
            prop_assert_eq!(serde_json::from_value::<Number>(json!(number.0.to_string())).unwrap(), number);
            let hash = Hash(B256::from(raw));
            prop_assert_eq!(serde_json::from_value::<Hash>(to_value(hash).unwrap()).unwrap(), hash);
            let address = HexAddress(Address::from_slice(&raw[..20]));
            prop_assert_eq!(serde_json::from_value::<HexAddress>(to_value(address).unwrap()).unwrap(), address);
            prop_assert_eq!(serde_json::from_value::<Seconds>(to_value(Seconds(seconds)).unwrap()).unwrap(), Seconds(seconds));
            let blob = Blob(data.into());
            prop_assert_eq!(serde_json::from_value::<Blob>(to_value(&blob).unwrap()).unwrap(), blob);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text: String) {
            let json = json!(text).to_string();
            let _ = (from_str::<Number>(&json), from_str::<Seconds>(&json), from_str::<Hash>(&json));
            let _ = (from_str::<HexAddress>(&json), from_str::<Blob>(&json));
        }
    }
}
