// Packets: compact JSON with the episode in each (IN-11). Whatever arrives is one of these, or is refused.

const whole = (value) => Number.isInteger(value) && value >= -1 && value < 2 ** 31;
const byte = (value) => Number.isInteger(value) && value >= 0 && value < 256;
const hash = (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32;

// What each kind carries besides `kind`, `game`, `player` (the sender), `epoch` and `time` (in milliseconds).
const KINDS = {
  // A run of the sender's inputs from frame `first` on, and how far the receiver's inputs have arrived (IN-4, IN-9).
  input: {
    first: whole,
    inputs: (list) => Array.isArray(list) && list.length >= 1 && list.length <= 1024 && list.every(byte),
    heard: whole,
  },
  // An answer: how far the receiver's inputs have arrived, and whether its end has. Never answered itself (EP-2).
  ack: { heard: whole, knowsEnd: (value) => typeof value === 'boolean' },
  // The sender has decided that the episode has `end` frames; `hash` is of all of them (EP-2, ME-4).
  end: { end: whole, hash },
  // The running hash of the sender's confirmed records up to `frame` (ME-4).
  hash: { frame: whole, hash },
};

export function encode(packet) {
  return Buffer.from(JSON.stringify(packet)).toString('base64');
}

// Returns the packet, or null if the data are none.
export function decode(data) {
  let packet;
  try {
    packet = JSON.parse(Buffer.from(data, 'base64').toString());
  } catch {
    return null;
  }
  if (packet === null || typeof packet !== 'object' || !Object.hasOwn(KINDS, packet.kind)) return null;
  const texts = [packet.game, packet.player].every((value) => typeof value === 'string');
  const known = texts && whole(packet.epoch) && whole(packet.time);
  const fields = Object.entries(KINDS[packet.kind]);
  return known && fields.every(([name, isValid]) => isValid(packet[name])) ? packet : null;
}
