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


# Plain sums with whole factors: a tree compares these with its thresholds exactly.
TREES = {
    "direction: 1 sells quote": {"slot.direction": 1.0},
    "log2 of the size in tokens sold": {"slot.size": 1.0},
    "log2 of the size as a share of the pool's base": {"slot.size": 1.0, "uniswap-v2.base-depth": -1.0},
    "log2 of the size as a share of the pool's quote": {"slot.size": 1.0, "uniswap-v2.quote-depth": -1.0},
    **{name: BASIC[name] for name in ("volatility", "log2 of the base fee", "block interval")},
    **GAPS,
    **AGES,
    "seconds until the deadline": {"slot.deadline": 1.0, "chain.timestamp": -1.0},
}  # fmt: skip

# The path of a V3 pool, oldest window first, against the mean that is the reference price.
TICKS = {
    f"tick {i} against reference": {f"uniswap-v3.tick-{i}": 1.0, "uniswap-v3.price": -1.0} for i in range(16)
}

SIZE_OF_LIQUIDITY = {
    "slot.size": 1.0, "slot.direction": -PRICE, "uniswap-v3.depth": -1.0, "uniswap-v3.price": 0.5,
}  # fmt: skip

# What a quote depends on besides the path.
AROUND_TICKS = {
    "direction: 1 sells quote": {"slot.direction": 1.0},
    "log2 of the size in base tokens": {"slot.size": 1.0, "slot.direction": -PRICE},
    "log2 of the size as a share of the liquidity": SIZE_OF_LIQUIDITY,
    "volatility": {"uniswap-v3.volatility": 1.0},
    "oracle against reference": {"chainlink.price": 1.0, "uniswap-v3.price": -1.0},
    "recent against reference": {"uniswap-v3.price-recent": 1.0, "uniswap-v3.price": -1.0},
    "age of the pool's observation": {"uniswap-v3.age": 1.0},
    "age of the oracle's answer": {"chainlink.age": 1.0},
    "log2 of the base fee": {"chain.base-fee": 1.0},
    "block interval": {"chain.block-interval": 1.0},
    "seconds until the deadline": {"slot.deadline": 1.0, "chain.timestamp": -1.0},
    "log2 of the base fee against the size": {"chain.base-fee": 1.0, "slot.size": -1.0, "slot.direction": PRICE},
}
