//! An adapter to start from: a small rollback peer of its own, and the loop around it.
//!
//! Build it with `cargo build --release` and run `rollproof conform -- target/release/adapter-template`. For an
//! implementation of yours, keep the loop at the bottom and put your calls where `Peer` has its own.

use std::collections::HashMap;
use std::io::{BufRead, Write};

use base64::{engine::general_purpose::STANDARD, Engine};
use serde_json::{json, Map, Value};

/// The state after one frame: FNV-1a over (player number, input), in player order.
fn game(state: u32, inputs: &[u8]) -> u32 {
    let step = |state: u32, value: u32| (state ^ value).wrapping_mul(16_777_619);
    inputs.iter().enumerate().fold(state, |state, (player, input)| step(step(state, player as u32), (*input).into()))
}

/// One peer: predicts by the previous input, rolls back when that was wrong, sends until it is acknowledged.
struct Peer {
    peers: Vec<String>,
    number: usize,
    delay: usize,
    window: Option<i64>,
    /// By player: frame and input.
    known: Vec<HashMap<usize, u8>>,
    /// By player: the first frame that it has not acknowledged.
    unacknowledged: Vec<usize>,
    /// The state before each frame.
    states: Vec<u32>,
    /// The inputs that each frame was simulated with.
    used: Vec<Vec<u8>>,
    /// The first frame that was simulated with a wrong input.
    wrong: Option<usize>,
    out: Vec<Value>,
    obs: Vec<Value>,
}

impl Peer {
    fn new(request: &Value) -> Self {
        let peers: Vec<String> =
            request["peers"].as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect();
        let delay = request["config"]["input_delay"].as_u64().unwrap_or_default() as usize;
        Self {
            number: peers.iter().position(|peer| request["peer"] == peer.as_str()).expect("a peer of the session"),
            delay,
            window: request["config"]["prediction_window"].as_i64(),
            known: peers.iter().map(|_| (0..delay).map(|frame| (frame, 0)).collect()).collect(),
            unacknowledged: vec![delay; peers.len()],
            states: vec![2_166_136_261],
            used: Vec::new(),
            wrong: None,
            out: Vec::new(),
            obs: Vec::new(),
            peers,
        }
    }

    /// Fix the local input, correct the past, simulate one frame.
    fn tick(&mut self, input: u8) {
        let (frame, number) = (self.used.len(), self.number);
        self.known[number].entry(frame + self.delay).or_insert(input);
        if let Some(wrong) = self.wrong.take() {
            self.obs.push(json!({"obs": "load", "frame": wrong, "state": self.states[wrong]}));
            self.states.truncate(wrong + 1);
            self.used.truncate(wrong);
        }
        while self.used.len() < frame {
            self.advance();
        }
        if self.window.is_none_or(|window| frame as i64 - self.confirmed() <= window) {
            self.advance();
        }
        for player in (0..self.peers.len()).filter(|player| *player != number) {
            self.send(player);
        }
    }

    /// Simulate the next frame with what is known, and predictions elsewhere.
    fn advance(&mut self) {
        let frame = self.used.len();
        let inputs: Vec<u8> = (0..self.peers.len()).map(|player| self.input_of(player, frame)).collect();
        let before = self.states[frame];
        let state = game(before, &inputs);
        self.obs.push(json!({"obs": "save", "frame": frame, "state": before}));
        self.obs.push(json!({"obs": "advance", "frame": frame, "inputs": inputs, "state": state}));
        self.states.push(state);
        self.used.push(inputs);
    }

    fn input_of(&self, player: usize, frame: usize) -> u8 {
        (0..=frame).rev().find_map(|frame| self.known[player].get(&frame)).copied().unwrap_or_default()
    }

    /// Return the first frame whose input of a player is not known.
    fn unknown(&self, player: usize) -> usize {
        (0..).find(|frame| !self.known[player].contains_key(frame)).unwrap_or_default()
    }

    fn confirmed(&self) -> i64 {
        let known = (0..self.peers.len()).map(|player| self.unknown(player)).min().unwrap_or_default();
        known.min(self.used.len()) as i64 - 1
    }

    /// Send every input that the partner has not acknowledged.
    fn send(&mut self, player: usize) {
        let first = self.unacknowledged[player];
        let values: Vec<u8> = (first..self.unknown(self.number)).map(|frame| self.known[self.number][&frame]).collect();
        let packet = json!({"first": first, "values": values, "heard": self.unknown(player)}).to_string();
        self.out.push(json!({"to": self.peers[player], "class": "input", "packet": STANDARD.encode(packet)}));
    }

    /// Store what is new; remember the first frame that it proves wrong.
    fn deliver(&mut self, from: &Value, packet: &Value) {
        let player = self.peers.iter().position(|peer| from == peer.as_str()).expect("a peer of the session");
        let bytes = STANDARD.decode(packet.as_str().unwrap_or_default()).expect("a packet is base64");
        let packet: Value = serde_json::from_slice(&bytes).expect("a packet of ours");
        let number = |name: &str| packet[name].as_u64().unwrap_or_default() as usize;
        self.unacknowledged[player] = self.unacknowledged[player].max(number("heard"));
        for (at, value) in packet["values"].as_array().into_iter().flatten().enumerate() {
            let (frame, value) = (number("first") + at, value.as_u64().unwrap_or_default() as u8);
            if self.known[player].contains_key(&frame) {
                continue;
            }
            self.known[player].insert(frame, value);
            if self.used.get(frame).is_some_and(|used| used[player] != value) {
                self.wrong = Some(self.wrong.map_or(frame, |wrong| wrong.min(frame)));
            }
        }
    }
}

fn handle(request: &Value, peer: &mut Option<Peer>) -> Map<String, Value> {
    let mut answer = Map::new();
    match (request["op"].as_str().unwrap_or_default(), peer.as_mut()) {
        ("hello", _) => {
            let hello = json!({"protocol": 1, "name": "template", "version": "1", "language": "Rust", "level": 1,
                "capabilities": ["core", "delay", "window", "retransmit", "n-player"]});
            answer.insert("hello".into(), hello);
        }
        ("reset", _) => *peer = Some(Peer::new(request)),
        ("tick", Some(peer)) => peer.tick(request["input"].as_u64().unwrap_or_default() as u8),
        ("deliver", Some(peer)) => peer.deliver(&request["from"], &request["packet"]),
        ("query", _) => drop(answer.insert("vars".into(), json!({}))),
        ("link" | "command", _) => {
            answer.insert("skipped".into(), json!({"reason": "there is nothing of the kind"}));
        }
        _ => {}
    }
    answer
}

fn main() {
    let mut peer = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.expect("stdin can be read")).expect("a request is JSON");
        let mut answer = handle(&request, &mut peer);
        answer.insert("seq".into(), request["seq"].clone());
        if let Some(peer) = peer.as_mut() {
            answer.insert("out".into(), std::mem::take(&mut peer.out).into());
            answer.insert("obs".into(), std::mem::take(&mut peer.obs).into());
        }
        println!("{}", Value::from(answer));
        std::io::stdout().flush().expect("stdout can be written");
        if request["op"] == "bye" {
            return;
        }
    }
}
