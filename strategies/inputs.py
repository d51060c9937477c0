"""Inputs that the example strategies share: linear combinations of features, by name."""

# log2 of the price around which a size in quote tokens is read as one in base tokens.
PRICE = 11.3

BASIC = {
    "direction: 1 sells quote": {"slot.direction": 1.0},
    "log2 of the size in base tokens": {"slot.size": 1.0, "slot.direction": -PRICE},
    "log2 of the size as a share of the pool": {
        "slot.size": 1.0, "slot.direction": -PRICE, "uniswap-v2.base-depth": -1.0,
    },
    "volatility": {"uniswap-v2.volatility": 1.0},
    "log2 of the base fee": {"chain.base-fee": 1.0},
    "block interval": {"chain.block-interval": 1.0},
}  # fmt: skip

GAPS = {
    "oracle against reference": {"chainlink.price": 1.0, "uniswap-v2.price": -1.0},
    "recent against reference": {"uniswap-v2.price-recent": 1.0, "uniswap-v2.price": -1.0},
    "oracle against recent": {"chainlink.price": 1.0, "uniswap-v2.price-recent": -1.0},
}

AGES = {
    "age of the pool's observation": {"uniswap-v2.age": 1.0},
    "age of the oracle's answer": {"chainlink.age": 1.0},
}

LEVELS = {
    "log2 of the price": {"uniswap-v2.price": 1.0},
    "log2 of the pool's base": {"uniswap-v2.base-depth": 1.0},
}


def gated(name, terms, gate):
    """The same sum, lowered for one direction: what a network needs to treat the directions apart."""
    return {
        f"{name}, lowered when quote is sold": {**terms, "slot.direction": terms.get("slot.direction", 0.0) - gate},
        f"{name}, raised when quote is sold": {**terms, "slot.direction": terms.get("slot.direction", 0.0) + gate},
    }
