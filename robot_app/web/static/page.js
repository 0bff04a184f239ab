// The live page: keeps a connection, shows what comes, and passes on what is pressed.
import { Age } from "./age.js";
import { drawPicture } from "./draw.js";
import { Plot } from "./plot.js";

const RETRY_MS = 1000;
const STALE_MS = 1000;
const LATE_MS = 300;
const PATIENCE_MS = 15000;
const KEPT_LINES = 200;

const at = (id) => document.getElementById(id);
const age = new Age();
const fpsPlot = new Plot(at("fps-plot"), "#28dcff");
const latencyPlot = new Plot(at("latency-plot"), "#ffb84d");
let token = "";
let shownNumber = 0;
let lastLine = 0;
let commandsSoFar = 0;
let shownStatus = null;
const underWay = new Set(); // ids of buttons whose command is not answered yet

function knownToken() {
  // It comes behind the "#", which is not sent to any server, and does not stay in the address.
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return given || sessionStorage.getItem("token") || "";
}

async function askToken() {
  const headers = { Authorization: `Bearer ${knownToken()}` };
  const response = await fetch("/session", { method: "POST", headers });
  const answer = await response.json();
  at("entry").hidden = response.status !== 401;
  notice(response.ok ? "" : answer.error);
  return response.ok ? answer.token : "";
}

async function connect() {
  try {
    token = await askToken();
  } catch {
    token = "";
  }
  if (!token) {
    linkIs("page not connected", "bad");
    setTimeout(connect, RETRY_MS);
    return;
  }
  // The token goes with the first request, as the name of a protocol: headers cannot be given.
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`;
  const socket = new WebSocket(address, ["vector-live", `token.${token}`]);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    age.forget(); // the server may be another one, with another clock and another log
    lastLine = 0;
    shownNumber = 0;
    at("log").replaceChildren();
    linkIs("page connected", "good");
  };
  socket.onmessage = ({ data }) => (typeof data === "string" ? showStatus(JSON.parse(data)) : showPicture(data, socket));
  socket.onclose = () => {
    linkIs("page not connected", "bad");
    pill("mode", "", ""); // nobody here knows
    setTimeout(connect, RETRY_MS);
  };
}

async function showPicture(data, socket) {
  const length = new DataView(data).getUint32(0, true);
  const picture = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  age.received(picture.age_ms, picture.sent_ms);
  try {
    await drawPicture(at("camera"), new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }), picture);
    shownNumber = picture.number;
  } finally {
    if (socket.readyState === WebSocket.OPEN) socket.send("drawn"); // the next may come: the newest by now
  }
  at("frame").textContent = `frame ${picture.index}`;
  at("fps").textContent = picture.fps.toFixed(1);
  at("latency").textContent = `${picture.latency_ms.toFixed(1)} ms`;
  fpsPlot.add(picture.fps);
  latencyPlot.add(picture.latency_ms);
  showAge();
}

function showStatus(status) {
  document.title = at("title").textContent = status.title;
  at("behaviour").textContent = status.behaviour;
  pill("mode", status.mode.text, status.mode.kind);
  const volts = status.battery_volts;
  const battery = volts === null ? [] : [`battery ${volts.toFixed(1)} V`];
  if (status.battery_low) battery.push("low");
  if (status.on_charger) battery.push("on its charger");
  pill("battery", battery.join(", "), status.battery_low ? "bad" : "");
  for (const line of status.log) addLine(line);
  shownStatus = status;
  showButtons();
}

function showButtons() {
  const status = shownStatus;
  if (status === null) return;
  toggle("control", status.has_control, ["take-control", "Take control"], ["release-control", "Release control"]);
  toggle("record", status.recording, ["start-recording", "Start recording"], ["stop-recording", "Stop recording"]);
  enable("pause", !status.paused && !status.ended);
  enable("resume", status.paused || status.stopped);
  enable("control", status.can_control);
  enable("record", !status.ended);
  enable("snapshot", true);
}

function enable(id, isOfUse) {
  at(id).disabled = !isOfUse || underWay.has(id);
}

function addLine({ number, time, text, kind }) {
  if (number <= lastLine) return;
  lastLine = number;
  const item = document.createElement("li");
  const when = document.createElement("time");
  when.textContent = time;
  item.className = kind;
  item.append(when, text);
  at("log").prepend(item);
  while (at("log").childElementCount > KEPT_LINES) at("log").lastElementChild.remove();
}

async function press(button) {
  if (button.id === "stop") return command("stop"); // may be pressed at any time
  underWay.add(button.id);
  button.disabled = true;
  try {
    await command(button.dataset.command);
  } finally {
    underWay.delete(button.id);
    button.disabled = false;
    showButtons();
  }
}

async function command(name) {
  const number = ++commandsSoFar;
  answer(number, `${name.replace("-", " ")} …`);
  const body = name === "snapshot" ? JSON.stringify({ number: shownNumber }) : null;
  try {
    const headers = { Authorization: `Bearer ${token}` };
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`/command/${name}`, { method: "POST", headers, body, signal });
    const { done, error } = await response.json();
    answer(number, done ?? error, response.ok ? "" : "failed");
  } catch {
    answer(number, `${name}: the server does not answer; look after the robot`, "failed");
  }
}

// What came of the newest command; the answer to an older one does not take its place.
function answer(number, text, kind = "") {
  if (number !== commandsSoFar) return;
  at("answer").textContent = text;
  at("answer").className = kind;
}

function showAge() {
  const ms = age.now();
  if (ms === null) return;
  pill("age", ms < 10000 ? `${ms.toFixed(0)} ms old` : `${(ms / 1000).toFixed(0)} s old`,
    ms > STALE_MS ? "bad" : ms > LATE_MS ? "warn" : "good");
  at("camera").classList.toggle("stale", ms > STALE_MS);
}

function toggle(id, isOn, [offCommand, offText], [onCommand, onText]) {
  at(id).dataset.command = isOn ? onCommand : offCommand;
  at(id).textContent = isOn ? onText : offText;
  at(id).classList.toggle("on", Boolean(isOn));
}

function pill(id, text, kind) {
  at(id).textContent = text;
  at(id).className = `pill ${kind}`;
}

function linkIs(text, kind) {
  pill("link", text, kind);
}

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

for (const button of document.querySelectorAll("button[data-command]")) {
  button.addEventListener("click", () => press(button));
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") command("stop");
});
at("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", at("token").value.trim());
});
setInterval(showAge, 100);
connect();
