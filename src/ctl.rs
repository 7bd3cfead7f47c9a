//! carpctl: shows and changes what carpd does on a node.

pub mod lab_run;
