// The packets around now: a lane for each player, time from left to right, an arrow for each packet.

const SVG = "http://www.w3.org/2000/svg";
const LANE = 46;
const TOP = 22;
const LEFT = 62;
const FATES = { lost: "lost", late: "late", twice: "arrives twice", "under way": "under way", arrives: "arrives" };

function svg(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export class Chart {
  constructor(timeline, onPacket = null) {
    this.timeline = timeline;
    this.onPacket = onPacket;
    this.node = svg("svg", { class: "chart", role: "img" });
    this.node.addEventListener("click", (event) => {
      const number = event.target.closest("[data-packet]")?.dataset.packet;
      if (number !== undefined) this.onPacket?.(Number(number));
    });
  }

  // The packets that are sent or arrive between two times.
  around(from, to) {
    const packets = this.timeline.run.packets;
    const found = [];
    for (let number = 0; number < packets.length; number++) {
      const packet = packets[number];
      const start = packet.sent_at ?? packet.arrivals[0]?.[0] ?? 0;
      const end = packet.arrivals.length ? packet.arrivals[packet.arrivals.length - 1][0] : start;
      if (end >= from && start <= to) found.push(number);
    }
    return found;
  }

  draw(width) {
    const { run } = this.timeline;
    const steps = run.clock === "step";
    const inside = Math.max(120, width - LEFT - 16);
    const scale = steps ? 36 : 1.6;
    const span = inside / scale;
    const now = this.timeline.now;
    const from = Math.max(steps ? 0.4 : 0, now - span * 0.6);
    const x = (time) => LEFT + (time - from) * scale;
    const y = (player) => TOP + player * LANE + 12;
    const height = TOP + run.players.length * LANE;
    const parts = [svg("title", {}, `Packets around ${steps ? "step" : "millisecond"} ${now}`)];
    run.players.forEach((name, player) => {
      parts.push(svg("text", { x: 4, y: y(player) + 4, class: "lane-name" }, name));
      parts.push(svg("line", { x1: LEFT, x2: width, y1: y(player), y2: y(player), class: "lane" }));
    });
    parts.push(svg("line", { x1: x(now), x2: x(now), y1: 14, y2: height, class: "now" }));
    parts.push(svg("text", { x: x(now) + 4, y: 12, class: "clock" }, steps ? `step ${now}` : `${now} ms`));
    const told = [];
    for (const number of this.around(from, from + span)) {
      const packet = run.packets[number];
      const start = packet.sent_at;
      if (start !== null && start !== undefined && start > now) continue;
      const group = svg("g", { class: `packet ${packet.fate.replace(" ", "-")}`, "data-packet": number });
      const label = `${run.players[packet.from]} → ${run.players[packet.to]}: ${packet.text} (${FATES[packet.fate]})`;
      group.append(svg("title", {}, label));
      const [y1, y2] = [y(packet.from), y(packet.to)];
      if (packet.fate === "lost" || !packet.arrivals.length) {
        const reach = packet.fate === "lost" ? 0.45 : Math.min(0.9, 0.2 + (now - start) / 100);
        const at = x(start) + (steps ? 12 : 10 + (packet.fate === "lost" ? 14 : (now - start) * scale));
        this.line(group, x(start), y1, at, y1 + (y2 - y1) * reach, false);
        if (packet.fate === "lost") group.append(svg("text", { x: at - 4, y: y1 + (y2 - y1) * reach + 5, class: "cross" }, "✕"));
      }
      packet.arrivals.forEach(([time], copy) => {
        const begin = start ?? time - (steps ? 0.7 : 30);
        if (time > now) {
          if (begin > now) return;
          const part = (now - begin) / Math.max(1e-9, time - begin);
          this.line(group, x(begin), y1, x(now), y1 + (y2 - y1) * part, false);
        } else {
          this.line(group, x(begin), y1, x(time), y2, true);
          if (copy) group.append(svg("text", { x: x(time) + 3, y: y2 - 4, class: "twice" }, "×2"));
        }
      });
      parts.push(group);
      told.push(label);
    }
    this.node.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.node.setAttribute("width", width);
    this.node.setAttribute("height", height);
    this.node.setAttribute("aria-label", told.length ? `Packets: ${told.slice(-4).join("; ")}` : "No packets here");
    this.node.replaceChildren(...parts);
  }

  line(group, x1, y1, x2, y2, head) {
    group.append(svg("line", { x1, y1, x2, y2, class: "hit" }), svg("line", { x1, y1, x2, y2, class: "shaft" }));
    if (!head) return;
    const angle = Math.atan2(y2 - y1, x2 - x1);
    const point = (turn) => `${x2 - 8 * Math.cos(angle + turn)},${y2 - 8 * Math.sin(angle + turn)}`;
    group.append(svg("polygon", { points: `${x2},${y2} ${point(0.4)} ${point(-0.4)}`, class: "head" }));
  }
}
