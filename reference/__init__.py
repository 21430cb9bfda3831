"""The protocol, in plain Python.

How it works, one tick from end to end. A *peer* is one frozen value (`state.Peer`). Nothing changes it; a
*transition* makes another one of it, and events that say what happened. A transition is data (`transition.py`): its
name, the rules that demand it, the class of its arguments, its *guards*, and its *effect*. `fire` asks the guards in
order; the first one that does not hold is returned, and nothing has happened; otherwise the effect is called, and may
rely on all of them. An effect has no loop and performs nothing: that a packet is to be sent is an event, too, and
whoever runs the peer sends it.

Whatever arrives is only queued (`inputs.receive_input`); what is not of this session and episode, not from a partner,
or beyond reach is counted and forgotten. The rest happens when the peer *ticks* (`tick.py`), in this order:

1. Both queues are drained, input by input. The first action stored for a player and frame stays for ever. If the
   frame was simulated with another one, it was *mispredicted*, and a rollback to it is pending; the earliest one
   counts.
2. The local input is scheduled, `input_delay` frames ahead, and goes to every partner in one packet with those before
   it.
3. A pending rollback is executed (`rollback.py`): the peer becomes as it was before the mispredicted frame, and the
   frames from there are replayed with what is known by now. While it is in progress the guards hold back everything
   else.
4. Frames that are simulated, and of which every input is known, are *confirmed*, one after the other without a hole;
   records of confirmed frames are *promoted* from the speculative to the canonical buffer (`buffers.py`), and only
   there does the running hash grow by which partners notice that they disagree (`digest.py`, `desync.py`).
5. The next frame is simulated with the inputs that are known and predictions of the others. Its record is
   speculative.
6. If the world has come to its end, or a partner announced one, the peer stops ticking and polls (`episode.py`): the
   end is decided on confirmed frames, announced, and awaited from every partner; then the frames below the earliest
   end are waited for, with a deadline; then the episode completes, is exported once, and is reset.
7. What a partner has not acknowledged in time is sent again (`transport.py`).

The canonical records are the data. All that is proved comes down to this: they are those of a run without any
network, so all peers export the same.
"""
