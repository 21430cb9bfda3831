//! The suite's game, and what is seen of it.

use serde_json::{json, Value};

const START: u32 = 2_166_136_261;
const PRIME: u32 = 16_777_619;

/// The game of one peer: what the library does with it is noted in the order in which it happens.
pub struct Game {
    frame: i64,
    state: u32,
    simulated: i64,
    confirmed: i64,
    seen: Vec<Value>,
}

impl Default for Game {
    fn default() -> Self {
        Self { frame: 0, state: START, simulated: 0, confirmed: -1, seen: Vec::new() }
    }
}

impl Game {
    /// Simulate one frame. `predicted`: the library says that it does not know every input yet.
    pub fn advance(&mut self, inputs: &[u8], predicted: bool) {
        for (player, input) in inputs.iter().enumerate() {
            self.state = (self.state ^ player as u32).wrapping_mul(PRIME);
            self.state = (self.state ^ u32::from(*input)).wrapping_mul(PRIME);
        }
        let resimulated = self.frame < self.simulated;
        self.seen.push(json!({"obs": "advance", "frame": self.frame, "inputs": inputs, "state": self.state,
            "predicted": predicted, "resimulated": resimulated}));
        self.frame += 1;
        self.simulated = self.simulated.max(self.frame);
    }

    /// Return what has to be kept of the game as it is now.
    pub fn save(&mut self) -> (i64, u32) {
        self.note("save");
        (self.frame, self.state)
    }

    /// Go back to what was kept.
    pub fn load(&mut self, (frame, state): (i64, u32)) {
        (self.frame, self.state) = (frame, state);
        self.note("load");
    }

    /// Note which frame the library calls confirmed, if that is another one than before and was simulated.
    pub fn confirm(&mut self, frame: i64) {
        let frame = frame.min(self.frame - 1);
        if frame > self.confirmed {
            self.confirmed = frame;
            self.seen.push(json!({"obs": "confirm", "frame": frame}));
        }
    }

    /// Note that the library says that something is wrong.
    pub fn violation(&mut self, kind: &str, frame: Option<i64>, detail: String) {
        let mut said = json!({"obs": "violation", "kind": kind, "detail": detail});
        if let Some(frame) = frame {
            said["frame"] = frame.into();
        }
        self.seen.push(said);
    }

    /// Return the next frame to simulate.
    pub fn frame(&self) -> i64 {
        self.frame
    }

    /// Return what was seen since the last call.
    pub fn take_seen(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.seen)
    }

    fn note(&mut self, what: &str) {
        self.seen.push(json!({"obs": what, "frame": self.frame, "state": self.state}));
    }
}
