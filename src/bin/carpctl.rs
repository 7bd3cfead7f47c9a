//! carpctl

fn main() {}
