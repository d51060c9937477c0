//! Custom gates. Each is a [`gate::Gadget`]: constraints written once, and the generator beside them.

pub(crate) mod arith;
pub(crate) mod clamp;
pub(crate) mod fold;
pub(crate) mod function;
pub(crate) mod gate;
pub(crate) mod matmul;
pub(crate) mod pack;
pub(crate) mod quote;
pub(crate) mod requant;
pub(crate) mod slot;
pub(crate) mod tree;

#[cfg(test)]
mod tests;
