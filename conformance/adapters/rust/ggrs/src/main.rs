//! GGRS behind the adapter protocol: the published crate, unmodified. See ../README.md.

use std::time::Duration;

use adapter_common::{serve, Game, Peer, Setup, Wire};
use ggrs::{
    Config, DesyncDetection, GgrsError, GgrsEvent, GgrsRequest, InputStatus, Message, NonBlockingSocket, P2PSession,
    PlayerType, PredictRepeatLast, SessionBuilder, SessionState,
};

const NEVER: Duration = Duration::from_secs(1_000_000);

struct Suite;

impl Config for Suite {
    type Input = u8;
    type InputPredictor = PredictRepeatLast;
    type State = (i64, u32);
    type Address = usize;
}

struct Socket(Wire);

impl NonBlockingSocket<usize> for Socket {
    fn send_to(&mut self, message: &Message, to: &usize) {
        self.0.send(*to, message, bincode::serialize(message).expect("a message can be serialized"));
    }

    fn receive_all_messages(&mut self) -> Vec<(usize, Message)> {
        let arrived = self.0.receive().into_iter();
        arrived.filter_map(|(from, packet)| Some((from, bincode::deserialize(&packet).ok()?))).collect()
    }
}

struct Ggrs {
    session: P2PSession<Suite>,
    me: usize,
}

impl Ggrs {
    fn tell(&mut self, game: &mut Game) {
        for event in self.session.events() {
            match event {
                GgrsEvent::DesyncDetected { frame, addr, .. } => {
                    game.violation("desync", Some(frame.into()), format!("with player {addr}"));
                }
                GgrsEvent::Disconnected { addr } => game.violation("left", None, format!("player {addr}")),
                _ => {}
            }
        }
    }
}

impl Peer for Ggrs {
    const NAME: &'static str = "ggrs";
    const VERSION: &'static str = "0.13.0";
    const CAPABILITIES: &'static [&'static str] =
        &["core", "delay", "window", "retransmit", "n-player", "desync", "leave"];

    fn new(setup: &Setup, me: usize, wire: Wire) -> Result<Self, String> {
        let mut builder = SessionBuilder::<Suite>::new()
            .with_num_players(setup.players)
            .and_then(|builder| builder.with_fps(setup.fps))
            .map_err(|error| error.to_string())?
            .with_input_delay(setup.input_delay)
            .with_disconnect_timeout(setup.silence.unwrap_or(NEVER))
            .with_disconnect_notify_delay(setup.silence.unwrap_or(NEVER) / 2);
        if let Some(interval) = setup.compare {
            builder = builder.with_desync_detection_mode(DesyncDetection::On { interval });
        }
        if let Some(window) = setup.window {
            builder = builder.with_max_prediction_window(window);
        }
        for player in 0..setup.players {
            let kind = if player == me { PlayerType::Local } else { PlayerType::Remote(player) };
            builder = builder.add_player(kind, player).map_err(|error| error.to_string())?;
        }
        let session = builder.start_p2p_session(Socket(wire)).map_err(|error| error.to_string())?;
        Ok(Self { session, me })
    }

    fn is_running(&self) -> bool {
        self.session.current_state() == SessionState::Running
    }

    fn poll(&mut self, game: &mut Game) {
        self.session.poll_remote_clients();
        self.tell(game);
    }

    fn tick(&mut self, input: u8, game: &mut Game) {
        self.poll(game);
        self.session.add_local_input(self.me, input).expect("the local player");
        match self.session.advance_frame() {
            Ok(requests) => requests.into_iter().for_each(|request| fulfil(request, game)),
            Err(GgrsError::PredictionThreshold) => {}
            Err(error) => panic!("advance_frame: {error}"),
        }
        self.tell(game);
    }

    fn confirmed(&self) -> i64 {
        self.session.confirmed_frame().into()
    }
}

fn fulfil(request: GgrsRequest<Suite>, game: &mut Game) {
    match request {
        GgrsRequest::SaveGameState { cell, frame } => {
            let saved = game.save();
            cell.save(frame, Some(saved), Some(saved.1.into()));
        }
        GgrsRequest::LoadGameState { cell, .. } => game.load(cell.load().expect("a state that was saved")),
        GgrsRequest::AdvanceFrame { inputs } => {
            let predicted = inputs.iter().any(|(_, status)| *status == InputStatus::Predicted);
            let inputs: Vec<u8> = inputs.into_iter().map(|(input, _)| input).collect();
            game.advance(&inputs, predicted);
        }
    }
}

fn main() {
    serve::<Ggrs>();
}
