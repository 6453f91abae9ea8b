//! The program: everything is in the library, see [`modelscand`].

use std::process::ExitCode;

fn main() -> ExitCode {
    modelscand::cli::main()
}
