//! A line between two programs that the test can cut off half-open: it stays up, and nothing
//! passes any more.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TURN: Duration = Duration::from_millis(20);

/// A line to a server; ends with it.
#[derive(Debug)]
pub struct Line {
    /// Where it begins.
    pub address: SocketAddr,
    cut: Arc<AtomicBool>,
    cuts_after: Arc<Mutex<Option<&'static str>>>,
    ended: Arc<AtomicBool>,
}

impl Line {
    /// A line to `server`.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (cut, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let cuts_after = Arc::default();
        let word: Arc<Mutex<_>> = Arc::clone(&cuts_after);
        let (cut_there, ended_there) = (Arc::clone(&cut), Arc::clone(&ended));
        std::thread::spawn(move || {
            while !ended_there.load(Ordering::SeqCst) {
                let Ok((near, _)) = listener.accept() else {
                    std::thread::sleep(TURN);
                    continue;
                };
                near.set_nonblocking(false).unwrap();
                let Ok(far) = TcpStream::connect(server) else { continue };
                for (from, to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    let (cut, ended) = (Arc::clone(&cut_there), Arc::clone(&ended_there));
                    let word = Arc::clone(&word);
                    std::thread::spawn(move || pass(from, to, &cut, &word, &ended));
                }
            }
        });
        Self { address, cut, cuts_after, ended }
    }

    /// Nothing passes from now on, not even an end.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// The next message with this word passes, and nothing after it.
    pub fn cut_after(&self, word: &'static str) {
        *self.cuts_after.lock().unwrap() = Some(word);
    }

    /// Whether nothing passes.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Everything passes again.
    pub fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    cut: &AtomicBool,
    word: &Mutex<Option<&'static str>>,
    ended: &AtomicBool,
) {
    from.set_read_timeout(Some(TURN)).unwrap();
    let mut bytes = [0; 8192];
    while !ended.load(Ordering::SeqCst) {
        if cut.load(Ordering::SeqCst) {
            std::thread::sleep(TURN);
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) if !cut.load(Ordering::SeqCst) => {
                if to.write_all(&bytes[..length]).is_err() {
                    break;
                }
                word.lock().unwrap().take_if(|word| {
                    let said =
                        bytes[..length].windows(word.len()).any(|part| part == word.as_bytes());
                    cut.fetch_or(said, Ordering::SeqCst);
                    said
                });
            }
            // It is on its way when the line is cut, and lost.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
