//! Connections between processes that share only a key: who gets in, who doesn't, and that nobody holds up another.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mp::{Address, AuthKey, Client, CommError, Connection, Listener};

use crate::{each, start};

fn addresses() -> [Address; 2] {
    [Address::unique().expect("a name"), "127.0.0.1:0".parse().expect("an address")]
}

fn ask(address: Address, key: AuthKey, len: usize) -> usize {
    let server: Connection<Vec<u8>, usize> = Client::connect(&address, &key).expect("it has the key");
    server.send(vec![1; len]).expect("sends");
    server.recv().expect("receives")
}

#[test]
fn who_has_the_key_is_served() {
    each("listener", |method| {
        for address in addresses() {
            let key = AuthKey::random().expect("a key");
            let listener = Listener::bind(&address, &key).expect("listens");
            for len in [0, 5, 70_000, 3_000_000] {
                let client = start(method, ask, (listener.address().clone(), key.clone(), len));
                let connection = listener.accept::<usize, Vec<u8>>().expect("a client");
                connection.send(connection.recv().expect("receives").len()).expect("sends");
                assert_eq!(client.join(), Ok(len));
                assert!(matches!(connection.recv(), Err(CommError::Closed)));
            }
        }
    });
}

/// Comes with the key, after others.
fn knock(address: &Address, key: &AuthKey) {
    Client::connect::<u8, u8>(address, key).expect("it has the key").send(7).expect("sends");
}

/// Who comes with the key is the first who is let in, whoever came before.
fn is_the_first(listener: &Listener) {
    let connection = listener.accept::<u8, u8>().expect("the one with the key");
    assert_eq!(connection.recv().expect("receives"), 7);
}

#[test]
fn another_key_is_refused_by_both_sides() {
    for address in addresses() {
        let (key, other) = (AuthKey::random().expect("a key"), AuthKey::random().expect("another"));
        let listener = Listener::bind(&address, &key).expect("listens");
        let (address, own) = (listener.address().clone(), key.clone());
        let refused = std::thread::spawn(move || {
            let refused = Client::connect::<u8, u8>(&address, &other);
            knock(&address, &own);
            refused
        });
        is_the_first(&listener);
        let refused = refused.join().expect("no panic");
        assert!(matches!(refused, Err(CommError::Authentication(_))), "{refused:?}");
    }
}

fn tcp(key: &AuthKey) -> (Listener, SocketAddr) {
    let listener = Listener::bind(&"127.0.0.1:0".parse().expect("an address"), key).expect("listens");
    let Address::Tcp(at) = *listener.address() else { panic!("it is TCP") };
    (listener, at)
}

/// A server that does not know the key greets, takes what the client answers, and makes something up.
#[test]
fn a_server_without_the_key_is_found_out_before_a_word() {
    let impostor = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    let at = impostor.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        let (mut client, _) = impostor.accept().expect("a client");
        client.write_all(b"mp-auth1").and_then(|()| client.write_all(&[7; 32])).expect("greets");
        let mut answer = [0; 64];
        client.read_exact(&mut answer).expect("an answer");
        client.write_all(&[9; 32]).expect("makes a proof up");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).map(|_| rest)
    });
    let key = AuthKey::random().expect("a key");
    let found = Client::connect::<(), ()>(&Address::Tcp(at), &key);
    assert!(matches!(found, Err(CommError::Authentication(_))), "{found:?}");
    assert_eq!(server.join().expect("no panic").expect("reads"), b"", "nothing was said to it");
}

/// Reflecting a server's own challenge and words back at it proves nothing.
#[test]
fn a_stranger_learns_nothing_and_gets_no_further_than_the_greeting() {
    let key = AuthKey::random().expect("a key");
    let (listener, at) = tcp(&key);
    let address = listener.address().clone();
    let stranger = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(at).expect("connects");
        let mut greeting = [0; 40];
        stream.read_exact(&mut greeting).expect("a greeting");
        stream.write_all(&greeting[8..]).and_then(|()| stream.write_all(&greeting[8..])).expect("answers");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        knock(&address, &key);
        (greeting, rest)
    });
    is_the_first(&listener);
    let (greeting, rest) = stranger.join().expect("no panic");
    assert_eq!((&greeting[..8], &rest[..]), (&b"mp-auth1"[..], &[0; 32][..]), "a number, and no");
}

#[test]
fn strangers_who_say_nothing_or_rubbish_delay_nobody() {
    let key = AuthKey::random().expect("a key");
    let (listener, at) = tcp(&key);
    // Who waited for one of them would wait that long.
    let listener = listener.handshake_timeout(Duration::from_secs(200));
    let silent: Vec<_> = (0..100).map(|_| TcpStream::connect(at).expect("connects")).collect();
    for (number, stream) in silent.iter().enumerate().take(50) {
        let mut stream = stream;
        let _ = stream.write_all(&vec![number as u8; number * 7]);
    }
    let address = listener.address().clone();
    let start = Instant::now();
    let client = std::thread::spawn(move || Client::connect::<u8, u8>(&address, &key).expect("it has the key"));
    let connection = listener.accept::<u8, u8>().expect("the one with the key");
    assert!(start.elapsed() < Duration::from_secs(100), "{:?}", start.elapsed());
    connection.send(1).expect("sends");
    assert_eq!(client.join().expect("no panic").recv().expect("receives"), 1);
}

#[test]
fn a_client_does_not_wait_for_a_server_that_does_not_answer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = Address::Tcp(silent.local_addr().expect("an address"));
    let key = AuthKey::random().expect("a key");
    let late = Client::connect_timeout::<(), ()>(&address, &key, Duration::from_millis(50));
    assert!(matches!(late, Err(CommError::TimedOut { .. })), "{late:?}");
    let nobody = Client::connect::<(), ()>(&Address::unique().expect("a name"), &key);
    assert!(matches!(nobody, Err(CommError::NobodyThere { .. })), "{nobody:?}");
}

#[test]
fn a_message_above_the_maximum_is_refused_unread() {
    let key = AuthKey::random().expect("a key");
    let listener = Listener::bind(&Address::unique().expect("a name"), &key).expect("listens").max_message(1000);
    let address = listener.address().clone();
    let client = std::thread::spawn(move || {
        let server = Client::connect::<Vec<u8>, u8>(&address, &key).expect("it has the key");
        server.send(vec![0; 900]).expect("sends");
        let _ = server.send(vec![0; 100_000]);
        server.recv()
    });
    let connection = listener.accept::<Vec<u8>, Vec<u8>>().expect("a client");
    assert_eq!(connection.recv().expect("receives").len(), 900);
    assert!(matches!(connection.recv(), Err(CommError::TooLarge { max: 1000, .. })));
    assert!(matches!(connection.send(vec![0; 2000]), Err(CommError::TooLarge { len: 2002.., max: 1000 })));
    assert!(matches!(client.join().expect("no panic"), Err(CommError::Closed)));
}

fn vanish(address: Address, key: AuthKey) {
    let server: Connection<Vec<u8>, ()> = Client::connect(&address, &key).expect("it has the key");
    server.send(vec![1]).expect("sends");
    let _ = server.recv();
}

#[test]
fn a_killed_client_is_the_end_of_its_connection() {
    each("listener_killed", |method| {
        for address in addresses() {
            let key = AuthKey::random().expect("a key");
            let listener = Listener::bind(&address, &key).expect("listens");
            let client = start(method, vanish, (listener.address().clone(), key));
            let connection = listener.accept::<(), Vec<u8>>().expect("a client");
            assert_eq!(connection.recv().expect("receives"), [1]);
            client.kill();
            assert!(matches!(connection.recv(), Err(CommError::Closed)));
        }
    });
}
