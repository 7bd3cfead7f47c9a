//! `history` and `events`: what happened, and what happens.

use super::exit::{self, Ended, Failure};
use super::render::history;
use super::time::now;
use super::{Context, client, look};
use crate::control::{Answer, Ask};

pub(super) fn history(context: &mut Context, limit: usize, json: bool) -> Ended {
    let ask = Ask::History { limit };
    let answer =
        client::ask(&context.target.socket, &ask).map_err(|silence| look::unreachable(&context.target, &silence))?;
    let Answer::History { entries } = answer else { return Err(look::unexpected(&context.target, answer)) };
    if json {
        for entry in &entries {
            context.out.json_line(entry)?;
        }
    } else {
        let view = context.out.view(now());
        context.out.write(&history::entries(&entries, &view, &jiff::tz::TimeZone::system()))?;
    }
    Ok(exit::DONE)
}

pub(super) fn follow(context: &mut Context, json: bool) -> Ended {
    let gone = |silence| look::unreachable(&context.target, &silence);
    let mut stream = client::follow(&context.target.socket).map_err(gone)?;
    let zone = jiff::tz::TimeZone::system();
    while !context.out.is_closed() {
        match stream.next(None) {
            Ok(Answer::Event { entry }) if json => context.out.json_line(&entry)?,
            Ok(Answer::Event { entry }) => {
                let view = context.out.view(now());
                context.out.write(&history::event(&entry, &view, &zone))?;
            }
            Ok(Answer::Error { text }) => return Err(look::unreachable(&context.target, &client::Silence::Said(text))),
            Ok(answer) => return Err(look::unexpected(&context.target, answer)),
            Err(client::Silence::Closed) => {
                return Err(Failure::new(exit::UNREACHABLE, "carpd has ended, and with it its events"));
            }
            Err(silence) => return Err(look::unreachable(&context.target, &silence)),
        }
    }
    Ok(exit::DONE)
}
