//! `Listener` and `Client`: connections to whoever has the key, by a Unix socket or TCP.
//!
//! Does **not** know what is said on a connection.
//!
//! ```text
//!  accept() ── Poller: the listening socket, and every stranger ── a step for each that can be read ─▶ the first one known
//!                                                └ 5 s for each, 64 at most: the oldest has to go
//! ```
//!
//! No stranger is waited for: a client that says nothing, or rubbish, delays nobody.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::{Duration, Instant};

use mp_sys::dial;
use mp_sys::poll::{Poller, Way};
use parking_lot::Mutex;

use crate::address::Address;
use crate::connection::Connection;
use crate::error::CommError;
use crate::handshake::{Step, Stranger, introduce};
use crate::key::AuthKey;
use crate::stream::{Socket, Stream};
use crate::until::Until;

/// How long a stranger may take to prove itself, and a server to answer.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// So many strangers at once.
const STRANGERS: usize = 64;

/// The longest message, unless another maximum is set.
const MAX_MESSAGE: u64 = 64 << 20;

const KNOCK: u64 = 0;

/// Waits for clients at an address. Python's `multiprocessing.connection.Listener`, with `authkey` always.
///
/// Client and server prove to each other that they have the same key before anything else crosses. What crosses then is
/// not encrypted: over a network that is not yours, use a tunnel.
///
/// # Examples
/// ```
/// use mp_comm::{Address, AuthKey, Client, Listener};
///
/// let key = AuthKey::random()?;
/// let listener = Listener::bind(&Address::unique()?, &key)?;
/// let address = listener.address().clone();
/// let client = std::thread::spawn(move || {
///     let server = Client::connect::<String, u32>(&address, &key)?;
///     server.send("how long?".to_owned())?;
///     server.recv()
/// });
/// let connection = listener.accept::<u32, String>()?;
/// let question = connection.recv()?;
/// connection.send(question.len() as u32)?;
/// assert_eq!(client.join().expect("no panic")?, 9);
/// # Ok::<(), mp_comm::CommError>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    door: Door,
    address: Address,
    key: AuthKey,
    max: u64,
    handshake: Duration,
    poller: Poller,
    strangers: Mutex<Strangers>,
}

#[derive(Debug)]
enum Door {
    Local(UnixListener),
    Tcp(TcpListener),
}

/// In the order of their arrival.
#[derive(Debug, Default)]
struct Strangers {
    last: u64,
    all: Vec<(u64, Instant, Stranger)>,
}

impl Listener {
    /// Listens at `address`, for clients that have `key`.
    ///
    /// # Errors
    /// [`CommError::Os`] when the address is taken, or not one of this machine.
    pub fn bind(address: &Address, key: &AuthKey) -> Result<Self, CommError> {
        let (door, address) = open(address).map_err(CommError::os("listening at an address"))?;
        let poller = Poller::new().map_err(CommError::os("listening at an address"))?;
        poller.add(&door, KNOCK).map_err(CommError::os("listening at an address"))?;
        let (key, strangers) = (key.clone(), Mutex::default());
        Ok(Self { door, address, key, max: MAX_MESSAGE, handshake: HANDSHAKE, poller, strangers })
    }

    /// The most bytes of one message that its connections take and send; 64 MiB, unless it is set.
    #[must_use]
    pub fn max_message(mut self, bytes: u32) -> Self {
        self.max = bytes.into();
        self
    }

    /// How long a client may take to prove itself; 5 s, unless it is set.
    #[must_use]
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake = limit;
        self
    }

    /// Where it listens: with the port, where any was asked for.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Waits for a client that has the key. Others are sent away, and delay nobody.
    ///
    /// # Errors
    /// [`CommError::Os`] when descriptors run out.
    pub fn accept<S, R>(&self) -> Result<Connection<S, R>, CommError> {
        self.accept_until(Until::Forever)
    }

    /// As [`Self::accept`], for at most `timeout`.
    ///
    /// # Errors
    /// [`CommError::TimedOut`], and as [`Self::accept`].
    pub fn accept_timeout<S, R>(&self, timeout: Duration) -> Result<Connection<S, R>, CommError> {
        self.accept_until(Until::after(timeout))
    }

    fn accept_until<S, R>(&self, until: Until) -> Result<Connection<S, R>, CommError> {
        let mut strangers = until.lock(&self.strangers)?;
        let mut ready = Vec::new();
        loop {
            for token in ready.drain(..) {
                let known = if token == KNOCK { self.greet(&mut strangers)? } else { self.hear(&mut strangers, token) };
                if let Some(socket) = known {
                    return Ok(Connection::over_stream(Stream::new(socket, self.max)));
                }
            }
            self.send_late_ones_away(&mut strangers);
            let left = until.left();
            if left.is_some_and(|left| left.is_zero()) {
                return Err(until.late());
            }
            let next = strangers.all.first().map(|(_, late, _)| late.saturating_duration_since(Instant::now()));
            let limit = [left, next].into_iter().flatten().min();
            self.poller.wait(limit, &mut ready).map_err(CommError::os("waiting for clients"))?;
        }
    }

    /// Somebody knocked.
    fn greet(&self, strangers: &mut Strangers) -> Result<Option<Socket>, CommError> {
        let socket = match self.door.accept() {
            Ok(socket) => socket,
            Err(error) if may_pass(&error) => return Ok(None),
            Err(error) => return Err(CommError::os("accepting a client")(error)),
        };
        // Gone before it was greeted.
        let Ok(stranger) = Stranger::challenge(socket) else { return Ok(None) };
        if strangers.all.len() >= STRANGERS {
            let (_, _, oldest) = strangers.all.remove(0);
            self.poller.remove(&oldest.socket);
        }
        strangers.last += 1;
        self.poller.add(&stranger.socket, strangers.last).map_err(CommError::os("accepting a client"))?;
        strangers.all.push((strangers.last, Instant::now() + self.handshake, stranger));
        Ok(None)
    }

    /// A stranger said something.
    fn hear(&self, strangers: &mut Strangers, token: u64) -> Option<Socket> {
        let index = strangers.all.iter().position(|(number, _, _)| *number == token)?;
        let (_, late, stranger) = strangers.all.remove(index);
        let raw = stranger.socket.as_fd().try_clone_to_owned();
        match stranger.step(&self.key) {
            Step::Waiting(stranger) => {
                strangers.all.insert(index, (token, late, stranger));
                None
            }
            Step::Known(socket) => {
                self.poller.remove(&socket);
                Some(socket)
            }
            // Its duplicate would keep it in the poller.
            Step::Refused => {
                raw.into_iter().for_each(|raw| self.poller.remove(&raw));
                None
            }
        }
    }

    fn send_late_ones_away(&self, strangers: &mut Strangers) {
        let now = Instant::now();
        strangers.all.retain(|(_, late, _)| *late > now);
    }
}

/// Readable when a client knocks.
impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.door.as_fd()
    }
}

impl Door {
    fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Local(listener) => Socket::Local(listener.accept()?.0).prepare(),
            Self::Tcp(listener) => Socket::Tcp(listener.accept()?.0).prepare(),
        }
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Local(listener) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }
}

fn open(address: &Address) -> io::Result<(Door, Address)> {
    match address {
        Address::Local(name) => {
            let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
            listener.set_nonblocking(true)?;
            Ok((Door::Local(listener), address.clone()))
        }
        Address::Tcp(at) => {
            let listener = TcpListener::bind(at)?;
            listener.set_nonblocking(true)?;
            let at = listener.local_addr()?;
            Ok((Door::Tcp(listener), Address::Tcp(at)))
        }
    }
}

/// It concerns the client that was to be accepted, not the listener.
fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}

/// Connects to a [`Listener`]. Python's `multiprocessing.connection.Client`.
#[derive(Clone, Copy, Debug)]
pub struct Client;

impl Client {
    /// Connects to who listens at `address` and has `key`, within 5 s.
    ///
    /// # Errors
    /// [`CommError::NobodyThere`]; [`CommError::Authentication`] when the key is not theirs, or they have it not;
    /// [`CommError::TimedOut`]; [`CommError::Malformed`] when something else listens there.
    pub fn connect<S, R>(address: &Address, key: &AuthKey) -> Result<Connection<S, R>, CommError> {
        Self::connect_timeout(address, key, HANDSHAKE)
    }

    /// As [`Self::connect`], within `timeout`.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_timeout<S, R>(
        address: &Address,
        key: &AuthKey,
        timeout: Duration,
    ) -> Result<Connection<S, R>, CommError> {
        let until = Until::after(timeout);
        let socket = dial(address, timeout).map_err(|source| not_there(address, source, timeout))?;
        until.wait(&socket, Way::Read)?;
        introduce(&socket, key, until)?;
        Ok(Connection::over_stream(Stream::new(socket, u32::MAX.into())))
    }
}

fn dial(address: &Address, timeout: Duration) -> io::Result<Socket> {
    match address {
        Address::Local(name) => Socket::Local(dial::local(name, timeout)?),
        // No time at all is refused as an argument that makes no sense.
        Address::Tcp(at) => Socket::Tcp(TcpStream::connect_timeout(at, timeout.max(Duration::from_millis(1)))?),
    }
    .prepare()
}

fn not_there(address: &Address, source: io::Error, after: Duration) -> CommError {
    match source.kind() {
        io::ErrorKind::TimedOut => CommError::TimedOut { after },
        _ => CommError::NobodyThere { address: address.to_string(), source },
    }
}
