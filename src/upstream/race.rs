//! The addresses of one server, tried one beside the other ("happy eyeballs", RFC 8305): one that
//! swallows everything costs a moment and no failure.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

/// How long an address is alone before the next one is tried beside it (RFC 8305 section 5). One that
/// fails gives way at once.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first that answers; the others are given up. Where none does: why the last one
/// failed.
pub(super) async fn first<T, F>(
    addresses: &[SocketAddr],
    connect: impl Fn(SocketAddr) -> F,
) -> Result<(SocketAddr, T), Option<(SocketAddr, io::Error)>>
where
    F: Future<Output = io::Result<T>>,
{
    let mut left = alternating(addresses).into_iter();
    let mut trying: Vec<(SocketAddr, Pin<Box<F>>)> = Vec::new();
    let mut last = None;
    let mut head_start = pin!(sleep(Duration::ZERO));
    poll_fn(|context| {
        loop {
            let mut gives_way = false;
            let mut index = 0;
            while let Some((address, attempt)) = trying.get_mut(index) {
                match attempt.as_mut().poll(context) {
                    Poll::Ready(Ok(connected)) => return Poll::Ready(Ok((*address, connected))),
                    Poll::Ready(Err(error)) => {
                        last = Some((*address, error));
                        gives_way = true;
                        drop(trying.remove(index));
                    }
                    Poll::Pending => index += 1,
                }
            }
            let is_next =
                gives_way || trying.is_empty() || head_start.as_mut().poll(context).is_ready();
            if !is_next {
                return Poll::Pending;
            }
            match left.next() {
                Some(address) => {
                    trying.push((address, Box::pin(connect(address))));
                    head_start.set(sleep(HEAD_START));
                }
                None if trying.is_empty() => return Poll::Ready(Err(last.take())),
                None => return Poll::Pending,
            }
        }
    })
    .await
}

/// The same addresses, the two families in turns (RFC 8305 section 4), since it is mostly a whole
/// family that leads nowhere. The first one stays the first.
fn alternating(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let mut same = addresses.iter().filter(|address| address.is_ipv6() == first);
    let mut other = addresses.iter().filter(|address| address.is_ipv6() != first);
    let mut ordered = Vec::with_capacity(addresses.len());
    while ordered.len() < addresses.len() {
        ordered.extend(same.next());
        ordered.extend(other.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// Connects as the address says: port 1 hangs, 2 refuses, everything else answers.
    async fn connect(tried: &RefCell<Vec<SocketAddr>>, address: SocketAddr) -> io::Result<u16> {
        tried.borrow_mut().push(address);
        match address.port() {
            1 => std::future::pending().await,
            2 => Err(io::ErrorKind::ConnectionRefused.into()),
            port => Ok(port),
        }
    }

    #[tokio::test]
    async fn an_address_that_hangs_costs_a_moment() {
        let tried = RefCell::default();
        let addresses = ["[::1]:1", "127.0.0.1:3", "127.0.0.2:4"].map(at);
        let found = first(&addresses, |address| connect(&tried, address)).await.unwrap();
        assert_eq!(found, (addresses[1], 3));
        assert_eq!(*tried.borrow(), &addresses[..2], "the third was not needed");
    }

    #[tokio::test]
    async fn one_that_refuses_gives_way_at_once() {
        let tried = RefCell::default();
        let addresses = ["[::1]:2", "127.0.0.1:3"].map(at);
        let connecting = pin!(first(&addresses, |address| connect(&tried, address)));
        let at_once = tokio::time::timeout(Duration::ZERO, connecting).await;
        assert_eq!(at_once.unwrap().unwrap(), (addresses[1], 3));
    }

    #[tokio::test]
    async fn where_none_answers_the_last_failure_is_told() {
        let tried = RefCell::default();
        let addresses = ["127.0.0.1:2", "127.0.0.2:2"].map(at);
        let (address, error) =
            first(&addresses, |address| connect(&tried, address)).await.unwrap_err().unwrap();
        assert_eq!((address, error.kind()), (addresses[1], io::ErrorKind::ConnectionRefused));
        assert!(first(&[], |address| connect(&tried, address)).await.unwrap_err().is_none());
    }

    #[tokio::test]
    async fn one_that_is_slow_wins_where_the_others_fail() {
        let addresses = ["127.0.0.1:9", "127.0.0.2:2"].map(at);
        let slow = |address: SocketAddr| async move {
            if address.port() == 2 {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            sleep(HEAD_START * 4).await;
            Ok(address.port())
        };
        assert_eq!(first(&addresses, slow).await.unwrap(), (addresses[0], 9));
    }

    #[test]
    fn families_take_turns() {
        let six = ["[::1]:1", "[::2]:1", "[::3]:1"].map(at);
        let four = ["127.0.0.1:1", "127.0.0.2:1"].map(at);
        let ordered = alternating(&[&six[..], &four[..]].concat());
        assert_eq!(ordered, [six[0], four[0], six[1], four[1], six[2]]);
        let ordered = alternating(&[&four[..1], &six[..]].concat());
        assert_eq!(ordered, [four[0], six[0], six[1], six[2]]);
    }
}
