//! `modelscand explain RULE`: what a rule means.

use super::Exit;
use super::exit::UsageError;
use crate::render::{Out, human};
use crate::scan::formats::rules;

/// Explain a rule that a finding names
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The rule, for example pickle.dangerous-call
    #[arg(value_name = "RULE")]
    rule: String,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let known: Vec<_> = rules().collect();
        let Some(info) = known.iter().find(|info| info.rule.as_str() == self.rule) else {
            let names: Vec<_> = known.iter().map(|info| info.rule.as_str()).collect();
            return Err(unknown(&self.rule, &names).into());
        };
        human::formats::rule(&mut Out::stdout(), info)?;
        Ok(Exit::Nothing)
    }
}

fn unknown(rule: &str, names: &[&str]) -> UsageError {
    let rule = crate::report::printable(rule, 100);
    let hint = match crate::config::nearest(&rule, names) {
        Some(name) => format!("did you mean {name}?"),
        None => "modelscand formats lists all rules".to_owned(),
    };
    UsageError(format!("no rule is called {rule}; {hint}"))
}
