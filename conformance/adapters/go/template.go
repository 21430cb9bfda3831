// An adapter to start from: a small rollback peer of its own, and the loop around it. Needs nothing but Go.
//
// Run it: go build -o build/adapter-go conformance/adapters/go/template.go && rollproof conform -- build/adapter-go
// For an implementation of yours, keep the loop at the bottom and put your calls where Peer has its own.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
)

type object = map[string]any

type request struct {
	Seq    int
	Op     string
	Peer   string
	Peers  []string
	Config struct {
		Delay  int  `json:"input_delay"`
		Window *int `json:"prediction_window"`
	}
	Input  int
	From   string
	Packet string
}

// The state after one frame: FNV-1a over (player number, input), in player order.
func game(state uint32, inputs []int) uint32 {
	for player, input := range inputs {
		state = (state ^ uint32(player)) * 16777619
		state = (state ^ uint32(input)) * 16777619
	}
	return state
}

// Peer predicts by the previous input, rolls back when that was wrong, and sends until it is acknowledged.
type Peer struct {
	peers          []string
	number         int
	delay          int
	window         *int
	known          []map[int]int // by player: frame and input
	unacknowledged []int         // by player: the first frame that it has not acknowledged
	states         []uint32      // the state before each frame
	used           [][]int       // the inputs that each frame was simulated with
	wrong          int           // the first frame that was simulated with a wrong input, or -1
	out, obs       []object
}

func newPeer(r request) *Peer {
	p := &Peer{peers: r.Peers, number: slices.Index(r.Peers, r.Peer), delay: r.Config.Delay, window: r.Config.Window,
		states: []uint32{2166136261}, wrong: -1}
	for range r.Peers {
		inputs := map[int]int{}
		for frame := range p.delay {
			inputs[frame] = 0
		}
		p.known = append(p.known, inputs)
		p.unacknowledged = append(p.unacknowledged, p.delay)
	}
	return p
}

// Fix the local input, correct the past, simulate one frame.
func (p *Peer) tick(input int) {
	frame := len(p.used)
	if _, fixed := p.known[p.number][frame+p.delay]; !fixed {
		p.known[p.number][frame+p.delay] = input
	}
	if p.wrong >= 0 {
		p.obs = append(p.obs, object{"obs": "load", "frame": p.wrong, "state": p.states[p.wrong]})
		p.states, p.used, p.wrong = p.states[:p.wrong+1], p.used[:p.wrong], -1
	}
	for len(p.used) < frame {
		p.advance()
	}
	if p.window == nil || frame-p.confirmed() <= *p.window {
		p.advance()
	}
	for player := range p.peers {
		if player != p.number {
			p.send(player)
		}
	}
}

// Simulate the next frame with what is known, and predictions elsewhere.
func (p *Peer) advance() {
	frame := len(p.used)
	inputs := make([]int, len(p.peers))
	for player := range p.peers {
		inputs[player] = p.inputOf(player, frame)
	}
	before := p.states[frame]
	after := game(before, inputs)
	p.obs = append(p.obs, object{"obs": "save", "frame": frame, "state": before},
		object{"obs": "advance", "frame": frame, "inputs": inputs, "state": after})
	p.used, p.states = append(p.used, inputs), append(p.states, after)
}

func (p *Peer) inputOf(player, frame int) int {
	for ; frame >= 0; frame-- {
		if input, known := p.known[player][frame]; known {
			return input
		}
	}
	return 0
}

// The first frame whose input of a player is not known.
func (p *Peer) unknown(player int) int {
	frame := 0
	for {
		if _, known := p.known[player][frame]; !known {
			return frame
		}
		frame++
	}
}

func (p *Peer) confirmed() int {
	least := len(p.used)
	for player := range p.peers {
		least = min(least, p.unknown(player))
	}
	return least - 1
}

type packet struct {
	First  int
	Values []int
	Heard  int
}

// Send every input that the partner has not acknowledged.
func (p *Peer) send(player int) {
	first := p.unacknowledged[player]
	values := []int{}
	for frame := first; frame < p.unknown(p.number); frame++ {
		values = append(values, p.known[p.number][frame])
	}
	data, _ := json.Marshal(packet{first, values, p.unknown(player)})
	p.out = append(p.out, object{"to": p.peers[player], "class": "input",
		"packet": base64.StdEncoding.EncodeToString(data)})
}

// Store what is new; remember the first frame that it proves wrong.
func (p *Peer) deliver(from, text string) error {
	var got packet
	data, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	player := slices.Index(p.peers, from)
	if err != nil {
		return err
	}
	p.unacknowledged[player] = max(p.unacknowledged[player], got.Heard)
	for at, value := range got.Values {
		frame := got.First + at
		if _, known := p.known[player][frame]; known {
			continue
		}
		p.known[player][frame] = value
		if frame < len(p.used) && p.used[frame][player] != value && (p.wrong < 0 || frame < p.wrong) {
			p.wrong = frame
		}
	}
	return nil
}

func main() {
	var peer *Peer
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r request
		answer := object{}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		switch r.Op {
		case "hello":
			answer["hello"] = object{"protocol": 1, "name": "template", "version": "1", "language": "Go", "level": 1,
				"capabilities": []string{"core", "delay", "window", "retransmit", "n-player"}}
		case "reset":
			peer = newPeer(r)
		case "tick":
			peer.tick(r.Input)
		case "deliver":
			if err := peer.deliver(r.From, r.Packet); err != nil {
				answer["error"] = err.Error()
			}
		case "query":
			answer["vars"] = object{}
		case "link", "command":
			answer["skipped"] = object{"reason": "there is nothing of the kind"}
		}
		answer["seq"] = r.Seq
		if peer != nil && len(peer.obs)+len(peer.out) > 0 {
			answer["out"], answer["obs"] = peer.out, peer.obs
			peer.out, peer.obs = []object{}, []object{}
		}
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
		if r.Op == "bye" {
			return
		}
	}
}
