//! carpd

fn main() {}
