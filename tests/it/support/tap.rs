//! A line to a server on which somebody listens.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Everything that passed, in each direction.
#[derive(Debug, Default)]
pub struct Heard {
    pub to_server: Vec<u8>,
    pub from_server: Vec<u8>,
}

/// A line that lives as long as the test's process.
#[derive(Debug, Clone)]
pub struct Tap {
    heard: Arc<Mutex<Heard>>,
}

impl Tap {
    /// Whoever comes to `here` is led to `server`.
    pub fn between(here: SocketAddr, server: SocketAddr) -> Self {
        let listener = TcpListener::bind(here).unwrap();
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let all = Arc::clone(&heard);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(server).unwrap();
                let (up, down) = (Arc::clone(&all), Arc::clone(&all));
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || {
                    pass(near, far, |part| up.lock().unwrap().to_server.extend(part));
                });
                std::thread::spawn(move || {
                    pass(far_too, near_too, |part| down.lock().unwrap().from_server.extend(part));
                });
            }
        });
        Self { heard }
    }

    /// What passed since it was last asked.
    pub fn take(&self) -> Heard {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut hear: impl FnMut(&[u8])) {
    let mut room = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut room) {
        hear(&room[..count]);
        if to.write_all(&room[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}
