//! The half of an adapter that every library shares: the loop, virtual time, the handshake, and the game.
//!
//! A library's own half implements [`Peer`] and calls [`serve`].

mod game;
mod machine;

use std::any::Any;
use std::cell::RefCell;
use std::fmt::Debug;
use std::io::{BufRead, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::time::Duration;

use base64::{engine::general_purpose::STANDARD, Engine};
use serde_json::{json, Value};

pub use game::Game;

/// So many rounds of a handshake are enough.
const MOST_ROUNDS: usize = 1_000;

/// The settings of a case, in a library's words.
pub struct Setup {
    pub players: usize,
    pub fps: usize,
    pub input_delay: usize,
    /// None: the library's default.
    pub window: Option<usize>,
    /// After how long a silent partner is taken to have left. None: never.
    pub silence: Option<Duration>,
    /// Every how many frames peers compare their states. None: the library's default.
    pub compare: Option<u32>,
    pub seed: u64,
}

/// One player's session of a library.
pub trait Peer: Sized {
    const NAME: &'static str;
    const VERSION: &'static str;
    const CAPABILITIES: &'static [&'static str];

    /// Make the session of one player, who sends and receives by `wire`.
    ///
    /// # Errors
    /// What the library says of settings that it refuses.
    fn new(setup: &Setup, me: usize, wire: Wire) -> Result<Self, String>;
    /// Return whether the handshake is over with every partner.
    fn is_running(&self) -> bool;
    /// Take in what has arrived, and let timers run.
    fn poll(&mut self, game: &mut Game);
    /// Make one call of the frame loop.
    fn tick(&mut self, input: u8, game: &mut Game);
    /// Return the frame that the library calls confirmed, or -1.
    fn confirmed(&self) -> i64;
}

struct Sent {
    to: usize,
    class: &'static str,
    packet: Vec<u8>,
}

#[derive(Default)]
struct Mail {
    sent: Vec<Sent>,
    arrived: Vec<(usize, Vec<u8>)>,
}

/// What stands in for a socket.
#[derive(Clone, Default)]
pub struct Wire(Rc<RefCell<Mail>>);

impl Wire {
    /// Send a packet that is called `message` when it is printed.
    pub fn send(&self, to: usize, message: &impl Debug, packet: Vec<u8>) {
        self.0.borrow_mut().sent.push(Sent { to, class: class_of(message), packet });
    }

    /// Return everything that has arrived: from whom, and what.
    pub fn receive(&self) -> Vec<(usize, Vec<u8>)> {
        std::mem::take(&mut self.0.borrow_mut().arrived)
    }

    fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.0.borrow_mut().sent)
    }

    fn arrive(&self, from: usize, packet: Vec<u8>) {
        self.0.borrow_mut().arrived.push((from, packet));
    }
}

/// Both libraries print a message as `Message { header: …, body: Kind(…) }`.
fn class_of(message: &impl Debug) -> &'static str {
    let printed = format!("{message:?}");
    let kind = printed.split("body: ").nth(1).unwrap_or_default();
    let name = kind.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    match name {
        "Input" => "input",
        "InputAck" => "ack",
        "ChecksumReport" => "hash",
        _ => "other",
    }
}

/// Answer requests until the end. Every `reset` begins a thread, so that nothing of a library's state that lives in a
/// thread, such as its dice, comes from one case to the next.
pub fn serve<P: Peer>() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or(String::new(), |at| format!("{}:{}: ", within_crate(at.file()), at.line()));
        let told = format!("panic: {place}{}", message_of(panic.payload()));
        eprintln!("{told}");
        PANIC.set(told);
    }));
    let mut next = read();
    while let Some(request) = next {
        next = match request["op"].as_str() {
            Some("reset") => {
                machine::set_now(0);
                machine::set_seed(seed_of(&request));
                let case = move || match Case::<P>::new(&request) {
                    Ok(case) => case.serve(&request),
                    Err(reason) => {
                        answer(&request, json!({"skipped": {"reason": reason}}));
                        read()
                    }
                };
                std::thread::spawn(case).join().expect("a thread that ends")
            }
            Some("hello") => {
                let hello = json!({"protocol": 1, "name": P::NAME, "version": P::VERSION, "language": "Rust",
                    "level": 1, "capabilities": P::CAPABILITIES});
                answer(&request, json!({ "hello": hello }));
                read()
            }
            _ => {
                answer(&request, json!({}));
                if request["op"] == "bye" {
                    None
                } else {
                    read()
                }
            }
        }
    }
}

thread_local! {
    static PANIC: std::cell::Cell<String> = const { std::cell::Cell::new(String::new()) };
}

/// The dice of two sessions fall differently.
fn seed_of(reset: &Value) -> u64 {
    let name = reset["session"].as_str().unwrap_or_default().bytes();
    name.fold(reset["seed"].as_u64().unwrap_or_default(), |seed, byte| {
        seed.wrapping_mul(1_099_511_628_211) ^ u64::from(byte)
    })
}

/// Return a file's name from its crate on, wherever the crates are kept.
fn within_crate(file: &str) -> &str {
    let kept = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    kept.map_or(file, |(_, name)| name)
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

fn read() -> Option<Value> {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).expect("stdin can be read");
    (length > 0).then(|| serde_json::from_str(&line).expect("a request is JSON"))
}

fn answer(request: &Value, mut fields: Value) {
    fields["seq"] = request["seq"].clone();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{fields}").and_then(|()| out.flush()).expect("stdout can be written");
}

/// One peer in one case.
struct Case<P> {
    peers: Vec<String>,
    wire: Wire,
    game: Game,
    /// None once it has left.
    peer: Option<P>,
}

impl<P: Peer> Case<P> {
    /// Play the handshake of all peers over a perfect network, with the same dice in every process, and keep one.
    fn new(request: &Value) -> Result<Self, String> {
        let config = &request["config"];
        let number = |name: &str| config[name].as_u64();
        let peers: Vec<String> =
            request["peers"].as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect();
        let setup = Setup {
            players: peers.len(),
            fps: (1_000_000 / number("frame_us").unwrap_or(20_000).max(1)).max(1) as usize,
            input_delay: number("input_delay").unwrap_or_default() as usize,
            window: number("prediction_window").map(|window| window as usize),
            silence: number("silence_timeout_ms").map(Duration::from_millis),
            compare: number("hash_interval").map(|interval| interval as u32),
            seed: seed_of(request),
        };
        let me = peers.iter().position(|peer| request["peer"] == peer.as_str()).expect("a peer of the session");
        let wires: Vec<Wire> = peers.iter().map(|_| Wire::default()).collect();
        let mut all = Vec::new();
        for (player, wire) in wires.iter().enumerate() {
            all.push(P::new(&setup, player, wire.clone())?);
        }
        let mut unseen = Game::default();
        for _ in 0..MOST_ROUNDS {
            all.iter_mut().for_each(|peer: &mut P| peer.poll(&mut unseen));
            let sent: Vec<(usize, Sent)> = wires
                .iter()
                .enumerate()
                .flat_map(|(from, wire)| wire.take_sent().into_iter().map(move |sent| (from, sent)))
                .collect();
            if sent.is_empty() && all.iter().all(Peer::is_running) {
                break;
            }
            sent.into_iter().for_each(|(from, each)| wires[each.to].arrive(from, each.packet));
        }
        assert!(all.iter().all(Peer::is_running), "the handshake does not end");
        Ok(Self { wire: wires[me].clone(), peers, game: Game::default(), peer: Some(all.swap_remove(me)) })
    }

    /// Answer the reset, and everything up to the next. Return the request that is no longer this case's.
    fn serve(mut self, reset: &Value) -> Option<Value> {
        answer(reset, json!({}));
        while let Some(request) = read() {
            if request["op"] == "reset" || request["op"] == "bye" {
                return Some(request);
            }
            if let Some(now) = request["now"].as_u64() {
                machine::set_now(now);
            }
            let mut fields = catch_unwind(AssertUnwindSafe(|| self.handle(&request)))
                .unwrap_or_else(|_| json!({"error": PANIC.take()}));
            let seen = self.game.take_seen();
            if !seen.is_empty() {
                fields["obs"] = seen.into();
            }
            let out: Vec<Value> = self.wire.take_sent().into_iter().map(|each| self.packet(&each)).collect();
            if !out.is_empty() {
                fields["out"] = out.into();
            }
            answer(&request, fields);
        }
        None
    }

    fn packet(&self, sent: &Sent) -> Value {
        json!({"to": self.peers[sent.to], "class": sent.class, "packet": STANDARD.encode(&sent.packet)})
    }

    fn handle(&mut self, request: &Value) -> Value {
        let op = request["op"].as_str().unwrap_or_default();
        let Some(peer) = self.peer.as_mut() else { return json!({}) };
        match op {
            "tick" => {
                peer.tick(request["input"].as_u64().unwrap_or_default() as u8, &mut self.game);
                self.game.confirm(peer.confirmed());
            }
            "deliver" => {
                let from = self.peers.iter().position(|each| request["from"] == each.as_str());
                let packet = STANDARD.decode(request["packet"].as_str().unwrap_or_default());
                self.wire.arrive(from.expect("a peer of the session"), packet.expect("a packet is base64"));
            }
            "poll" => peer.poll(&mut self.game),
            "query" => {
                let vars =
                    json!({"frame": self.game.frame(), "confirmed": peer.confirmed().min(self.game.frame() - 1)});
                let wanted = request["names"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let told: serde_json::Map<String, Value> = wanted
                    .filter(|name| !vars[*name].is_null())
                    .map(|name| (name.into(), vars[name].clone()))
                    .collect();
                return json!({ "vars": told });
            }
            "command" if request["name"] == "leave" => self.peer = None,
            _ => return json!({"skipped": {"reason": format!("there is no {op} of this kind")}}),
        }
        json!({})
    }
}
