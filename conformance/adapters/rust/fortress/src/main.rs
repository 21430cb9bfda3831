//! fortress-rollback behind the adapter protocol: the published crate, unmodified. See ../README.md.

use std::time::Duration;

use adapter_common::{serve, Game, Peer, Setup, Wire};
use fortress_rollback::{
    network::codec, Config, DesyncDetection, DisconnectBehavior, FortressError, FortressEvent, FortressRequest,
    InputStatus, Message, NonBlockingSocket, P2PSession, PlayerHandle, PlayerType, ProtocolConfig, SessionBuilder,
    SessionState,
};

const NEVER: Duration = Duration::from_secs(1_000_000);

struct Suite;

impl Config for Suite {
    type Input = u8;
    type State = (i64, u32);
    type Address = usize;
}

struct Socket(Wire);

impl NonBlockingSocket<usize> for Socket {
    fn send_to(&mut self, message: &Message, to: &usize) {
        self.0.send(*to, message, codec::encode(message).expect("a message can be encoded"));
    }

    fn receive_all_messages(&mut self) -> Vec<(usize, Message)> {
        let arrived = self.0.receive().into_iter();
        arrived.filter_map(|(from, packet)| Some((from, codec::decode_message(&packet).ok()?.0))).collect()
    }
}

struct Fortress {
    session: P2PSession<Suite>,
    me: usize,
}

impl Fortress {
    fn tell(&mut self, game: &mut Game) {
        for event in self.session.events() {
            match event {
                FortressEvent::DesyncDetected { frame, addr, .. } => {
                    game.violation("desync", Some(frame.as_i32().into()), format!("with player {addr}"));
                }
                FortressEvent::Disconnected { addr } => game.violation("left", None, format!("player {addr}")),
                FortressEvent::PeerDropped { handle, .. } => {
                    game.violation("dropped", None, format!("player {}", handle.as_usize()));
                }
                _ => {}
            }
        }
    }
}

impl Peer for Fortress {
    const NAME: &'static str = "fortress-rollback";
    const VERSION: &'static str = "0.12.0";
    const CAPABILITIES: &'static [&'static str] =
        &["core", "delay", "window", "retransmit", "n-player", "desync", "leave"];

    fn new(setup: &Setup, me: usize, wire: Wire) -> Result<Self, String> {
        let mut builder = SessionBuilder::<Suite>::new()
            .with_num_players(setup.players)
            .and_then(|builder| builder.with_fps(setup.fps))
            .and_then(|builder| builder.with_input_delay(setup.input_delay))
            .map_err(|error| error.to_string())?
            .with_disconnect_timeout(setup.silence.unwrap_or(NEVER))
            .with_disconnect_notify_delay(setup.silence.unwrap_or(NEVER) / 2)
            .with_disconnect_behavior(DisconnectBehavior::ContinueWithout)
            .with_protocol_config(ProtocolConfig {
                protocol_rng_seed: Some(setup.seed + me as u64),
                ..ProtocolConfig::default()
            });
        if let Some(interval) = setup.compare {
            builder = builder.with_desync_detection_mode(DesyncDetection::On { interval });
        }
        if let Some(window) = setup.window {
            builder = builder.with_max_prediction_window(window);
        }
        for player in 0..setup.players {
            let kind = if player == me { PlayerType::Local } else { PlayerType::Remote(player) };
            builder = builder.add_player(kind, PlayerHandle::new(player)).map_err(|error| error.to_string())?;
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
        self.session.add_local_input(PlayerHandle::new(self.me), input).expect("the local player");
        match self.session.advance_frame() {
            Ok(requests) => requests.into_iter().for_each(|request| fulfil(request, game)),
            Err(FortressError::PredictionThreshold) => {}
            // The handshake is long over: this is how it says that it goes no further.
            Err(FortressError::NotSynchronized) => {
                game.violation("halted", None, "advance_frame: NotSynchronized".into())
            }
            Err(error) => panic!("advance_frame: {error}"),
        }
        self.tell(game);
    }

    fn confirmed(&self) -> i64 {
        self.session.confirmed_frame().as_i32().into()
    }
}

fn fulfil(request: FortressRequest<Suite>, game: &mut Game) {
    match request {
        FortressRequest::SaveGameState { cell, frame } => {
            let saved = game.save();
            cell.save(frame, Some(saved), Some(saved.1.into()));
        }
        FortressRequest::LoadGameState { cell, .. } => game.load(cell.load().expect("a state that was saved")),
        FortressRequest::AdvanceFrame { inputs } => {
            let predicted = inputs.iter().any(|(_, status)| *status == InputStatus::Predicted);
            let inputs: Vec<u8> = inputs.into_iter().map(|(input, _)| input).collect();
            game.advance(&inputs, predicted);
        }
    }
}

fn main() {
    serve::<Fortress>();
}
