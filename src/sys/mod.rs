//! The only unsafe code: the system calls that nix and the standard library do not offer in safe form.
//!
//! Each function here is a thin, safe wrapper that does one thing. Nothing here decides anything: what a worker gives up, and in
//! which order, is the worker room's business. The rest of the crate is built with `unsafe_code` denied.

#![allow(unsafe_code)]

pub(crate) mod capabilities;
pub(crate) mod descriptors;
#[cfg(feature = "hdf5")]
pub(crate) mod hdf5;
pub(crate) mod lease;
