//! Questions and answers over a netlink socket, whatever happens on the way.

use std::io;

use zeroize::Zeroizing;

use crate::sys::netlink::{self, Answer, DecodeError, Message};

/// More than the socket's receive buffer holds, so no message is ever cut.
const BUFFER: usize = 128 << 10;

/// How often a question is asked whose answer got lost.
const TRIES: usize = 3;

/// How many receptions one answer may take: 255 vhids come in a few datagrams, and each signal costs one more.
const PATIENCE: usize = 1000;

/// A netlink socket.
pub(super) trait Datagrams {
    /// Sends one datagram to the kernel.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// Waits a limited time for a datagram. [`io::ErrorKind::WouldBlock`] says that none came.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// What closed an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// 0 for success.
    pub(super) errno: i32,
    /// The kernel's own words (`NLMSGERR_ATTR_MSG`), if it has any.
    pub(super) text: Option<String>,
}

/// A socket with what an exchange needs.
#[derive(Debug)]
pub(super) struct Exchange<S> {
    socket: S,
    seq: u32,
    /// Wiped when it goes: root is told keys.
    buffer: Zeroizing<Vec<u8>>,
}

impl<S: Datagrams> Exchange<S> {
    pub(super) fn new(socket: S) -> Self {
        Self { socket, seq: 0, buffer: Zeroizing::new(vec![0; BUFFER]) }
    }

    /// Asks for things, again if the answer was lost: the receive buffer was full, or what came was cut or damaged.
    ///
    /// # Errors
    /// The socket's own, no answer in time, or none that could be read.
    pub(super) fn ask<T>(
        &mut self,
        request: impl Fn(u32) -> Vec<u8>,
        decode: impl Fn(&Message<'_>) -> Result<T, DecodeError>,
    ) -> io::Result<(Vec<T>, End)> {
        let mut tries = 1;
        loop {
            match self.once(&request, &decode) {
                Err(e) if lost(&e) && tries < TRIES => tries += 1,
                ended => return ended,
            }
        }
    }

    /// Tells the kernel to change something, exactly once: after an error nobody knows whether it did.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn tell(&mut self, request: impl Fn(u32) -> Vec<u8>) -> io::Result<End> {
        self.once(&request, &|_: &Message<'_>| Ok(())).map(|(_, end)| end)
    }

    fn once<T>(
        &mut self,
        request: &impl Fn(u32) -> Vec<u8>,
        decode: &impl Fn(&Message<'_>) -> Result<T, DecodeError>,
    ) -> io::Result<(Vec<T>, End)> {
        self.seq = self.seq.wrapping_add(1);
        // A request may hold a key.
        let request = Zeroizing::new(request(self.seq));
        self.send(&request)?;
        let mut things = Vec::new();
        for _ in 0..PATIENCE {
            let length = match self.socket.receive(&mut self.buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                received => received?,
            };
            for message in netlink::messages(self.buffer.get(..length).unwrap_or_default()) {
                let message = message.map_err(damaged)?;
                // An answer to a question that had been given up.
                if message.seq != self.seq {
                    continue;
                }
                match message.answer().map_err(damaged)? {
                    Answer::Data(data) => things.push(decode(&data).map_err(damaged)?),
                    Answer::Done { errno } => return Ok((things, End { errno, text: None })),
                    Answer::Status { errno, text } => {
                        return Ok((things, End { errno, text: text.map(str::to_owned) }));
                    }
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "netlink answers everything but what was asked"))
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        for _ in 0..PATIENCE {
            match self.socket.send(request) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent,
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }
}

fn damaged(error: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// A full receive buffer is `ENOBUFS`, which has no kind of its own; its number differs between systems.
fn lost(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData || error.raw_os_error() == Some(libc::ENOBUFS)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::sys::netlink::Builder;

    /// Answers with what was laid ready; `SEQ` in it becomes the number of the question.
    #[derive(Default)]
    struct Script {
        answers: VecDeque<io::Result<Vec<u8>>>,
        sent: Vec<Vec<u8>>,
        interrupt_send: bool,
    }

    const SEQ: u32 = 0xfefe_fefe;

    impl Datagrams for Script {
        fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
            if std::mem::take(&mut self.interrupt_send) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.sent.push(datagram.to_vec());
            Ok(())
        }

        fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let mut answer = self.answers.pop_front().unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))?;
            let asked = &self.sent.last().unwrap()[8..12];
            for at in (0..answer.len().saturating_sub(11)).step_by(4) {
                if answer[at + 8..at + 12] == SEQ.to_ne_bytes() {
                    answer[at + 8..at + 12].copy_from_slice(asked);
                }
            }
            buffer[..answer.len()].copy_from_slice(&answer);
            Ok(answer.len())
        }
    }

    fn data(seq: u32, value: u8) -> Vec<u8> {
        Builder::request(0x11, 0, seq, &[value]).attribute(1, &[]).finish()
    }

    fn done(seq: u32, errno: i32) -> Vec<u8> {
        Builder::request(3, 0, seq, &errno.to_ne_bytes()).finish()
    }

    fn ask(answers: Vec<io::Result<Vec<u8>>>) -> (io::Result<(Vec<u8>, End)>, usize) {
        let mut exchange = Exchange::new(Script { answers: answers.into(), ..Script::default() });
        let asked = exchange.ask(
            |seq| Builder::request(0x11, 0, seq, &[]).finish(),
            |message| message.body.first().copied().ok_or(DecodeError::Short("test")),
        );
        (asked, exchange.socket.sent.len())
    }

    #[test]
    fn answers_to_given_up_questions_are_passed_over() {
        let (asked, sent) = ask(vec![Ok([data(77, 9), done(77, 0)].concat()), Ok(data(SEQ, 1)), Ok(done(SEQ, 0))]);
        assert_eq!(asked.unwrap(), (vec![1], End { errno: 0, text: None }));
        assert_eq!(sent, 1);
    }

    #[test]
    fn a_signal_interrupts_nothing() {
        let answers = VecDeque::from([Err(io::ErrorKind::Interrupted.into()), Ok(done(SEQ, 2))]);
        let mut exchange = Exchange::new(Script { answers, interrupt_send: true, ..Script::default() });
        assert_eq!(exchange.tell(|seq| data(seq, 0)).unwrap().errno, 2);
        assert_eq!(exchange.socket.sent.len(), 1);
    }

    #[test]
    fn a_question_whose_answer_was_lost_is_asked_again_from_the_start() {
        let mut cut = data(SEQ, 1);
        cut.truncate(18);
        for lost in [Err(io::Error::from_raw_os_error(libc::ENOBUFS)), Ok(cut)] {
            let (asked, sent) = ask(vec![Ok(data(SEQ, 1)), lost, Ok(data(SEQ, 1)), Ok(data(SEQ, 2)), Ok(done(SEQ, 0))]);
            assert_eq!(asked.unwrap().0, [1, 2]);
            assert_eq!(sent, 2);
        }
    }

    #[test]
    fn a_change_is_told_only_once_even_if_its_answer_is_lost() {
        let answers = VecDeque::from([Err(io::Error::from_raw_os_error(libc::ENOBUFS)), Ok(done(SEQ, 0))]);
        let mut exchange = Exchange::new(Script { answers, ..Script::default() });
        assert!(exchange.tell(|seq| data(seq, 0)).is_err());
        assert_eq!(exchange.socket.sent.len(), 1);
    }

    #[test]
    fn neither_silence_nor_babble_is_waited_for_forever() {
        let (asked, sent) = ask(Vec::new());
        assert_eq!((asked.unwrap_err().kind(), sent), (io::ErrorKind::WouldBlock, 1));
        let (asked, _) = ask((0..2 * PATIENCE).map(|_| Ok(data(77, 0))).collect());
        assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (asked, sent) = ask((0..10).map(|_| Ok(vec![1, 2, 3])).collect());
        assert_eq!((asked.unwrap_err().kind(), sent), (io::ErrorKind::InvalidData, TRIES));
    }

    #[test]
    fn the_kernel_s_words_and_unknown_attributes_are_taken_as_they_come() {
        let mut body = 22i32.to_ne_bytes().to_vec();
        body.extend(done(5, 0));
        let refused = Builder::request(2, 0, SEQ, &body).attribute(99, b"new").string(1, "no such thing").finish();
        let (asked, _) = ask(vec![Ok(refused)]);
        assert_eq!(asked.unwrap().1, End { errno: 22, text: Some("no such thing".to_owned()) });
    }
}
