//! The commands that change something: how a change is asked for, and `reload` and `demotion assume`.

use super::args::Fate;
use super::client;
use super::exit::{self, Ended, Failure};
use super::target::Target;
use super::{Context, look};
use crate::control::{Answer, Ask};
use crate::core::io::{Reply, Request};

/// Asks the daemon for a change and returns what it says about it.
pub(super) fn ask(target: &Target, ask: &Ask) -> Result<String, Failure> {
    let answer = client::ask(&target.socket, ask).map_err(|silence| look::unreachable(target, &silence))?;
    match answer {
        Answer::Reply { reply: Reply::Done { text } } => Ok(text),
        Answer::Reply { reply: Reply::Refused { text } } => {
            Err(Failure::new(exit::REFUSED, format!("refused: {text}")))
        }
        Answer::Reply { reply: Reply::Failed { text } } => Err(Failure::new(exit::FAILED, text)),
        answer => Err(look::unexpected(target, answer)),
    }
}

pub(super) fn reload(context: &mut Context) -> Ended {
    say(context, &Ask::Reload)
}

pub(super) fn assume(context: &mut Context, fate: Fate) -> Ended {
    say(context, &Ask::Change { change: Request::LedgerAssume { landed: fate == Fate::Landed } })
}

fn say(context: &mut Context, question: &Ask) -> Ended {
    let text = ask(&context.target, question)?;
    context.out.write(&format!("{}: {}\n", context.target.node, super::text::clean(&text)))?;
    Ok(exit::DONE)
}
